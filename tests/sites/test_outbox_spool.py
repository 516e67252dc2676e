"""What an outbox does not forget where the store lasts: sites are built anew on the same folder, as after a crash."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from mockehr.core.errors import EnvironmentProblem
from mockehr.events import Delivery, Hook, Policy
from mockehr.events.keeper import NoKeeper
from mockehr.sites.build import build_site
from mockehr.sites.options import SiteOptions
from mockehr.sites.outbox_spool import TRIMMED_EVERY, SqliteKeeper, open_keeper
from mockehr.sites.site import Site

LADDER = (10.0, 60.0)


def made(folder: Path, policy: Policy | None = None, **hook: Any) -> Site:
    site = build_site(SiteOptions("a", stepped=True, open_access=True, store=f"sqlite:{folder}"))
    site.outbox.add(Hook("app", "http://app.example.org/hook", policy=policy or Policy(ladder=LADDER), **hook))
    return site


def write(site: Site, count: int = 1) -> None:
    for _ in range(count):
        number = site.store.last + 1
        patient = {"resourceType": "Patient", "id": "a", "name": [{"family": f"Muster{number}"}]}
        site.store.commit(patient, kind="update" if number > 1 else "create", source="control", event="ADT^A08")


def take(site: Site) -> Delivery:
    delivery = site.outbox.take()
    assert delivery is not None
    return delivery


def numbers(site: Site) -> list[int]:
    return [event.number for delivery in site.outbox.ready for event in delivery.events]


def test_what_was_not_answered_is_delivered_after_a_crash_with_the_same_octets(tmp_path: Path) -> None:
    site = made(tmp_path, payload="full", secret="s")
    write(site, 4)
    site.outbox.settle(take(site), 200)
    under_way = take(site)
    bodies = [under_way.exchange.body, *(one.exchange.body for one in site.outbox.ready)]
    headers = under_way.exchange.headers
    del site  # never closed: it crashed

    later = made(tmp_path, payload="full", secret="s")
    assert [one.exchange.body for one in later.outbox.ready] == bodies
    again = later.outbox.ready[0]
    assert again.number > 4  # a delivery of its own, of the same event
    assert again.exchange.headers["x-mockehr-signature"] == headers["x-mockehr-signature"]
    assert (again.exchange.patient, again.exchange.changes, again.attempt) == ("a", (2,), 1)
    lane = later.outbox.lane("app")
    assert (lane.told, lane.delivered, later.outbox.delivered) == (4, 1, 1)
    write(later)
    assert numbers(later) == [2, 3, 4, 5]
    assert len({one.number for one in later.outbox.ready} | {under_way.number}) == 5


def test_changes_come_back_with_what_was_before_them(tmp_path: Path) -> None:
    site = made(tmp_path)
    write(site, 2)
    site.store.commit({"resourceType": "Patient", "id": "a"}, kind="delete", source="fhir", patient="a")
    told = [event.change for event in site.outbox.events("app")]
    again = [event.change for event in made(tmp_path).outbox.events("app")]
    for one, other in zip(told, again, strict=True):
        assert (one.number, one.kind, one.version, one.at, one.document, one.before, one.event) == (
            other.number, other.kind, other.version, other.at, other.document, other.before, other.event,
        )  # fmt: skip


def test_a_retry_waits_for_its_time_and_counts_on(tmp_path: Path) -> None:
    site = made(tmp_path)
    write(site)
    site.outbox.settle(take(site), 503)
    later = made(tmp_path)
    assert not later.outbox.ready
    later.clock.advance(9)
    assert not later.outbox.ready
    later.clock.advance(1)
    again = take(later)
    assert (again.attempt, again.events[0].number) == (2, 1)
    later.outbox.settle(again, 503)
    last = made(tmp_path)
    last.clock.advance(80)
    delivery = take(last)
    assert delivery.attempt == 3
    last.outbox.settle(delivery, 503, "refused")
    assert last.outbox.lane("app").failed == 3
    gone = made(tmp_path)
    (dead,) = gone.outbox.dead
    assert (dead.attempt, dead.exchange.notes["failure"], gone.clock.pending()) == (3, "refused", 0)
    gone.outbox.replay(dead)
    assert made(tmp_path).outbox.dead == []


def test_order_is_kept_while_the_first_is_retried(tmp_path: Path) -> None:
    policy = Policy(ladder=(10.0,), order="fifo", repeats=True)
    site = made(tmp_path, policy)
    write(site, 3)
    site.outbox.settle(take(site), 500)
    later = made(tmp_path, policy)
    assert later.outbox.take() is None
    later.clock.advance(10)
    told = []
    while (delivery := later.outbox.take()) is not None:
        told += [event.number for event in delivery.events]
        later.outbox.settle(delivery, 200)
    assert told == [1, 2, 3]


def test_events_that_were_gathered_and_an_endpoint_that_is_off_stay_so(tmp_path: Path) -> None:
    batch = Policy(batch=5, batch_wait=30.0, ladder=(), off_after=1)
    site = made(tmp_path, batch)
    write(site, 2)
    later = made(tmp_path, batch)
    assert not later.outbox.ready
    later.clock.advance(30)
    assert numbers(later) == [1, 2]
    later.outbox.settle(take(later), 500)
    last = made(tmp_path, batch)
    assert last.outbox.lane("app").off == "1 failures in a row"
    write(last)
    assert not last.outbox.ready
    assert last.outbox.lane("app").told == 3
    last.outbox.switch("app")
    assert made(tmp_path, batch).outbox.lane("app").off == ""


def test_what_is_dropped_removed_or_reset_is_forgotten(tmp_path: Path) -> None:
    site = made(tmp_path)
    write(site, 2)
    site.outbox.remove("app")
    site = made(tmp_path)
    assert (site.outbox.ready, site.outbox.lane("app").told) == ([], 0)
    write(site)
    site.reset()
    site = made(tmp_path)
    assert (site.outbox.ready, site.outbox.events("app")) == ([], [])
    write(site)
    assert [one.number for one in site.outbox.ready] == [1]
    forgetful = Policy(ladder=(), exhausted="drop")
    site = made(tmp_path, forgetful)
    site.outbox.settle(take(site), 500)
    assert numbers(made(tmp_path)) == []


def test_events_can_be_asked_for_across_restarts_and_old_ones_are_let_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mockehr.sites.outbox_spool.LOGGED", 100)
    site = made(tmp_path)
    write(site, 3)
    later = made(tmp_path)
    write(later, 2)
    assert [event.number for event in later.outbox.events("app")] == [1, 2, 3, 4, 5]
    assert [event.number for event in later.outbox.events("app", 2, 4)] == [2, 3, 4]
    assert [event.number for event in later.outbox.events("app", 5)] == [5]
    write(later, TRIMMED_EVERY - 5)
    kept = [event.number for event in made(tmp_path).outbox.events("app")]
    assert (kept[0], len(kept)) == (TRIMMED_EVERY - 99, 100)


def test_processes_share_numbers_and_leave_each_other_what_is_theirs(tmp_path: Path) -> None:
    first, second = made(tmp_path), made(tmp_path)
    for site in (first, second):
        site.outbox.share_numbers()
    change = {"resourceType": "Patient", "id": "x"}
    first.store.commit(change, kind="create", source="control")
    told = [site.outbox.tell("app", first.log.changes[0]).number for site in (second, first, second)]
    assert told == [2, 3, 4]
    assert [event.number for event in first.outbox.events("app")] == [1, 2, 3, 4]
    drawn = [one.number for site in (first, second) for one in site.outbox.ready]
    assert len(set(drawn)) == 4
    with sqlite3.connect(tmp_path / "a.events.sqlite") as connection:  # as if somebody who lives had drawn them up
        connection.execute("UPDATE deliveries SET owner = ? WHERE number <> ?", (os.getppid(), min(drawn)))
    connection.close()
    assert numbers(made(tmp_path)) == [1]


def test_what_a_process_let_go_of_is_delivered_by_others_while_it_lives_on(tmp_path: Path) -> None:
    batch = Policy(ladder=(), off_after=1)
    first = made(tmp_path, batch)
    write(first, 3)
    first.outbox.settle(take(first), 500)
    first.outbox.add(Hook("slow", "http://slow.example.org/", policy=Policy(batch=5)))
    write(first)
    first.close()
    with sqlite3.connect(tmp_path / "a.events.sqlite") as connection:
        for table, column in (("deliveries", "owner"), ("counts", "owner"), ("events", "gathered_by")):
            owners = {owner for (owner,) in connection.execute(f"SELECT {column} FROM {table}")}
            assert os.getpid() not in owners, table
    connection.close()
    later = made(tmp_path, batch)
    later.outbox.add(Hook("slow", "http://slow.example.org/", policy=Policy(batch=5)))
    lane = later.outbox.lane("app")
    assert (lane.failed, lane.off, len(later.outbox.dead)) == (1, "1 failures in a row", 1)
    assert numbers(later) == [2, 3]
    assert [event.number for event in later.outbox.lane("slow").gathered] == [1]
    later.close()
    assert made(tmp_path, batch).outbox.lane("app").failed == 1


def test_what_an_earlier_process_left_is_written_when_it_is_known_where_the_site_is_served(tmp_path: Path) -> None:
    first = made(tmp_path, form="backport", payload="id-only")
    first.base_url = "http://one.example.org/a/fhir"
    write(first, 2)
    later = made(tmp_path, form="backport", payload="id-only")
    later.base_url = "http://two.example.org/b/fhir"
    write(later)
    bodies = [one.exchange.body for one in later.outbox.ready]
    assert len(bodies) == 3
    assert all(b"http://two.example.org/b/fhir/Patient/a" in body for body in bodies)


def test_events_of_after_a_restored_snapshot_have_ids_of_their_own_for_good(tmp_path: Path) -> None:
    site = made(tmp_path)
    site.snapshots.take("before")
    write(site)
    site.snapshots.restore("before")
    write(site)
    ids = [one.id for one in site.outbox.ready]
    assert [one.events[0].change.number for one in site.outbox.ready] == [1, 1]
    assert len(set(ids)) == 2
    later = made(tmp_path)
    assert [one.id for one in later.outbox.ready] == ids
    write(later)
    assert [event.id for event in later.outbox.events("app")] == [*ids, "evt-1.2"]
    later.reset()
    write(later)
    assert [one.id for one in later.outbox.ready] == ["evt-1"]


def test_what_a_snapshot_undid_is_told_of_by_its_name_and_not_as_what_was_written_since(tmp_path: Path) -> None:
    site = made(tmp_path, payload="full")
    site.snapshots.take("before")
    site.store.commit({"resourceType": "Patient", "id": "a", "gender": "male"}, kind="create", source="control")
    site.snapshots.restore("before")
    site.clock.advance(60)
    site.store.commit({"resourceType": "Patient", "id": "a", "gender": "female"}, kind="create", source="control")
    told = [event.change.document for event in made(tmp_path).outbox.events("app")]
    assert told == [
        {"resourceType": "Patient", "id": "a"},
        {"resourceType": "Patient", "id": "a", "gender": "female"},
    ]


def test_a_site_in_memory_keeps_nothing_and_opens_no_file(tmp_path: Path) -> None:
    site = build_site(SiteOptions("a", stepped=True))
    assert isinstance(open_keeper(site), NoKeeper)
    lasting = build_site(SiteOptions("a", stepped=True, store=f"sqlite:{tmp_path}"))
    assert not (tmp_path / "a.events.sqlite").exists()
    lasting.outbox.add(Hook("app", "http://app.example.org/"))
    assert (tmp_path / "a.events.sqlite").exists()


def test_an_answer_that_comes_after_the_site_was_closed_harms_nobody(tmp_path: Path) -> None:
    site = made(tmp_path)
    write(site)
    delivery = take(site)
    site.close()
    site.close()
    site.outbox.settle(delivery, 200)
    assert numbers(made(tmp_path)) == [1]


def test_a_file_that_is_none_of_ours_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.events.sqlite"
    path.write_bytes(b"no database at all, but long enough to be taken for one" * 40)
    with pytest.raises(EnvironmentProblem, match="cannot be used to hold events"):
        SqliteKeeper(path, lambda told: pytest.fail("nothing is asked for"))
