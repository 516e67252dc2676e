"""Documents that come in: what each trigger makes of them, and what their content looks like."""

from base64 import b64decode, b64encode
from typing import Any

import pytest

from mockehr.hl7.accept import accept
from mockehr.hl7.accept.intents import Accepted, Context, Key, Known, Upsert
from mockehr.hl7.dialect import GENERIC
from mockehr.hl7.faults import Rejection
from mockehr.hl7.message import Message

AT = 1_767_614_400.0
AUTHORITY = "http://example.org/authority/"
PID = "PID|1||42^^^HOSP^MR||Doe^John||19800229|M"
PV1 = "PV1|1|I|5W||||||||||||||||V7^^^HOSP^VN"
TXA = "TXA|1|DS|TX|20260104100000||20260104110000|||7^Fox^Bo|8^Hare^Al||D1^EHR||P5|L77|note.txt|AU|R|AV"
LOINC = "http://loinc.org"


def take(*segments: str, trigger: str = "T02") -> Accepted:
    head = f"MSH|^~\\&|DICT|H1|EHR|H2|20260105115959||MDM^{trigger}|M1|P|2.5.1"
    return accept(Message("\r".join([head, f"EVN|{trigger}", *segments, ""]).encode()), Context(AT, GENERIC))


def written(*segments: str, trigger: str = "T02") -> Upsert:
    found = take(*segments, trigger=trigger).intents[-1]
    assert isinstance(found, Upsert)
    assert found.resource_type == "DocumentReference"
    return found


def content(*observations: str) -> list[dict[str, Any]]:
    return [one["attachment"] for one in written(PID, TXA, *observations).resource["content"]]


def refused(*segments: str, trigger: str = "T02") -> tuple[str, int, str]:
    with pytest.raises(Rejection) as caught:
        take(*segments, trigger=trigger)
    (fault,) = caught.value.faults
    return caught.value.code, fault.code, fault.place


def text_of(attachment: dict[str, Any]) -> str:
    return b64decode(attachment["data"]).decode()


def test_a_new_document_has_a_number_a_type_times_and_people() -> None:
    accepted = take(PID, PV1, TXA, "OBX|1|TX|18842-5^Discharge summary^LN||All well.||||||F")
    assert (accepted.event, accepted.subject) == ("MDM^T02", "DocumentReference")
    assert [one.resource_type for one in accepted.intents if isinstance(one, Upsert)] == [
        "Patient", "Encounter", "DocumentReference",
    ]  # fmt: skip
    document = written(PID, PV1, TXA, "OBX|1|TX|X^Y||All well.||||||F")
    assert document.match == (Key(AUTHORITY + "EHR", "D1"),)
    resource = document.resource
    assert resource["masterIdentifier"]["value"] == resource["identifier"][0]["value"] == "D1"
    assert (resource["status"], resource["docStatus"]) == ("current", "final")
    assert [one["code"] for one in resource["type"]["coding"]] == ["18842-5", "DS"]
    assert resource["date"] == "2026-01-04T11:00:00Z"
    assert resource["context"]["period"] == {"start": "2026-01-04T10:00:00Z"}
    assert resource["context"]["encounter"] == [{"reference": "urn:mockehr:intent:encounter"}]
    assert [one["identifier"]["value"] for one in resource["context"]["related"]] == ["P5", "L77"]
    assert [one["display"] for one in resource["author"]] == ["Fox, Bo"]
    assert resource["authenticator"]["display"] == "Hare, Al"
    assert resource["securityLabel"][0]["coding"][0]["code"] == "R"
    (attachment,) = [one["attachment"] for one in resource["content"]]
    assert (attachment["title"], attachment["size"]) == ("note.txt", 9)


@pytest.mark.parametrize(
    ("completion", "availability", "expected"),
    [
        ("DI", "UN", ("preliminary", "current")),
        ("IP", "", ("preliminary", None)),
        ("PA", "AV", ("preliminary", "current")),
        ("LA", "OB", ("final", "superseded")),
        ("AU", "CA", ("final", "entered-in-error")),
        ("??", "??", (None, None)),
    ],
)
def test_completion_and_availability_are_the_two_statuses(
    completion: str, availability: str, expected: tuple[str | None, str | None]
) -> None:
    resource = written(PID, TXA.replace("|AU|R|AV", f"|{completion}|R|{availability}")).resource
    assert (resource.get("docStatus"), resource.get("status")) == expected


def test_types_are_table_codes_loinc_codes_or_words() -> None:
    def kind(said: str) -> Any:
        return written(PID, TXA.replace("|DS|", f"|{said}|")).resource.get("type")

    assert kind("34117-2")["coding"] == [{"system": LOINC, "code": "34117-2"}]
    assert kind("34117-2^H and P^LN")["coding"] == [{"system": LOINC, "code": "34117-2", "display": "H and P"}]
    assert kind("CD")["coding"][0]["system"].endswith("v2-0270")
    assert kind("LETTER")["coding"] == [{"code": "LETTER"}]
    assert kind("") is None


def test_lines_of_text_are_one_text_with_its_blank_lines() -> None:
    lines = ["OBX|1|TX|T||HISTORY||||||F", "OBX|2|TX|T||||||||F", "OBX|3|FT|T||one\\.br\\two~three||||||F"]
    (attachment,) = content(*lines)
    assert attachment["contentType"] == "text/plain"
    assert text_of(attachment) == "HISTORY\n\none\ntwo\nthree"


PDF = b64encode(b"%PDF-1.4 nothing much %%EOF").decode()
RTF = b64encode(b"{\\rtf1\\ansi x}").decode()


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (f"^application^pdf^Base64^{PDF}", "application/pdf"),
        (f"^AP^PDF^Base64^{PDF}", "application/pdf"),
        (f"^^^^{PDF}", "application/pdf"),
        (f"PDF^^^Base64^{PDF}", "application/pdf"),
        (f"PDF^{PDF}", "application/pdf"),
        (f"^TEXT^RTF^base64^{RTF}", "text/rtf"),
        (f"^^^Base64^{RTF}", "text/rtf"),
        ("^TEXT^HTML^A^<html></html>", "text/html"),
        ("^TEXT^^A^plain words", "text/plain"),
        ("^multipart^x-hl7-cda-level-one^Hex^3C612F3E", "text/xml"),
    ],
)
def test_files_are_known_by_their_type_or_by_how_they_begin(value: str, kind: str) -> None:
    (attachment,) = content(f"OBX|1|ED|R^Report||{value}||||||F")
    assert attachment["contentType"] == kind
    assert len(b64decode(attachment["data"], validate=True)) == attachment["size"]


def test_a_file_in_pieces_is_put_together_and_two_files_are_two() -> None:
    whole = b64encode(b"%PDF-1.4 " + b"x" * 60 + b"%%EOF").decode()
    pieces = [f"OBX|{n}|ED|R|{n}|^AP^PDF^Base64^{piece}" for n, piece in enumerate((whole[:40], whole[40:]), 1)]
    (attachment,) = content(*pieces)
    assert attachment["data"] == whole
    two = content(f"OBX|1|ED|R||^AP^PDF^Base64^{PDF}", f"OBX|2|ED|R||^AP^^Base64^{b64encode(b'other').decode()}")
    assert [one["contentType"] for one in two] == ["application/pdf", "application/octet-stream"]
    wrapped = f"OBX|1|ED|R||^AP^PDF^Base64^{PDF[:8]}\\.br\\{PDF[8:]}"
    assert content(wrapped)[0]["data"] == PDF


def test_rtf_in_a_text_field_keeps_its_backslashes() -> None:
    (attachment,) = content("OBX|1|FT|R||{\\rtf1\\ansi\\b\\fs24 bold\\b0\\par}||||||F")
    assert attachment["contentType"] == "text/rtf"
    assert text_of(attachment) == "{\\rtf1\\ansi\\b\\fs24 bold\\b0\\par}"
    (escaped,) = content("OBX|1|FT|R||{\\E\\rtf1 x}||||||F")
    assert text_of(escaped) == "{\\rtf1 x}"


def test_a_file_that_lies_elsewhere_is_its_address() -> None:
    (attachment,) = content("OBX|1|RP|R||https://example.org/a.pdf^^AP^PDF||||||F")
    assert (attachment["url"], attachment["contentType"]) == ("https://example.org/a.pdf", "application/pdf")


def test_without_content_a_new_document_has_its_name_and_a_known_one_keeps_what_it_has() -> None:
    announced = written(PID, TXA, trigger="T01")
    assert "content" not in announced.resource
    assert announced.defaults["content"] == [{"attachment": {"title": "note.txt"}}]


def test_an_addendum_appends_to_its_parent_and_a_replacement_replaces_it() -> None:
    child = TXA.replace("D1^EHR|", "D2^EHR|D1^EHR")
    for trigger, code in (("T06", "appends"), ("T05", "appends"), ("T10", "replaces"), ("T09", "replaces")):
        accepted = take(PID, child, trigger=trigger)
        document = accepted.intents[-1]
        assert isinstance(document, Upsert)
        (related,) = document.resource["relatesTo"]
        assert (related["code"], related["target"]["reference"]) == (code, "urn:mockehr:intent:parent")
        assert related["target"]["identifier"]["value"] == "D1"
        (known,) = [one for one in accepted.intents if isinstance(one, Known)]
        assert (known.fault.severity, known.fault.place, known.key) == ("W", "TXA-13", "parent")
        old = [one for one in accepted.intents if isinstance(one, Upsert) and one.key == "parent"]
        assert [(one.resource["status"], one.creates) for one in old] == (
            [("superseded", False)] if code == "replaces" else []
        )


def test_a_replacement_with_the_number_of_its_parent_is_an_edit_in_place() -> None:
    accepted = take(PID, TXA.replace("D1^EHR|", "D1^EHR|D1^EHR"), trigger="T10")
    assert [type(one) for one in accepted.intents] == [Upsert, Upsert]
    assert "relatesTo" not in written(PID, TXA, trigger="T10").resource


def test_an_edit_amends_what_was_signed_and_a_change_of_status_does_not() -> None:
    assert written(PID, TXA, trigger="T08").resource["docStatus"] == "amended"
    assert written(PID, TXA.replace("|AU|", "|IP|"), trigger="T08").resource["docStatus"] == "preliminary"
    assert written(PID, TXA, trigger="T04").resource["docStatus"] == "final"
    for trigger in ("T03", "T04", "T07", "T08"):
        assert [one.fault.severity for one in take(PID, TXA, trigger=trigger).intents if isinstance(one, Known)] == [
            "W"
        ]


def test_a_cancelled_document_was_entered_in_error_and_must_be_known() -> None:
    accepted = take(PID, TXA, trigger="T11")
    _, known, withdrawn = accepted.intents
    assert isinstance(known, Known)
    assert (known.fault.code, known.fault.severity, known.fault.place) == (204, "E", "TXA-12")
    assert isinstance(withdrawn, Upsert)
    assert withdrawn.resource["status"] == withdrawn.resource["docStatus"] == "entered-in-error"
    assert not withdrawn.creates


def test_what_cannot_be_applied_is_refused_with_its_place() -> None:
    assert refused(PID) == ("AE", 100, "TXA")
    assert refused(TXA) == ("AE", 100, "PID")
    assert refused(PID, "TXA|1|DS") == ("AE", 101, "TXA-12")
    assert refused(PID, TXA.replace("20260104110000", "yesterday")) == ("AE", 102, "TXA-6")
    assert refused(PID, TXA, "OBX|1|ED|R||^AP^PDF^Base64^???") == ("AE", 102, "OBX-5")
    assert refused(PID, TXA, "OBX|1|ED|R||^AP^PDF^Hex^xyz") == ("AE", 102, "OBX-5")
    assert refused(PID, TXA, "OBX|1|ED|R||^AP^PDF^UUENCODE^xyz") == ("AE", 103, "OBX-5")
