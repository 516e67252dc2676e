"""DFT^P03 out: a ChargeItem, its patient, and what it refers to: the Encounter, Procedures, who did it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from mockehr.core.changes import Change
from mockehr.core.exchange import JSON
from mockehr.hl7.dialect import Dialect
from mockehr.hl7.emit.fields import concept_cwe, entity_ei
from mockehr.hl7.emit.outline import Event, Outline, first, needed, referred
from mockehr.hl7.emit.person import add_patient, add_visit
from mockehr.hl7.emit.treatment import clinicians, concepts_cwe, number_text, numbered, own_number, plain_number
from mockehr.hl7.stamps import stamp
from mockehr.hl7.versions import at_least
from mockehr.hl7.write import Component, Field, Repeat

PROCEDURES: Final = frozenset({"http://www.cms.gov/Medicare/Coding/ICD10", "http://hl7.org/fhir/sid/icd-9-cm"})
"""Systems of procedure codes, which FT1-25 is for (FT1-7 has the hospital's own)."""
_ORDERING: Final = frozenset({"OP", "REF"})
_BILLABLE: Final = frozenset({"billable", "billed"})
_VOID: Final = frozenset({"aborted", "entered-in-error", "not-billable"})


def charge(event: Event, resources: Sequence[JSON], dialect: Dialect) -> bytes:
    """MSH EVN PID [PV1] FT1 [NTE] [{PR1}] of one ChargeItem; its notes are told from 2.5 on."""
    item = needed(resources, "ChargeItem", event)
    patient = needed(resources, "Patient", event)
    outline = Outline(event, dialect)
    told = stamp(event.at, dialect.precision, dialect.offset)
    occurred = stamp(event.occurred, dialect.precision, dialect.offset) if event.occurred is not None else ""
    outline.add("EVN", {1: event.trigger, 2: told, 5: event.operator or dialect.operator.split("^"), 6: occurred})
    encounter = first(resources, "Encounter")
    add_patient(outline, patient, encounter)
    if encounter is not None:
        add_visit(outline, encounter, resources)
    services = [found for one in item.get("service", []) if (found := referred(resources, one))]
    procedures = [one for one in services if one.get("resourceType") == "Procedure"]
    outline.add("FT1", _transaction(item, procedures, resources, outline))
    texts = [note["text"] for note in item.get("note", []) if note.get("text")]
    if texts and at_least(dialect.version, "2.5"):
        outline.add("NTE", {1: "1", 3: Repeat("\n".join(texts).split("\n"))})
    for number, procedure in enumerate(procedures, 1):
        outline.add("PR1", _procedure(procedure, number, item, resources, outline))
    return outline.finish()


def _transaction(
    item: JSON, procedures: Sequence[JSON], resources: Sequence[JSON], outline: Outline
) -> dict[int, Field]:
    dialect = outline.dialect
    count = item.get("quantity", {}).get("value")
    own, coded = _codes(item, procedures)
    number = numbered(item, "FILL") or plain_number(item) or own_number(item, dialect)
    centre = item.get("costCenter", {})
    name = centre.get("display") or (referred(resources, centre) or {}).get("name", "")
    order = next((one["identifier"] for one in item.get("supportingInformation", []) if "identifier" in one), None)
    total, unit = _prices(item)
    doers = [one for one in item.get("performer", []) if not _orders(one)]
    orderers = [one for one in item.get("performer", []) if _orders(one)]
    return {
        1: "1",
        2: str(number.get("value", "")),
        4: _when(item, outline),
        5: outline.time(item.get("enteredDate", "")),
        6: _kind(item),
        7: own,
        10: number_text(abs(count)) if count is not None else "1",
        11: total,
        12: unit,
        13: [str(centre.get("identifier", {}).get("value", "")), name] if name else [],
        19: concepts_cwe(item.get("reason", [])),
        20: clinicians([one.get("actor") for one in doers], resources),
        21: clinicians([one.get("actor") for one in orderers], resources),
        23: entity_ei(order),
        24: clinicians([item.get("enterer")], resources),
        25: coded,
    }


def _kind(item: JSON) -> str:
    if item.get("status") in _VOID:
        return "VD"
    return "CR" if (item.get("quantity", {}).get("value") or 0) < 0 else "CG"


def _codes(item: JSON, procedures: Sequence[JSON]) -> tuple[list[Component], list[Component]]:
    """FT1-7, which must be there, and FT1-25: a code of a procedure, the charge's own or that of what was done."""
    concept = item.get("code", {})
    codings = concept.get("coding", [])
    standard = [coding for coding in codings if coding.get("system") in PROCEDURES]
    local = [coding for coding in codings if coding not in standard]
    done = standard or [coding for one in procedures[:1] for coding in one.get("code", {}).get("coding", [])[:1]]
    own = concept_cwe({**concept, "coding": local or codings})
    return own, concept_cwe({"coding": done[:1]}) if done else []


def _orders(performer: JSON) -> bool:
    return any(one.get("code") in _ORDERING for one in performer.get("function", {}).get("coding", []))


def _when(item: JSON, outline: Outline) -> Field:
    """FT1-4: a range from 2.5 on, before that when it began; when it was entered if nothing else is known."""
    period = item.get("occurrencePeriod", {})
    start = outline.time(item.get("occurrenceDateTime") or period.get("start") or item.get("enteredDate", ""))
    if not start:
        at = outline.event.occurred if outline.event.occurred is not None else outline.event.at
        start = stamp(at, outline.dialect.precision, outline.dialect.offset)
    end = outline.time(period.get("end", ""))
    return [start, end] if end and at_least(outline.dialect.version, "2.5") else start


def _prices(item: JSON) -> tuple[Field, Field]:
    """FT1-11, the total, and FT1-12, that of one, where the total can be divided to the cent."""
    money = item.get("priceOverride")
    if not money or money.get("value") is None:
        return "", ""
    currency = money.get("currency", "")
    count = abs(item.get("quantity", {}).get("value") or 1)
    each = round(money["value"] / count, 2)
    exact = abs(each * count - money["value"]) < 0.005
    return [_amount(money["value"], currency)], [_amount(each, currency)] if exact else ""


def _amount(value: float, currency: str) -> list[str]:
    """The first component of a CP: a MO of amount and currency."""
    return [f"{value:.2f}", currency] if currency else [f"{value:.2f}"]


def _procedure(
    procedure: JSON, number: int, item: JSON, resources: Sequence[JSON], outline: Outline
) -> dict[int, Field]:
    period = procedure.get("performedPeriod", {})
    done = outline.time(procedure.get("performedDateTime") or period.get("start", ""))
    concept = procedure.get("code", {})
    identifier = numbered(procedure, "FILL") or plain_number(procedure) or own_number(procedure, outline.dialect)
    fallback = _when(item, outline)
    text = str(concept.get("text", ""))
    return {
        1: str(number),
        2: "I10" if not at_least(outline.dialect.version, "2.3.1") else "",
        3: concept_cwe(concept),
        4: text if not at_least(outline.dialect.version, "2.6") else "",
        5: done or (fallback if isinstance(fallback, str) else fallback[0]),
        6: "P" if not at_least(outline.dialect.version, "2.4") else "",
        12: clinicians([one.get("actor") for one in procedure.get("performer", [])], resources),
        19: entity_ei(identifier),
    }


def _tell(change: Change, dialect: Dialect) -> str:
    """A charge that was entered, changed or withdrawn; neither one that is planned nor that a bill went out."""
    status, before = change.document.get("status"), change.status_before
    if change.kind == "delete" or (status == "billed" and before in _BILLABLE):
        return ""
    if status in _BILLABLE:
        return "DFT^P03"
    return "DFT^P03" if status in _VOID and before in _BILLABLE else ""


EMITS: Final = {"DFT^P03": charge}
"""Message type and trigger to what writes it."""
TELLS: Final = {"ChargeItem": _tell}
"""Resource type to the message that tells of its change."""
