"""What Epic's shapes share: OIDs of the site, numbers of its records, references with displays. Sources: notes.md."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from mockehr.core.exchange import JSON
from mockehr.personalities.concepts import text_of
from mockehr.personalities.dresser import Dresser, SiteFacts
from mockehr.personalities.ids import Numbers, counted, place_of
from mockehr.personalities.people import main_name, sorted_name, title_of, titled_name

EPIC_EXTENSION: Final = "http://open.epic.com/FHIR/StructureDefinition/extension/"
EPIC: Final = "http://open.epic.com/FHIR/StructureDefinition/"
CSN: Final = "3.698084.8"
ORDER: Final = "2.798268"
_SUFFIX_COUNT: Final = 900


def oid_root(identity: Mapping[str, Any], facts: SiteFacts) -> str:
    """`1.2.840.114350.1.13.{cid}.{env}.7`: the site's own arc; the customer id comes from its key unless told."""
    customer = identity["cid"] or 100 + int.from_bytes(facts.key("epic", "cid")[:4], "big") % _SUFFIX_COUNT
    return f"1.2.840.114350.1.13.{customer}.{identity['env']}.7"


def arc_number(key: Callable[..., bytes], code: str, *names: str, digits: int = 6) -> str:
    """A local number that stands for a standard code at this site; the same code has the same one."""
    low = 10 ** (digits - 1)
    return str(low + int.from_bytes(key("epic", *names, code)[:6], "big") % (9 * low))


@dataclass(frozen=True, slots=True)
class Look:
    """One chart as Epic sees it."""

    dresser: Dresser
    root: str
    tables: Mapping[str, Any]
    known: dict[str, Any] = field(default_factory=dict)
    """Numbers made so far, by what and whom they are for, and the codecs that make them."""

    def oid(self, suffix: str) -> str:
        """A system of this site."""
        return f"urn:oid:{self.root}.{suffix}"

    def number(self, resource: JSON, what: str) -> str:
        """The record number of a resource in one of Epic's tables; no two share one."""
        name = f"{what} {resource.get('resourceType')}/{resource.get('id')}"
        found = self.known.get(name)
        if found is None:
            found = self.known[name] = self._count(resource, what)
        return str(found)

    def _count(self, resource: JSON, what: str) -> str:
        place = place_of(str(resource.get("id", "")))
        if place is None:
            name = f"{resource.get('resourceType')}/{resource.get('id')}"
            return arc_number(self.dresser.facts.key, name, what, digits=8)
        numbers = self.known.get(what)
        if numbers is None:
            numbers = self.known[what] = Numbers(self.dresser.facts.key("epic", what))
        return str(numbers.encode(counted(resource["resourceType"], *place)))

    def local_code(self, code: str, what: str, digits: int = 6) -> str:
        """The site's own code for a standard one."""
        name = f"{what} code {code}"
        found = self.known.get(name)
        if found is None:
            found = self.known[name] = arc_number(self.dresser.facts.key, code, what, digits=digits)
        return str(found)

    def identifier(self, suffix: str, value: str, use: str = "usual") -> JSON:
        """An identifier of this site."""
        return {"use": use, "system": self.oid(suffix), "value": value}

    def contact(self, encounter: JSON) -> tuple[str, str]:
        """Contact type of an encounter: number and name."""
        kinds = self.tables["contacts"]
        number, name = kinds.get(str(encounter.get("class", {}).get("code", "")), kinds["other"])
        return str(number), str(name)

    def called(self, resource: JSON) -> str:
        """What Epic shows of a resource in a reference."""
        kind = resource["resourceType"]
        if kind in ("Patient", "RelatedPerson"):
            return sorted_name(main_name(resource))
        if kind == "Practitioner":
            return titled_name(main_name(resource))
        if kind == "Encounter":
            return self.contact(resource)[1]
        if kind == "Observation":
            return f"Component (1): {title_of(resource).upper()}"
        return title_of(resource)

    def refer(self, reference: JSON, clean: str, within: str) -> JSON:
        """Relative, with display; an encounter also with its CSN; `type` where Epic writes it."""
        known = self.dresser.neighbour(clean)
        kind = clean.partition("/")[0]
        made: JSON = {"reference": reference["reference"]}
        if kind in self.tables["typed_references"].get(within, ()):
            made["type"] = kind
        if kind == "Encounter" and known is not None:
            made["identifier"] = self.identifier(CSN, self.number(known, "csn"))
        shown = self.called(known) if known is not None else reference.get("display", "")
        if shown:
            made["display"] = shown
        specialty = self.specialty(clean) if self.tables["specialty_on_references"] else ""
        if specialty:
            told = {"valueCodeableConcept": {"text": specialty}, "url": EPIC_EXTENSION + "specialty"}
            made = {"extension": [told], **made}
        made.update((key, value) for key, value in reference.items() if key not in made and key != "display")
        return made

    def specialty(self, clean: str) -> str:
        """What the practitioner of a clean reference works as; the directory has a role for each of its staff."""
        if not clean.startswith("Practitioner/"):
            return ""
        role = self.dresser.neighbour(clean.replace("Practitioner/", "PractitionerRole/", 1)) or {}
        mine = role.get("practitioner", {}).get("reference") == clean
        return text_of(role.get("specialty")) if mine else ""

    def reference_to(self, resource: JSON, within: str) -> JSON:
        """A reference to a clean resource of this chart."""
        clean = f"{resource['resourceType']}/{resource['id']}"
        return self.refer({"reference": self.dresser.refer(clean)}, clean, within)

    def called_patient(self, resource: JSON) -> str:
        """What the patient of a resource is called."""
        patient = self.dresser.neighbour(str(resource.get("subject", {}).get("reference", "")))
        return self.called(patient) if patient is not None else ""

    def house(self) -> str:
        """The name of the site in documents."""
        return str(self.tables["custodian"] or self.dresser.facts.name)
