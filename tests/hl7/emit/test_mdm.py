"""Documents that go out: shapes judged by hl7apy, content by reading it back, and which message tells of what."""

from base64 import b64encode
from dataclasses import replace
from typing import Any

import pytest
from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.parser import parse_message

from mockehr.core.changes import Change
from mockehr.hl7.accept import accept
from mockehr.hl7.accept.intents import Context, Upsert
from mockehr.hl7.dialect import GENERIC, Dialect
from mockehr.hl7.documents import WITH_CONTENT
from mockehr.hl7.emit import Event, emit, told_by
from mockehr.hl7.message import Message
from mockehr.hl7.structures import structure

AT = 1_767_614_400.0
AUTHORITY = "http://example.org/authority/"
LOINC = "http://loinc.org"
TRIGGERS = (*WITH_CONTENT, *WITH_CONTENT.values(), "T11")
NOTE = "HISTORY\n\n45-year-old | fine & well\n"
PATIENT: dict[str, Any] = {
    "resourceType": "Patient",
    "id": "p1",
    "identifier": [{"system": AUTHORITY + "HOSP", "value": "42"}],
    "name": [{"family": "Muster", "given": ["Erika"]}],
}
DOCTOR: dict[str, Any] = {
    "resourceType": "Practitioner",
    "id": "d1",
    "identifier": [{"system": "http://hl7.org/fhir/sid/us-npi", "value": "1111111111"}],
    "name": [{"family": "Grey", "given": ["Ada"]}],
}
VISIT: dict[str, Any] = {
    "resourceType": "Encounter",
    "id": "e1",
    "identifier": [{"system": AUTHORITY + "HOSP", "value": "V7"}],
    "status": "in-progress",
    "class": {"code": "IMP"},
}


def attachment(kind: str, data: bytes, **rest: Any) -> dict[str, Any]:
    return {"attachment": {"contentType": kind, "data": b64encode(data).decode(), **rest}}


DOCUMENT: dict[str, Any] = {
    "resourceType": "DocumentReference",
    "id": "x1",
    "identifier": [{"system": AUTHORITY + "EHR", "value": "D1"}],
    "status": "current",
    "docStatus": "final",
    "type": {"coding": [{"system": LOINC, "code": "18842-5", "display": "Discharge summary"}]},
    "subject": {"reference": "Patient/p1"},
    "date": "2026-01-04T11:00:00Z",
    "author": [{"reference": "Practitioner/d1"}],
    "authenticator": {"reference": "Practitioner/d1"},
    "securityLabel": [
        {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0272", "code": "R"}]}
    ],
    "content": [
        attachment("text/plain", NOTE.encode(), title="note.txt"),
        attachment("application/pdf", b"%PDF-1.4 %%EOF"),
        attachment("text/rtf", b"{\\rtf1 x}"),
    ],
    "context": {
        "encounter": [{"reference": "Encounter/e1"}],
        "period": {"start": "2026-01-04T10:00:00Z"},
        "related": [{"identifier": {"system": AUTHORITY + "EHR", "value": "P5"}}],
    },
}  # fmt: skip
PARENT: dict[str, Any] = {**DOCUMENT, "id": "x0", "identifier": [{"system": AUTHORITY + "EHR", "value": "D0"}]}
REST = [PATIENT, DOCTOR, VISIT, PARENT]


def written(name: str, document: dict[str, Any] = DOCUMENT, dialect: Dialect = GENERIC) -> Message:
    return Message(emit(Event(name, AT, 7), [document, *REST], dialect))


def read(message: Message) -> dict[str, Any]:
    found = accept(message, Context(AT)).intents[-1]
    assert isinstance(found, Upsert)
    return found.resource


def strictly(message: Message, version: str) -> None:
    text, kind = bytes(message).decode(), message.get("MSH-9")
    if version == "2.3":  # names no structure in MSH-9, and hl7apy knows those of T01 and T02 only
        text = text.replace(kind, structure(kind, version).replace("_", "^"))
    assert parse_message(text, validation_level=VALIDATION_LEVEL.STRICT, find_groups=True).validate()


@pytest.mark.parametrize("version", ["2.3", "2.4", "2.5.1", "2.6"])
@pytest.mark.parametrize("trigger", TRIGGERS)
def test_a_strict_reader_accepts_each_message(trigger: str, version: str) -> None:
    dialect = replace(GENERIC, version=version)
    strictly(written(f"MDM^{trigger}", dialect=dialect), version)
    bare = {"resourceType": "DocumentReference", "id": "x9", "status": "current", "content": [{"attachment": {}}]}
    raw = emit(Event(f"MDM^{trigger}", AT, 7), [bare, PATIENT], dialect)
    strictly(Message(raw), version)


def test_a_document_of_the_generic_dialect_is_this() -> None:
    doctor = "1111111111^Grey^Ada^^^^^^NPI^^^^NPI"
    assert bytes(written("MDM^T02", {**DOCUMENT, "content": DOCUMENT["content"][:1]})).decode().split("\r") == [
        "MSH|^~\\&|MOCKEHR|HOSPITAL|CLIENT|CLIENT|20260105120000||MDM^T02^MDM_T02|7|P|2.5.1||||||UNICODE UTF-8",
        "EVN|T02|20260105120000",
        "PID|1||42^^^HOSP^MR||Muster^Erika^^^^^L",
        "PV1|1|I|||||||||||||||||V7^^^HOSP^VN",
        f"TXA|1|DS|TX|20260104100000||20260104110000|||{doctor}|{doctor}||D1^EHR||P5^EHR||note.txt|AU|R|AV",
        "OBX|1|TX|18842-5^Discharge summary^LN||HISTORY||||||F",
        "OBX|2|TX|18842-5^Discharge summary^LN||||||||F",
        "OBX|3|TX|18842-5^Discharge summary^LN||45-year-old \\F\\ fine \\T\\ well||||||F",
        "OBX|4|TX|18842-5^Discharge summary^LN||||||||F",
        "",
    ]


def test_what_one_site_writes_another_reads_alike() -> None:
    found = read(written("MDM^T02"))
    for element in ("status", "docStatus", "date", "securityLabel"):
        assert found[element] == DOCUMENT[element], element
    assert found["type"]["coding"][0]["code"] == "18842-5"
    assert found["identifier"][0]["value"] == found["masterIdentifier"]["value"] == "D1"
    assert [one["attachment"]["data"] for one in found["content"]] == [
        one["attachment"]["data"] for one in DOCUMENT["content"]
    ]
    assert [one["attachment"]["contentType"] for one in found["content"]] == [
        one["attachment"]["contentType"] for one in DOCUMENT["content"]
    ]
    assert found["content"][0]["attachment"]["title"] == "note.txt"
    assert found["author"][0]["identifier"]["value"] == "1111111111"
    assert found["context"]["period"] == DOCUMENT["context"]["period"]
    assert found["context"]["related"][0]["identifier"]["value"] == "P5"


@pytest.mark.parametrize(
    ("status", "doc_status", "trigger"),
    [
        ("current", "preliminary", "T02"),
        ("current", "final", "T04"),
        ("current", "amended", "T08"),
        ("superseded", "final", "T04"),
        ("entered-in-error", "entered-in-error", "T11"),
    ],
)
def test_both_statuses_survive_the_way_there_and_back(status: str, doc_status: str, trigger: str) -> None:
    found = read(written(f"MDM^{trigger}", {**DOCUMENT, "status": status, "docStatus": doc_status}))
    assert (found["status"], found["docStatus"]) == (status, doc_status)


@pytest.mark.parametrize("code", ["appends", "replaces"])
def test_the_parent_is_named_by_its_number(code: str) -> None:
    trigger = "T06" if code == "appends" else "T10"
    for target in ({"reference": "DocumentReference/x0"}, {"identifier": PARENT["identifier"][0]}):
        message = written(f"MDM^{trigger}", {**DOCUMENT, "relatesTo": [{"code": code, "target": target}]})
        assert message.bytes_at("TXA-13") == b"D0^EHR"
        assert read(message)["relatesTo"][0]["code"] == code
    far = {**DOCUMENT, "relatesTo": [{"code": code, "target": {"reference": "DocumentReference/far"}}]}
    assert written(f"MDM^{trigger}", far).bytes_at("TXA-13") == b"far^HOSPITAL"


def test_content_that_lies_elsewhere_is_pointed_at_and_broken_content_stays_as_it_is() -> None:
    elsewhere = {**DOCUMENT, "content": [{"attachment": {"contentType": "text/html", "url": "Binary/b1"}}]}
    assert written("MDM^T02", elsewhere).bytes_at("OBX-5") == b"Binary/b1^^TX^html"
    assert read(written("MDM^T02", elsewhere))["content"][0]["attachment"]["url"] == "Binary/b1"
    broken = {**DOCUMENT, "content": [{"attachment": {"contentType": "text/plain", "data": "A"}}]}
    assert written("MDM^T02", broken).bytes_at("OBX-5") == b"^text^plain^Base64^A"


def test_types_are_codes_of_the_table_before_2_7_and_both_since() -> None:
    assert written("MDM^T02", dialect=replace(GENERIC, version="2.7")).bytes_at("TXA-2") == (
        b"DS^Discharge summary^HL70270^18842-5^Discharge summary^LN"
    )
    for kind, wanted in (
        ({"coding": [{"system": LOINC, "code": "57833-6"}]}, b"57833-6"),
        ({"text": "Letter"}, b"Letter"),
        (None, b"Document"),
    ):
        assert written("MDM^T02", {**DOCUMENT, "type": kind}).bytes_at("TXA-2") == wanted


def told(kind: str, before: dict[str, Any] | None = None, **changed: Any) -> str:
    earlier = {**DOCUMENT, **before} if before is not None else None
    document = {**DOCUMENT, **changed}
    return told_by(Change(1, kind, "DocumentReference", "x1", 2, AT, "fhir", document, before=earlier), GENERIC)  # type: ignore[arg-type]


def test_the_change_says_which_message_tells_of_it() -> None:
    pointer = [{"attachment": {"url": "Binary/b1"}}]
    assert told("create") == "MDM^T02"
    assert told("create", content=pointer) == "MDM^T01"
    assert told("create", relatesTo=[{"code": "appends", "target": {}}]) == "MDM^T06"
    assert told("create", relatesTo=[{"code": "replaces", "target": {}}], content=pointer) == "MDM^T09"
    assert told("update", {"docStatus": "preliminary"}) == "MDM^T04"
    assert told("update", {"docStatus": "preliminary", "content": pointer}, content=pointer) == "MDM^T03"
    assert told("update", {"content": pointer}) == "MDM^T08"
    assert told("update", {}, docStatus="amended") == "MDM^T08"
    assert told("update", {}, status="superseded") == ""
    assert told("update", {}, status="entered-in-error") == "MDM^T11"
    assert told("update", {"status": "entered-in-error"}, status="entered-in-error") == ""
    assert told("delete") == "MDM^T11"
