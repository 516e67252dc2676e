"""`site.events` and the receiver: told by hand, told again, waited for, in every form and way to sign."""

from __future__ import annotations

import pytest

from mockehr.core.errors import UnknownName, UsageError, VerdictFailed
from mockehr.fhir.intake import Intake, import_document
from mockehr.testing.receiver import Answer, Arrival, Receiver
from mockehr.testing.world import TestSite

pytestmark = pytest.mark.mockehr(stepped=True, patients=3)


def write(site: TestSite, id: str, family: str = "Muster") -> None:
    patient = {"resourceType": "Patient", "id": id, "name": [{"family": family}]}
    site._call(import_document, site.site.store, patient, Intake(), source="test")


def test_a_resource_that_was_always_there_is_told_now(mockehr_site: TestSite, mockehr_webhooks: Receiver) -> None:
    hook = mockehr_site.webhook(mockehr_webhooks.url, resources=["Observation"])
    with pytest.raises(UsageError, match="endpoints: hook-1"):
        mockehr_site.events.send("Patient/p0")
    [sent] = mockehr_site.events.send("Patient/p0", endpoint=hook)
    assert (sent["endpoint"], sent["number"], sent["resource"], sent["patient"]) == (hook, 1, "Patient/p0", "p0")
    [said] = mockehr_webhooks.wait_for_events(1)
    assert (said.id, said.resource) == (sent["id"], "Patient/p0")
    mockehr_site.events.wait()
    [told] = mockehr_site.events.told(endpoint=hook, state="delivered", resource="Patient", since="1m")
    assert (told["id"], told["attempts"], told["status"]) == (sent["id"], 1, 200)
    assert mockehr_site.events.told(resource="Patient/p1") == []


def test_a_change_told_by_hand_is_the_event_that_it_was(mockehr_site: TestSite, mockehr_webhooks: Receiver) -> None:
    mockehr_site.webhook(mockehr_webhooks.url)
    write(mockehr_site, "a")
    mockehr_webhooks.wait_for(1)
    mockehr_site.events.send("Patient/a")
    mockehr_webhooks.wait_for(2)
    assert {id: len(found) for id, found in mockehr_webhooks.by_event().items()} == {"evt-1": 2}


def test_what_cannot_be_told_is_refused_with_the_nearest(mockehr_site: TestSite) -> None:
    mockehr_site.webhook("http://127.0.0.1:1/")
    events = mockehr_site.events
    with pytest.raises(UnknownName, match="Patient"):
        events.send("Patien/p0")
    with pytest.raises(UsageError, match="nearest: Patient/p0"):
        events.send("Patient/p00")
    with pytest.raises(UnknownName, match="encounter-start"):
        events.send(topic="encounter-starts", patient="p0")
    with pytest.raises(UsageError, match="Whose"):
        events.send(topic="encounter-start")
    with pytest.raises(UsageError, match="chart of p0"):
        events.send(topic="patient-merged", patient="p0")
    with pytest.raises(UnknownName, match="hook-1"):
        events.send("Patient/p0", endpoint="hook-2")
    with pytest.raises(UnknownName, match="delivered"):
        events.told(state="deliverd")
    with pytest.raises(UsageError, match="no time"):
        events.told(since="yesterday")
    with pytest.raises(UsageError, match="not clear"):
        events.replay()
    with pytest.raises(UsageError, match="nothing is dead"):
        events.replay(delivery=7)
    with pytest.raises(UsageError, match="has none so far"):
        events.replay("hook-1", first=1)
    with pytest.raises(UsageError, match="numbered by endpoint"):
        events.replay(first=1)


def test_an_event_of_a_topic_is_found_in_the_chart(mockehr_site: TestSite, mockehr_webhooks: Receiver) -> None:
    mockehr_site.webhook(mockehr_webhooks.url)
    visit = {"resourceType": "Encounter", "id": "v", "status": "in-progress", "subject": {"reference": "Patient/p0"}}
    visit |= {"class": {"code": "IMP"}}
    mockehr_site._call(import_document, mockehr_site.site.store, visit, Intake(), source="test")
    mockehr_site.webhook(mockehr_webhooks.at("/second").url, name="second", topics=["encounter-start"])
    for name in ("encounter-start", "http://hl7.org/SubscriptionTopic/encounter-start"):
        [sent] = mockehr_site.events.send(topic=name, patient="p0", endpoint="second")
        assert (sent["topic"], sent["resource"]) == ("encounter-start", "Encounter/v")
    [said, _] = mockehr_webhooks.at("/second").wait_for(2)[0].events * 2
    assert said.topic == "encounter-start"


def test_the_dead_and_events_by_number_are_sent_again(mockehr_site: TestSite, mockehr_webhooks: Receiver) -> None:
    mockehr_site.webhook(mockehr_webhooks.url, ladder=["10s"])
    mockehr_webhooks.answer(500)
    write(mockehr_site, "a")
    write(mockehr_site, "b")
    mockehr_webhooks.wait_for(2)
    assert [one["state"] for one in mockehr_site.events.told()] == ["waiting", "waiting"]
    mockehr_site.advance("10s")
    mockehr_site.events.wait()
    dead = mockehr_site.events.dead
    assert [(one["attempts"], one["status"], one["events"][0]["number"]) for one in dead] == [
        (2, 500, 1),
        (2, 500, 2),
    ]
    assert [one["state"] for one in mockehr_site.events.told()] == ["dead", "dead"]
    mockehr_webhooks.answer(200)
    assert mockehr_site.events.replay(delivery=dead[1]["delivery"]) == 1
    assert mockehr_site.events.replay("hook-1", dead=True) == 1
    assert mockehr_site.events.replay("hook-1", first=2, last=2) == 1
    mockehr_site.events.wait()
    assert mockehr_site.events.dead == []
    assert [one["state"] for one in mockehr_site.events.told()] == ["delivered", "delivered"]
    assert {id: len(found) for id, found in mockehr_webhooks.by_event().items()} == {"evt-1": 3, "evt-2": 4}


def test_waiting_ends_when_all_is_answered_and_says_who_does_not(
    mockehr_site: TestSite, mockehr_webhooks: Receiver
) -> None:
    mockehr_site.webhook(mockehr_webhooks.url)
    mockehr_site.events.wait()
    with mockehr_webhooks.hold():
        write(mockehr_site, "a")
        write(mockehr_site, "b")
        mockehr_webhooks.wait_for(2)
        with pytest.raises(VerdictFailed, match=r"2 deliveries .*\n.*hook-1 \(2 sent, 0 ready\)"):
            mockehr_site.events.wait(0.05)
        assert mockehr_webhooks.release(1) == 1
    mockehr_site.events.wait()
    assert mockehr_site.site.outbox.delivered == 2


def test_what_waits_for_the_clock_is_not_waited_for(mockehr_site: TestSite, mockehr_webhooks: Receiver) -> None:
    mockehr_site.webhook(mockehr_webhooks.url, order="fifo", ladder=["1h"])
    mockehr_webhooks.answer(500, times=1)
    write(mockehr_site, "a")
    write(mockehr_site, "b")
    mockehr_webhooks.wait_for(1)
    mockehr_site.events.wait()
    assert (len(mockehr_webhooks), mockehr_site.site.outbox.waiting) == (1, 1)


def test_places_answer_for_themselves_and_functions_judge(mockehr_site: TestSite, mockehr_webhooks: Receiver) -> None:
    strict = mockehr_webhooks.at("/strict")

    def judge(arrival: Arrival) -> int | Answer:
        return 202 if arrival.events[0].resource == "Patient/a" else Answer(400, {"x-why": "no"}, b"not that one")

    strict.answer(judge)
    mockehr_site.webhook(mockehr_webhooks.url, name="plain", ladder=[])
    mockehr_site.webhook(strict.url, name="strict", ladder=["1h"])
    write(mockehr_site, "a")
    write(mockehr_site, "b")
    assert sorted(one.status for one in strict.wait_for(2)) == [202, 400]
    mockehr_webhooks.wait_for(4)
    mockehr_site.events.wait()
    assert [one.path for one in mockehr_webhooks].count("/hook") == 2
    (refused,) = mockehr_site.journal(channel="webhook", status=400)
    assert refused.reply is not None
    assert refused.reply.body == b"not that one"


@pytest.mark.parametrize("signing", ["mockehr", "hub", "hub-256", "standard", "verification-token", "bearer"])
def test_every_way_to_sign_can_be_checked(mockehr_site: TestSite, mockehr_webhooks: Receiver, signing: str) -> None:
    mockehr_site.webhook(mockehr_webhooks.url, secret="s3cret", signing=signing)
    write(mockehr_site, "a")
    [arrival] = mockehr_webhooks.wait_for(1)
    mockehr_webhooks.verify("s3cret", scheme=signing, now=mockehr_site.now)
    mockehr_webhooks.verify("s3cret", scheme="")
    with pytest.raises(VerdictFailed, match="does not fit"):
        arrival.verify("other", scheme=signing)
    if signing in ("mockehr", "standard"):
        with pytest.raises(VerdictFailed, match="s old"):
            arrival.verify("s3cret", scheme=signing, now=mockehr_site.now + 3600)
    with pytest.raises(UnknownName, match="hub"):
        arrival.verify("s3cret", scheme="hubb")


@pytest.mark.parametrize("form", ["mockehr", "standard", "athena", "health-gorilla", "redox", "backport"])
def test_events_are_read_from_every_form(mockehr_site: TestSite, mockehr_webhooks: Receiver, form: str) -> None:
    payload = "full" if form in ("health-gorilla", "redox", "backport") else "id-only"
    mockehr_site.webhook(mockehr_webhooks.url, form=form, payload=payload, secret="s")
    for count, told in enumerate((("a",), ("b",), ("a", "Example")), 1):
        write(mockehr_site, *told)
        said = mockehr_webhooks.wait_for_events(count)  # one at a time: several may be on their way at once
    assert len({one.id for one in said}) == 3
    if form != "redox":  # whose messages name patients by their identifiers alone
        assert [one.resource for one in said] == ["Patient/a", "Patient/b", "Patient/a"]
    if payload == "full":
        assert all(one.document for one in said)


def test_a_challenge_is_given_back_unless_told_otherwise(mockehr_site: TestSite, mockehr_webhooks: Receiver) -> None:
    mockehr_site.webhook(mockehr_webhooks.url, name="r", form="redox", payload="full", secret="s")
    outbox = mockehr_site.site.outbox
    mockehr_site._call(outbox.notify, "r", "handshake")
    mockehr_webhooks.wait_for(1)
    mockehr_site.events.wait()
    assert outbox.delivered == 1
    mockehr_webhooks.echo(False)
    mockehr_site._call(outbox.notify, "r", "handshake")
    mockehr_webhooks.wait_for(2)
    mockehr_site.events.wait()
    assert (outbox.delivered, outbox.lane("r").failed) == (1, 1)


def test_a_receiver_takes_tls_and_any_method(mockehr_site: TestSite, mockehr_webhooks: Receiver) -> None:
    url = mockehr_webhooks.secure()
    assert url.startswith("https://")
    mockehr_site.webhook(url, form="r4", payload="full")
    write(mockehr_site, "a")
    [arrival] = mockehr_webhooks.wait_for(1)
    assert (arrival.method, arrival.path, arrival.json["id"]) == ("PUT", "/hook/Patient/a", "a")
    mockehr_site.events.wait()
    assert mockehr_site.site.outbox.delivered == 1
