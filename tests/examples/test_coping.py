"""The example client that copes is of the kind that it is told."""

from __future__ import annotations

from typing import get_args

import pytest

from mockehr.examples import coping
from mockehr.scenarios.schema import ClientSection, load_scenario
from mockehr.scenarios.shipped import shipped_scenarios


def test_there_is_a_program_for_every_kind_of_client() -> None:
    assert set(coping.PROGRAMS) == set(get_args(ClientSection.model_fields["kind"].annotation))


def test_every_kind_has_a_story() -> None:
    assert {load_scenario(path).client.kind for path in shipped_scenarios().values()} == set(coping.PROGRAMS)


def test_another_kind_is_refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("MOCKEHR_KIND", "sink")
    assert coping.main() == 2
    assert "sink" in capsys.readouterr().err


def test_the_program_of_the_kind_runs(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("MOCKEHR_KIND", "sync")
    monkeypatch.delenv("MOCKEHR_OUTPUT", raising=False)
    assert coping.main() == 2
    assert "careful: the variable 'MOCKEHR_OUTPUT' is not set" in capsys.readouterr().err
