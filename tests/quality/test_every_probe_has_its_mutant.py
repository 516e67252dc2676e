"""For every probe there is: a client with one planted flaw that this probe catches and no other one does.

Each mutant is judged by ALL probes on the occasion that it is about, and so is its twin, which copes. Where the flaw
shows in the records that the client gives back, `truth` fails beside: that is what `truth` asks, and each such row
says how. Who adds a probe adds a row to one of the modules `mutants_of_*.py` beside this one, which are found by
themselves.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx2
import pytest

from mockehr.scenarios.probe import Finding
from mockehr.scenarios.probes import probes
from mockehr.testing.world import World

HERE = Path(__file__).parent
SHARED = (
    "test_over_sockets", "test_auth_over_sockets", "test_dialects_tell_clients_apart", "test_two_houses",
    "test_network_quirks_tell_clients_apart", "test_event_quirks_tell_receivers_apart",
    "test_bulk_quirks_tell_clients_apart", "test_exceptions_probes",
)  # fmt: skip
"""Tests whose clients are run here, too."""


def load(name: str, place: Path) -> ModuleType:
    """A module by its file, under that name: tests are no package."""
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, place)
        assert spec is not None
        assert spec.loader is not None
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


LAUNCH = load("launch_conftest", HERE.parent / "launch" / "conftest.py")
stage = LAUNCH.stage
for shared in SHARED:
    load(shared, HERE / f"{shared}.py")
FAMILIES = [load(place.stem, place).MUTANTS for place in sorted(HERE.glob("mutants_of_*.py"))]
MUTANTS = {probe: row for family in FAMILIES for probe, row in family.items()}
"""By probe: how it is played (with the flaw or without, on a stand), and how the flaw shows in the records, if so."""


class Stand:
    """What a row may need to play; nothing is started that it does not ask for."""

    def __init__(self, request: pytest.FixtureRequest) -> None:
        self._request = request

    @property
    def mockehr(self) -> World:
        """Sites over sockets, as they are asked for."""
        found: World = self._given("mockehr")
        return found

    @property
    def stage(self) -> Any:
        """Opens apps at such a site."""
        return self._given("stage")

    @property
    def http(self) -> httpx2.Client:
        found: httpx2.Client = self._given("http")
        return found

    @property
    def folder(self) -> Path:
        """An empty folder."""
        found: Path = self._given("tmp_path")
        return found

    @property
    def patch(self) -> pytest.MonkeyPatch:
        found: pytest.MonkeyPatch = self._given("monkeypatch")
        return found

    def _given(self, name: str) -> Any:
        return self._request.getfixturevalue(name)


@pytest.fixture
def http() -> Iterator[httpx2.Client]:
    """A client of HTTP that goes straight to where it is sent."""
    with httpx2.Client(timeout=30, trust_env=False) as client:
        yield client


@pytest.fixture
def stand(request: pytest.FixtureRequest) -> Stand:
    """For one row."""
    return Stand(request)


def findings(probe: str, stand: Stand, *, flawed: bool) -> dict[str, Finding]:
    """What all probes say of the mutant of that probe, or of its twin."""
    play, _ = MUTANTS[probe]
    found = {finding.probe: finding for finding in play(stand, flawed)}
    assert set(found) == set(probes())
    return found


def failing(found: dict[str, Finding]) -> set[str]:
    return {name for name, finding in found.items() if finding.verdict == "fail"}


def test_no_probe_lacks_a_mutant() -> None:
    assert sorted(probe for family in FAMILIES for probe in family) == sorted(probes())


@pytest.mark.mockehr(lenient=True)
@pytest.mark.parametrize("probe", sorted(MUTANTS))
def test_a_flaw_is_caught_by_its_probe_and_by_no_other(probe: str, stand: Stand) -> None:
    found, shows = findings(probe, stand, flawed=True), MUTANTS[probe][1]
    expected = {probe, "truth"} if shows else {probe}
    assert failing(found) == expected, [found[name] for name in failing(found) ^ expected]


@pytest.mark.mockehr(lenient=True)
@pytest.mark.parametrize("probe", sorted(MUTANTS))
def test_its_twin_that_copes_passes_that_probe_and_fails_none(probe: str, stand: Stand) -> None:
    found = findings(probe, stand, flawed=False)
    assert failing(found) == set(), [found[name] for name in failing(found)]
    assert found[probe].verdict == "pass", found[probe]
