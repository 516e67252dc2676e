"""SRM: requests to book, move, change and cancel (HL7 v2 chapter 10). The site does as it is asked; SRR answers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from mockehr.core.exchange import JSON
from mockehr.hl7.accept.intents import Accepted, Context, Intent, Known
from mockehr.hl7.accept.person import patient
from mockehr.hl7.accept.replies import begin, write
from mockehr.hl7.accept.siu import appointment_of, segment_of
from mockehr.hl7.answers import Situation
from mockehr.hl7.emit.outline import first
from mockehr.hl7.emit.siu import add_appointment
from mockehr.hl7.faults import Fault
from mockehr.hl7.message import Message
from mockehr.hl7.scheduling import REQUESTS
from mockehr.hl7.terms import IDENTIFIER_TYPE, LOCAL_AUTHORITY


def request(message: Message, context: Context) -> Accepted:
    """SRM as Patient and Appointment, with the site's own number (SCH-2 of the reply) if it is a new one.

    The start is the begin of the range in ARQ-11, or what the resource segments say. Raises Rejection: 100 without
    ARQ or PID, 101 without a number or, to book or move, without a time, 102 for what is no time; 204 to change or
    cancel what is not known.
    """
    asked = message.header.kind.partition("^")[2]
    trigger = REQUESTS[asked]
    arq, pid = segment_of(message, "ARQ"), segment_of(message, "PID")
    upsert = appointment_of(arq, message, context, trigger)
    intents: list[Intent] = [patient(pid, context)]
    if asked == "S01":
        system = LOCAL_AUTHORITY + context.dialect.sending_facility.partition("^")[0]
        own: JSON = {"type": {"coding": [{"system": IDENTIFIER_TYPE, "code": "FILL"}]}, "system": system}
        upsert = replace(upsert, numbered=None if arq.has(2) else own)
    else:
        fault = Fault(204, "ARQ", 1, 2 if arq.has(2) else 1, text="No appointment has this number")
        intents.append(Known("Appointment", upsert.match, fault))
    return Accepted((*intents, upsert), f"SIU^{trigger}", "Appointment", respond=_Answer(asked))


@dataclass(frozen=True, slots=True)
class _Answer:
    """The SRR: the appointment as it is now, unless the request was refused."""

    asked: str

    def __call__(self, situation: Situation) -> bytes:
        reply = begin(situation, f"SRR^{self.asked}")
        appointment = first(situation.resources, "Appointment")
        if appointment is not None:
            write(reply, situation, lambda outline: add_appointment(outline, appointment, situation.resources))
        return bytes(reply)


ACCEPTS: Final = {f"SRM^{trigger}": request for trigger in REQUESTS}
"""Message type and trigger to what it means."""
