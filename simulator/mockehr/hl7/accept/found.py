"""Replies to queries: RSP^K22, K21, K23 and K11, and ADR^A19, from what was found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, Self

from mockehr.core.exchange import JSON
from mockehr.hl7.accept.replies import add, begin, echo, write
from mockehr.hl7.answers import Situation
from mockehr.hl7.emit.outline import Outline
from mockehr.hl7.emit.person import add_patient, add_visit
from mockehr.hl7.emit.vxu import add_dose
from mockehr.hl7.message import Message
from mockehr.hl7.segment import Segment
from mockehr.hl7.versions import at_least

_CDC: Final = "CDCPHINVS"


@dataclass(frozen=True, slots=True)
class Asked:
    """A query as its reply needs it: `kind` of the reply, the segments to echo, and the one with the query's tag.

    Called with a situation it builds the reply. Patients `start` to `start + limit` were looked up; `systems` are the
    identifier systems that were asked for (all if empty).
    """

    kind: str
    echoed: tuple[Segment, ...]
    query: Segment
    limit: int = 1
    start: int = 0
    systems: tuple[str, ...] = ()
    number: tuple[str, str] = ("", "")

    def within(self, systems: tuple[str, ...]) -> Self:
        """The same, with identifiers of these systems only."""
        return replace(self, systems=systems)

    def of(self, number: tuple[str, str]) -> Self:
        """The same, for the identifier (system, value) that was asked about."""
        return replace(self, number=number)

    def __call__(self, situation: Situation) -> bytes:
        """The reply."""
        reply = begin(situation, self.kind, self.profile(situation))
        failed = situation.code != "AA"
        patients = [one for one in situation.resources if one["resourceType"] == "Patient"]
        if failed:
            patients = []
        self.acknowledge(reply, situation, "" if not failed else situation.code, patients)
        for segment in self.echoed:
            echo(reply, segment)
        for place, patient in enumerate(patients, 1):
            self.tell(reply, situation, patient, place)
        rest = self.left(situation, patients)
        if rest and not failed:
            add(reply, "DSC", {1: str(self.start + len(patients)), 2: "I"})
        return bytes(reply)

    def left(self, situation: Situation, patients: Sequence[JSON]) -> int:
        """How many are to come."""
        return max(0, situation.total - self.start - len(patients)) if patients else 0

    def profile(self, situation: Situation) -> str:
        """MSH-21."""
        return ""

    def status(self, situation: Situation, patients: Sequence[JSON]) -> str:
        """QAK-2 of a query that went well (table 0208)."""
        return "OK" if patients else "NF"

    def acknowledge(self, reply: Message, situation: Situation, failed: str, patients: Sequence[JSON]) -> None:
        """QAK: the query's tag and what became of it, and how many there are, here and to come."""
        if not at_least(situation.header.version, "2.3"):
            return
        status = failed or self.status(situation, patients)
        counts = {"OK": (situation.total, len(patients), self.left(situation, patients)), "NF": (0, 0, 0)}
        qak = Segment(b"QAK", reply.delimiters, reply.charset)
        qak.set_bytes(self.query.field(self.tag) or b"", 1)
        qak.set_text(status, 2)
        if at_least(situation.header.version, "2.4") and self.query.id == "QPD":
            qak.set_bytes(self.query.field(1) or b"", 3)
            for place, count in enumerate(counts.get(status, ()), 4):
                qak.set_text(str(count), place)
        reply.append(bytes(qak))

    @property
    def tag(self) -> int:
        """Where the query segment has the tag: QPD-2, or QRD-4."""
        return 2 if self.query.id == "QPD" else 4

    def tell(self, reply: Message, situation: Situation, patient: JSON, place: int) -> list[Segment]:
        """PID of one patient, the how many-th of the reply."""
        told = patient
        if self.systems:
            kept = [one for one in patient.get("identifier", []) if one.get("system") in self.systems]
            told = {**patient, "identifier": kept}
        written = write(reply, situation, lambda outline: add_patient(outline, told))
        pid = next(segment for segment in written if segment.id == "PID")
        pid.set_text(str(place), 1)
        if self.systems and not told["identifier"]:
            pid.set_bytes(b'""', 3)
        return written


class Found(Asked):
    """RSP^K22 and K21: PID and QRI of each. The criteria are exact, so each is a certain match."""

    __slots__ = ()

    def tell(self, reply: Message, situation: Situation, patient: JSON, place: int) -> list[Segment]:
        """PID and QRI."""
        written = Asked.tell(self, reply, situation, patient, place)
        if at_least(situation.header.version, "2.5") or self.kind == "RSP^K22":
            add(reply, "QRI", {1: "100"})
        return written


class Identities(Asked):
    """RSP^K23: one PID with the other identifiers, and in PID-5 a name of type S that is empty (ITI-9)."""

    __slots__ = ()

    def others(self, situation: Situation) -> list[JSON]:
        """Identifiers other than the one asked about, of the domains asked for."""
        return [
            one
            for patient in situation.resources
            for one in patient.get("identifier", [])
            if (one.get("system", ""), one.get("value", "")) != self.number
            and one.get("use") != "old"
            and (not self.systems or one.get("system") in self.systems)
        ]

    def status(self, situation: Situation, patients: Sequence[JSON]) -> str:
        """NF for a person without any other identifier."""
        return "OK" if self.others(situation) else "NF"

    def tell(self, reply: Message, situation: Situation, patient: JSON, place: int) -> list[Segment]:
        """PID, if there are other identifiers."""
        found = self.others(situation)
        if not found:
            return []
        told = {"resourceType": "Patient", "id": patient["id"], "identifier": found}
        written = write(reply, situation, lambda outline: add_patient(outline, told))
        written[0].set_bytes(reply.delimiters.component * 6 + b"S", 5)
        return written


class History(Asked):
    """RSP^K11 by CDC's profiles: Z32 (Z42 for Z44) the vaccinations of one person, Z31 who it may be, Z33 nobody."""

    __slots__ = ()

    def too_many(self, situation: Situation) -> bool:
        """More than the query wants to hear of."""
        return situation.total > self.limit

    def profile(self, situation: Situation) -> str:
        """Which of the profiles the reply is of."""
        if situation.code != "AA" or not situation.resources or self.too_many(situation):
            return f"Z33^{_CDC}"
        if situation.total > 1:
            return f"Z31^{_CDC}"
        return f"Z42^{_CDC}" if self.query.text(1, 1, 1) == "Z44" else f"Z32^{_CDC}"

    def status(self, situation: Situation, patients: Sequence[JSON]) -> str:
        """TM for more persons than may be told of."""
        return "TM" if self.too_many(situation) else Asked.status(self, situation, patients)

    def left(self, situation: Situation, patients: Sequence[JSON]) -> int:
        """Nobody: these profiles know no continuation."""
        return 0

    def tell(self, reply: Message, situation: Situation, patient: JSON, place: int) -> list[Segment]:
        """PID; for the one person meant also ORC, RXA, RXR and OBX of each vaccination."""
        if self.too_many(situation):
            return []
        written = Asked.tell(self, reply, situation, patient, place)
        doses = [one for one in situation.resources if one["resourceType"] == "Immunization"]
        for dose in sorted(doses, key=lambda one: str(one.get("occurrenceDateTime", ""))):
            if dose.get("status") != "entered-in-error":
                write(reply, situation, partial(_dose, dose))
        return written


class Movements(Asked):
    """ADR^A19: PID and PV1 of each; that of the latest visit where one patient was found."""

    __slots__ = ()

    def tell(self, reply: Message, situation: Situation, patient: JSON, place: int) -> list[Segment]:
        """PID and PV1."""
        visits = [one for one in situation.resources if one["resourceType"] == "Encounter"]
        written = Asked.tell(self, reply, situation, patient, place)
        if visits:
            latest = max(visits, key=lambda one: str(one.get("period", {}).get("start", "")))

            def visit(outline: Outline) -> None:
                add_visit(outline, latest, ())

            return written + write(reply, situation, visit)
        add(reply, "PV1", {1: "1", 2: "N"})
        return written


def _dose(dose: JSON, outline: Outline) -> None:
    add_dose(outline, dose, ())
