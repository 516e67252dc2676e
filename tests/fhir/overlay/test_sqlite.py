"""What was written lasts in a file, and several processes may write to it at once."""

from __future__ import annotations

import json
import random
import sqlite3
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mockehr.core.errors import EnvironmentProblem
from mockehr.fhir.record import encode
from mockehr.fhir.store import Store

Opened = Callable[..., Store]
Writer = Callable[..., "subprocess.Popen[bytes]"]
KILLED = 20


def put(store: Store, id: str, **more: Any) -> None:
    store.commit({"resourceType": "Basic", "id": id, **more}, kind="update", source="control")


def acknowledged(lines: list[bytes]) -> list[list[str]]:
    """The ids of each whole line."""
    return [line.decode().split()[1:] for line in lines if line.endswith(b"\n")]


def test_what_was_written_is_there_after_reopening_and_numbers_go_on(opened: Opened) -> None:
    first = opened()
    put(first, first.new_id("Basic"), language="de")
    put(first, "w1", language="fr")
    first.commit({"resourceType": "Basic", "id": "w1"}, kind="delete", source="fhir")
    before = [(r.version, r.updated, r.deleted, r.document, r.body) for r in first.history("Basic", "w1")]
    first.close()
    second = opened()
    assert [(r.version, r.updated, r.deleted, r.document, r.body) for r in second.history("Basic", "w1")] == before
    assert second.new_id("Basic") == "w2"
    assert (second.last, second.log.next_number(), second.log.changes) == (3, 4, [])
    put(second, "w2")
    assert [change.number for change in second.log.since(3)] == [4]
    assert [record.key for record in second.versions().page(0, 2)] == ["Basic/w2", "Basic/w1"]


def test_a_tombstone_of_another_process_is_no_record_that_was_read_before(opened: Opened) -> None:
    one, other = opened(), opened()
    put(one, "x")
    assert [record.deleted for record in one.overlay("Basic")] == [False]
    other.clear()
    # the same version with the same octets at the same time, and yet something else
    other.commit({"resourceType": "Basic", "id": "x"}, kind="delete", source="control")
    assert [record.deleted for record in one.overlay("Basic")] == [True]


def test_broken_text_and_the_digits_of_decimals_come_back_as_they_were(opened: Opened) -> None:
    from mockehr.fhir.lossless import Lexical

    document = {"resourceType": "Basic", "id": "x", "note": "M\udcfcller", "size": Lexical("1.10")}
    store = opened()
    store.commit(document, kind="create", source="control")
    store.close()
    found = opened().read("Basic", "x")
    assert found is not None
    assert b"M\xfcller" in found.body
    assert found.document == document
    assert encode(found.document) == found.body


def test_two_connections_see_each_others_commits_and_never_what_is_half_done(opened: Opened) -> None:
    one, other = opened(), opened()
    put(one, "x", language="de")
    assert other.read("Basic", "x") == one.read("Basic", "x")
    assert other.read("Basic", "y") is None
    with one.transaction():
        put(one, "x", language="fr")
        put(one, "y")
        found = other.read("Basic", "x")
        assert found is not None
        assert (found.version, other.read("Basic", "y")) == (1, None)
    found = other.read("Basic", "x")
    assert found is not None
    assert found.version == 2
    assert [record.id for record in other.overlay("Basic")] == ["x", "y"]
    assert [one.new_id("Basic"), other.new_id("Basic")] == ["w1", "w2"]
    one.clear()
    assert other.read("Basic", "x") is None


def test_a_record_is_parsed_once_while_nothing_changed(opened: Opened) -> None:
    one, other = opened(), opened()
    put(one, "x")
    first = other.read("Basic", "x")
    put(one, "y")
    assert other.read("Basic", "x") is first
    assert other.overlay("Basic")[0] is first


def test_pages_of_a_history_do_not_move_while_others_write(opened: Opened) -> None:
    one, other = opened(), opened()
    for id in "abc":
        put(one, id)
    hits = other.versions("Basic")
    put(one, "d")
    assert (hits.total, [record.id for record in hits.page(0, 2)]) == (3, ["c", "b"])
    assert [record.id for record in hits.page(2, 2)] == ["a"]
    assert other.versions("Basic").total == 4


def test_a_closed_store_says_so(opened: Opened) -> None:
    store = opened()
    store.close()
    store.close()
    with pytest.raises(EnvironmentProblem, match="was closed"):
        store.read("Basic", "x")
    with pytest.raises(EnvironmentProblem, match="was closed"):
        put(store, "x")


def test_a_file_that_cannot_be_written_any_more_is_told_and_nothing_is_half_done(opened: Opened) -> None:
    store = opened()
    put(store, "x")
    connection = store._overlay._connection  # type: ignore[attr-defined]
    connection.execute("PRAGMA max_page_count = 1")
    with pytest.raises(EnvironmentProblem, match="full") as refused:
        put(store, "y", note="n" * 1_000_000)
    assert "disk" in refused.value.remedy
    connection.execute("PRAGMA max_page_count = 1000000")
    assert (store.read("Basic", "y"), store.last, len(store.log.changes)) == (None, 1, 1)
    put(store, "z")
    assert [record.id for record in store.versions().page(0, 9)] == ["z", "x"]


def test_a_process_that_is_killed_loses_nothing_acknowledged_and_leaves_nothing_half_done(
    opened: Opened, writer: Writer, tmp_path: Path
) -> None:
    chance, told = random.Random(5), list[list[str]]()
    for round in range(KILLED):
        process = writer("endless", f"r{round}")
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.stdin.write(b"\n")
        process.stdin.flush()
        lines = [process.stdout.readline() for _ in range(chance.randrange(60))]
        until = time.perf_counter() + chance.random() / 1000
        while time.perf_counter() < until:
            pass
        process.kill()
        lines += process.stdout.readlines()
        process.wait()
        told += acknowledged(lines)
    store = opened()
    there = {record.id: record.document["language"] for record in store.overlay("Basic")}
    ids = [id for line in told for id in line]
    assert len(ids) == len(set(ids)) > KILLED
    assert set(ids) <= set(there)
    assert len(there) - len(ids) <= 3 * KILLED, "each process had at most one write under way that it had not told of"
    groups = Counter(note for note in there.values() if "-" in note)
    assert set(groups.values()) == {3}
    assert [record.version for record in store.written()] == [1] * store.last
    with sqlite3.connect(tmp_path / "made" / "a.sqlite") as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()
    put(store, store.new_id("Basic"))


def test_processes_that_write_to_one_file_at_once_lose_nothing(opened: Opened, writer: Writer) -> None:
    times, names = 120, ("a", "b", "c")
    processes = [writer("count", name, str(times)) for name in names]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write(b"\n")
        process.stdin.flush()
    said = [process.communicate(timeout=60)[0].splitlines(keepends=True) for process in processes]
    told = [id for lines in said for (id,) in acknowledged(lines)]
    assert [process.returncode for process in processes] == [0, 0, 0]
    store = opened()
    counter = store.history("Basic", "counter")
    assert [record.version for record in counter] == list(range(1, len(names) * times + 1))
    assert [record.document["count"] for record in counter] == list(range(1, len(names) * times + 1))
    assert len(told) == len(set(told)) == len(names) * times
    assert {record.id for record in store.overlay("Basic")} == {"counter", *told}
    assert store.last == 2 * len(names) * times


def test_documents_are_kept_twice_only_where_the_body_does_not_say_it_all(opened: Opened, tmp_path: Path) -> None:
    store = opened()
    put(store, "plain", language="de")
    put(store, "broken", language="\udcff")
    store.close()
    with sqlite3.connect(tmp_path / "made" / "a.sqlite") as connection:
        rows = dict(connection.execute("SELECT id, document FROM versions").fetchall())
    connection.close()
    assert rows["plain"] is None
    assert json.loads(rows["broken"])["language"] == "\udcff"
