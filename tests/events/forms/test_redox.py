"""What a destination of Redox receives, and how it is verified."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs

import pytest
from tests.events.changes import changed, delivered, outbox

from mockehr.core.changes import Change

DOCUMENT = {
    "identifier": [{"type": {"coding": [{"code": "MR"}]}, "value": "90001"}],
    "name": [{"family": "Muster", "given": ["Erika", "Anna"]}],
    "gender": "female",
    "birthDate": "1980-03-04",
    "telecom": [{"system": "phone", "value": "555-0100"}],
}
PATIENT = changed("Patient", DOCUMENT, id="5")


def message(*changes: Change, **more: Any) -> Any:
    return json.loads(delivered("redox", *changes, **more).exchange.body)


def test_a_message_says_in_its_meta_what_it_is() -> None:
    meta = message(PATIENT, payload="full")["Meta"]
    assert (meta["DataModel"], meta["EventType"], meta["Test"]) == ("PatientAdmin", "NewPatient", True)
    assert meta["EventDateTime"] == "2026-01-05T12:00:00.000Z"
    assert meta["Source"]["Name"] == "north"
    assert meta["Destinations"][0]["Name"] == "app"
    assert meta["FacilityCode"] is None
    assert isinstance(meta["Message"]["ID"], int)


def test_the_patient_is_identified_and_described_only_if_all_is_to_be_told() -> None:
    identifiers = [{"ID": "90001", "IDType": "MR"}, {"ID": "5", "IDType": "FHIR"}]
    assert message(PATIENT)["Patient"] == {"Identifiers": identifiers}
    patient = message(PATIENT, payload="full")["Patient"]
    assert patient["Identifiers"] == identifiers
    assert patient["Demographics"]["LastName"] == "Muster"
    assert (patient["Demographics"]["Sex"], patient["Demographics"]["DOB"]) == ("Female", "1980-03-04")


def test_settings_name_source_and_facility() -> None:
    meta = message(PATIENT, settings={"redox": {"test": False, "source": "Ward EHR", "facility": "MAIN"}})["Meta"]
    assert (meta["Test"], meta["Source"]["Name"], meta["FacilityCode"]) == (False, "Ward EHR", "MAIN")


def test_the_ids_of_messages_do_not_order_them_and_outlast_retries() -> None:
    box, clock = outbox("redox")
    for number in range(1, 21):
        box.hear(changed("Patient", number=number, id=str(number)))
    metas = []
    while (delivery := box.take()) is not None:
        metas.append(json.loads(delivery.exchange.body)["Meta"])
        box.settle(delivery, 500 if len(metas) == 1 else 200)
        clock.advance(0)
    first, again = metas[:2]
    assert again["Message"] == first["Message"]
    assert again["Transmission"] != first["Transmission"]
    ids = [meta["Message"]["ID"] for meta in metas[1:]]
    assert len(set(ids)) == 20
    assert ids != sorted(ids)


def test_the_feed_pauses_at_a_failure_and_climbs_the_ladder_for_ever() -> None:
    box, clock = outbox("redox")
    box.hear(changed("Patient", number=1, id="1"))
    box.hear(changed("Patient", number=2, id="2"))
    for wait in (0, 10, 10, 20, 30, 50, 80, 120, 120, 120):
        delivery = box.take()
        assert delivery is not None
        assert delivery.change is not None
        assert (delivery.change.number, box.take()) == (1, None)
        box.settle(delivery, 400)
        if wait:
            clock.advance(wait - 1)
            assert box.take() is None
        clock.advance(1 if wait else 0)
    last = box.take()
    assert last is not None
    box.settle(last, 302)
    following = box.take()
    assert following is not None
    assert following.change is not None
    assert following.change.number == 2


def test_the_token_is_sent_as_it_is() -> None:
    sent = delivered("redox", PATIENT, secret="t0ken").exchange
    assert sent.headers["verification-token"] == "t0ken"
    assert delivered("redox", PATIENT, secret="t0ken", signing="bearer").exchange.headers["authorization"] == (
        "Bearer t0ken"
    )


@pytest.mark.parametrize("verify", ["POST", "GET"])
def test_a_destination_is_verified_by_giving_the_challenge_back(verify: str) -> None:
    box, _ = outbox("redox", secret="t0ken", settings={"redox": {"verify": verify}})
    for answer, taken in ((b"", False), (b"other", False), (None, True)):
        delivery = box.notify("app", "handshake")
        sent = delivery.exchange
        assert sent.method == verify
        asked = {key: values[0] for key, values in parse_qs(sent.query).items()} or json.loads(sent.body)
        assert asked["verification-token"] == "t0ken"
        assert box.take() is delivery
        box.settle(delivery, 200, body=asked["challenge"].encode() if answer is None else answer)
        assert sent.notes["taken"] is taken


def test_a_challenge_given_back_with_an_error_verifies_nothing() -> None:
    box, _ = outbox("redox", secret="t0ken")
    delivery = box.notify("app", "handshake")
    assert box.take() is delivery
    box.settle(delivery, 302, body=json.loads(delivery.exchange.body)["challenge"].encode())
    assert delivery.exchange.notes["taken"] is False
