"""How Veradigm reads searches: dates whose months and days have one digit are dates. Sources: notes.md."""

from __future__ import annotations

import re
from typing import Final

from mockehr.core.exchange import Exchange
from mockehr.personalities.rules import Parameters, SearchRules

_LOOSE: Final = re.compile(r"((?:eq|ne|gt|lt|ge|le|sa|eb|ap)?)(\d{4})-(\d{1,2})(?:-(\d{1,2})(T.*)?)?")


class VeradigmRules(SearchRules):
    """The common rules over dates written out."""

    def meant(self, exchange: Exchange, parameters: Parameters) -> Parameters:
        """`le2022-1-31` is `le2022-01-31`."""
        return [(name, padded(value)) for name, value in parameters]


def padded(text: str) -> str:
    """A date with two digits for month and day, each of those in a list; any other text as it is."""
    if "-" not in text:
        return text
    return ",".join(_padded(part) for part in text.split(","))


def _padded(text: str) -> str:
    found = _LOOSE.fullmatch(text)
    if found is None:
        return text
    prefix, year, month, day, rest = found.groups()
    return f"{prefix}{year}-{month:0>2}" + (f"-{day:0>2}{rest or ''}" if day else "")
