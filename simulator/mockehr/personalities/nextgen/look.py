"""What NextGen's shapes share: moments, phones, postal codes, drawn digits. Sources: notes.md."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Final

from mockehr.core.exchange import JSON
from mockehr.personalities.dates import is_moment, moment
from mockehr.personalities.dresser import Dresser
from mockehr.personalities.people import main_name, sorted_name

ABSENT: Final = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
_POSTAL: Final = 5


@dataclass(frozen=True, slots=True)
class Look:
    """One chart as NextGen sees it."""

    dresser: Dresser
    tables: Mapping[str, Any]

    def refer(self, reference: JSON, clean: str) -> JSON:
        """Relative; patients are called `Family, Given`."""
        made = {key: value for key, value in reference.items() if key != "type"}
        if clean.startswith("Patient/"):
            known = self.dresser.neighbour(clean)
            if known is not None:
                made["display"] = sorted_name(main_name(known))
        return made

    def absolute(self, relative: str) -> str:
        """An absolute URL if the site's is known."""
        base = self.dresser.facts.base_url
        return f"{base}/{relative}" if base else relative

    def drawn(self, what: str, id: str) -> float:
        """A number from 0 to 1 that is a record's own."""
        return self.dresser.stream("nextgen", what, id).random()


def fractional(text: str) -> str:
    """A moment as .NET writes it: `2024-02-05T17:20:00.137+00:00`, trailing zeros cut, but two digits at least.

    The same moment has the same digits everywhere.
    """
    whole = moment(text, "offset").removesuffix("+00:00")
    digits = int.from_bytes(blake2b(whole.encode(), digest_size=4).digest(), "big") % 1000
    shown = f"{digits:03d}"
    return f"{whole}.{shown.removesuffix('0')}+00:00"


def with_fractions(node: Any) -> Any:
    """A copy with every moment in it so."""
    if isinstance(node, dict):
        return {name: with_fractions(value) for name, value in node.items()}
    if isinstance(node, list):
        return [with_fractions(one) for one in node]
    return fractional(node) if isinstance(node, str) and is_moment(node) else node


def bare_phones(points: list[JSON]) -> list[JSON]:
    """Telephone numbers as ten digits and nothing else."""
    made = []
    for point in points:
        value = str(point.get("value", ""))
        if point.get("system") in ("phone", "fax", "sms") and value:
            point = {**point, "value": digits_of(value)}
        made.append(point)
    return made


def digits_of(text: str) -> str:
    """The digits of a text."""
    return "".join(letter for letter in text if letter.isdigit())


def long_postcode(address: JSON) -> JSON:
    """Nine digits without a dash, where there are five; the last four follow from the street."""
    code = str(address.get("postalCode", ""))
    if len(code) != _POSTAL or not code.isdigit():
        return address
    street = "|".join([*address.get("line", ()), str(address.get("city", ""))])
    more = int.from_bytes(blake2b(street.encode(), digest_size=4).digest(), "big") % 9999 + 1
    return {**address, "postalCode": f"{code}{more:04d}"}
