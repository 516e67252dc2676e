"""Ids such as `a-195900.E-60178`: the practice, a token for the kind of thing, and the number that its database gave.

The number is also the id of the proprietary API. Four kinds of things share one row of numbers, so that nothing is
numbered twice: what lies in charts, what belongs to the practice, what was written, and slots of the schedule.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final

from mockehr.personalities.ids import WRITTEN_FROM, Place, packed, unpacked

GLOBAL: Final = "1"
"""The practice of what belongs to no practice: the directory of all practices, laboratories and pharmacies."""
FIRST_PATIENT: Final = 60178
"""The first patient of the vendor's own preview practice."""
_CHART, _SHARED, _WRITTEN, _SLOT = range(4)
_KINDS: Final = 4
_FORM: Final = re.compile(r"a-(?P<practice>\d+)\.(?P<rest>[A-Za-z][A-Za-z0-9.-]*)")
_GROUP: Final = re.compile(r"CSG-[1-9]\d{0,3}")
_VENDOR: Final = f"a-{GLOBAL}.Org-ATHENA"
_HOLES: Final = re.compile(r"\\\{(n|m)\\\}")


class AthenaIds:
    """Codec of one practice (see IdCodec).

    `forms` gives what follows `a-{practice}.` by type or `Type/flavour`: `{n}` is the number; where there is `{m}`,
    `{n}` tells the chart and `{m}` the place in it. A form in front of which `1:` stands is of the global practice;
    one without a hole is that of a single thing, the first of the directory. All else is `type-{n}`.
    """

    def __init__(self, practice: str, forms: Mapping[str, str]) -> None:
        self.practice = practice
        self._forms = {name: form.replace("{practice}", practice) for name, form in forms.items()}

    def encode(self, resource_type: str, index: int | None, ordinal: int, flavour: str = "") -> str:
        """The id of a place."""
        form = self._forms.get(f"{resource_type}/{flavour}") or self.form(resource_type)
        owner, text = (GLOBAL, form[2:]) if form.startswith("1:") else (self.practice, form)
        two = "{m}" in text
        made = text.replace("{n}", str(_number(resource_type, index, ordinal, whole=not two)))
        return f"a-{owner}.{made.replace('{m}', str(ordinal + 1))}"

    def form(self, resource_type: str) -> str:
        """The form of a type without flavour."""
        return self._forms.get(resource_type, f"{resource_type.lower()}-{{n}}")

    def decode(self, resource_type: str, text: str) -> Place | None:
        """The place, for any form that the type may have; None for slots, too, which lie in no chart."""
        found = _FORM.fullmatch(text)
        if found is None:
            return None
        if resource_type == "Organization" and self._stands_beside(text, found):
            return None, 0
        for _, form in self._forms_of(resource_type):
            owner, rest = (GLOBAL, form[2:]) if form.startswith("1:") else (self.practice, form)
            if found["practice"] != owner:
                continue
            match = _pattern(rest).fullmatch(found["rest"])
            if match is not None:
                return _placed(resource_type, match.groupdict())
        return None

    def _stands_beside(self, text: str, found: re.Match[str]) -> bool:
        """Whether that is an Organization beside the practice: a group of charts, or the vendor."""
        group = found["practice"] == self.practice and _GROUP.fullmatch(found["rest"]) is not None
        return group or text == _VENDOR

    def flavour(self, resource_type: str, text: str) -> str:
        """The flavour whose form this id has."""
        found = _FORM.fullmatch(text)
        rest = found["rest"] if found is not None else ""
        fits = (
            name for name, form in self._forms_of(resource_type) if _pattern(form.removeprefix("1:")).fullmatch(rest)
        )
        return next(fits, "")

    def fresh(self, resource_type: str, number: int) -> str:
        """The next number of the database, in the form of the type."""
        return self.encode(resource_type, WRITTEN_FROM + number, 0)

    def own(self, resource_type: str, value: int, flavour: str = "") -> str:
        """The id of what the proprietary API made: the `value`-th of its kind, or of a place of the schedule."""
        form = self._forms.get(f"{resource_type}/{flavour}") or self.form(resource_type)
        number = _first(resource_type) + value * _KINDS + _SLOT
        return f"a-{self.practice}.{form.replace('{n}', str(number)).replace('{m}', '1')}"

    def of_number(self, resource_type: str, number: str, flavour: str = "") -> str:
        """The id of the thing that the proprietary API calls by that number."""
        form = self._forms.get(f"{resource_type}/{flavour}") or self.form(resource_type)
        return f"a-{self.practice}.{form.replace('{n}', number)}"

    def _forms_of(self, resource_type: str) -> Sequence[tuple[str, str]]:
        prefix = f"{resource_type}/"
        own = [(name.removeprefix(prefix), form) for name, form in self._forms.items() if name.startswith(prefix)]
        return [*own, ("", self.form(resource_type))]


def slot_number(value: int) -> int:
    """The appointment number of a place of the schedule, or of a slot that was made."""
    return 1 + value * _KINDS + _SLOT


def slot_value(number: int) -> int | None:
    """The place of the schedule behind an appointment number; None if it is no slot's."""
    value, kind = divmod(number - 1, _KINDS)
    return value if kind == _SLOT and value >= 0 else None


def bare(id: str) -> str:
    """The number at the end of an id, which the proprietary API calls things by."""
    return id.rpartition("-")[2] if id.startswith("a-") else id


def _first(resource_type: str) -> int:
    return FIRST_PATIENT if resource_type == "Patient" else 1


def _number(resource_type: str, index: int | None, ordinal: int, *, whole: bool) -> int:
    """The number of a place; without `whole` that of its chart alone."""
    if index is None:
        value, kind = ordinal, _SHARED
    elif index >= WRITTEN_FROM:
        value, kind = index - WRITTEN_FROM, _WRITTEN
    elif resource_type == "Patient" or not whole:
        value, kind = index, _CHART
    else:
        value, kind = packed(index, ordinal), _CHART
    return _first(resource_type) + value * _KINDS + kind


def _placed(resource_type: str, parts: Mapping[str, str]) -> Place | None:
    if "n" not in parts:
        return None, 0
    value, kind = divmod(int(parts["n"]) - _first(resource_type), _KINDS)
    if value < 0 or kind == _SLOT:
        return None
    if "m" in parts:
        ordinal = int(parts["m"]) - 1
        if kind == _WRITTEN:
            return (WRITTEN_FROM + value, 0) if ordinal == 0 else None
        # the directory's number tells the place already
        return (value, ordinal) if kind == _CHART else (None, value) if ordinal == value else None
    if kind == _WRITTEN:
        return WRITTEN_FROM + value, 0
    if kind == _SHARED:
        return None, value
    return (value, 0) if resource_type == "Patient" else unpacked(value)


@lru_cache(maxsize=256)
def _pattern(form: str) -> re.Pattern[str]:
    return re.compile(_HOLES.sub(r"(?P<\1>0|[1-9]\\d{0,17})", re.escape(form)))
