"""What MEDITECH's shapes share: references, names, numbers of the house. Sources: notes.md."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from mockehr.core.exchange import JSON
from mockehr.personalities.dresser import Dresser
from mockehr.personalities.people import main_name, title_of

HL7: Final = "http://terminology.hl7.org/CodeSystem/"
_UNNAMED: Final = frozenset(
    {"Binary", "DocumentReference", "Encounter", "Immunization", "MedicationRequest", "Observation", "Specimen"}
)
"""Types that are referred to without a display."""


@dataclass(frozen=True, slots=True)
class Look:
    """One chart as MEDITECH sees it; `tables` is the setting `shape.tables`."""

    dresser: Dresser
    tables: Mapping[str, Any]

    def refer(self, reference: JSON, clean: str) -> JSON:
        """Relative, with the type, and with the name of what has one."""
        kind, slash, _ = clean.partition("/")
        if not slash:
            return reference
        made: JSON = {"reference": reference["reference"], "type": kind}
        known = self.dresser.neighbour(clean) if kind not in _UNNAMED else None
        shown = called(known) if known is not None else "" if kind in _UNNAMED else reference.get("display", "")
        if shown:
            made["display"] = shown
        return made | {name: value for name, value in reference.items() if name not in (*made, "display", "type")}

    def to(self, clean: str) -> JSON:
        """A reference of our own to a clean resource (`Type/id`)."""
        return self.refer({"reference": self.dresser.refer(clean)}, clean)

    def draw(self, what: str, clean: JSON, share: str) -> bool:
        """Whether a record is among the share (a setting) of which something is true; always the same answer."""
        return self.dresser.stream("meditech", what, str(clean.get("id", ""))).chance(float(self.tables[share]))

    def system(self, name: str) -> str:
        """The identifier system of this house: `MRN`, `ACCT`."""
        return f"{self.tables['identifiers']}/{name}"

    def record_number(self, value: str) -> str:
        """The medical record number as it is shown, from the population's."""
        return f"{self.tables['record_number_prefix']}{value}"

    def account(self, value: str, visit: str) -> str:
        """An account number: two letters for the kind of visit (a v3-ActCode) and ten digits."""
        prefixes = self.tables["accounts"]
        return f"{prefixes.get(visit, prefixes['other'])}{value[-10:].zfill(10)}"


def called(resource: JSON) -> str:
    """`Bond,Paula` for patients, `William Butler` for everybody else, the name or text of what is no person."""
    if resource["resourceType"] == "Patient":
        return last_first(main_name(resource))
    if resource["resourceType"] in ("Practitioner", "RelatedPerson"):
        name = main_name(resource)
        return " ".join(part for part in (*name.get("given", ())[:1], name.get("family", "")) if part)
    return title_of(resource)


def last_first(name: JSON) -> str:
    """The family name and the first given name, with a comma and no blank."""
    return ",".join(part for part in (name.get("family", ""), *name.get("given", ())[:1]) if part)
