"""Appointments, documents and master files, each seen over FHIR and HL7 of one site."""

import json
from base64 import b64decode
from typing import Any

import pytest

from mockehr.core.exchange import Exchange
from mockehr.fhir.validate import check_structure
from mockehr.hl7.message import Message
from mockehr.sites.build import build_site
from mockehr.sites.links import Link
from mockehr.sites.options import SiteOptions
from mockehr.sites.site import Site

HEAD = "MSH|^~\\&|SCHED|H1|MOCKEHR|HOSPITAL|20260105120000||{kind}|{id}|P|2.5.1"
PID = "PID|1||90001^^^H1^MR||Muster^Erika||19800304|F"
SCH = "SCH|P1^CLINIC|F1^SCHED||||NEW|^Palpitations||30|min|^^30^{at}"
RESOURCES = ["RGS|1|A", "AIS|1|A|ECHO^Echocardiogram^L", "AIL|1|A|CARD^1", "AIP|1|A|1234^Grey^Ada^^^^^^NPI|AT"]


@pytest.fixture
def site() -> Site:
    return build_site(SiteOptions("north", patients=3, stepped=True, open_access=True, seed=7))


def send(site: Site, kind: str, *segments: str, expect: str = "AA") -> Message:
    text = "\r".join([HEAD.format(kind=kind, id=f"M{len(site.log.changes)}"), *segments, ""])
    reply = site.handle(Exchange("mllp-in", method="SEND", body=text.encode())).reply
    assert reply is not None
    answer = Message(reply.body)
    assert answer.get("MSA-1") == expect, reply.body
    return answer


def find(site: Site, resource_type: str, query: str) -> list[dict[str, Any]]:
    """What a FHIR search finds; all of it is valid R4."""
    reply = site.handle(Exchange("fhir", path=f"/{resource_type}", query=query)).reply
    assert reply is not None
    assert reply.status == 200, reply.body
    found = [entry["resource"] for entry in json.loads(reply.body).get("entry", [])]
    for one in found:
        assert not [issue for issue in check_structure(one) if issue.fails], one
    return found


def write(site: Site, method: str, path: str, document: dict[str, Any] | None = None) -> dict[str, Any]:
    body = json.dumps(document).encode() if document is not None else b""
    reply = site.handle(Exchange("fhir", method=method, path=path, body=body)).reply
    assert reply is not None
    assert reply.status in (200, 201, 204), reply.body
    return json.loads(reply.body) if reply.body else {}


class Told:
    """The messages that wait on a new link."""

    def __init__(self, site: Site, **settings: Any) -> None:
        self.link = site.links.add(Link("peer", "127.0.0.1", 1, **settings))

    @property
    def messages(self) -> list[Message]:
        return [Message(exchange.body) for exchange in self.link.ready]

    @property
    def kinds(self) -> list[str]:
        return [message.header.kind for message in self.messages]


def test_an_appointment_lives_its_life_over_hl7_and_is_seen_over_fhir(site: Site) -> None:
    send(site, "SIU^S12", SCH.format(at="20260110090000"), PID, *RESOURCES)
    (patient,) = find(site, "Patient", "family=muster")
    by_patient = f"patient=Patient/{patient['id']}"
    (booked,) = find(site, "Appointment", f"{by_patient}&status=booked&date=2026-01-10")
    assert (booked["start"], booked["minutesDuration"], len(booked["participant"])) == (
        "2026-01-10T09:00:00Z", 30, 3,
    )  # fmt: skip
    send(site, "SIU^S13", SCH.format(at="20260111100000"), PID)
    (moved,) = find(site, "Appointment", by_patient)
    assert (moved["id"], moved["start"], moved["end"]) == (
        booked["id"], "2026-01-11T10:00:00Z", "2026-01-11T10:30:00Z",
    )  # fmt: skip
    assert moved["participant"] == booked["participant"]
    send(site, "SIU^S15", SCH.format(at="20260111100000").replace("NEW", "ILL^Patient is ill^L"), PID)
    (cancelled,) = find(site, "Appointment", f"{by_patient}&status=cancelled")
    assert cancelled["cancelationReason"]["text"] == "Patient is ill"
    send(site, "SIU^S13", SCH.format(at="20260112100000"), PID)
    (again,) = find(site, "Appointment", f"{by_patient}&status=booked")
    assert "cancelationReason" not in again
    send(site, "SIU^S26", SCH.format(at="20260112100000"), PID)
    assert find(site, "Appointment", f"{by_patient}&status=noshow")
    assert [change.event for change in site.log.changes if change.resource_type == "Appointment"] == [
        "SIU^S12", "SIU^S13", "SIU^S15", "SIU^S13", "SIU^S26",
    ]  # fmt: skip


def test_a_rescheduling_by_cancelling_and_booking_anew_leaves_two(site: Site) -> None:
    send(site, "SIU^S12", SCH.format(at="20260110090000"), PID, *RESOURCES)
    send(site, "SIU^S15", SCH.format(at="20260110090000"), PID)
    send(site, "SIU^S12", SCH.format(at="20260111090000").replace("F1", "F2").replace("P1", "P2"), PID, *RESOURCES)
    (patient,) = find(site, "Patient", "family=muster")
    found = find(site, "Appointment", f"patient=Patient/{patient['id']}")
    assert sorted(one["status"] for one in found) == ["booked", "cancelled"]


def test_an_update_of_an_unknown_appointment_makes_it_and_warns(site: Site) -> None:
    answer = send(site, "SIU^S14", SCH.format(at="20260110090000"), PID, *RESOURCES)
    assert (answer.get("ERR-3.1"), answer.get("ERR-4")) == ("204", "W")
    assert find(site, "Appointment", "identifier=F1")[0]["status"] == "booked"
    assert answer.get("ERR-2") == "SCH^1^2"
    refused = send(site, "SIU^S26", "SCH||F9^SCHED", PID, expect="AE")
    assert refused.get("ERR-3.1") == "204"
    assert not find(site, "Appointment", "identifier=F9")


def test_a_cancellation_without_a_time_is_valid_even_for_what_was_never_known(site: Site) -> None:
    send(site, "SIU^S15", "SCH||F8^SCHED", PID)
    assert find(site, "Appointment", "identifier=F8")[0]["status"] == "cancelled"


def test_an_appointment_written_over_fhir_is_told_and_cancelled_over_hl7_by_the_number_that_was_told(
    site: Site,
) -> None:
    send(site, "ADT^A28", "EVN|A28", PID)
    (patient,) = find(site, "Patient", "family=muster")
    told = Told(site)
    document = {
        "resourceType": "Appointment",
        "status": "booked",
        "start": "2026-01-10T09:00:00Z",
        "end": "2026-01-10T09:20:00Z",
        "participant": [{"actor": {"reference": f"Patient/{patient['id']}"}, "status": "accepted"}],
    }
    write(site, "POST", "/Appointment", document)
    (booked,) = find(site, "Appointment", f"patient=Patient/{patient['id']}")
    document |= {"id": booked["id"], "start": "2026-01-10T08:00:00Z"}
    write(site, "PUT", f"/Appointment/{booked['id']}", document)
    write(site, "PUT", f"/Appointment/{booked['id']}", {**document, "status": "arrived"})
    assert told.kinds == ["SIU^S12", "SIU^S13", "SIU^S14"]
    number = told.messages[-1].bytes_at("SCH-2")
    assert number is not None
    assert told.messages[-1].get("SCH-25.1") == "Arrived"
    send(site, "SIU^S15", f"SCH||{number.decode()}", PID)
    (cancelled,) = find(site, "Appointment", f"patient=Patient/{patient['id']}")
    assert (cancelled["id"], cancelled["status"]) == (booked["id"], "cancelled")
    write(site, "DELETE", f"/Appointment/{booked['id']}")
    assert told.kinds[-1] == "SIU^S17"


TXA = "TXA|1|DS|TX|20260104100000||20260104110000|||7^Fox^Bo|||{number}^EHR|{parent}|||note.txt|{status}|R|AV"


def document(site: Site, number: str) -> dict[str, Any]:
    (found,) = find(site, "DocumentReference", f"identifier={number}")
    return found


def mdm(
    site: Site, trigger: str, number: str, *lines: str, parent: str = "", status: str = "AU", **more: Any
) -> Message:
    segments = [TXA.format(number=number, parent=parent and f"{parent}^EHR", status=status)]
    segments += [f"OBX|{n}|TX|T||{line}||||||F" for n, line in enumerate(lines, 1)]
    return send(site, f"MDM^{trigger}", f"EVN|{trigger}", PID, "PV1|1|N", *segments, **more)


def text(resource: dict[str, Any]) -> str:
    return b64decode(resource["content"][0]["attachment"]["data"]).decode()


def test_a_document_is_dictated_signed_edited_added_to_replaced_and_cancelled(site: Site) -> None:
    mdm(site, "T02", "D1", "All", "well.", status="IP")
    first = document(site, "D1")
    assert (first["status"], first["docStatus"], text(first)) == ("current", "preliminary", "All\nwell.")
    mdm(site, "T04", "D1")
    assert (document(site, "D1")["docStatus"], text(document(site, "D1"))) == ("final", "All\nwell.")
    mdm(site, "T08", "D1", "All very well.")
    assert (document(site, "D1")["docStatus"], text(document(site, "D1"))) == ("amended", "All very well.")
    mdm(site, "T06", "D2", "PS: call me.", parent="D1")
    assert document(site, "D2")["relatesTo"][0]["code"] == "appends"
    assert document(site, "D2")["relatesTo"][0]["target"]["reference"] == f"DocumentReference/{first['id']}"
    assert document(site, "D1")["status"] == "current"
    mdm(site, "T10", "D3", "Start again.", parent="D1")
    assert (document(site, "D1")["status"], document(site, "D3")["status"]) == ("superseded", "current")
    mdm(site, "T11", "D3")
    assert (document(site, "D3")["status"], text(document(site, "D3"))) == ("entered-in-error", "Start again.")
    assert [change.event for change in site.log.changes if change.resource_type == "DocumentReference"] == [
        "MDM^T02", "MDM^T04", "MDM^T08", "MDM^T06", "-", "MDM^T10", "MDM^T11",
    ]  # fmt: skip


def test_an_addendum_to_an_unknown_document_is_taken_and_a_cancellation_of_one_is_not(site: Site) -> None:
    answer = mdm(site, "T06", "D2", "PS: call me.", parent="D1")
    assert (answer.get("ERR-3.1"), answer.get("ERR-4"), answer.get("ERR-2")) == ("204", "W", "TXA^1^13")
    (related,) = document(site, "D2")["relatesTo"]
    assert "reference" not in related["target"]
    assert related["target"]["identifier"]["value"] == "D1"
    assert mdm(site, "T11", "D9", expect="AE").get("ERR-3.1") == "204"
    assert not find(site, "DocumentReference", "identifier=D9")
    mdm(site, "T01", "D4")
    assert document(site, "D4")["content"] == [{"attachment": {"title": "note.txt"}}]


def test_a_note_of_a_chart_is_signed_off_over_hl7_by_its_own_number(site: Site) -> None:
    (patient,) = find(site, "Patient", "_count=1")[:1]
    note = find(site, "DocumentReference", f"patient=Patient/{patient['id']}&_count=1")[0]
    told = Told(site)
    write(site, "PUT", f"/DocumentReference/{note['id']}", {**note, "docStatus": "amended"})
    message = told.messages[-1]
    assert message.header.kind == "MDM^T07"  # its text lies in a Binary
    segments = [bytes(one).decode() for one in message.segments if one.id in ("PID", "TXA")]
    send(site, "MDM^T11", "EVN|T11", *segments)
    (withdrawn,) = find(site, "DocumentReference", f"_id={note['id']}")
    assert (withdrawn["status"], withdrawn["content"]) == ("entered-in-error", note["content"])


def test_a_document_written_over_fhir_is_told_over_hl7(site: Site) -> None:
    send(site, "ADT^A28", "EVN|A28", PID)
    (patient,) = find(site, "Patient", "family=muster")
    told = Told(site)
    body = {
        "resourceType": "DocumentReference",
        "status": "current",
        "docStatus": "preliminary",
        "subject": {"reference": f"Patient/{patient['id']}"},
        "content": [{"attachment": {"contentType": "text/plain", "data": "QWxsIHdlbGwu"}}],
    }
    write(site, "POST", "/DocumentReference", body)
    (found,) = find(site, "DocumentReference", f"patient=Patient/{patient['id']}")
    body |= {"id": found["id"], "docStatus": "final"}
    write(site, "PUT", f"/DocumentReference/{found['id']}", body)
    write(site, "PUT", f"/DocumentReference/{found['id']}", {**body, "status": "entered-in-error"})
    assert told.kinds == ["MDM^T02", "MDM^T04", "MDM^T11"]
    assert told.messages[-1].get("TXA-19") == "CA"


def test_staff_and_places_come_in_record_by_record_and_find_those_that_are_there(site: Site) -> None:
    (known,) = find(site, "Practitioner", "_count=1")[:1]
    npi = next(one["value"] for one in known["identifier"] if "npi" in one["system"])
    answer = send(
        site, "MFN^M02", "MFI|STF^Staff^HL70175||UPD|||AL",
        "MFE|MUP|C1||77", f"STF|77|{npi}^^^^NPI|Renamed^Ada", "MFE|MAD|C2||78", "STF|78||Owl^Cy|||19700101||^Eyes",
        "MFE|MDC|C3||79", "MFE|QQQ|C4||80",
    )  # fmt: skip
    assert answer.get("MSH-9") == "MFK^M02^MFK_M01"
    assert [one.text(4, 1, 1) for one in answer.all("MFA")] == ["S", "S", "U", "U"]
    (renamed,) = find(site, "Practitioner", "family=renamed")
    assert renamed["id"] == known["id"]
    (owl,) = find(site, "Practitioner", "family=owl")
    (role,) = find(site, "PractitionerRole", f"practitioner=Practitioner/{owl['id']}")
    assert role["organization"] == {"display": "Eyes"}
    send(site, "MFN^M02", "MFI|STF||UPD", "MFE|MDC|C1||78")
    (off,) = find(site, "Practitioner", "family=owl")
    assert off["active"] is False
    send(site, "MFN^M05", "MFI|LOC||UPD", "MFE|MAD|C1||9W^901", "LOC|9W^901|Room 901|R", "LDP|9W|MED")
    assert find(site, "Location", "name=Room%20901")[0]["status"] == "active"
    refused = send(site, "MFN^M05", "MFI|LOC||UPD", "MFE|MAD|C1|", "LOC|", expect="AE")
    assert refused.get("MSH-9.1") == "MFK"


def test_staff_and_places_written_over_fhir_are_told_without_any_patient(site: Site) -> None:
    told = Told(site)
    person = {"resourceType": "Practitioner", "active": True, "name": [{"family": "Owl"}]}
    write(site, "POST", "/Practitioner", person)
    (owl,) = find(site, "Practitioner", "family=owl")
    write(site, "PUT", f"/Practitioner/{owl['id']}", {**person, "id": owl["id"], "active": False})
    write(site, "POST", "/Location", {"resourceType": "Location", "status": "active", "name": "Room 901"})
    assert told.kinds == ["MFN^M02", "MFN^M02", "MFN^M05"]
    assert [one.get("MFE-1") for one in told.messages] == ["MAD", "MDC", "MAD"]
    assert not any(message.segment("PID") for message in told.messages)


def test_what_came_in_over_hl7_is_relayed_with_the_same_meaning(site: Site) -> None:
    told = Told(site, relay=True)
    other = build_site(SiteOptions("south", patients=0, stepped=True, open_access=True, seed=8))
    send(site, "SIU^S12", SCH.format(at="20260110090000"), PID, *RESOURCES)
    mdm(site, "T02", "D1", "All", "", "well.", status="IP")
    mdm(site, "T10", "D2", "Better.", parent="D1")
    for message in told.messages:
        reply = other.handle(Exchange("mllp-in", method="SEND", body=bytes(message))).reply
        assert reply is not None
        assert Message(reply.body).get("MSA-1") == "AA", (message, reply.body)
    (ours,), (theirs,) = (find(one, "Appointment", "identifier=F1") for one in (site, other))
    for element in ("status", "start", "end", "minutesDuration", "reasonCode", "serviceType", "identifier"):
        assert theirs[element] == ours[element], element
    for number in ("D1", "D2"):
        ours, theirs = document(site, number), document(other, number)
        for element in ("status", "docStatus", "date", "type", "author"):
            assert theirs[element] == ours[element], element
        assert text(theirs) == text(ours)
    assert text(document(other, "D1")) == "All\n\nwell."
