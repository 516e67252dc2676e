"""Stores on every kind of overlay, and processes that write to one file."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mockehr.core.changes import ChangeLog
from mockehr.core.clock import Clock
from mockehr.fhir.overlay import MemoryOverlay, Overlay, SqliteOverlay
from mockehr.fhir.store import EmptyBase, Store

ROOT = Path(__file__).resolve().parents[3]
IDENTITY = {"site": "a", "seed": "7"}
Opened = Callable[..., Store]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Opened]:
    """A function that opens a store on the test's file; all are closed at the end."""
    stores: list[Store] = []

    def open_store(base: Any = None, name: str = "a.sqlite") -> Store:
        overlay = SqliteOverlay(tmp_path / "made" / name, IDENTITY)
        stores.append(Store(base or EmptyBase(), Clock(stepped=True, start=100.0), ChangeLog(), overlay=overlay))
        return stores[-1]

    yield open_store
    for store in stores:
        store.close()


@pytest.fixture(params=["memory", "sqlite"])
def overlay(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Overlay]:
    """An empty overlay of either kind."""
    made: Overlay = MemoryOverlay() if request.param == "memory" else SqliteOverlay(tmp_path / "a.sqlite", IDENTITY)
    yield made
    made.close()


@pytest.fixture
def store(overlay: Overlay) -> Store:
    """A store without a base on an overlay of either kind."""
    return Store(EmptyBase(), Clock(stepped=True, start=100.0), ChangeLog(), overlay=overlay)


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """A function that starts `writer.py` on the test's file; what still runs at the end is ended."""
    started: list[subprocess.Popen[bytes]] = []

    def start(*arguments: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, str(Path(__file__).with_name("writer.py")), str(tmp_path / "made" / "a.sqlite")]
        process = subprocess.Popen(
            [*command, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(ROOT / "simulator")},
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()
