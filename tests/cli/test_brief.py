"""Lines to read, and settings to write, without JSON."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from mockehr.cli.brief import BRIEF, in_brief
from mockehr.cli.main import cli
from mockehr.cli.operations import argument_of
from mockehr.control.facade import operations
from mockehr.core.errors import EnvironmentProblem, UsageError
from mockehr.core.exchange import Exchange
from mockehr.pathways.shipped import shipped_files
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


def test_an_event_names_the_entry_that_tells_of_it_where_there_is_one() -> None:
    event = dict.fromkeys(("endpoint", "at", "topic", "kind", "resource", "failure"), "") | {
        "number": 1, "attempts": 1, "status": 200, "state": "dead", "id": "evt-1", "entry": 7,
    }  # fmt: skip
    lines = in_brief("events list", {"total": 2, "events": [event, event | {"entry": 0}]}).splitlines()
    assert [line.partition("(")[2] for line in lines[:2]] == ["evt-1, entry 7)", "evt-1)"]


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
    assert argument_of(op, "settings", "budget=5,per=10s,flag=true") == {"budget": 5, "per": "10s", "flag": True}
    assert argument_of(op, "settings", '{"a": "x=y"}') == {"a": "x=y"}
    for wrong in ("=5", "budget=5,per"):
        with pytest.raises(UsageError, match="is no KEY=VALUE"):
            argument_of(op, "settings", wrong)
    with pytest.raises(UsageError, match="--settings is no JSON"):
        argument_of(op, "settings", "budget")


def test_the_hl7_side_of_a_site_can_be_asked_in_brief(mockehr: World) -> None:
    site = mockehr.site("generic", name="north", stepped=True)
    site.feed("lab", 9, messages=["ADT^*"])
    server = ["--server", mockehr.url]

    def brief(*words: str) -> str:
        done = CliRunner().invoke(cli, [*words, "--brief", *server])
        assert done.exit_code == 0, done.exception
        return str(done.output)

    assert brief("hl7", "parked", "north") == "Nothing is parked.\n"
    site._control("hl7 stop", name="lab")
    site.pathway("chest-pain")
    assert "dial 127.0.0.1:9  ADT^*  1 waiting, 0 in flight, 0 acknowledged" in brief("hl7", "links", "north")
    assert "stopped: stopped by hand  (hl7 resume" in brief("hl7", "links", "north")
    assert " ADT^A04  1 " in brief("hl7", "messages", "north", "lab")
    assert "SEND /lab ADT^A04 → -" in brief("journal", "list", "north")
    site._control("hl7 skip", name="lab")
    told = brief("pathway", "runs", "north")
    assert told.startswith("rate 0/h, 1 arrived; none over\nbeds taken: ED ")
    assert " chest-pain             under way, " in told
    assert brief("hl7", "listeners", "north") == "\n"


def test_what_is_parked_is_told_in_a_line_and_one_message_by_its_segments(mockehr: World) -> None:
    site = mockehr.site("generic", name="north", stepped=True)
    message = b"MSH|^~\\&|A|B|C|D|1||ADT^A08|M7|P|2.5.1\rPID|1\r"
    why = {"reason": "answered AE", "at": 0.0, "attempts": 3, "kind": "ADT^A08", "control_id": "M7"}
    site._call(lambda: site.site.links.parking.add("out", "lab", message, **why))
    server = ["--brief", "--server", mockehr.url]
    listed = CliRunner().invoke(cli, ["hl7", "parked", "north", *server]).output
    assert "to lab: answered AE (tried 3 times)" in listed
    one = CliRunner().invoke(cli, ["hl7", "parked", "north", "--number", "1", *server]).output
    assert one.endswith("|P|2.5.1\nPID|1\n")


def test_pathways_have_a_line_each_and_one_is_shown_as_its_file() -> None:
    listed = CliRunner().invoke(cli, ["pathway", "list", "--brief"]).output
    assert re.search(r"^sepsis +\d+ steps, share 5  Sepsis from the urinary tract$", listed, re.MULTILINE)
    shown = CliRunner().invoke(cli, ["pathway", "show", "sepsis", "--brief"]).output
    assert shown == shipped_files()["sepsis"].read_text(encoding="utf-8")


def test_a_message_may_lie_in_a_file(mockehr: World, tmp_path: Path) -> None:
    mockehr.site("generic", name="north", stepped=True)
    file, server = tmp_path / "a.hl7", ["--server", mockehr.url]
    lines = ["MSH|^~\\&|A|B|C|D|20260105||ADT^A28|M1|P|2.5.1", "EVN|A28", "PID|1||1^^^W^MR||Mäder^Zoë"]
    file.write_bytes(b"\x0b" + "\r".join(lines).encode("latin-1") + b"\r\x1c\r")
    words = ["hl7", "receive", "north", f"@{file}", *server]
    assert json.loads(CliRunner().invoke(cli, [*words, "--encoding", "latin-1"]).output)["accepted"]
    with pytest.raises(UsageError, match="is not in utf-8"):
        raise CliRunner().invoke(cli, words).exception or AssertionError
    words = ["hl7", "send", "north", "lab", "@none.hl7", *server]
    with pytest.raises(EnvironmentProblem, match="cannot be read"):
        raise CliRunner().invoke(cli, words).exception or AssertionError
