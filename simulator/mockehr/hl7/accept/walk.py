"""Going through the segments of a message in order: PID and PV1 hold for the orders and results after them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from mockehr.hl7.accept.intents import Context, Intent
from mockehr.hl7.accept.person import patient
from mockehr.hl7.accept.visit import encounter
from mockehr.hl7.faults import Fault, Rejection
from mockehr.hl7.message import Message
from mockehr.hl7.segment import Segment

_SEGMENT: Final = re.compile(r"[A-Z][A-Z0-9]{2}")
Step = Callable[[Segment, int], None]
"""Takes a segment and its number among those of its id, counted from 1."""


def whole_segments(message: Message) -> list[Segment]:
    """The segments in order, each with the lines that a raw line break inside one of its texts has cut off.

    A line is cut off if it does not begin with a segment id; blank lines are nothing, unless such a line follows.
    """
    found: list[list[bytes]] = []
    whole: list[Segment] = []
    for segment in message.segments:
        if _SEGMENT.fullmatch(segment.id) or not found:
            found.append([])
            whole.append(segment)
        found[-1].append(bytes(segment))
    for place, lines in enumerate(found):
        while not lines[-1]:
            lines.pop()
        if len(lines) > 1:
            whole[place] = Segment(b"\n".join(lines), message.delimiters, message.charset)
    return whole


def tolerated(rejection: Rejection) -> list[Fault]:
    """The faults of what would be a reason to refuse, as warnings."""
    return [replace(fault, severity="W") for fault in rejection.faults]


class Walk:
    """Walks one message. Subclasses add steps for further segments; ids without a step are passed over."""

    def __init__(self, message: Message, context: Context) -> None:
        self.message = message
        self.context = context
        self.people: list[Intent] = []
        """Patients and encounters, in the order of the message."""
        self.warnings: list[Fault] = []
        """What was tolerated."""
        self.seen: dict[str, int] = {}
        self.patient_key = ""
        self.encounter_key = ""
        self.steps: dict[str, Step] = {"PID": self.on_pid, "PV1": self.on_pv1}

    def walk(self, *needed: str) -> None:
        """Take every step; raises Rejection (100) for a needed segment that the message lacks."""
        for segment in whole_segments(self.message):
            step = self.steps.get(segment.id)
            if step is not None:
                self.seen[segment.id] = self.seen.get(segment.id, 0) + 1
                step(segment, self.seen[segment.id])
        for segment_id in needed:
            if segment_id not in self.seen:
                text = f"{self.message.header.kind} needs {segment_id} to be applied"
                raise Rejection("AE", Fault(100, segment_id, 1, text=text))

    def on_pid(self, pid: Segment, sequence: int) -> None:
        """From here on, everything is about this patient."""
        self.patient_key = "patient" if sequence == 1 else f"patient-{sequence}"
        self.encounter_key = ""
        self.people.append(patient(pid, self.context, self.patient_key, sequence=sequence))

    def on_pv1(self, pv1: Segment, sequence: int) -> None:
        """The visit is told for reference: without a number or a class that is known, it is a placeholder."""
        if not self.patient_key or not pv1.has(2) or pv1.text(2, 1, 1) == "N":
            return
        key = "encounter" if sequence == 1 else f"encounter-{sequence}"
        try:
            visit = encounter(pv1, self.message, self.context, patient_key=self.patient_key, key=key)
        except Rejection as rejection:
            if self.context.strict:
                raise
            self.warnings += tolerated(rejection)
            return
        if visit.match:
            self.encounter_key = key
            self.people.append(visit)
