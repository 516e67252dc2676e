"""What a feed does when its peer does not take a message, who overtakes whom, what a full queue does, batches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from mockehr.core.errors import DuplicateName, UnknownName
from mockehr.core.exchange import Exchange
from mockehr.hl7.dialect import GENERIC
from mockehr.hl7.habits import SendHabit
from mockehr.hl7.header import read_header
from mockehr.sites.build import build_site
from mockehr.sites.feeds import Gathering, Link, Mishap, Policy, awaited
from mockehr.sites.options import SiteOptions
from mockehr.sites.site import Site

PATIENT = {"resourceType": "Patient", "id": "a", "name": [{"family": "Muster", "given": ["Erika"]}]}


def made() -> Site:
    return build_site(SiteOptions("a", stepped=True, open_access=True))


def link(site: Site, **settings: Any) -> Link:
    return site.links.add(Link("lab", "127.0.0.1", 1, **settings))


def write(site: Site, count: int = 1) -> None:
    for _ in range(count):
        kind: Any = "update" if site.store.read("Patient", "a") else "create"
        site.store.commit(PATIENT, kind=kind, source="control")


def answer(
    site: Site, feed: Link, taken: tuple[Exchange, ...], code: str = "AA", mishap: Mishap | None = None
) -> None:
    for exchange in taken:
        error = "" if code else "no answer"
        ack = b"MSA|" + code.encode() if code else b""
        site.links.settle(feed, exchange, code=code, matched=bool(code), ack=ack, error=error, mishap=mishap)


def numbers(exchanges: Any) -> list[int]:
    return [exchange.notes["message"] for exchange in exchanges]


def sent(site: Site, feed: Link) -> Iterator[int]:
    """Take and accept all that may go."""
    while taken := site.links.take(feed):
        yield from numbers(taken)
        answer(site, feed, taken)


@dataclass(frozen=True)
class Quirky:
    """A rule in short: what it does to the effects or body of the n-th message."""

    site: Site
    deeds: dict[int, dict[str, Any]]

    def __post_init__(self) -> None:
        disturb = self.site.mischief.disturb

        def act(capability: str, exchange: Exchange) -> None:
            disturb(capability, exchange)
            if capability == "on_message":
                for name, value in self.deeds.get(exchange.notes["message"], {}).items():
                    if name == "body":
                        exchange.body = value
                    else:
                        setattr(exchange.effect(), name, value)

        self.site.mischief.disturb = act  # type: ignore[method-assign]


def test_what_nobody_answered_is_sent_again_with_the_same_octets_in_entries_of_its_own() -> None:
    site = made()
    feed = link(site)
    write(site, 2)
    first = site.links.take(feed)
    body = first[0].body
    answer(site, feed, first, "", "timeout")
    assert site.links.take(feed) == ()
    assert (feed.failed, feed.waiting) == (0, 2)
    site.clock.advance(0.9)
    assert site.links.take(feed) == ()
    site.clock.advance(0.2)
    (again,) = site.links.take(feed)
    assert (again.body, again.notes["attempt"], again.changes) == (body, 2, first[0].changes)
    assert again.number not in (first[0].number, 0)
    assert first[0].notes["failure"] == "no answer"
    answer(site, feed, (again,))
    assert list(sent(site, feed)) == [2]
    assert (feed.acknowledged, feed.retried, feed.failed) == (2, 1, 0)


def test_waits_between_attempts_follow_the_list_and_its_last_one_goes_on() -> None:
    site = made()
    feed = link(site, policy=Policy(retry_waits=(2.0, 7.0)))
    write(site)
    waits = []
    for _ in range(4):
        answer(site, feed, site.links.take(feed), "", "lost")
        due = site.clock.next_due()
        assert due is not None
        waits.append(due - site.clock.now())
        site.clock.advance(waits[-1])
    assert waits == [2.0, 7.0, 7.0, 7.0]


@pytest.mark.parametrize(
    ("exhausted", "failed", "parked", "stopped", "goes_on"),
    [("skip", 1, 0, False, [2]), ("park", 1, 1, False, [2]), ("stop", 0, 0, True, [])],
)
def test_after_the_last_attempt_a_message_is_skipped_parked_or_stops_the_link(
    exhausted: Any, failed: int, parked: int, stopped: bool, goes_on: list[int]
) -> None:
    site = made()
    feed = link(site, policy=Policy(attempts=2, exhausted=exhausted))
    write(site, 2)
    answer(site, feed, site.links.take(feed), "", "timeout")
    site.clock.advance(1)
    answer(site, feed, site.links.take(feed), "", "timeout")
    assert (feed.failed, len(site.links.parking), bool(feed.stopped)) == (failed, parked, stopped)
    assert list(sent(site, feed)) == goes_on


@pytest.mark.parametrize("code", ["AE", "AR", "CE", "CR"])
@pytest.mark.parametrize("deed", ["retry", "skip", "stop", "park"])
def test_each_refusal_has_a_deed_of_its_own(code: Mishap, deed: Any) -> None:
    site = made()
    feed = link(site, policy=Policy(deeds={code: deed}))
    write(site, 2)
    answer(site, feed, site.links.take(feed), code)
    state = (bool(feed.resting), bool(feed.stopped), len(site.links.parking), feed.failed)
    assert state == {
        "retry": (True, False, 0, 0), "skip": (False, False, 0, 1), "stop": (True, True, 0, 0),
        "park": (False, False, 1, 1),
    }[deed]  # fmt: skip
    assert list(sent(site, feed)) == ([2] if deed in ("skip", "park") else [])


def test_a_link_follows_the_habit_of_its_dialect_unless_told() -> None:
    site = made()
    habit = SendHabit(on_error="stop", on_silence="skip", waits=(9.0,))
    feed = link(site, dialect=replace(GENERIC, sending=habit), policy=Policy(deeds={"AE": "retry"}))
    write(site, 2)
    answer(site, feed, site.links.take(feed), "", "timeout")
    assert feed.failed == 1
    answer(site, feed, site.links.take(feed), "AE")
    assert (feed.stopped, site.clock.next_due()) == ("", site.clock.now() + 9.0)


def test_a_habit_that_compares_no_ids_takes_any_answer() -> None:
    site = made()
    feed = link(site, dialect=replace(GENERIC, sending=SendHabit(compares_id=False)))
    write(site)
    (message,) = site.links.take(feed)
    site.links.settle(feed, message, code="AA", matched=False, ack=b"MSA|AA|other", error="no acknowledgement of 1")
    assert feed.acknowledged == 1


def test_a_stopped_link_says_why_and_goes_on_with_that_message_when_it_is_resumed() -> None:
    site = made()
    feed = link(site, policy=Policy(deeds={"AR": "stop"}))
    write(site, 2)
    answer(site, feed, site.links.take(feed), "AR")
    assert feed.status()["stopped"] == "message 1: answered AR"
    write(site)
    assert site.links.take(feed) == ()
    site.links.resume(feed)
    assert list(sent(site, feed)) == [1, 2, 3]


def test_what_a_link_stopped_at_can_be_set_aside_and_sent_later() -> None:
    site = made()
    feed = link(site, policy=Policy(deeds={"AR": "stop"}))
    write(site, 2)
    (first,) = site.links.take(feed)
    answer(site, feed, (first,), "AR")
    (parked,) = site.links.set_aside(feed)
    site.links.resume(feed)
    assert list(sent(site, feed)) == [2]
    site.links.unpark(parked)
    assert len(site.links.parking) == 0
    (late,) = site.links.take(feed)
    assert (late.body, late.notes["message"], late.interaction) == (first.body, 3, first.interaction)


def test_messages_that_were_overtaken_follow_those_that_overtook_them() -> None:
    site = made()
    feed = link(site)
    Quirky(site, {1: {"hold": 2}, 3: {"hold": 1}})
    write(site, 5)
    assert list(sent(site, feed)) == [2, 4, 1, 3, 5]
    assert feed.acknowledged == 5


def test_a_held_message_goes_after_a_minute_if_nobody_overtakes_it() -> None:
    site = made()
    feed = link(site)
    Quirky(site, {1: {"hold": 1}})
    write(site)
    site.clock.advance(59)
    assert site.links.take(feed) == ()
    site.clock.advance(2)
    assert list(sent(site, feed)) == [1]


def test_packed_messages_leave_in_one_write_with_the_next() -> None:
    site = made()
    feed = link(site)
    Quirky(site, {1: {"packed": True}, 3: {"packed": True}})
    write(site, 3)
    taken = site.links.take(feed)
    assert numbers(taken) == [1, 2]
    answer(site, feed, taken)
    assert site.links.take(feed) == ()
    site.clock.advance(60)
    assert numbers(site.links.take(feed)) == [3]


def test_a_dropped_message_is_counted_and_journaled_and_never_sent() -> None:
    site = made()
    feed = link(site)
    Quirky(site, {1: {"dropped": True}})
    write(site, 2)
    assert list(sent(site, feed)) == [2]
    assert [one.notes.get("dropped") for one in site.journal] == [True, None]
    assert feed.number == 2


def test_a_message_that_a_rule_changed_keeps_what_it_was() -> None:
    site = made()
    feed = link(site)
    Quirky(site, {2: {"body": b"garbage"}})
    write(site, 2)
    untouched, changed = feed.ready
    assert "clean" not in untouched.notes
    assert changed.notes["clean"].startswith("MSH|")
    assert changed.body == b"garbage"


@pytest.mark.parametrize(
    ("full", "kept", "failed", "untold"), [("drop-oldest", [3, 4], 2, 0), ("refuse", [1, 2], 0, 2)]
)
def test_a_full_queue_gives_up_its_oldest_or_tells_nothing_new(
    full: Any, kept: list[int], failed: int, untold: int
) -> None:
    site = made()
    feed = link(site, policy=Policy(queue=2, full=full))
    write(site, 4)
    assert (feed.failed, len(feed.untold), feed.waiting) == (failed, untold, 2)
    assert list(sent(site, feed)) == kept


def test_a_full_queue_that_blocks_tells_of_later_changes_once_there_is_room() -> None:
    site = made()
    feed = link(site, policy=Policy(queue=2, full="block"))
    write(site, 5)
    assert (feed.waiting, feed.behind) == (2, 2)
    assert list(sent(site, feed)) == [1, 2, 3, 4, 5]
    changes = [exchange.changes for exchange in site.journal]
    assert changes == [(1,), (2,), (3,), (4,), (5,)]
    assert feed.behind is None


def test_a_batch_goes_when_it_is_large_enough_or_when_its_time_is_up() -> None:
    site = made()
    feed = link(site, batch=Gathering(every=900.0, messages=3))
    write(site, 2)
    assert site.links.take(feed) == ()
    site.clock.advance(900)
    assert list(sent(site, feed)) == [1, 2]
    write(site, 3)
    assert list(sent(site, feed)) == [3, 4, 5]
    write(site)
    assert site.links.take(feed) == ()
    assert site.links.flush(feed) == 1
    assert list(sent(site, feed)) == [6]


def test_flushing_waits_for_no_retry() -> None:
    site = made()
    feed = link(site)
    write(site, 2)
    answer(site, feed, site.links.take(feed), "", "lost")
    assert site.links.flush(feed) == 1
    assert list(sent(site, feed)) == [1, 2]
    site.clock.advance(100)
    assert site.links.take(feed) == ()


def test_what_waits_can_be_discarded() -> None:
    site = made()
    feed = link(site)
    write(site, 3)
    answer(site, feed, site.links.take(feed), "", "lost")
    assert site.links.discard(feed, "not wanted") == 3
    site.clock.advance(100)
    assert (site.links.take(feed), feed.waiting) == ((), 0)


def test_a_message_as_it_stands_takes_the_next_number_of_its_link() -> None:
    site = made()
    feed = link(site)
    write(site)
    exchange = site.links.send(feed, b"MSH|^~\\&|A|B|C|D|20260105||ZZZ^Z01|own|P|2.3\r")
    assert (exchange.notes["message"], exchange.interaction and exchange.interaction.name) == (2, "ZZZ^Z01")
    assert list(sent(site, feed)) == [1, 2]


def test_names_of_links_are_their_own_and_a_removed_one_gives_up_what_waits() -> None:
    site = made()
    feed = link(site)
    with pytest.raises(DuplicateName):
        link(site)
    hung_up: list[str] = []
    site.links.hang_up = lambda one: hung_up.append(one.name)
    write(site)
    site.links.remove("lab")
    assert (hung_up, feed.failed) == (["lab"], 1)
    with pytest.raises(UnknownName):
        site.links.get("lab")


@pytest.mark.parametrize(
    ("conditions", "wanted"),
    [("|", "answer"), ("AL|NE", "answer"), ("NE|AL", "answer"), ("NE|NE", "nothing"), ("NE|", "nothing"),
     ("ER|NE", "complaint"), ("ER|ER", "complaint"), ("SU|NE", "answer")],
)  # fmt: skip
def test_msh_15_and_16_say_whether_an_answer_is_awaited(conditions: str, wanted: str) -> None:
    header = read_header(f"MSH|^~\\&|A|B|C|D|20260105||ADT^A01|1|P|2.5.1|||{conditions}\r".encode())
    assert awaited(header) == wanted


def test_silence_is_consent_where_only_complaints_are_wanted() -> None:
    site = made()
    feed = link(site, dialect=replace(GENERIC, accept_condition="ER", application_condition="NE"))
    write(site, 3)
    answer(site, feed, site.links.take(feed), "", "timeout")
    assert feed.acknowledged == 1
    answer(site, feed, site.links.take(feed), "", "lost")
    assert (feed.acknowledged, len(feed.resting)) == (1, 1)
