"""ORM^O01, OML^O21 and OMG^O19 out: a ServiceRequest, the Patient, and the Encounter if it is at hand.

ORC-1 follows from what was done to the order: NW when it was placed, CA when it was revoked, HD and RL when it was
held and released, SC when it was completed, XO for any other change.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from mockehr.core.changes import Change
from mockehr.core.exchange import JSON
from mockehr.hl7.dialect import Dialect
from mockehr.hl7.emit.fields import clinician_xcn, concept_cwe, entity_ei
from mockehr.hl7.emit.ordering import (
    add_notes,
    add_specimens,
    placer_of,
    section,
    specimen_source,
    specimens_of,
    typed,
)
from mockehr.hl7.emit.oru import add_result
from mockehr.hl7.emit.outline import Event, Outline, first, needed, referred
from mockehr.hl7.emit.person import add_patient, add_visit
from mockehr.hl7.order_control import PLAIN_TEXT, PRIORITY_CODE, STATE_OF
from mockehr.hl7.versions import at_least
from mockehr.hl7.write import Component, Repeat

_NOT_ORDERED: Final = frozenset({"proposal", "plan", "directive", "option"})
_ENDED: Final = frozenset({"revoked", "entered-in-error"})


def order_control(event: Event, order: JSON) -> str:
    """ORC-1 (table 0119) for what happened to an order."""
    status, before = order.get("status", "active"), event.status_before
    if status in _ENDED:
        return "CA" if before not in _ENDED else "XO" if status == before else "SC"
    if event.action == "update" and status == before:
        return "XO"
    if status == "on-hold":
        return "HD"
    if status == "completed":
        return "SC"
    return "RL" if before == "on-hold" else "NW"


def order(event: Event, resources: Sequence[JSON], dialect: Dialect) -> bytes:
    """MSH PID [PV1] ORC [TQ1] OBR [NTE] [DG1] [OBX] [SPM] for one order.

    Observations that the order names as supporting information are the answers asked at order entry (OBX), Conditions
    that it names as reasons are diagnoses (DG1). TQ1 and SPM are in OML and OMG from 2.5 on.
    """
    request = needed(resources, "ServiceRequest", event)
    patient = needed(resources, "Patient", event)
    outline = Outline(event, dialect)
    encounter = first(resources, "Encounter")
    add_patient(outline, patient, encounter)
    if encounter is not None:
        add_visit(outline, encounter, resources)
    modern = event.name != "ORM^O01" and at_least(dialect.version, "2.5")
    specimens = specimens_of(request, resources)
    _add_common(outline, request, resources, modern)
    _add_detail(outline, request, resources, specimens, modern)
    add_notes(outline, [note.get("text", "") for note in request.get("note", [])])
    for number, reason in enumerate(_named(request, "reasonReference", "Condition", resources), 1):
        outline.add("DG1", {1: str(number), 3: concept_cwe(reason.get("code")), 6: "W"})
    for number, answer in enumerate(_named(request, "supportingInfo", "Observation", resources), 1):
        add_result(outline, number, answer, answer, "")
    if modern:
        add_specimens(outline, specimens)
    return outline.finish()


def _add_common(outline: Outline, request: JSON, resources: Sequence[JSON], modern: bool) -> None:
    event, dialect = outline.event, outline.dialect
    control = order_control(event, request)
    who = request.get("requester")
    parent = next((one for one in request.get("basedOn", []) if "ServiceRequest" in one.get("reference", "")), None)
    above = referred(resources, parent)
    identifier = placer_of(above, dialect) if above else (parent or {}).get("identifier")
    upper = [part if isinstance(part, str) else "" for part in entity_ei(identifier)]
    authored = outline.time(request.get("authoredOn", ""))
    outline.add(
        "ORC",
        {
            1: control,
            2: entity_ei(placer_of(request, dialect)),
            3: entity_ei(typed(request, "FILL")),
            4: entity_ei(request.get("requisition")),
            5: STATE_OF.get(request.get("status", ""), "") if control != "NW" else "",
            7: [] if modern else _timing(outline, request),
            8: [upper] if upper else "",
            9: authored or outline.now(),
            12: clinician_xcn(who, referred(resources, who)),
        },
    )
    if modern:
        priority = PRIORITY_CODE.get(request.get("priority", ""), "")
        outline.add("TQ1", {1: "1", 7: _start(outline, request), 9: [priority] if priority else ""})


def _add_detail(
    outline: Outline, request: JSON, resources: Sequence[JSON], specimens: Sequence[JSON], modern: bool
) -> None:
    dialect, who = outline.dialect, request.get("requester")
    collected = specimens[0].get("collection", {}).get("collectedDateTime", "") if specimens else ""
    outline.add(
        "OBR",
        {
            1: "1",
            2: entity_ei(placer_of(request, dialect)),
            3: entity_ei(typed(request, "FILL")),
            4: concept_cwe(request.get("code")) or ["", _words(request)],
            7: outline.time(collected),
            15: specimen_source(outline, specimens),
            16: clinician_xcn(who, referred(resources, who)),
            24: section(request),
            27: [] if modern else _timing(outline, request),
            31: Repeat(concept_cwe(reason) for reason in request.get("reasonCode", [])),
            36: _start(outline, request),
        },
    )


def _timing(outline: Outline, request: JSON) -> list[Component]:
    """TQ: quantity, start and priority. It is required in 2.3, where one is its default."""
    priority = PRIORITY_CODE.get(request.get("priority", ""), "")
    start = _start(outline, request)
    if not (priority or start):
        return [] if at_least(outline.dialect.version, "2.4") else ["1"]
    return ["1", "", "", start, "", priority]


def _start(outline: Outline, request: JSON) -> str:
    when = request.get("occurrenceDateTime") or request.get("occurrencePeriod", {}).get("start", "")
    return outline.time(when)


def _words(request: JSON) -> str:
    for concept in (*request.get("orderDetail", []), *request.get("category", [])):
        text = concept.get("text") or next((one.get("display") for one in concept.get("coding", [])), "")
        if text:
            return str(text)
    return PLAIN_TEXT


def _named(request: JSON, element: str, resource_type: str, resources: Sequence[JSON]) -> list[JSON]:
    found = [referred(resources, one) for one in request.get(element, [])]
    return [one for one in found if one is not None and one["resourceType"] == resource_type]


def _tell(change: Change, dialect: Dialect) -> str:
    """Orders, but no drafts, proposals and plans, nor what became of a draft that was never sent."""
    order, status = change.document, change.document.get("status")
    if change.kind == "delete" or status == "draft" or order.get("intent") in _NOT_ORDERED:
        return ""
    return "" if status in _ENDED and change.status_before == "draft" else "ORM^O01"


EMITS: Final = dict.fromkeys(("ORM^O01", "OML^O21", "OMG^O19"), order)
"""Message type and trigger to what writes it."""
TELLS: Final = {"ServiceRequest": _tell}
"""Resource type to the message that tells of its change."""
