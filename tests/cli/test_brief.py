"""Lines to read, and settings to write, without JSON."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from mockehr.cli.brief import BRIEF
from mockehr.cli.main import cli
from mockehr.cli.operations import _parsed
from mockehr.control.facade import operations
from mockehr.core.errors import UsageError
from mockehr.core.exchange import Exchange
from mockehr.testing.world import World


def test_everything_brief_is_an_operation() -> None:
    assert all(operations().get(name).name == name for name in BRIEF)


def test_the_list_of_quirks_has_a_line_for_each_and_one_is_shown_as_prose() -> None:
    listed = CliRunner().invoke(cli, ["quirk", "list", "--brief"]).output
    assert "\nrate-limit " in listed
    assert not [line for line in listed.splitlines() if len(line) > 140]
    shown = CliRunner().invoke(cli, ["quirk", "show", "latency", "--brief"]).output
    assert shown.startswith("latency (wire)\n\n")
    assert "  delay: 0.2\n" in shown


def test_the_list_of_probes_has_a_line_for_each_and_one_is_shown_as_prose() -> None:
    listed = CliRunner().invoke(cli, ["probe", "list", "--brief"]).output
    assert "\nkeeps-retry-after " in listed
    assert not [line for line in listed.splitlines() if len(line) > 145]
    shown = CliRunner().invoke(cli, ["probe", "show", "scopes-used", "--brief"]).output
    assert shown.startswith("scopes-used (ledger A5, A12)\n\n")
    assert "  repeats: 2\n" in shown


@pytest.mark.mockehr(lenient=True)
def test_a_site_can_be_asked_in_brief(mockehr: World) -> None:
    site = mockehr.site("epic", patients=2, name="north")
    site.quirk("windows-1252-names")
    server = ["--server", mockehr.url]
    arm = ["quirk", "arm", "north", "rate-limit", "--settings", "budget=5,per=10s", "--where", "resource=Patient"]
    assert CliRunner().invoke(cli, [*arm, *server]).exit_code == 0
    site._call(site.site.handle, Exchange("fhir", path="/Patient", query="family=Muster"))

    def brief(*words: str) -> str:
        return CliRunner().invoke(cli, [*words, "--brief", *server]).output

    assert "'budget': 5, 'per': 10.0" in brief("quirk", "armed", "north")
    assert "windows-1252-names" in brief("quirk", "armed", "north")
    assert "north " in brief("site", "list")
    told = brief("journal", "list", "north")
    assert "GET /Patient?family=Muster → 401" in told
    assert "refused, no-token:" in told
    assert told == brief("journal", "why", "north", "1")


def test_settings_may_be_pairs() -> None:
    op = operations().get("quirk arm")
    assert _parsed(op, "settings", "budget=5,per=10s,flag=true") == {"budget": 5, "per": "10s", "flag": True}
    assert _parsed(op, "settings", '{"a": "x=y"}') == {"a": "x=y"}
    for wrong in ("=5", "budget=5,per"):
        with pytest.raises(UsageError, match="is no KEY=VALUE"):
            _parsed(op, "settings", wrong)
    with pytest.raises(UsageError, match="--settings is no JSON"):
        _parsed(op, "settings", "budget")
