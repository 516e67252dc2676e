"""`DocumentReference/$docref` (US Core 6.1.0 OperationDefinition docref): a patient's documents.

This server has documents and makes none: asked for those on demand only, it refuses. Without dates it answers with
the newest document of each type that is asked for; without types as well, with the newest summary (CCD), or with the
newest document of all where there is no summary.
"""

from __future__ import annotations

from typing import Any, Final

from mockehr.core.exchange import JSON, Exchange
from mockehr.core.page import SearchPage
from mockehr.core.problem import Problem
from mockehr.fhir.operations.base import Input, Operation
from mockehr.fhir.operations.care_dates import care_interval, care_range, falls_into
from mockehr.fhir.operations.parameters import as_list, check, is_coding, missing
from mockehr.fhir.operations.searchset import Found, first_page, later_page
from mockehr.fhir.record import Record
from mockehr.fhir.search.date import BEGINNING, interval_of
from mockehr.fhir.server import FhirServer
from mockehr.fhir.terminology.written import objects, text

_SPEC: Final = {
    "patient": "text",
    "start": "date",
    "end": "date",
    "on-demand": "flag",
    "profile": "text*",
}
LOINC: Final = "http://loinc.org"
CCD: Final = "34133-9"
"""Summary of episode note: the document type of a CCD."""
Token = tuple[str | None, str]


def docref(server: FhirServer, exchange: Exchange, given: Input) -> SearchPage | Problem:
    """A searchset of DocumentReferences; empty for an unknown patient."""
    later = later_page(server, exchange, given)
    if later is not None:
        return later
    types = _types(given)
    if isinstance(types, Problem):
        return types
    values = {name: given.all(name) for name in given if name != "type"}
    wrong = check(Input(values), _SPEC)
    if wrong is not None:
        return wrong
    patient = given.text("patient").removeprefix("Patient/")
    if not patient:
        return missing("patient", "$docref wants to know whose: give the patient's id")
    if given.flag("on-demand"):
        text_ = "this server makes no documents on demand; leave on-demand out to get those that it has"
        return Problem(400, "parameter-invalid", text_, parameter="on-demand", value="true")
    wanted = care_range(given.text("start"), given.text("end"))
    part = server.part(exchange, "DocumentReference", "search")
    records = [
        record
        for record in server.store.chart(patient, "DocumentReference")
        if record.document.get("status") != "entered-in-error"
        and (part is None or part.covers(record))
        and (not types or any(_is(record.document, one) for one in types))
        and falls_into(record.document, wanted)
        and _conforms(record.document, given.all("profile"))
    ]
    records.sort(key=_when, reverse=True)
    if wanted is None:
        records = _current(records, types)
    return first_page(server, exchange, given, Found((record, True) for record in records), None)


def _types(given: Input) -> list[Token] | Problem:
    """(system or None for any, code) of each wanted type: `system|code`, `code`, or a Coding."""
    found: list[Token] = []
    for value in given.all("type"):
        if is_coding(value):
            found.append((value.get("system"), value["code"]))
            continue
        if not isinstance(value, str) or not value or value.endswith("|"):
            why = "the parameter type has to be a Coding, or written as system|code"
            return Problem(400, "parameter-invalid", why, parameter="type")
        for token in value.split(","):
            system, bar, code = token.rpartition("|")
            found.append((system if bar else None, code))
    return found


def _is(document: JSON, wanted: Token) -> bool:
    system, code = wanted
    codings = objects(document.get("type"), "coding")
    return any(text(one, "code") == code and system in (None, text(one, "system")) for one in codings)


def _conforms(document: JSON, profiles: list[Any]) -> bool:
    """Whether the reference claims one of the profiles, or says that its document has that format."""
    if not profiles:
        return True
    meta = document.get("meta")
    claimed = (
        [one.partition("|")[0] for one in as_list(meta.get("profile")) if isinstance(one, str)]
        if isinstance(meta, dict)
        else []
    )
    formats = [one.get("format") for one in objects(document, "content")]
    claimed += [name for one in formats for name in (text(one, "code"), text(one, "system")) if name]
    return any(str(one).partition("|")[0] in claimed for one in profiles)


def _current(records: list[Record], types: list[Token]) -> list[Record]:
    """The newest that is not superseded, of each type."""
    current = [record for record in records if record.document.get("status") == "current"]
    wanted = types or [(LOINC, CCD)]
    newest = [next((one for one in current if _is(one.document, token)), None) for token in wanted]
    found = {record.key: record for record in newest if record is not None}
    return list(found.values()) if found or types else current[:1]


def _when(record: Record) -> tuple[int, int, float]:
    """By the end of care, then by the date of the document."""
    care, made = care_interval(record.document), interval_of(record.document.get("date"))
    return care[1] if care else BEGINNING, made[0] if made else BEGINNING, record.updated


DOCREF: Final = Operation(
    "docref",
    "http://hl7.org/fhir/us/core/OperationDefinition/docref",
    docref,
    frozenset({"type"}),
    frozenset({"DocumentReference"}),
    action="search",
)
