"""Which scenarios are meant by names, paths, `all` and a kind of client."""

from __future__ import annotations

from pathlib import Path

import pytest

from mockehr.cli.orders import scenarios_meant
from mockehr.core.errors import UnknownName, UsageError
from mockehr.scenarios.schema import load_scenario
from mockehr.scenarios.shipped import shipped_scenarios


def test_all_are_those_that_come_with_mockehr() -> None:
    assert scenarios_meant([Path("all")]) == list(shipped_scenarios().values())


def test_a_kind_chooses_among_what_is_named() -> None:
    peers = scenarios_meant([Path("all")], "peer")
    assert {load_scenario(path).client.kind for path in peers} == {"peer"}
    assert len(peers) > 1
    assert scenarios_meant([Path("hl7-chaos"), Path("flaky-friday")], "peer") == [shipped_scenarios()["hl7-chaos"]]


def test_a_file_of_that_name_is_that_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "all").write_text("title: mine\nsites: [{name: north}]\n")
    assert scenarios_meant([Path("all")]) == [Path("all")]


def test_none_of_a_kind_and_no_such_scenario_are_refused() -> None:
    with pytest.raises(UsageError, match="kind peer"):
        scenarios_meant([Path("flaky-friday")], "peer")
    with pytest.raises(UnknownName) as caught:
        scenarios_meant([Path("flaky-fridy")])
    assert "flaky-friday" in str(caught.value)
