"""People and places by the mnemonics of a house's own dictionary, in place of national numbers (MEDITECH)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from mockehr.core.exchange import JSON
from mockehr.hl7.dialect import Dialect
from mockehr.hl7.terms import LOCAL_AUTHORITY, NPI

LONGEST_NAME: Final = 8
"""Letters of a family name that a mnemonic begins with."""


def in_mnemonics(resources: Sequence[JSON], dialect: Dialect) -> Sequence[JSON]:
    """Copies of the resources in which a Practitioner or Location has a mnemonic for its one identifier.

    The same ones where the dialect has none (`Dialect.mnemonics`).
    """
    if not dialect.mnemonics:
        return resources
    system, facility = LOCAL_AUTHORITY + dialect.mnemonics, dialect.sending_facility.partition("^")[0]
    made = []
    for one in resources:
        kind = one.get("resourceType")
        value = _person(one) if kind == "Practitioner" else _place(one, facility) if kind == "Location" else ""
        made.append({**one, "identifier": [{"system": system, "value": value}]} if value else one)
    return made


def _person(practitioner: JSON) -> str:
    """`LABTESTG1`: family name, initial, and what tells namesakes apart."""
    name: JSON = next(iter(practitioner.get("name", ())), {})
    family = "".join(letter for letter in str(name.get("family", "")) if letter.isalpha())
    given = next(iter(name.get("given", ())), "")
    return f"{family[:LONGEST_NAME]}{given[:1]}{_digits(practitioner)}".upper() if family else ""


def _place(location: JSON, facility: str) -> str:
    """`RC.ERZ1`: two letters of the facility, and the initials of the place."""
    initials = "".join(word[:1] for word in str(location.get("name", "")).split() if word[:1].isalpha())
    return f"{facility[:2]}.{initials[-4:]}{_digits(location)}".upper() if initials else ""


def _digits(resource: JSON) -> str:
    """The last two digits of a number that the house itself gave, without a leading zero."""
    own = (str(one.get("value", "")) for one in resource.get("identifier", ()) if one.get("system") != NPI)
    digits = "".join(letter for letter in next(own, "") if letter.isdigit())[-2:]
    return str(int(digits) + 1) if digits else "1"
