"""Master files that come in: staff and places, record by record, and the MFK that answers."""

from typing import Any

import pytest
from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.parser import parse_message

from mockehr.hl7.accept import accept
from mockehr.hl7.accept.intents import Accepted, Context, Key, Known, Upsert
from mockehr.hl7.ack import Code
from mockehr.hl7.answers import Situation
from mockehr.hl7.dialect import GENERIC
from mockehr.hl7.faults import Fault, Rejection
from mockehr.hl7.message import Message

AT = 1_767_614_400.0
AUTHORITY = "http://example.org/authority/"
NPI = "http://hl7.org/fhir/sid/us-npi"
STAFF = [
    "MFE|MAD|C1|20260105|77^Fox^L|CE",
    "STF|77^Fox^L|77^^^H1~1111111111^^^^NPI|Fox^Bo^Q^^Dr||M|19700102|A|CARD^Cardiology^L||555-0101^WPN^PH~^NET^Internet^"
    "bo@example.org|1 Main^^Town^OH^44101^^O||||bo@example.org|||Consultant",
    "PRA|77|||||D9^DEA^OH",
]


def take(*segments: str, trigger: str = "M02", version: str = "2.5.1") -> Accepted:
    head = f"MSH|^~\\&|HR|H1|EHR|H2|20260105115959||MFN^{trigger}|M1|P|{version}"
    return accept(Message("\r".join([head, *segments, ""]).encode()), Context(AT, GENERIC))


def writes(accepted: Accepted) -> list[Upsert]:
    return [one for one in accepted.intents if isinstance(one, Upsert)]


def answer(
    accepted: Accepted,
    *segments: str,
    trigger: str = "M02",
    version: str = "2.5.1",
    code: Code = "AA",
    resources: list[dict[str, Any]] | None = None,
    faults: tuple[Fault, ...] = (),
) -> Message:
    head = f"MSH|^~\\&|HR|H1|EHR|H2|20260105115959||MFN^{trigger}|M1|P|{version}"
    header = Message("\r".join([head, *segments]).encode()).header
    assert accepted.respond is not None
    found = resources if resources is not None else [one.resource for one in writes(accepted)]
    return Message(accepted.respond(Situation(header, code, AT, "K1", GENERIC, found, len(found), faults=faults)))


def test_a_member_of_staff_is_a_practitioner_and_a_role() -> None:
    accepted = take("MFI|STF^Staff^HL70175||UPD|||AL", *STAFF)
    person, role = writes(accepted)
    assert person.match == (Key(AUTHORITY + "H1", "77"), Key(NPI, "1111111111"), Key(AUTHORITY + "DEA-OH", "D9"))
    assert person.creates
    resource = person.resource
    assert resource["name"] == [{"family": "Fox", "given": ["Bo", "Q"], "prefix": ["Dr"]}]
    assert (resource["active"], resource["gender"], resource["birthDate"]) == (True, "male", "1970-01-02")
    assert [one["value"] for one in resource["telecom"]] == ["555-0101", "bo@example.org"]
    assert resource["address"][0]["city"] == "Town"
    assert role.resource["practitioner"] == {"reference": "urn:mockehr:intent:practitioner-1"}
    assert role.resource["code"] == [{"text": "Consultant"}]
    assert role.resource["organization"] == {"display": "Cardiology"}
    assert role.match == (Key(AUTHORITY + "staff", "77:role"),)


@pytest.mark.parametrize(
    ("event", "flag", "active"),
    [("MAD", "A", True), ("MUP", "", True), ("MAC", "A", True), ("MDC", "A", False), ("MDL", "", False),
     ("MUP", "I", False)],
)  # fmt: skip
def test_the_record_event_and_the_flag_switch_staff_on_and_off(event: str, flag: str, active: bool) -> None:
    accepted = take("MFI|STF||UPD", f"MFE|{event}|C1||77", f"STF|77||Fox^Bo||||{flag}")
    assert writes(accepted)[0].resource["active"] is active
    assert writes(accepted)[0].match == (Key(AUTHORITY + "staff", "77"),)


def test_switching_off_needs_no_more_than_the_key_and_makes_nobody() -> None:
    (person,) = writes(take("MFI|STF||UPD", "MFE|MDC|C1||77"))
    assert person.resource == {
        "resourceType": "Practitioner",
        "active": False,
        "identifier": [{"system": AUTHORITY + "staff", "value": "77"}],
    }
    assert not person.creates


def test_a_place_is_a_location() -> None:
    accepted = take(
        "MFI|LOC^Location^HL70175||UPD|||AL",
        "MFE|MUP|C1||5W^12^B|PL",
        "LOC|5W^12^B|Bed B of 512|B||1 Main^^Town^OH^44101|555-0102^WPN^PH",
        "LDP|5W|MED||||A",
        "MFE|MAD|C2||6W|PL",
        "LOC|6W||N",
        "LDP|6W|MED||||I",
        trigger="M05",
    )
    bed, ward = writes(accepted)
    assert bed.match == (Key(AUTHORITY + "location", "5W^12^B"),)
    assert (bed.resource["name"], bed.resource["status"]) == ("Bed B of 512", "active")
    assert bed.resource["physicalType"]["coding"][0]["code"] == "bd"
    assert bed.resource["type"][0]["coding"][0]["code"] == "B"
    assert bed.resource["address"]["city"] == "Town"
    assert bed.resource["telecom"][0]["value"] == "555-0102"
    assert (ward.resource["status"], ward.defaults["name"]) == ("inactive", "6W")


def test_each_record_is_answered_and_one_refused_does_not_stop_the_others() -> None:
    records = ["MFE|MAD|C1||77|CE", "STF|77||Fox^Bo", "MFE|XXX|C2||78|CE", "STF|78||Hare^Al",
               "MFE|MAD|C3||79|CE", "STF|79||Owl^Cy|||noon", "MFE|MDC|C4||80|CE"]  # fmt: skip
    accepted = take("MFI|STF^Staff^HL70175||UPD|||AL", *records)
    assert [one.match[0].value for one in writes(accepted)] == ["77", "80"]
    reply = answer(accepted, resources=[writes(accepted)[0].resource])
    assert reply.get("MSH-9") == "MFK^M02^MFK_M01"
    assert [reply.get(path) for path in ("MSA-1", "MSA-2", "MFI-1.1", "MFI-3")] == ["AA", "M1", "STF", "UPD"]
    rows = [(one.text(1), one.text(2), one.text(4, 1, 1), one.text(5)) for one in reply.all("MFA")]
    assert rows == [("MAD", "C1", "S", "77"), ("XXX", "C2", "U", "78"), ("MAD", "C3", "U", "79"),
                    ("MDC", "C4", "U", "80")]  # fmt: skip
    texts = [one.text(4, 1, 2) for one in reply.all("MFA")]
    assert texts[0] == ""
    assert texts[1].startswith("MFE-1 is 'XXX'")
    assert texts[2].startswith("STF-6")
    assert texts[3].startswith("There is no such record")


@pytest.mark.parametrize(
    ("level", "wanted"), [("AL", ["S", "U"]), ("", ["S", "U"]), ("ER", ["U"]), ("SU", ["S"]), ("NE", [])]
)
def test_the_response_level_says_which_records_are_answered(level: str, wanted: list[str]) -> None:
    accepted = take(f"MFI|STF||UPD|||{level}", "MFE|MAD|C1||77", "STF|77", "MFE|XXX|C2||78", "STF|78")
    assert [one.text(4, 1, 1) for one in answer(accepted).all("MFA")] == wanted


@pytest.mark.parametrize("version", ["2.3", "2.4", "2.5.1", "2.6"])
def test_a_strict_reader_accepts_the_answer(version: str) -> None:
    accepted = take("MFI|STF^Staff^HL70175||UPD|||AL", *STAFF, "MFE|XXX|C2||78|CE", version=version)
    reply = answer(accepted, version=version)
    strict = VALIDATION_LEVEL.STRICT
    assert parse_message(bytes(reply).decode(), validation_level=strict, find_groups=True).validate()
    assert reply.get("MSH-9") == ("MFK^M02" if version == "2.3" else "MFK^M02^MFK_M01")


def test_a_message_of_which_nothing_can_be_applied_is_refused_by_an_mfk() -> None:
    accepted = take("MFI|STF||UPD|||AL", "MFE|MAD|C1|", "STF||")
    (known,) = accepted.intents
    assert isinstance(known, Known)
    assert (known.fault.code, known.fault.severity, known.match) == (101, "E", ())
    reply = answer(accepted, code="AE", faults=(known.fault,))
    assert [one.id for one in reply.segments] == ["MSH", "MSA", "ERR", "MFI", "MFA"]
    assert reply.get("MSA-1") == "AE"


def test_other_master_files_are_acknowledged_and_written_nowhere() -> None:
    accepted = take("MFI|CDM^Charges^HL70175||UPD|||AL", "MFE|MAD|C1||55", "CDM|55||Bandage", trigger="M04")
    assert accepted.intents == ()
    assert [one.text(4, 1, 1) for one in answer(accepted, trigger="M04").all("MFA")] == ["S"]


def test_what_is_no_master_file_is_refused_with_its_place() -> None:
    for segments, expected in (
        (["MFE|MAD"], (100, "MFI")),
        (["MFI|STF||UPD"], (100, "MFE")),
        (["MFI|QQQ||UPD", "MFE|MAD|1||7"], (103, "MFI-1")),
    ):
        with pytest.raises(Rejection) as caught:
            take(*segments)
        assert (caught.value.faults[0].code, caught.value.faults[0].place) == expected
