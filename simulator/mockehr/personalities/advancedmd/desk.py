"""What AdvancedMD's own APIs look at: who works there, where, and the book of visits. Sources: notes.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import quote

from mockehr.core.clock import instant
from mockehr.core.exchange import JSON, Exchange
from mockehr.core.problem import Problem
from mockehr.personalities.advancedmd.words import head, listed_name, shown_at
from mockehr.personalities.proprietary import Records
from mockehr.personalities.zones import instant_of, local

SESSIONS: Final = "advancedmd"
PROFILE: Final = 600
FACILITY: Final = 200
STAFF: Final = 1000
"""People who work at one practice, at most."""
STATUSES: Final = {
    "arrived": 1,
    "checked-in": 1,
    "waitlist": 2,
    "fulfilled": 3,
    "cancelled": 10,
    "entered-in-error": 11,
    "noshow": 12,
}
"""FHIR's status of an appointment → AdvancedMD's number; of all others it is 0 (made)."""
KINDS: Final = ("CHECKUP", "EMERGENCY", "FOLLOWUP", "ROUTINE", "WALKIN")
"""Codes of HL7's table 0276 in the order of their numbers, from 1."""


class Refused(Exception):
    """What is wrong with a request, in words."""


@dataclass(frozen=True, slots=True)
class Session:
    """What a token stands for. It must be picklable."""

    user: str
    app: str


@dataclass(frozen=True, slots=True)
class Provider:
    """Somebody who works here: a profile and a column of the scheduler are theirs."""

    place: int
    resource: JSON
    facility: JSON
    """The Location where they work; empty where nothing says."""

    @property
    def reference(self) -> str:
        """`Practitioner/…`."""
        return f"Practitioner/{self.resource['id']}"

    @property
    def profile(self) -> int:
        """The number of their profile."""
        return PROFILE + self.place

    @property
    def code(self) -> str:
        """`PR07`."""
        return f"PR{self.place:02}"


@dataclass(frozen=True, slots=True)
class Visit:
    """An appointment with who and where it is about. `begins` is what the practice's clocks show."""

    appointment: JSON
    begins: datetime
    patient: str
    """The id of the Patient; empty for a blocked time."""
    provider: Provider
    facility: JSON

    @property
    def id(self) -> str:
        """The number of the visit."""
        return str(self.appointment["id"])

    @property
    def minutes(self) -> int:
        """How long it is."""
        return int(self.appointment.get("minutesDuration", 0) or 0)

    @property
    def status(self) -> int:
        """AdvancedMD's number of its status."""
        return STATUSES.get(str(self.appointment.get("status")), 0)

    @property
    def kind(self) -> int:
        """The number of its type; 0 where that is none of the table's."""
        coding = head(self.appointment.get("appointmentType", {}).get("coding", ()))
        code = str(coding.get("code", ""))
        return KINDS.index(code) + 1 if code in KINDS else 0


@dataclass(slots=True)
class Desk:
    """One request's view of the practice. `settings` is the section `ppmd`."""

    exchange: Exchange
    records: Records
    settings: Mapping[str, Any]
    seen: list[str] = field(default_factory=list)
    """`Type/id` of what the answer tells of."""
    _staff: list[Provider] = field(default_factory=list)

    @property
    def zone(self) -> str:
        """The zone of the practice's clocks."""
        return str(self.settings["zone"])

    @property
    def most(self) -> int:
        """Rows of an answer."""
        return int(self.settings["most"])

    def saw(self, resource: JSON) -> JSON:
        """The same resource, noted as told of."""
        self.seen.append(f"{resource['resourceType']}/{resource['id']}")
        return resource

    def name(self, resource: JSON) -> str:
        """`DOE,JANE`."""
        return listed_name(resource, str(self.settings["name_separator"]))

    # resources

    def find(self, kind: str, query: str = "", limit: int = 0) -> list[JSON]:
        """Resources by a FHIR search; raises Refused where it would look through too much."""
        found = self.records.search(kind, query, limit=limit or self.most)
        if isinstance(found, Problem):
            raise Refused(found.text)
        return found[1]

    def of_patient(self, kind: str, id: str) -> list[JSON]:
        """All of a type of one patient."""
        return self.find(kind, f"{'beneficiary' if kind == 'Coverage' else 'patient'}={quote(id)}")

    def everywhere(self, kind: str, query: str, since: float = 0.0) -> list[JSON]:
        """Resources by a search of all patients. At a site where that is too much: those of the first charts, and
        what was written after `since`."""
        found = self.records.search(kind, query, limit=self.most)
        if not isinstance(found, Problem):
            return found[1]
        rows: list[JSON] = []
        if kind != "Patient":
            first = [self.records.patient_id(number + 1) for number in range(int(self.settings["charts"]))]
            among = ",".join(quote(one) for one in first if one)
            near = self.records.search(kind, f"patient={among}&{query}", limit=self.most)
            rows = [] if isinstance(near, Problem) else list(near[1])
        known = {one["id"] for one in rows}
        return [*rows, *(one for one in self.records.written(kind, since) if one["id"] not in known)]

    def patient(self, id: str) -> JSON:
        """A patient by FHIR id, who is then whom the request is about; raises Refused for nobody."""
        found = self.records.read("Patient", id) if id else None
        if found is None:
            raise Refused(f"Patient {id[:40] or '(none)'} was not found")
        self.exchange.patient = str(found["id"])
        return self.saw(found)

    # who works here

    def staff(self) -> Sequence[Provider]:
        """In an order that never changes."""
        if not self._staff:
            roles = {str(one.get("practitioner", {}).get("reference")): one for one in self.find("PractitionerRole")}
            places = {f"Location/{one['id']}": one for one in self.facilities()}
            for place, one in enumerate(self.find("Practitioner", limit=STAFF)):
                told = head(roles.get(f"Practitioner/{one['id']}", {}).get("location", ()))
                self._staff.append(Provider(place, one, places.get(str(told.get("reference")), {})))
        return self._staff

    def facilities(self) -> list[JSON]:
        """The Locations, in an order that never changes."""
        return self.find("Location", limit=STAFF)

    def facility_number(self, facility: JSON) -> int:
        """The number of a Location; 0 for none."""
        ids = [one["id"] for one in self.facilities()] if facility else []
        return FACILITY + ids.index(facility["id"]) if facility and facility["id"] in ids else 0

    def column(self, provider: Provider) -> int:
        """The number of their column."""
        return int(self.settings["column"]) + provider.place

    # visits

    def visits(self, first: datetime, last: datetime) -> list[Visit]:
        """Those that begin in [first, last) by the practice's clocks, in the order of their times."""
        since, until = instant_of(first, self.zone), instant_of(last, self.zone)
        told = self.everywhere("Appointment", f"date=ge{instant(since)}&date=lt{instant(until)}")
        found = [one for one in self.booked(told) if first <= one.begins < last]
        return sorted(found, key=lambda visit: (visit.begins, visit.id))

    def booked(self, appointments: Sequence[JSON]) -> list[Visit]:
        """Appointments as visits; those that have no time or nobody who sees the patient are none."""
        staff = {one.reference: one for one in self.staff()}
        places = {f"Location/{one['id']}": one for one in self.facilities()}
        found = []
        for one in appointments:
            actors = [str(part.get("actor", {}).get("reference", "")) for part in one.get("participant", ())]
            provider = next((staff[actor] for actor in actors if actor in staff), None)
            begins = shown_at(str(one.get("start", "")), self.zone)
            if provider is None or begins is None:
                continue
            patient = next((actor.partition("/")[2] for actor in actors if actor.startswith("Patient/")), "")
            facility = next((places[actor] for actor in actors if actor in places), provider.facility)
            found.append(Visit(one, begins, patient, provider, facility))
        return found

    def today(self, zone: str = "") -> datetime:
        """Midnight of the day that it is."""
        shown = local(self.records.now(), zone or self.zone)
        return shown.replace(hour=0, minute=0, second=0, microsecond=0)


def month_of(day: datetime) -> tuple[datetime, datetime]:
    """[first day, first day of the next month)."""
    first = day.replace(day=1)
    return first, (first + timedelta(days=31)).replace(day=1)
