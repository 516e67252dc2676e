"""Master files that go out: shapes judged by hl7apy, values by reading them back."""

from dataclasses import replace
from typing import Any

import pytest
from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.parser import parse_message

from mockehr.core.changes import Change
from mockehr.core.errors import UsageError
from mockehr.hl7.accept import accept
from mockehr.hl7.accept.intents import Context, Upsert
from mockehr.hl7.dialect import GENERIC, Dialect
from mockehr.hl7.emit import Event, emit, told_by
from mockehr.hl7.message import Message

AT = 1_767_614_400.0
STAFF: dict[str, Any] = {
    "resourceType": "Practitioner",
    "id": "d1",
    "meta": {"versionId": "1"},
    "identifier": [
        {"system": "http://hl7.org/fhir/sid/us-npi", "value": "1111111111"},
        {"system": "https://example.org/staff", "value": "20001"},
    ],
    "active": True,
    "name": [{"use": "official", "family": "Grey", "given": ["Ada"], "prefix": ["Dr."]}],
    "gender": "female",
    "birthDate": "1970-01-02",
    "telecom": [
        {"system": "phone", "value": "312-555-0101", "use": "work"},
        {"system": "email", "value": "ada@example.org", "use": "work"},
    ],
    "address": [{"use": "work", "line": ["1 Main St"], "city": "Town", "state": "OH", "postalCode": "44101"}],
}
ROLE: dict[str, Any] = {
    "resourceType": "PractitionerRole",
    "id": "r1",
    "code": [{"text": "Doctor"}],
    "specialty": [{"text": "Cardiology"}],
    "organization": {"display": "Heart clinic"},
}
PLACE: dict[str, Any] = {
    "resourceType": "Location",
    "id": "l1",
    "meta": {"versionId": "3"},
    "identifier": [{"system": "http://example.org/authority/location", "value": "5W^12^B"}],
    "status": "active",
    "name": "Bed B of room 12",
    "physicalType": {
        "coding": [{"system": "http://terminology.hl7.org/CodeSystem/location-physical-type", "code": "bd"}]
    },
    "address": {"use": "work", "line": ["1 Main St"], "city": "Town"},
    "telecom": [{"system": "phone", "value": "312-555-0102", "use": "work"}],
}  # fmt: skip


def written(resource: dict[str, Any], *others: dict[str, Any], dialect: Dialect = GENERIC) -> Message:
    name = "MFN^M02" if resource["resourceType"] == "Practitioner" else "MFN^M05"
    return Message(emit(Event(name, AT, 7), [resource, *others], dialect))


def read(message: Message) -> list[Upsert]:
    return [one for one in accept(message, Context(AT)).intents if isinstance(one, Upsert)]


@pytest.mark.parametrize("version", ["2.3", "2.4", "2.5.1", "2.6"])
@pytest.mark.parametrize(
    "resources",
    [
        [STAFF],
        [STAFF, ROLE],
        [PLACE],
        [{"resourceType": "Practitioner", "id": "d9"}],
        [{"resourceType": "Location", "id": "l9", "name": "A place with no number but quite a name"}],
    ],
)
def test_a_strict_reader_accepts_each_message(resources: list[dict[str, Any]], version: str) -> None:
    message = written(*resources, dialect=replace(GENERIC, version=version))
    strict = VALIDATION_LEVEL.STRICT
    assert parse_message(bytes(message).decode(), validation_level=strict, find_groups=True).validate()


def test_staff_and_places_of_the_generic_dialect_are_this() -> None:
    assert bytes(written(STAFF, ROLE)).decode().split("\r")[1:] == [
        "MFI|STF^Staff^HL70175||UPD|20260105120000|20260105120000|AL",
        "MFE|MAD|7|20260105120000|20001^Ada Grey|CE",
        "STF|20001^Ada Grey|1111111111^^^^NPI~20001^^^&https://example.org/staff&URI|Grey^Ada^^^Dr.^^L||F|19700102|A"
        "|^Heart clinic||312-555-0101^WPN^PH|1 Main St^^Town^OH^44101^^B||||ada@example.org|||Doctor",
        "PRA|20001^Ada Grey||||Cardiology",
        "",
    ]
    assert bytes(written(PLACE)).decode().split("\r")[1:] == [
        "MFI|LOC^Location^HL70175||UPD|20260105120000|20260105120000|AL",
        "MFE|MUP|7|20260105120000|5W^12^B|PL",
        "LOC|5W^12^B|Bed B of room 12|B||1 Main St^^Town^^^^B|312-555-0102^WPN^PH",
        "LDP|5W^12^B|5W||||A",
        "",
    ]


def test_what_one_site_tells_of_its_staff_another_keeps_alike() -> None:
    person, role = read(written(STAFF, ROLE))
    for element in ("identifier", "active", "name", "gender", "birthDate", "telecom", "address"):
        assert person.resource[element] == STAFF[element], element
    assert role.resource["specialty"] == ROLE["specialty"]
    assert role.resource["code"] == ROLE["code"]
    assert role.resource["organization"] == ROLE["organization"]
    (old,) = read(written(STAFF, dialect=replace(GENERIC, version="2.3")))
    assert [one["value"] for one in old.resource["identifier"]] == ["1111111111", "20001"]
    assert old.resource["identifier"][0] == STAFF["identifier"][0]


def test_what_one_site_tells_of_a_place_another_keeps_alike() -> None:
    (place,) = read(written(PLACE))
    for element in ("identifier", "status", "name", "physicalType", "address", "telecom"):
        assert place.resource[element] == PLACE[element], element


@pytest.mark.parametrize("resource", [STAFF, PLACE])
def test_what_is_out_of_use_is_deactivated(resource: dict[str, Any]) -> None:
    off = {"active": False} if resource is STAFF else {"status": "inactive"}
    message = written({**resource, **off})
    assert message.get("MFE-1") == "MDC"
    (found, *_) = read(message)
    assert {name: found.resource[name] for name in off} == off


def test_the_change_says_which_message_tells_of_it() -> None:
    for resource, name in ((STAFF, "MFN^M02"), (PLACE, "MFN^M05")):
        kind = resource["resourceType"]
        assert told_by(Change(1, "create", kind, "x", 1, AT, "fhir", resource), GENERIC) == name
        assert told_by(Change(1, "delete", kind, "x", 1, AT, "fhir", resource), GENERIC) == ""
    with pytest.raises(UsageError, match="without a Practitioner"):
        emit(Event("MFN^M02", AT, 7), [PLACE], GENERIC)
