"""What lasts where the store lasts: queues, numbers, answers and what was set aside; sites are built anew."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from mockehr.core.errors import EnvironmentProblem
from mockehr.core.exchange import Exchange
from mockehr.sites.build import build_site
from mockehr.sites.feeds import Link, Policy
from mockehr.sites.listeners import Listener
from mockehr.sites.options import SiteOptions
from mockehr.sites.site import Site
from mockehr.sites.spool import Kept, NoSpool, SqliteSpool, open_spool

PATIENT = {"resourceType": "Patient", "id": "a", "name": [{"family": "Muster", "given": ["Erika"]}]}
ADMISSION = (
    b"MSH|^~\\&|ADT1|WARD|MOCKEHR|HOSPITAL|20260105120000||ADT^A28|M1|P|2.5.1\rEVN|A28|20260105120000\r"
    b"PID|1||90001^^^WARD^MR||Muster^Max||19800304|M\r"
)


def made(folder: Path) -> Site:
    site = build_site(SiteOptions("a", stepped=True, open_access=True, store=f"sqlite:{folder}"))
    site.listeners.declare(Listener(duplicates="repeat-ack", park=True))
    return site


def link(site: Site, **more: Any) -> Link:
    return site.links.add(Link("lab", "127.0.0.1", 1, **more))


def write(site: Site, count: int = 1) -> None:
    for _ in range(count):
        kind: Any = "update" if site.store.read("Patient", "a") else "create"
        site.store.commit(PATIENT, kind=kind, source="control")


def settle(site: Site, feed: Link, exchange: Exchange, code: str = "AA") -> None:
    site.links.settle(feed, exchange, code=code, matched=bool(code), ack=b"", error="" if code else "lost")


def test_what_was_not_acknowledged_goes_first_after_a_restart_with_the_same_octets(tmp_path: Path) -> None:
    site = made(tmp_path)
    feed = link(site)
    write(site, 4)
    (first,) = site.links.take(feed)
    settle(site, feed, first)
    (second,) = site.links.take(feed)  # sent, and the process ends before the answer
    third, fourth = feed.ready
    del site  # never closed: it crashed

    later = made(tmp_path)
    again = link(later)
    assert [one.body for one in again.ready] == [second.body, third.body, fourth.body]
    assert [one.changes for one in again.ready] == [(2,), (3,), (4,)]
    assert [one.interaction for one in again.ready] == [second.interaction, third.interaction, fourth.interaction]
    assert [one.patient for one in again.ready] == ["a"] * 3
    write(later)
    assert again.ready[-1].body.split(b"|")[9] == b"5"
    assert again.number == 5


def test_attempts_go_on_counting_after_a_restart(tmp_path: Path) -> None:
    site = made(tmp_path)
    feed = link(site)
    write(site)
    settle(site, feed, site.links.take(feed)[0], "")
    later = made(tmp_path)
    again = link(later, policy=Policy(attempts=2, exhausted="park"))
    (message,) = later.links.take(again)
    assert message.notes["attempt"] == 2
    settle(later, again, message, "")
    assert len(later.links.parking) == 1


def test_what_was_answered_given_up_or_taken_away_does_not_come_again(tmp_path: Path) -> None:
    site = made(tmp_path)
    feed = link(site, policy=Policy(deeds={"AE": "skip"}))
    write(site, 2)
    settle(site, feed, site.links.take(feed)[0])
    settle(site, feed, site.links.take(feed)[0], "AE")
    later = made(tmp_path)
    assert not link(later).ready
    write(later)
    later.links.remove("lab")
    assert not link(made(tmp_path)).ready


def test_a_message_that_was_taken_is_known_after_a_restart(tmp_path: Path) -> None:
    site = made(tmp_path)
    first = site.handle(Exchange("mllp-in", body=ADMISSION))
    later = made(tmp_path)
    second = later.handle(Exchange("mllp-in", body=ADMISSION))
    assert first.reply is not None
    assert second.reply is not None
    assert (second.reply.body, second.changes) == (first.reply.body, ())
    assert second.notes["repeats"] == first.number


def test_the_error_queue_is_there_after_a_restart(tmp_path: Path) -> None:
    site = made(tmp_path)
    site.handle(Exchange("mllp-in", body=ADMISSION.replace(b"ADT^A28", b"ADT^Z99")))
    later = made(tmp_path)
    assert [one.told() for one in later.links.parking] == [one.told() for one in site.links.parking]
    (parked,) = later.links.parking
    assert parked.body == ADMISSION.replace(b"ADT^A28", b"ADT^Z99")
    later.links.parking.drop(parked.number)
    assert len(made(tmp_path).links.parking) == 0


def test_a_reset_forgets_the_file_too(tmp_path: Path) -> None:
    site = made(tmp_path)
    link(site)
    write(site, 2)
    site.reset()
    feed = link(made(tmp_path))
    assert (len(feed.ready), feed.number) == (0, 0)


def test_a_site_without_hl7_has_no_such_file(tmp_path: Path) -> None:
    site = made(tmp_path)
    write(site)
    site.close()
    assert [file.name for file in tmp_path.iterdir() if "hl7" in file.name] == []


def test_what_belongs_to_a_process_that_lives_is_left_to_it(tmp_path: Path) -> None:
    path = tmp_path / "a.hl7.sqlite"
    spool = SqliteSpool(path)
    spool.put("lab", Kept(1, 0, b"one", {}), 0)
    spool.put("lab", Kept(2, 0, b"two", {}), 0)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE outbox SET owner = ? WHERE number = 1", (os.getppid(),))
    connection.close()
    assert [kept.body for kept in spool.take_over("lab")] == [b"two"]
    spool.close()


def test_processes_that_send_for_one_site_never_use_a_number_twice(tmp_path: Path) -> None:
    first, second = made(tmp_path), made(tmp_path)
    feeds = [link(first), link(second)]
    for site in (first, second):
        site.links.share_numbers()
    for site, feed in zip((first, second, first), (*feeds, feeds[0]), strict=True):
        site.links.send(feed, ADMISSION)
    assert [[one.notes["message"] for one in feed.ready] for feed in feeds] == [[1, 3], [2]]


def test_answers_are_bounded(tmp_path: Path) -> None:
    spool = SqliteSpool(tmp_path / "s")
    for number in range(5):
        spool.remember(str(number), number, (b"\xe9",), 2)
    assert list(spool.remembered()) == [("3", 3, (b"\xe9",)), ("4", 4, (b"\xe9",))]
    spool.close()


def test_memory_has_no_spool_and_a_file_that_is_none_is_refused(tmp_path: Path) -> None:
    assert isinstance(open_spool("memory", "a"), NoSpool)
    (tmp_path / "a.hl7.sqlite").write_bytes(b"something else" * 100)
    with pytest.raises(EnvironmentProblem):
        open_spool(f"sqlite:{tmp_path}", "a")
