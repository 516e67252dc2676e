"""One call of a Magic action: what was asked, and what it may look at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from mockehr.core.exchange import JSON, Exchange
from mockehr.core.problem import Problem
from mockehr.personalities.proprietary import Records


class MagicError(Exception):
    """What Unity says in place of an answer."""


@dataclass(frozen=True, slots=True)
class Request:
    """The body of MagicJson, or of Magic over SOAP. `parameters` has six texts."""

    action: str
    user: str = ""
    app: str = ""
    patient: str = ""
    token: str = ""
    parameters: tuple[str, ...] = ("",) * 6
    data: str = ""

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Request:
        """From the members of a body, whatever the case of their names; what is null counts as empty."""
        known = {str(name).lower(): "" if value is None else str(value) for name, value in told.items()}
        return cls(
            action=known.get("action", "").strip(),
            user=known.get("appuserid") or known.get("userid", ""),
            app=known.get("appname", ""),
            patient=known.get("patientid", "").strip(),
            token=known.get("token", "").strip().strip('"'),
            parameters=tuple(known.get(f"parameter{number}", "") for number in range(1, 7)),
            data=known.get("data", ""),
        )


@dataclass(slots=True)
class Call:
    """A request with its surroundings. `zone` is that of all times."""

    request: Request
    exchange: Exchange
    records: Records
    settings: Mapping[str, Any]
    seen: list[str] = field(default_factory=list)
    """`Type/id` of the records that the answer tells of."""

    @property
    def zone(self) -> str:
        """The zone of the site's clocks."""
        return str(self.settings["zone"])

    def parameter(self, number: int) -> str:
        """`Parameter1` to `Parameter6`, without blanks around it."""
        return self.request.parameters[number - 1].strip()

    def patient(self) -> JSON:
        """The patient that the call is about; raises MagicError if there is none of that number."""
        id = self.patient_id(self.request.patient)
        found = self.records.read("Patient", id) if id is not None else None
        if found is None:
            raise MagicError(f"Patient {self.request.patient[:40] or '(none)'} was not found.")
        self.exchange.patient = str(found["id"])
        return self.saw(found)

    def patient_id(self, number: str) -> str | None:
        """The FHIR id behind one of Unity's patient numbers."""
        known = number.isascii() and number.isdecimal() and len(number) <= 15
        return self.records.patient_id(int(number)) if known else None

    def number(self, patient_id: str) -> str:
        """Unity's number of a patient, as text; empty for nobody."""
        found = self.records.patient_number(patient_id)
        return "" if found is None else str(found)

    def saw(self, resource: JSON) -> JSON:
        """The same resource, noted as told of."""
        self.seen.append(f"{resource['resourceType']}/{resource['id']}")
        return resource

    def find(self, kind: str, query: str = "", limit: int = 0) -> list[JSON]:
        """Resources by a FHIR search; raises MagicError where it would look through too much."""
        found = self.records.search(kind, query, limit=limit or int(self.settings["most"]))
        if isinstance(found, Problem):
            raise MagicError(found.text)
        return [self.saw(one) for one in found[1]]

    def of_patient(self, kind: str, patient: JSON) -> list[JSON]:
        """All resources of a type of one patient, up to the bound of an answer."""
        name = "beneficiary" if kind == "Coverage" else "patient"
        return self.find(kind, f"{name}={quote(str(patient['id']))}")

    def everywhere(self, kind: str, query: str) -> Iterator[JSON]:
        """Resources by a search of all patients. At a site where that is too much: those of the first charts, and
        what was written."""
        found = self.records.search(kind, query, limit=int(self.settings["most"]))
        if not isinstance(found, Problem):
            yield from found[1]
            return
        first = [self.records.patient_id(number + 1) for number in range(int(self.settings["charts"]))]
        among = ",".join(quote(one) for one in first if one)
        near = self.records.search(kind, f"patient={among}&{query}", limit=int(self.settings["most"]))
        rows = [] if isinstance(near, Problem) else near[1]
        known = {one["id"] for one in rows}
        yield from rows
        yield from (one for one in self.records.written(kind, 0.0) if one["id"] not in known)
