"""What athenahealth's shapes share: its practice, groups and departments, identifiers, draws. Sources: notes.md."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from mockehr.core.exchange import JSON
from mockehr.personalities.athena.ids import AthenaIds
from mockehr.personalities.dresser import Dresser

BASE: Final = "https://fhir.athena.io/"
STRUCTURES: Final = BASE + "StructureDefinition/"
CODES: Final = BASE + "CodeSystem/"
SIDS: Final = BASE + "sid/"
SSN: Final = "http://hl7.org/fhir/sid/us-ssn"
ABSENT: Final = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
CHART_GROUPS: Final = 4
"""Chart sharing groups of a practice: the sample patient is in so many."""


@dataclass(frozen=True, slots=True)
class Look:
    """One chart, or the practice's directory, as athenahealth sees it."""

    dresser: Dresser
    ids: AthenaIds
    tables: Mapping[str, Any]

    @property
    def practice(self) -> str:
        """The practice's number."""
        return self.ids.practice

    def share(self, table: str, *names: str) -> bool:
        """Whether this is among the share that a table tells; the same for the same names."""
        share = float(self.tables[table])
        return share > 0 and self.dresser.stream("athena", table, *names).chance(share)

    def number(self, *names: str, digits: int) -> str:
        """Digits that this practice has for something, without a zero in front."""
        drawn = int.from_bytes(self.dresser.facts.key("athena", *names)[:8], "big")
        return str(10 ** (digits - 1) + drawn % (9 * 10 ** (digits - 1)))

    def extension(self, name: str, id: str) -> JSON:
        """One of the vendor's extensions that refer to an Organization."""
        return {"url": STRUCTURES + name, "valueReference": {"reference": f"Organization/{id}"}}

    def of_practice(self) -> JSON:
        """To whom a record belongs."""
        return self.extension("ah-practice", f"a-1.Practice-{self.practice}")

    def of_charts(self, group: int = 1) -> JSON:
        """One of the groups that share a chart, from 1."""
        return self.extension("ah-chart-sharing-group", f"a-{self.practice}.CSG-{group}")

    def of_department(self, ordinal: int) -> JSON:
        """A department of the practice."""
        return self.extension("ah-department", self.ids.encode("Organization", None, ordinal, "department"))

    def of_providers(self) -> JSON:
        """The group of providers."""
        return self.extension("ah-provider-group", self.ids.encode("Organization", None, 1, "provider-group"))

    def own_identifier(self, name: str, made: JSON) -> JSON:
        """The logical id once more, as an identifier; without a name it has no system."""
        return {"value": made["id"], **({"system": f"{SIDS}ah-{name}"} if name else {})}


def shown(element: JSON) -> JSON:
    """A concept of which each coding has a display, and which has a text; changes and returns it."""
    codings = [one for one in element.get("coding", ()) if isinstance(one, dict)]
    text = element.get("text") or next((one["display"] for one in codings if "display" in one), "")
    if text:
        element["text"] = text
    return element


def bare_coding(element: JSON) -> JSON:
    """A concept without its text; changes and returns it."""
    if element.get("coding"):
        element.pop("text", None)
    return element


def absent(code: str, display: str) -> JSON:
    """A concept that says why there is nothing."""
    return {"coding": [{"display": display, "code": code, "system": ABSENT}]}
