"""What Oracle Health's shapes share: code sets, record ids, references, element ids. Sources: notes.md."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from mockehr.core.exchange import JSON
from mockehr.personalities.concepts import codings, text_of
from mockehr.personalities.dates import Style, as_moment
from mockehr.personalities.dresser import Dresser
from mockehr.personalities.people import main_name, sorted_name, title_of

HL7: Final = "http://terminology.hl7.org/CodeSystem/"
ABSENT: Final = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
_BARE: Final = frozenset({"Encounter", "Observation", "DiagnosticReport", "Specimen", "Condition"})
"""Types that are referred to without a display."""


@dataclass(frozen=True, slots=True)
class Look:
    """One chart as Oracle Health sees it."""

    dresser: Dresser
    tenant: str
    tables: Mapping[str, Any]
    known: dict[tuple[str, ...], str] = field(default_factory=dict)
    """Numbers made so far, by what they are for."""

    def system(self, path: str) -> str:
        """A system of this tenant, such as `codeSet/72`."""
        return f"{self.tables['base']}/{self.tenant}/{path}"

    def number(self, *names: str, digits: int = 7) -> str:
        """A number that this tenant has for something; the same names have the same one."""
        found = self.known.get(names)
        if found is None:
            low = 10 ** (digits - 1)
            drawn = int.from_bytes(self.dresser.facts.key("oracle", *names)[:6], "big")
            found = self.known[names] = str(low + drawn % (9 * low))
        return found

    def own(self, path: str, meaning: str, display: str, *, digits: int = 7) -> JSON:
        """The tenant's own coding of a meaning."""
        code = self.number(path, meaning, digits=digits)
        return {"system": self.system(path), "code": code, "display": display, "userSelected": True}

    def mapped(self, path: str, element: JSON, text: str = "") -> JSON:
        """A concept with the tenant's own coding first and the standard ones after it."""
        shown = text or text_of(element)
        standard = standard_codings(element)
        meaning = str(standard[0]["code"]) if standard and "code" in standard[0] else shown
        return {"coding": [self.own(path, meaning, shown), *standard], "text": shown}

    def record_id(self, made: JSON, clean: JSON) -> JSON:
        """The CEUUID identifier of a result or document: `CE<uuid>-<id>-<yyyymmddhhmmss00>`."""
        uuid = UUID(bytes=self.dresser.facts.key("oracle", "ceuuid")[:16], version=4)
        number = str(made["id"]).rpartition("-")[2]
        at = as_moment(self.dresser.recorded(clean) or "2000-01-01", "seconds")
        stamp = "".join(letter for letter in at if letter.isdigit())
        return {"system": f"{self.tables['base']}/ceuuid", "value": f"CE{uuid}-{number}-{stamp}00"}

    def called(self, resource: JSON) -> str:
        """What is shown of a resource in a reference."""
        if resource["resourceType"] in ("Patient", "Practitioner", "RelatedPerson"):
            return sorted_name(main_name(resource))
        return title_of(resource)

    def refer(self, reference: JSON, clean: str, within: str) -> JSON:
        """Relative, with display; encounters and results without, observations show nobody's name at all."""
        kind = clean.partition("/")[0]
        made: JSON = {"reference": reference["reference"]}
        if kind not in _BARE and within != "Observation":
            known = self.dresser.neighbour(clean)
            shown = self.called(known) if known is not None else reference.get("display", "")
            if shown:
                made["display"] = shown
        made.update((k, v) for k, v in reference.items() if k not in made and k not in ("display", "type"))
        return made

    def moment(self, clean: JSON, style: Style) -> str:
        """When a clean resource was recorded, in a style; empty if nothing says."""
        recorded = self.dresser.recorded(clean)
        return as_moment(recorded, style) if recorded else ""

    def absolute(self, relative: str) -> str:
        """An absolute URL if the site's is known."""
        base = self.dresser.facts.base_url
        return f"{base}/{relative}" if base else relative


def standard_codings(element: Any) -> list[JSON]:
    """The codings of a concept, each marked as not what the user chose."""
    return [{**one, "userSelected": False} for one in codings(element)]


def standard(element: JSON) -> JSON:
    """A concept of standard codings only; the first display stands in for a missing text."""
    made: JSON = {"coding": standard_codings(element)}
    text = text_of(element)
    return {**made, "text": text} if text else made


def unknown() -> JSON:
    """The extension for what is not there."""
    return {"extension": [{"valueCode": "unknown", "url": ABSENT}]}
