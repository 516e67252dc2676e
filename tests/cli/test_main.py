from __future__ import annotations

import io
import sys
import urllib.error
from email.message import Message

import pytest

from mockehr.cli import main
from mockehr.cli.operations import _told
from mockehr.core.errors import EnvironmentProblem, UsageError, VerdictFailed


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr(sys, "argv", ["mockehr", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["--version"], 0, "mockehr, version"),
        (["--help"], 0, "journal"),
        (["srve"], 2, "Did you mean serve?"),
        (["quirk", "list"], 0, "lost-response"),
        (["quirk", "show", "latency"], 0, "delay: duration (30s, 2h), 0.2 unless told"),
        (["quirk", "show", "latency", "--json"], 0, '"delay": 0.2'),
        (["quirk", "show", "latenci"], 2, "nearest: latency"),
        (["site", "list", "--server", "http://127.0.0.1:1"], 3, "mockehr serve"),
        (["quirk", "arm", "a", "reset", "--where", "{"], 2, "is no JSON"),
        (["check"], 2, "SCENARIOS"),
        (["check", "flaky-friday"], 2, "then -- and the client's command"),
        (["check", "flaky-frday", "--", "true"], 2, "flaky-friday"),
        (["completion", "zsh"], 0, "_MOCKEHR_COMPLETE"),
        (["completion", "tcsh"], 2, "tcsh"),
    ],
)
def test_a_command_says_what_it_should_and_ends_with_its_status(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: list[str], status: int, said: str
) -> None:
    assert run(monkeypatch, *words) == status
    out, err = capsys.readouterr()
    assert said in out + err


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b'{"error":"VerdictFailed","what":"no"}', VerdictFailed),
        (b'{"error":"EnvironmentProblem","what":"no"}', EnvironmentProblem),
        (b'{"error":"UnknownName","what":"no"}', UsageError),
        (b"<html>", UsageError),
    ],
)
def test_an_error_of_the_server_keeps_its_kind(body: bytes, kind: type[Exception]) -> None:
    error = urllib.error.HTTPError("http://h.example.org", 417, "no", Message(), io.BytesIO(body))
    assert type(_told(error)) is kind
