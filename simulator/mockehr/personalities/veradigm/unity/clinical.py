"""Magic actions about what is in a chart: the clinical summary, orders, documents."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import Final

from mockehr.core.exchange import JSON
from mockehr.personalities.concepts import code_in, text_of
from mockehr.personalities.veradigm.unity.call import Call, MagicError
from mockehr.personalities.veradigm.unity.patients import parts_of
from mockehr.personalities.veradigm.unity.words import (
    Row,
    code_of,
    day,
    day_and_time,
    head,
    read_date,
    seconds_of,
    stamp,
)

ICD10: Final = "http://hl7.org/fhir/sid/icd-10-cm"
ICD9: Final = "http://hl7.org/fhir/sid/icd-9-cm"
LOINC: Final = "http://loinc.org"
CVX: Final = "http://hl7.org/fhir/sid/cvx"
ORDER_STATUSES: Final = ("Undefined", "Ordered", "Preliminary", "Final", "Reviewed", "Pending", "Canceled")
_FORMATS: Final[Mapping[str, str]] = MappingProxyType(
    {"text/plain": "TXT", "application/pdf": "PDF", "text/rtf": "RTF", "text/html": "HTML", "application/xml": "XML"}
)
_DONE: Final[Mapping[str, str]] = MappingProxyType(
    {"final": "Final", "amended": "Final", "preliminary": "Preliminary", "registered": "Ordered", "active": "Ordered"}
    | {"completed": "Final", "draft": "Pending", "cancelled": "Canceled", "revoked": "Canceled"}
)


def get_clinical_summary(call: Call) -> list[Row]:
    """The sections named in Parameter1 (`vitals|problems`); all of them if it is empty or `list`."""
    wanted = [one.strip().lower() for one in call.parameter(1).split("|") if one.strip()]
    patient = call.patient()
    rows: list[Row] = []
    for section, tell in SECTIONS.items():
        if not wanted or "list" in wanted or section in wanted:
            rows += [{**row, "section": section} for row in tell(call, patient)]
    return rows


def get_orders(call: Call) -> list[Row]:
    """The orders of PatientID since Parameter1, named like Parameter2 (`%glucose%`), of status Parameter3."""
    since = read_date(call.parameter(1), call.zone) if call.parameter(1) else 0.0
    mask, status = call.parameter(2).lower().replace("%", "*").replace("_", "?"), call.parameter(3)
    if since is None:
        raise MagicError("Parameter1 is no date.")
    if status and status not in ORDER_STATUSES:
        raise MagicError(f"{status[:40]} is not a valid value.")
    patient = call.patient()
    found = [*call.of_patient("ServiceRequest", patient), *call.of_patient("DiagnosticReport", patient)]
    rows = []
    for one in found:
        row = _order(call, patient, one)
        at = seconds_of(_ordered_at(one)) or 0.0
        named = not mask or fnmatchcase(row["ordername"].lower(), mask)
        if at >= since and named and status in ("", row["orderstatus"]):
            rows.append(row)
    return rows


def get_documents(call: Call) -> list[Row]:
    """The documents of PatientID from Parameter1 to Parameter2; with Parameter3 that one, with what it says."""
    patient, wanted = call.patient(), call.parameter(3)
    first, last = (read_date(call.parameter(n), call.zone) if call.parameter(n) else None for n in (1, 2))
    rows = []
    for one in call.of_patient("DocumentReference", patient):
        at = seconds_of(str(one.get("date", ""))) or 0.0
        if wanted and str(one["id"]) != wanted:
            continue
        if (first is not None and at < first) or (last is not None and at >= last + 86400):
            continue
        rows.append(_document(call, one, whole=bool(wanted)))
    return rows


def _row(transid: str, status: str, description: str, displaydate: str, **more: str) -> Row:
    row = {"detail": "", "code": "", "transid": transid, "status": status, "entrycode": "", "section": ""}
    return {**row, "description": description, "displaydate": displaydate, **more}


def _allergies(call: Call, patient: JSON) -> list[Row]:
    return [
        _row(
            f"A{one['id']}",
            text_of(one.get("clinicalStatus")) or "Active",
            text_of(one.get("code")),
            day(str(one.get("recordedDate", "")), call.zone),
            detail=", ".join(text_of(part.get("manifestation")) for part in one.get("reaction", ())),
        )
        for one in call.of_patient("AllergyIntolerance", patient)
    ]


def _history(call: Call, patient: JSON) -> list[Row]:
    found = [one for one in call.of_patient("Observation", patient) if _category(one) == "social-history"]
    return [_row(f"S{one['id']}", "", text_of(one.get("code")), _on(call, one), detail=_value(one)) for one in found]


def _immunizations(call: Call, patient: JSON) -> list[Row]:
    return [
        _row(
            f"I{one['id']}",
            str(one.get("status", "")).capitalize(),
            text_of(one.get("vaccineCode")),
            day(str(one.get("occurrenceDateTime", "")), call.zone),
            code=code_in(one.get("vaccineCode"), CVX),
            entrycode=code_in(one.get("vaccineCode"), CVX),
        )
        for one in call.of_patient("Immunization", patient)
    ]


def _medications(call: Call, patient: JSON) -> list[Row]:
    rows = []
    for one in call.of_patient("MedicationRequest", patient):
        drug = one.get("medicationCodeableConcept") or {"text": one.get("medicationReference", {}).get("display", "")}
        code = code_of(drug)[0]
        status = "Active" if one.get("status") == "active" else str(one.get("status", "")).capitalize()
        at = day(str(one.get("authoredOn", "")), call.zone)
        rows.append(_row(f"M{one['id']}", status, text_of(drug), at, code=code, entrycode=code))
    return rows


def _problems(call: Call, patient: JSON) -> list[Row]:
    rows = []
    for one in call.of_patient("Condition", patient):
        code, system = code_of(one.get("code"), ICD10, ICD9)
        kind = {ICD10: "|ICD10", ICD9: "|ICD9"}.get(system, "")
        active = code_in(one.get("clinicalStatus")) in ("active", "recurrence", "relapse", "")
        ended = str(one.get("abatementDateTime", ""))
        resolved = f"Resolved: {day(ended, call.zone)} " if not active and ended else ""
        listed = _category(one) == "problem-list-item"
        rows.append(
            _row(
                f"{'H' if listed else 'P'}{one['id']}",
                "Active" if active else "Resolved",
                text_of(one.get("code")) + ("" if listed or not code else f" ({code})"),
                day(str(one.get("recordedDate") or one.get("onsetDateTime", "")), call.zone),
                detail="" if listed else f"{resolved}Promoted: No",
                entrycode=f"{code}{kind}" if code else "",
                code=str(one["id"])[-5:],
            )
        )
    return rows


def _vitals(call: Call, patient: JSON) -> list[Row]:
    found = [one for one in call.of_patient("Observation", patient) if _category(one) == "vital-signs"]
    return [
        _row(
            f"-{one['id']}",
            "",
            text_of(one.get("code")),
            _on(call, one),
            detail=_value(one),
            entrycode=code_in(one.get("code"), LOINC),
        )
        for one in found
    ]


def _results(call: Call, patient: JSON) -> list[Row]:
    panels = {}
    for report in call.of_patient("DiagnosticReport", patient):
        for part in report.get("result", ()):
            panels[str(part.get("reference", ""))] = report
    rows = []
    for one in call.of_patient("Observation", patient):
        if _category(one) != "laboratory":
            continue
        panel = panels.get(f"Observation/{one['id']}", one)
        rows.append(
            _row(
                str(panel["id"]),
                "Reviewed" if one.get("status") == "final" else "Preliminary",
                text_of(panel.get("code")),
                day_and_time(str(one.get("issued") or one.get("effectiveDateTime", "")), call.zone),
                detail=_result(one),
                entrycode=code_in(one.get("code"), LOINC),
            )
        )
    return rows


SECTIONS: Final[Mapping[str, Callable[[Call, JSON], list[Row]]]] = MappingProxyType(
    {
        "allergies": _allergies,
        "history": _history,
        "immunizations": _immunizations,
        "medications": _medications,
        "problems": _problems,
        "results": _results,
        "vitals": _vitals,
    }
)
"""Section → its rows, in the order in which they are told."""


def _category(one: JSON) -> str:
    return code_in(one.get("category"))


def _on(call: Call, one: JSON) -> str:
    return day_and_time(str(one.get("effectiveDateTime") or one.get("issued", "")), call.zone)


def _value(one: JSON) -> str:
    quantity = one.get("valueQuantity")
    if quantity:
        return f"{quantity.get('value', '')} {quantity.get('unit', '')}".strip()
    parts = [f"{text_of(part.get('code'))} {_value(part)}" for part in one.get("component", ())]
    return ", ".join(parts) or text_of(one.get("valueCodeableConcept")) or str(one.get("valueString", ""))


def _result(one: JSON) -> str:
    """`SODIUM SERUM, 148 mmol/L ABNORMAL (136-145)`."""
    normal = code_in(one.get("interpretation")) in ("N", "")
    limits = head(one.get("referenceRange", ()))
    bounds = [f"{limits[name]['value']:g}" for name in ("low", "high") if "value" in limits.get(name, {})]
    told = f" ({'-'.join(bounds)})" if len(bounds) == 2 else ""
    return f"{text_of(one.get('code')).upper()}, {_value(one)} {'Normal' if normal else 'ABNORMAL'}{told}"


def _ordered_at(one: JSON) -> str:
    return str(one.get("authoredOn") or one.get("effectiveDateTime") or one.get("issued", ""))


def _order(call: Call, patient: JSON, one: JSON) -> Row:
    last, first, _ = parts_of(patient)
    name, number = text_of(one.get("code")), str(one["id"])
    return {
        "lastname": last,
        "rplname": "",
        "orderdate": stamp(_ordered_at(one), call.zone),
        "orderedbyname": "",
        "orderedby": "",
        "reqID": "0",
        "rplid": "0",
        "orderid": f"L{number}",
        "rplcode": "",
        "patientid": call.number(str(patient["id"])),
        "ordername": name,
        "orderstatus": _DONE.get(str(one.get("status", "")), "Undefined"),
        "OrderItemID": f"-{number}" if number[-1:] in "13579" else number,
        "dateofbirth": stamp(str(patient.get("birthDate", "")), call.zone),
        "firstname": first,
        "orderextid": f"P{code_in(one.get('code'), LOINC)}",
    }


def _document(call: Call, one: JSON, *, whole: bool) -> Row:
    attachment = head(one.get("content", ())).get("attachment", {})
    media = str(attachment.get("contentType", ""))
    row = {
        "DocumentID": str(one["id"]),
        "DocumentType": text_of(one.get("type")),
        "FormatType": _FORMATS.get(media, "BIN"),
        "DocumentDate": stamp(str(one.get("date", "")), call.zone),
        "Status": str(one.get("docStatus", "final")).capitalize(),
    }
    return {**row, "PageContents": _contents(call, attachment, media)} if whole else row


def _contents(call: Call, attachment: JSON, media: str) -> str:
    """Texts as they are; all else in base64, behind its media type."""
    data = str(attachment.get("data", ""))
    url = str(attachment.get("url", ""))
    if not data and "Binary/" in url:
        binary = call.records.read("Binary", url.rpartition("/")[2])
        data = str(binary.get("data", "")) if binary is not None else ""
    if not media.startswith("text/"):
        return f"data:{media};base64,{data}"
    try:
        return base64.b64decode(data, validate=True).decode("utf-8", "replace")
    except (ValueError, binascii.Error):
        return ""
