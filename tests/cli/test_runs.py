"""Running a client against a trial's sites: what it is told is there."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import pytest

from mockehr.cli.runs import OVERDUE, complaints, ending, run_trial, told_launches
from mockehr.core.errors import ConfigError, EnvironmentProblem
from mockehr.scenarios.launched import Launched
from mockehr.scenarios.schema import load_scenario
from mockehr.scenarios.trial import Trial

SCENARIO = """
title: a
story: b
sites:
  - {name: one-two, patients: 2, hl7: {listen: 0}}
  - {name: deaf, patients: 2}
"""
CLIENT = r"""
import os, socket
assert "MOCKEHR_DEAF_MLLP_PORT" not in os.environ
with socket.create_connection(("127.0.0.1", int(os.environ["MOCKEHR_ONE_TWO_MLLP_PORT"])), 5) as link:
    link.sendall(b"\x0bMSH|^~\\&|A|B|C|D|20260105120000||ADT^A28|M1|P|2.5.1\rEVN|A28|20260105120000\r"
                 b"PID|1||90001^^^WARD^MR||Muster^Max||19800304|M\r\x1c\r")
    got = b""
    while b"\x1c\r" not in got:
        got += link.recv(4096)
assert b"MSA|AA|M1" in got, got
"""


def trial(folder: Path, text: str = SCENARIO) -> Trial:
    file = folder / "a.scenario.yaml"
    file.write_text(text)
    return Trial(load_scenario(file), base=folder)


def test_a_client_is_told_where_a_site_takes_hl7_messages_and_can_send_one(tmp_path: Path) -> None:
    made = trial(tmp_path)
    _, status = run_trial(made, [sys.executable, "-c", CLIENT], quiet=True)
    assert status == 0
    entries = [(e.channel, e.interaction.name if e.interaction else "") for e in made.sites[0].journal]
    assert entries == [("mllp-in", "ADT^A28")]


def test_a_port_that_is_taken_ends_the_run_with_what_listens(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        made = trial(tmp_path, SCENARIO.replace("listen: 0", f"listen: {port}"))
        with pytest.raises(EnvironmentProblem, match=rf"Cannot listen on 127\.0\.0\.1:{port}"):
            run_trial(made, [sys.executable, "-c", ""], quiet=True)


def test_what_is_wrong_with_the_files_of_a_client_is_said(tmp_path: Path) -> None:
    (tmp_path / "north.ndjson").write_text('{"resourceType": "Patient"}\n\nrubbish\n[1]\n')
    (tmp_path / "south.ndjson").touch()
    (tmp_path / "typo.ndjson").touch()
    told = complaints(tmp_path, ["north", "south", "west"])
    assert told == [
        "north.ndjson: 2 of 3 lines are no JSON object and were left out; the first is line 3",
        "south.ndjson is empty",
        "the client wrote no west.ndjson to MOCKEHR_OUTPUT",
        "typo.ndjson in MOCKEHR_OUTPUT belongs to no site and was not read; "
        "wanted: north.ndjson, south.ndjson, west.ndjson",
    ]
    (tmp_path / "typo.ndjson").unlink()
    (tmp_path / "north.ndjson").write_text("{}")
    assert complaints(tmp_path, ["north"]) == [
        "south.ndjson in MOCKEHR_OUTPUT belongs to no site and was not read; wanted: north.ndjson"
    ]


def test_a_signal_is_named() -> None:
    assert (ending(3), ending(-11), ending(-200)) == ("status 3", "signal SIGSEGV", "signal 200")


def test_a_client_that_hangs_is_ended_judged_and_reported_with_what_was_heard_of_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = trial(tmp_path, SCENARIO + "timeout: 0.3\n")
    hang = [sys.executable, "-c", "import threading; threading.Event().wait(60)"]
    scorecard, status = run_trial(made, hang, quiet=True, mute=True)
    assert status == OVERDUE
    assert len(scorecard.cards) == 2
    assert "one-two: not one request; deaf: not one request" in capsys.readouterr().err


def test_a_client_that_may_not_be_run_is_told_apart(tmp_path: Path) -> None:
    file = tmp_path / "sync.py"
    file.touch(mode=0o600)
    with pytest.raises(EnvironmentProblem) as raised:
        run_trial(trial(tmp_path), [str(file)], quiet=True)
    assert "chmod +x" in raised.value.remedy


def test_launches_that_came_to_nothing_are_told_one_by_one(tmp_path: Path) -> None:
    text = """
title: a
client: {public: true, launch_url: "http://127.0.0.1:1/launch", redirect_uris: ["http://127.0.0.1:1/callback"]}
launches: [{site: one}]
sites: [{name: one, patients: 2}]
"""
    made = trial(tmp_path, text)
    assert told_launches(made) == []
    made.launched += [Launched("one", "completed", "fine.", 1), Launched("one", "failed", "It answered 500.", 2)]
    assert told_launches(made) == [
        "launches completed: 1 of 2.",
        "launch 2 at one: failed: It answered 500.",
    ]


@pytest.mark.parametrize(
    ("part", "said"), [("launches: 2", "times: 2"), ("redirect_uris: 'http://a.example.org/'", "is a list")]
)
def test_what_is_no_list_is_told_with_how_to_write_it(tmp_path: Path, part: str, said: str) -> None:
    client = f"client: {{{part}}}" if part.startswith("redirect") else part
    with pytest.raises(ConfigError, match=said):
        trial(tmp_path, f"title: a\n{client}\nsites: [{{name: one}}]\n")
