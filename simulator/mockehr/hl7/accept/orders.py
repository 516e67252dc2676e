"""ORM^O01, OML^O21, OMG^O19 and OMI^O23: orders, and what becomes of them (HL7 v2 chapter 4).

Each ORC with the segments after it is a ServiceRequest, or a MedicationRequest where an RXO follows. It is found
again by its placer or filler number, so that an order sent twice is one order.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from mockehr.core.clock import instant
from mockehr.core.exchange import JSON
from mockehr.hl7.accept.fields import concept, entity, required
from mockehr.hl7.accept.intents import Accepted, Context, Intent, Key, Known, Upsert, reference
from mockehr.hl7.accept.numbers import (
    known_order,
    numbers,
    order_keys,
    specimen,
    specimen_source,
)
from mockehr.hl7.accept.order_reply import Ordered, OrderReply
from mockehr.hl7.accept.requests import Notes, medication_request, service_request
from mockehr.hl7.accept.results import OBSERVATION_KEY, cleared, observation, status_of
from mockehr.hl7.accept.values import value
from mockehr.hl7.accept.walk import Walk
from mockehr.hl7.emit.ordering import own_system
from mockehr.hl7.faults import Fault, Rejection
from mockehr.hl7.message import Message
from mockehr.hl7.order_control import CONTROLS, ORDER_STATE, Control
from mockehr.hl7.segment import Segment, part
from mockehr.hl7.terms import IDENTIFIER_TYPE, OBSERVATION_CATEGORY

_DETAILS: Final = ("OBR", "RXO", "ODS", "ODT", "RQD", "RQ1")
_FOLLOWERS: Final = (*_DETAILS, "RXR", "NTE", "DG1", "OBX", "TQ1", "SPM")
_ORDERED: Final = {"revoked": "cancelled"}
"""Request-status to that of a MedicationRequest, where it differs."""


@dataclass(slots=True)
class Group:
    """One ORC and what follows it, each segment with its number in the message."""

    orc: Segment
    sequence: int
    patient_key: str
    encounter_key: str
    parts: list[tuple[Segment, int]] = field(default_factory=list)

    @property
    def detail(self) -> Segment | None:
        """The OBR, RXO and so on, if there is one."""
        return next((segment for segment, _ in self.parts if segment.id in _DETAILS), None)

    def all(self, segment_id: str) -> list[tuple[Segment, int]]:
        """The segments of that id."""
        return [one for one in self.parts if one[0].id == segment_id]


class _Orders(Walk):
    """One message of orders."""

    def __init__(self, message: Message, context: Context) -> None:
        super().__init__(message, context)
        self.steps["ORC"] = self.on_orc
        self.steps |= dict.fromkeys(_FOLLOWERS, self.on_part)
        self.groups: list[Group] = []
        self.prior = False

    def on_pid(self, pid: Segment, sequence: int) -> None:
        """The patient; after the first order of an OML or OMG, whom earlier results are of (chapter 4.4.4)."""
        self.prior = bool(self.groups) and self.message.header.kind != "ORM^O01"
        if not self.prior:
            super().on_pid(pid, sequence)

    def on_pv1(self, pv1: Segment, sequence: int) -> None:
        """The visit, unless it is that of earlier results."""
        if not self.prior:
            super().on_pv1(pv1, sequence)

    def on_orc(self, orc: Segment, sequence: int) -> None:
        """An order begins; one that stands under earlier results is no order of this message."""
        self.prior = orc.text(1, 1, 1) == "PR"
        if not self.prior:
            self.groups.append(Group(orc, sequence, self.patient_key, self.encounter_key))

    def on_part(self, segment: Segment, sequence: int) -> None:
        """A segment of the order that was read last; a second detail after one ORC is one more order of its kind."""
        if self.prior or not self.groups:
            return
        group = self.groups[-1]
        if segment.id == "OBR" and group.all("OBR"):
            group = Group(group.orc, group.sequence, group.patient_key, group.encounter_key)
            self.groups.append(group)
        group.parts.append((segment, sequence))

    def intents(self) -> tuple[Intent, ...]:
        """All that is to be written."""
        found = list(self.people)
        parent = replaced = ""
        for place, group in enumerate(self.groups, 1):
            made = _Order(group, f"order-{place}", self, parent, replaced)
            found += made.intents()
            if made.code == "PA":
                parent = made.key
            replaced = made.key if made.code in ("RP", "RU", "RQ") else ""
        return tuple(found)


class _Order:
    """One order being read."""

    def __init__(self, group: Group, key: str, walk: _Orders, parent: str, replaced: str) -> None:
        self.group, self.key, self.context, self.warnings = group, key, walk.context, walk.warnings
        self.parent, self.replaced = parent, replaced
        self.code = group.orc.text(1, 1, 1).upper()
        self.control = control_of(group)
        shared = sum(other.orc is group.orc for other in walk.groups) > 1
        self.numbers = numbers(group.orc, group.detail, detail_first=shared)
        self.type = "MedicationRequest" if group.all("RXO") else "ServiceRequest"

    def intents(self) -> list[Intent]:
        """What the order depends on, what must be there already, and the order."""
        if not self.control.known:
            return self._new()
        match = order_keys(self.context.dialect, self.numbers.placer, self.numbers.filler)
        place = Fault(204, "ORC", self.group.sequence, 2, text=self._unknown())
        found: list[Intent] = [Known(self.type, match, place, self.key)]
        if self.code == "SS":
            return [*found, known_order(self.key, match, "", self.type)]
        resource = self._shell()
        status = self.control.status or ORDER_STATE.get(self.group.orc.text(5, 1, 1), "")
        if status:
            resource["status"] = self._status(status)
        if self.control.content and self.group.detail is not None:
            found += self._content(resource)
        revise = Notes(self._reasons())
        return [*found, Upsert(self.key, resource, match, revise=revise)]

    def _new(self) -> list[Intent]:
        group, dialect = self.group, self.context.dialect
        if not group.patient_key:
            raise Rejection("AE", Fault(100, "PID", 1, text="An order needs PID to be applied"))
        if group.detail is None:
            text = f"A new order ({self.code}) needs one of {', '.join(_DETAILS)}"
            raise Rejection("AE", Fault(100, "OBR", group.sequence, text=text))
        resource = self._shell()
        state = ORDER_STATE.get(group.orc.text(5, 1, 1), self.control.status)
        resource["status"] = self._status(state)
        found = self._content(resource)
        filler = {"type": {"coding": [{"system": IDENTIFIER_TYPE, "code": "FILL"}]}, "system": own_system(dialect)}
        defaults = {"authoredOn": instant(self.context.at)}
        match = tuple(Key(one.get("system", ""), one["value"]) for one in self.numbers.all)
        numbered = filler if self.numbers.filler is None else None
        made = Upsert(self.key, resource, match, defaults=defaults, revise=Notes(self._reasons()), numbered=numbered)
        return [*found, made]

    def _shell(self) -> JSON:
        resource: JSON = {"resourceType": self.type}
        if self.numbers.all:
            resource["identifier"] = self.numbers.all
        return resource

    def _content(self, resource: JSON) -> list[Intent]:
        """Everything that the segments say of the order; returns what must be written before."""
        group, context = self.group, self.context
        resource["intent"] = "order"
        if group.patient_key:
            resource["subject"] = reference(group.patient_key)
        if group.encounter_key:
            resource["encounter"] = reference(group.encounter_key)
        if self.type == "MedicationRequest":
            resource |= medication_request(group.orc, group.parts, context)
            return []
        resource |= service_request(group.orc, group.parts, context)
        found = self._related(resource)
        found += self._specimens(resource)
        return [*found, *self._answers(resource)]

    def _related(self, resource: JSON) -> list[Intent]:
        """The parent of a child order (ORC-8, or the PA before it), and what it replaces."""
        found: list[Intent] = []
        if self.code == "RO" and self.replaced:
            resource["replaces"] = [reference(self.replaced)]
        if self.code != "CH":
            return found
        if self.group.orc.has(8):
            # EIP: the placer's number, the filler's number.
            item = self.group.orc.repetitions(8)[0]
            told = [entity([[piece] for piece in one], "PLAC") for one in item[:2]]
            match = order_keys(self.context.dialect, *told)
            if match:
                found.append(known_order(f"{self.key}-parent", match, self.group.patient_key))
                logical = {"type": "ServiceRequest", "identifier": told[0]} if told[0] else {"type": "ServiceRequest"}
                resource["basedOn"] = [{**reference(f"{self.key}-parent"), **logical}]
        elif self.parent:
            resource["basedOn"] = [reference(self.parent)]
        return found

    def _specimens(self, resource: JSON) -> list[Intent]:
        group, base = self.group, self.numbers.base
        made = [
            specimen(spm, self.context, f"{self.key}-specimen-{n}", group.patient_key, base, sequence=sequence)
            for n, (spm, sequence) in enumerate(group.all("SPM"), 1)
        ]
        for obr, _ in group.all("OBR") if not made else ():
            source = specimen_source(obr, self.context, f"{self.key}-source", group.patient_key, base)
            made += [source] if source is not None else []
        if made:
            resource["specimen"] = [reference(one.key) for one in made]
        return list(made)

    def _answers(self, resource: JSON) -> list[Intent]:
        """Questions asked at order entry (OBX) as Observations; their status may be missing."""
        made: list[Intent] = []
        for number, (obx, sequence) in enumerate(self.group.all("OBX"), 1):
            required(obx, 3, "observation identifier", sequence=sequence)
            status = status_of(obx, self.context, sequence) if obx.has(11) else "final"
            told = observation(obx, status, value(obx, self.context, sequence, self.warnings), self.context, sequence)
            told["category"] = [{"coding": [{"system": OBSERVATION_CATEGORY, "code": "survey"}]}]
            if self.group.patient_key:
                told["subject"] = reference(self.group.patient_key)
            match: tuple[Key, ...] = ()
            if self.numbers.base:
                name = f"{self.numbers.base}?{obx.text(3, 1, 1, 1) or obx.text(3, 1, 2)}:{obx.text(4)}"
                told["identifier"] = [{"system": OBSERVATION_KEY, "value": name}]
                match = (Key(OBSERVATION_KEY, name),)
            made.append(Upsert(f"{self.key}-answer-{number}", told, match, cleared(told)))
        if made:
            resource["supportingInfo"] = [reference(one.key) for one in made if isinstance(one, Upsert)]
        return made

    def _status(self, status: str) -> str:
        return _ORDERED.get(status, status) if self.type == "MedicationRequest" else status

    def _reasons(self) -> tuple[str, ...]:
        """ORC-16, why the order is cancelled, held or changed."""
        orc = self.group.orc
        told = concept(orc.repetitions(16)[0]) if orc.has(16) else None
        text: Any = (told or {}).get("text") or next((one["code"] for one in (told or {}).get("coding", [])), "")
        return (str(text),) if text else ()

    def _unknown(self) -> str:
        told = [part(self.group.orc.repetitions(field)[0], 1) for field in (2, 3) if self.group.orc.has(field)]
        named = " or ".join(told) or "without a number"
        return f"There is no order {named}, so {self.code} cannot be done"


def control_of(group: Group) -> Control:
    """The meaning of ORC-1. Raises Rejection: 101 if it is empty, 103 if table 0119 does not have it."""
    required(group.orc, 1, "order control", sequence=group.sequence)
    code = group.orc.text(1, 1, 1).upper()
    if code not in CONTROLS:
        text = f"ORC-1 is {code!r}, not one of {', '.join(CONTROLS)}"
        raise Rejection("AE", Fault(103, "ORC", group.sequence, 1, text=text))
    return CONTROLS[code]


def orders(message: Message, context: Context) -> Accepted:
    """Orders as Patient, Encounter, Specimen, Observation (answers) and ServiceRequest or MedicationRequest.

    A new order without a filler number gets one of this site. Raises Rejection for a missing segment (100) or field
    (101), a wrong type (102), an unknown code (103); what must be known and is not becomes a fault 204. Where the
    dialect answers orders by their own reply, a refusal is told by that, too.
    """
    walk = _Orders(message, context)
    reply: OrderReply | None = None
    try:
        walk.walk("ORC")
        ordered = tuple(Ordered(control_of(group), group.orc, group.detail) for group in walk.groups)
        if context.dialect.order_reply == "orr":
            reply = OrderReply(message.header.kind, message.segment("PID"), ordered)
        intents = walk.intents()
    except Rejection as rejection:
        if reply is None or rejection.code != "AE":
            raise
        intents = tuple(Known("ServiceRequest", (), fault) for fault in rejection.faults)
    services = any(not group.all("RXO") for group in walk.groups)
    event = message.header.kind if services else ""
    subject = "ServiceRequest" if services else "MedicationRequest"
    return Accepted(intents, event, subject, respond=reply, warnings=tuple(walk.warnings))


ACCEPTS: Final = dict.fromkeys(("ORM^O01", "OML^O21", "OMG^O19", "OMI^O23"), orders)
"""Message type and trigger to what it means."""
