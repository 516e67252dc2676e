"""Writes to a file as a process of its own and tells on its standard output what was acknowledged, a line each.

`writer.py FILE endless NAME` goes on until it is killed, with single commits and transactions of three;
`writer.py FILE count NAME TIMES` adds one to a shared counter, again and again, and makes a thing each time.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from mockehr.core.changes import ChangeLog
from mockehr.core.clock import Clock
from mockehr.fhir.overlay import Overtaken, SqliteOverlay
from mockehr.fhir.store import EmptyBase, Store


def tell(*words: str) -> None:
    """One line, at once."""
    os.write(1, (" ".join(words) + "\n").encode())


def make(store: Store, note: str) -> str:
    """One new Basic resource; returns its id."""
    id = store.new_id("Basic")
    store.commit({"resourceType": "Basic", "id": id, "language": note}, kind="create", source="fhir")
    return id


def write_endlessly(store: Store, name: str) -> None:
    """Tell of every commit and every transaction that came back."""
    group = 0
    while True:
        tell("one", make(store, name))
        group += 1
        with store.transaction():
            ids = [make(store, f"{name}-{group}") for _ in range(3)]
        tell("three", *ids)


def count(store: Store, name: str, times: int) -> None:
    """Add to the shared counter over the version that was read, until nobody was faster; make a thing each time."""
    for _ in range(times):
        while True:
            read = store.read("Basic", "counter")
            value = read.document["count"] if read else 0
            document = {"resourceType": "Basic", "id": "counter", "count": value + 1}
            try:
                store.commit(document, kind="update", source="fhir", over=read.version if read else 0)
            except Overtaken:
                continue
            break
        tell("one", make(store, name))


def main(file: str, what: str, name: str, *rest: str) -> None:
    """Open, say so, wait for a line, write."""
    overlay = SqliteOverlay(Path(file), {"site": "a", "seed": "7"})
    store = Store(EmptyBase(), Clock(), ChangeLog(), overlay=overlay)
    tell("ready")
    sys.stdin.readline()
    if what == "endless":
        write_endlessly(store, name)
    else:
        count(store, name, int(rest[0]))
    store.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
