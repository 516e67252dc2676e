"""What probes read of events: what counts as an occasion, which answer settles it, and what is neither."""

from __future__ import annotations

from typing import Any

import pytest

from mockehr.core.exchange import Decision, Exchange, Interaction, Reply


class Day:
    """Events told to one receiver and what it asks for, written down by hand."""

    def __init__(self, traffic: Any) -> None:
        self.traffic = traffic

    def tell(
        self, id: str, change: int, status: int = 200, quirk: str = "", kind: str = "create", **notes: Any
    ) -> int:
        exchange = Exchange("webhook", "POST", "/hook", peer=notes.pop("peer", "app"))
        exchange.interaction, exchange.changes = Interaction(f"Patient.{kind}", "Patient", id), (change,)
        exchange.reply = Reply(status) if status else None
        exchange.notes = notes
        return self._add(exchange, quirk)

    def beat(self, status: int = 200, quirk: str = "") -> int:
        exchange = Exchange("webhook", "POST", "/hook", peer="app")
        exchange.interaction, exchange.reply = Interaction("heartbeat"), Reply(status) if status else None
        return self._add(exchange, quirk)

    def ask(
        self, path: str, *found: str, status: int = 200, quirk: str = "", name: str = "read", **notes: Any
    ) -> int:
        exchange = Exchange("fhir", "GET", path)
        exchange.interaction, exchange.reply = Interaction(name, "Patient"), Reply(status)
        exchange.returned, exchange.notes = found, notes
        return self._add(exchange, quirk)

    def _add(self, exchange: Exchange, quirk: str) -> int:
        if quirk:
            exchange.decisions += (Decision("trouble", quirk, "on_deliver", "fired"),)
        return int(self.traffic.add(exchange).number)

    def says(self, probe: str) -> str:
        return str(self.traffic.judged(probe).verdict)

    def shown(self, probe: str) -> list[int]:
        """Entries that the finding points at."""
        return [item.entry for item in self.traffic.judged(probe).evidence]


@pytest.fixture
def day(traffic: Any) -> Day:
    return Day(traffic)


def test_what_was_dropped_and_told_again_is_not_lost(day: Day) -> None:
    day.tell("a", 1, 0, "dropped-delivery", dropped=True)
    day.tell("a", 1)
    assert day.says("events-reconciled") == "not-applicable"


def test_what_was_told_and_not_taken_is_not_lost_either(day: Day) -> None:
    day.tell("a", 1, 0, failure="refused")
    assert day.says("events-reconciled") == "not-applicable"


def test_what_was_dropped_is_looked_for_among_what_was_asked_for_afterwards(day: Day) -> None:
    day.ask("/Patient/a", "Patient/a")
    day.tell("a", 1, 0, "dropped-delivery", dropped=True)
    assert day.says("events-reconciled") == "fail"
    day.ask("/Patient/a", status=404)
    assert day.says("events-reconciled") == "fail"
    day.ask("/Patient", "Patient/a", name="search")
    assert day.says("events-reconciled") == "pass"


def test_events_of_a_burst_have_to_be_taken_in_the_end(day: Day) -> None:
    day.tell("calm", 1, 500)
    assert day.says("burst-survived") == "not-applicable"
    day.tell("a", 2, 503, "event-burst")
    day.tell("b", 3, 200, "event-burst")
    assert day.says("burst-survived") == "fail"
    again = day.tell("a", 2)
    assert day.says("burst-survived") == "pass"
    assert again in day.shown("burst-survived")


def test_an_event_of_a_burst_that_was_not_answered_in_time_is_a_fault_though_it_is_taken_later(day: Day) -> None:
    late = day.tell("a", 1, 0, "event-burst", failure="timeout")
    day.tell("a", 1)
    assert day.says("burst-survived") == "fail"
    assert day.shown("burst-survived") == [late]


def test_an_event_of_a_burst_that_is_still_under_way_was_not_answered_too_late(day: Day) -> None:
    day.tell("a", 1, 0, "event-burst")
    day.tell("a", 1)
    assert day.says("burst-survived") == "pass"


def test_an_event_of_a_burst_that_a_rule_dropped_is_not_the_receivers_loss(day: Day) -> None:
    day.tell("a", 1, 0, "event-burst", dropped=True)
    assert day.says("burst-survived") == "not-applicable"


def test_only_reads_of_what_was_told_are_too_early(day: Day) -> None:
    day.tell("a", 1)
    day.ask("/Patient", quirk="early-delivery", name="search", unseen=["Patient/a"])
    day.ask("/Patient/b", status=404, quirk="early-delivery", unseen=["Patient/b"])
    day.ask("/Patient/a", status=404, unseen=["Patient/a"])
    assert day.says("early-read-retried") == "not-applicable"
    day.ask("/Patient/a", status=404, quirk="early-delivery", unseen=["Patient/a"])
    assert day.says("early-read-retried") == "fail"
    found = day.ask("/Patient/a", "Patient/a")
    assert (day.says("early-read-retried"), day.shown("early-read-retried")) == ("pass", [found])


@pytest.mark.parametrize("told", [{"payload": "full"}, {"kind": "delete"}, {"status": 500}])
def test_what_came_with_its_resource_or_was_not_taken_or_is_gone_need_not_be_fetched(
    told: dict[str, Any], day: Day
) -> None:
    day.tell("a", 1, **told)
    assert day.says("id-only-fetched") == "not-applicable"
    bare = day.tell("b", 2)
    assert (day.says("id-only-fetched"), day.shown("id-only-fetched")) == ("fail", [bare])


def test_a_resource_may_have_been_fetched_between_the_event_and_its_repetition(day: Day) -> None:
    day.tell("a", 1, 500)
    day.ask("/Patient/a", "Patient/a")
    day.tell("a", 1)
    assert day.says("id-only-fetched") == "pass"


@pytest.mark.parametrize(
    ("path", "name", "verdict"),
    [
        ("/Patient/_history", "history-type", "pass"),
        ("/Subscription/s/$events", "$events", "pass"),
        ("/Patient/a", "read", "fail"),
    ],
)
def test_a_gap_is_seen_by_the_next_event_and_wants_a_question(path: str, name: str, verdict: str, day: Day) -> None:
    day.ask(path, name=name)  # before the gap
    day.tell("a", 1, 0, "dropped-delivery", dropped=True)
    assert day.says("gap-detected") == "not-applicable"  # nothing shows it yet
    day.tell("b", 2)
    assert day.says("gap-detected") == "fail"
    asked = day.ask(path, name=name)
    assert day.says("gap-detected") == verdict
    assert (asked in day.shown("gap-detected")) is (verdict == "pass")


def test_an_endpoint_cannot_see_the_gap_of_another_nor_a_heartbeat_that_of_an_event(day: Day) -> None:
    day.tell("a", 1, 0, "dropped-delivery", dropped=True)
    day.tell("b", 2, peer="other")
    day.tell("c", 3, 0, failure="refused")
    day.beat()
    assert day.says("gap-detected") == "not-applicable"
    day.tell("d", 4)
    assert day.says("gap-detected") == "fail"


def test_a_heartbeat_shows_that_one_before_it_failed_to_come(day: Day) -> None:
    day.beat(0, "heartbeat-gap")
    assert day.says("gap-detected") == "not-applicable"
    day.beat()
    assert day.says("gap-detected") == "fail"


def test_a_number_that_was_skipped_is_a_gap_once_it_arrives(day: Day) -> None:
    day.tell("a", 1, 0, "event-number-gap")
    assert day.says("gap-detected") == "not-applicable"
    day.tell("b", 2, 200, "event-number-gap")
    assert day.says("gap-detected") == "fail"


@pytest.mark.parametrize(
    ("status", "verdict"), [(400, "pass"), (401, "pass"), (403, "pass"), (409, "fail"), (200, "fail")]
)
def test_a_bad_signature_is_refused_with_a_status_that_says_so(status: int, verdict: str, day: Day) -> None:
    day.tell("good", 1)
    assert day.says("signature-verified") == "not-applicable"
    day.tell("a", 2, status, "bad-signature")
    assert day.says("signature-verified") == verdict


def test_who_refuses_what_was_signed_well_does_not_verify_rightly(day: Day) -> None:
    day.tell("a", 1, 401, "bad-signature")
    day.tell("b", 2, 500)
    assert day.says("signature-verified") == "pass"
    day.tell("c", 3, 401)
    assert day.says("signature-verified") == "fail"


def test_after_a_rotation_a_refusal_of_what_the_new_secret_signs_is_no_fault(day: Day) -> None:
    day.tell("a", 1, 401, "bad-signature")
    day.tell("b", 2, 401, "rotated-secret")
    day.tell("c", 3, 401)
    assert day.says("signature-verified") == "pass"
    assert day.says("secret-rotation-survived") == "fail"
    day.tell("d", 4, 200, "bad-signature")
    assert day.says("secret-rotation-survived") == "fail"
    day.tell("e", 5)
    assert day.says("secret-rotation-survived") == "pass"


@pytest.mark.parametrize(
    ("status", "verdict"), [(400, "pass"), (401, "pass"), (403, "pass"), (409, "pass"), (200, "fail")]
)
def test_a_replay_is_refused_with_a_status_that_says_so(status: int, verdict: str, day: Day) -> None:
    first = day.tell("a", 1)
    assert day.says("replay-refused") == "not-applicable"
    day.tell("a", 1, status, replayed=first)
    assert day.says("replay-refused") == verdict


def test_a_subscription_that_ended_is_watched_if_anything_but_a_replay_comes_later(day: Day) -> None:
    first = day.tell("a", 1)
    assert day.says("subscription-watched") == "not-applicable"
    day.tell("b", 2, 0, "subscription-off", dropped=True)
    day.tell("a", 1, 200, replayed=first)
    day.tell("c", 3, 0)
    assert day.says("subscription-watched") == "fail"
    day.tell("d", 4)
    assert day.says("subscription-watched") == "pass"


def test_what_a_poll_missed_has_to_be_found_by_a_later_one(day: Day) -> None:
    day.ask("/Patient", "Patient/a", name="search")
    day.ask("/Patient", quirk="watermark-skew", name="search", unseen=["Patient/a"])
    assert day.says("watermark-overlaps") == "fail"
    day.ask("/Patient", quirk="watermark-skew", name="search", unseen=["Patient/a"])
    day.ask("/Patient", "Patient/a", name="search")
    assert day.says("watermark-overlaps") == "pass"
