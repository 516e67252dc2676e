"""`mockehr check`: several runs at once, time-outs, what ends them, reports that equal runs share, baselines."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mockehr.cli import main
from mockehr.cli.orders import fixed_ports
from mockehr.cli.parallel import jobs_for
from mockehr.scenarios.schema import Scenario

SCENARIO = """
title: {title}
sites:
  - {{name: north, patients: 2, clock: {clock}}}
verdict: {{probes: [truth]}}
"""
SYNCED = """
title: Synced
client: {scopes: system/Patient.rs system/Condition.rs}
roster: {size: 2}
truth: {types: {Patient: "", Condition: ""}}
sites:
  - name: north
    patients: 20
    clock: stepped
    quirks: [{use: token-expiry, with: {uses: 3}}, {use: truncated-body, when: {every: 4}}]
verdict: {probes: [truth, renews-token-after-401], required: [renews-token-after-401]}
"""
WAIT = [sys.executable, "-c", "import threading; print('waits'); threading.Event().wait(60)"]


def scenario(folder: Path, title: str, clock: str = "real") -> str:
    file = folder / f"{title}.scenario.yaml"
    file.write_text(SCENARIO.format(title=title, clock=clock))
    return str(file)


def check(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr(sys, "argv", ["mockehr", "check", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def test_two_at_once_keep_what_clients_print_apart_and_are_told_in_order(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    files = [scenario(tmp_path, "One"), scenario(tmp_path, "Two")]
    # Each prints, waits until the other has printed, and prints again: together only, and mixed if at all.
    meet = (
        f"import os; fifos = ['{tmp_path}/a', '{tmp_path}/b']; print('first', flush=True)\n"
        "try: os.mkdir(fifos[0] + '.d'); mine, other = fifos\n"
        "except FileExistsError: other, mine = fifos\n"
        "out = os.open(mine, os.O_RDWR); os.write(out, b'x'); os.read(os.open(other, os.O_RDWR), 1)\n"
        "print('second', flush=True)"
    )
    held = []
    for name in "ab":  # held open here, so that what was written stays
        os.mkfifo(tmp_path / name)
        held.append(os.open(tmp_path / name, os.O_RDWR))
    assert check(monkeypatch, *files, "--jobs", "2", "--timeout", "60s", "--", sys.executable, "-c", meet) == 1
    for fifo in held:
        os.close(fifo)
    out, err = capfd.readouterr()
    assert out.index("One") < out.index("Two")
    assert err.count("first\nsecond\n") == 2
    for name in ("One", "Two"):
        assert f"--- {name}\nfirst\nsecond\n" in err
        assert f"{name}: not passed" in err


@pytest.mark.parametrize(
    ("number", "status", "jobs"),
    [
        (signal.SIGINT, 130, "1"),
        (signal.SIGTERM, 130, "1"),
        (signal.SIGINT, 130, "2"),
        (signal.SIGTERM, 130, "2"),
        (signal.SIGKILL, -9, "2"),  # of processes that it started others hear
    ],
)
def test_whatever_ends_it_ends_the_clients_and_what_they_started(
    tmp_path: Path, number: signal.Signals, status: int, jobs: str
) -> None:
    files = [scenario(tmp_path, "One"), scenario(tmp_path, "Two")]
    fifo = tmp_path / "alive"
    os.mkfifo(fifo)
    # The shell's child holds the pipe open as long as it lives.
    client = ["sh", "-c", f"exec 3>{fifo}; echo ready >&3; sleep 60 & wait"]
    words = ["check", *files, "--jobs", jobs, "--", *client]
    command = [sys.executable, "-c", "from mockehr.cli import main; main()", *words]
    with (
        subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True) as run,
        fifo.open("rb", buffering=0) as alive,
    ):
        for _ in range(int(jobs)):
            assert alive.read(6) == b"ready\n"
        run.send_signal(number)
        assert run.wait(30) == status
        assert select.select([alive], [], [], 20)[0]
        assert alive.read() == b""


@pytest.mark.parametrize(
    ("option", "limit", "said"),
    [("--timeout", "300ms", "within 0.3 s"), ("--site-timeout", "5m", "within 300 s of the sites' clocks")],
)
def test_a_client_is_ended_when_its_time_is_up_by_our_clock_or_by_a_sites(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    option: str,
    limit: str,
    said: str,
) -> None:
    file = scenario(tmp_path, "One", "{scale: 1000}")
    xml = tmp_path / "r.xml"
    assert check(monkeypatch, file, option, limit, "--junit", str(xml), "--", *WAIT) == 1
    assert said in capfd.readouterr().err
    assert 'name="in-time"' in xml.read_text()
    assert check(monkeypatch, file, option, "soon", "--", *WAIT) == 2


def test_equal_runs_give_equal_reports_but_for_real_time(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "synced.scenario.yaml"
    file.write_text(SYNCED)
    careful = [sys.executable, "-m", "mockehr.examples.careful"]
    made = []
    for folder in (tmp_path / "a", tmp_path / "b"):
        folder.mkdir()
        reports = {name: folder / f"r.{name}" for name in ("html", "junit", "sarif", "json-file")}
        options = [word for name, path in reports.items() for word in (f"--{name}", str(path))]
        assert check(monkeypatch, str(file), "--reproducible", *options, "--", *careful) == 0
        made.append({name: path.read_text() for name, path in reports.items()})
    assert made[0] == made[1]
    assert "GET /Condition?patient=" in made[0]["html"]
    assert "fired token-expiry" in made[0]["html"]
    assert "It took" not in made[0]["html"]


def test_a_baseline_lets_known_failures_pass_and_new_ones_not(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    file, base = scenario(tmp_path, "One"), tmp_path / "base.json"
    nothing = ["--", sys.executable, "-c", ""]
    assert check(monkeypatch, file, "--write-baseline", str(base), *nothing) == 1
    assert check(monkeypatch, file, "--baseline", str(base), *nothing) == 0
    assert "0 regressions, 1 known failures, 0 improvements" in capfd.readouterr().out
    told = json.loads(base.read_text())
    told["cards"][0]["findings"][0]["verdict"] = "pass"
    base.write_text(json.dumps(told))
    assert check(monkeypatch, file, "--baseline", str(base), *nothing) == 1
    assert "regression: One: truth, sync at north" in capfd.readouterr().out
    assert check(monkeypatch, file, "--baseline", str(tmp_path / "absent"), *nothing) == 3


def test_github_is_told_where_it_says_that_it_is_there(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    file, page = scenario(tmp_path, "One"), tmp_path / "summary.md"
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(page))
    monkeypatch.chdir(tmp_path)
    page.write_text("before\n")
    assert check(monkeypatch, file, "--", sys.executable, "-c", "") == 1
    assert "::error file=One.scenario.yaml,title=truth%3A sync at north%2C One::" in capfd.readouterr().err
    assert page.read_text().startswith("before\n## mockehr\n")
    assert check(monkeypatch, file, "--annotations", "none", "--", sys.executable, "-c", "") == 1
    assert "::error" not in capfd.readouterr().err
    assert page.read_text().count("## mockehr") == 1


@pytest.mark.parametrize("form", ["text", "json", "dotenv"])
def test_the_variables_of_a_scenario_are_explained(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str], form: str
) -> None:
    file = tmp_path / "a.scenario.yaml"
    links = "links: [{name: lab, port: 0}, {name: adt, port: 0}]"
    hooks = "webhooks: [{name: events, url: 'http://127.0.0.1:0/in'}]"
    file.write_text(f"title: a\nsites: [{{name: one-two, patients: 2, hl7: {{listen: 0, {links}}}, {hooks}}}]\n")
    monkeypatch.setattr(sys, "argv", ["mockehr", "check", "--variables", "--format", form, str(file)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
    out = capfd.readouterr().out
    wanted = {"FEED_LAB_PORT", "FEED_ADT_PORT", "WEBHOOK_PORT", "WEBHOOK_SECRET", "MLLP_PORT", "PRIVATE_KEY"}
    assert all(f"MOCKEHR_ONE_TWO_{name}" in out for name in wanted)
    if form == "json":
        assert all(one["about"] for one in json.loads(out)["variables"])
    if form == "dotenv":
        shell = f'set -a\n{out}\nprintf %s "$MOCKEHR_ONE_TWO_PRIVATE_KEY"'
        key = subprocess.run(["sh", "-c", shell], capture_output=True, text=True, check=True).stdout
        assert json.loads(key)["kid"]


def test_scenarios_that_name_the_same_port_are_known() -> None:
    told = {
        "title": "a",
        "client": {"launch_url": "http://127.0.0.1:8655/launch", "redirect_uris": ["http://127.0.0.1:8655/callback"]},
        "sites": [{"name": "one", "hl7": {"listen": 2575, "links": [{"name": "lab", "port": 0}]}}],
    }
    assert fixed_ports(Scenario.model_validate(told)) == {8655, 2575}


def test_as_many_run_at_once_as_are_wanted_or_there_are_processors() -> None:
    assert (jobs_for(3, 8), jobs_for(8, 3), jobs_for(1, None)) == (3, 3, 1)
    assert jobs_for(10_000, None) == os.cpu_count()


def test_two_scenarios_of_one_name_are_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    file = scenario(tmp_path, "One")
    assert check(monkeypatch, file, file, "--", "true") == 2
    assert "Two scenarios are named One" in capfd.readouterr().err
