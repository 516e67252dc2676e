"""When an appointment is: SCH-11, TQ1 or the resources' own times, whichever are valued, and durations with units."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from mockehr.core.exchange import JSON
from mockehr.hl7.accept.fields import when
from mockehr.hl7.accept.intents import Context
from mockehr.hl7.faults import Fault, Rejection
from mockehr.hl7.message import Message
from mockehr.hl7.scheduling import MINUTES
from mockehr.hl7.segment import Segment
from mockehr.hl7.stamps import to_fhir

RESOURCE_TIMES: Final = {"AIS": (4, 7), "AIG": (8, 11), "AIL": (6, 9), "AIP": (6, 9)}
"""Where the resource segments have their start and duration; offset and units follow each."""
_LETTERED: Final = re.compile(r"([A-Za-z]*+)\s*+([0-9]{1,9}(?:\.[0-9]{1,9})?)\s*+([A-Za-z]*+)")


@dataclass(frozen=True, slots=True)
class Span:
    """A start and an end as FHIR instants, either of which may be empty, and a length in minutes, 0 if unknown."""

    start: str = ""
    end: str = ""
    minutes: int = 0

    @property
    def elements(self) -> JSON:
        """`start`, `end` and `minutesDuration` of an Appointment; nothing without a start.

        An appointment of unknown length ends when it starts: FHIR wants both ends or none (app-2).
        """
        if not self.start:
            return {"minutesDuration": self.minutes} if self.minutes else {}
        end = self.end or later(self.start, self.minutes)
        found: JSON = {"start": self.start, "end": end}
        minutes = self.minutes or minutes_between(self.start, end)
        return {**found, "minutesDuration": minutes} if minutes > 0 else found


def instant_of(text: str, context: Context, segment: str, field: int) -> str:
    """A FHIR date or dateTime as instant: a day begins at midnight of the sender. Raises Rejection (102) for less."""
    if "T" in text or not text:
        return text
    if len(text) < 10:
        raise Rejection("AE", Fault(102, segment, 1, field, text=f"{segment}-{field} names no day: {text}"))
    return to_fhir(text.replace("-", "") + "000000", context.dialect.offset)


def later(start: str, minutes: float) -> str:
    """An instant so many minutes after another, in the same zone; the same instant if that is past the year 9999."""
    try:
        text = (datetime.fromisoformat(start) + timedelta(minutes=minutes)).isoformat()
    except OverflowError:
        return start
    return text.removesuffix("+00:00") + "Z" if text.endswith("+00:00") else text


def minutes_between(start: str, end: str) -> int:
    """Whole minutes from one instant to another."""
    return round((datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds() / 60)


def duration(amount: str, unit: str) -> float:
    """A length in minutes: `20` and `M`, `M20`, `20 min`, `1` and `HR`. 0 for what says no length."""
    found = _LETTERED.fullmatch(amount.strip())
    if found is None:
        return 0
    factor = MINUTES.get((unit or found[1] or found[3]).upper(), 0)
    return float(found[2]) * factor


def span_of(head: Segment, message: Message, context: Context) -> Span:
    """When the appointment is, from SCH and TQ1, else the earliest start and latest end of its resources.

    Raises Rejection (102) for what is no time.
    """
    told = _told(head, message, context)
    used = [span for segment in message.segments if (span := resource_span(segment, context, told.start)).start]
    if told.start:
        if told.end or told.minutes or not used:
            return told
        return Span(told.start, max((span.end for span in used), key=datetime.fromisoformat))
    if not used:
        return told
    start = min((span.start for span in used), key=datetime.fromisoformat)
    if told.minutes:
        return Span(start, "", told.minutes)
    return Span(start, max((span.end for span in used), key=datetime.fromisoformat))


def resource_span(segment: Segment, context: Context, base: str) -> Span:
    """When one resource is used: its own start, or its offset from that of the appointment; empty if it says none."""
    fields = RESOURCE_TIMES.get(segment.id)
    if fields is None:
        return Span()
    start_field, length_field = fields
    start = instant_of(when(segment, start_field, context), context, segment.id, start_field)
    if not start and base and segment.has(start_field + 1):
        offset = duration(segment.text(start_field + 1, 1, 1), segment.text(start_field + 2, 1, 1))
        start = later(base, offset)
    if not start:
        return Span()
    length = duration(segment.text(length_field, 1, 1), segment.text(length_field + 1, 1, 1))
    return Span(start, later(start, length), round(length))


def _told(head: Segment, message: Message, context: Context) -> Span:
    """What SCH-9 to SCH-11 (or TQ1, its successor since 2.5) say; ARQ-11 is a range in which to start."""
    length = duration(head.text(9, 1, 1), head.text(10, 1, 1))
    start = end = ""
    tq1 = message.segment("TQ1")
    if tq1 is not None:
        start = instant_of(when(tq1, 7, context), context, "TQ1", 7)
        end = instant_of(when(tq1, 8, context), context, "TQ1", 8)
        length = length or duration(tq1.text(6, 1, 1), tq1.text(6, 1, 2, 1))
    asked = head.id == "ARQ"
    start = _component(head, 1 if asked else 4, context) or start
    end = end if asked else _component(head, 5, context) or end
    length = length or (0 if asked else duration(head.text(11, 1, 3), ""))
    if start and end and minutes_between(start, end) < 0:
        end = ""
    return Span(start, end, round(length))


def _component(head: Segment, component: int, context: Context) -> str:
    """A time within SCH-11 (TQ)."""
    text = head.text(11, 1, component, 1)
    if not text or text == '""':
        return ""
    try:
        return instant_of(to_fhir(text, context.dialect.offset), context, head.id, 11)
    except ValueError as error:
        raise Rejection("AE", Fault(102, head.id, 1, 11, component, f"{head.id}-11: {error}")) from None
