"""What the README tells people to copy works: its Python runs as tests, its commands are taken."""

from __future__ import annotations

import gzip
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from mockehr.cli.main import cli
from mockehr.core.exchange import Exchange
from mockehr.sites.configured import build_configured, load_server
from mockehr.testing.world import World

pytest_plugins = ["pytester"]

MY_CLIENT = '''
"""Stands for the reader's own client: the careful example."""

import json
import time

import httpx2

from mockehr.examples import careful


def sync(client, patients):
    with httpx2.Client(timeout=20.0, follow_redirects=True) as http:
        return sync_with(http, time.sleep, client, patients)


def sync_with(http, sleep, client, patients):
    settings = {
        "FHIR_URL": client.fhir_url,
        "TOKEN_URL": client.token_url,
        "CLIENT_ID": client.client_id,
        "PRIVATE_KEY": json.dumps(dict(client.key)),
        "SCOPES": client.scopes,
    }
    kept = careful.sync(careful.Site(settings, http, sleep), list(patients))
    return list(kept.values())
'''


MY_APP = '''
"""Stands for the reader's own app: the careful example, at any server that opens it."""

import asyncio
import socket
import threading
from dataclasses import dataclass

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.routing import Route

from mockehr.examples import careful_app

SCOPES = "launch launch/patient openid fhirUser patient/Patient.rs patient/Encounter.rs patient/Condition.rs"


@dataclass
class MyApp:
    url: str
    callback: str


class Anywhere(dict):
    def __init__(self, callback):
        self.callback = callback

    def get(self, iss, default=None):
        return careful_app.Server(iss, "my-app", SCOPES, self.callback)


@pytest.fixture
def my_app():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        root = f"http://127.0.0.1:{listening.getsockname()[1]}"
        app = careful_app.App(Anywhere(f"{root}/callback"))
        routes = [Route("/launch", app.launch), Route("/callback", app.callback)]
        pages = Starlette(routes=routes, exception_handlers={careful_app.Stopped: careful_app.stop_with})
        server = uvicorn.Server(uvicorn.Config(pages, lifespan="off", log_config=None, ws="none"))
        thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listening])))
        thread.start()
        yield MyApp(f"{root}/launch", f"{root}/callback")
        server.should_exit = True
        thread.join()
'''


def blocks(page: str, language: str) -> Iterator[tuple[int, str]]:
    """(line, text) of each fenced block of a language in a Markdown page."""
    for match in re.finditer(rf"^```{language}\n(.*?)^```", page, flags=re.MULTILINE | re.DOTALL):
        yield page.count("\n", 0, match.start()) + 1, match[1]


def commands(page: str) -> list[list[str]]:
    """Every line that begins with `mockehr` in a block of sh, as words without the first and without `> FILE`."""
    lines = [line for _, block in blocks(page, "sh") for line in block.splitlines()]
    found = [shlex.split(line, comments=True)[1:] for line in lines if line.startswith("mockehr ")]
    return [words[: words.index(">")] if ">" in words else words for words in found]


def accept(words: list[str]) -> click.Context:
    """The innermost command's context for these words; raises click.UsageError if something is not taken."""
    command: click.Command = cli
    parent, name = None, "mockehr"
    while True:
        context = command.make_context(name, list(words), parent=parent)
        if not isinstance(command, click.Group):
            return context
        given = [*getattr(context, "_protected_args", ()), *context.args]  # click keeps the first word apart
        found, inner, words = command.resolve_command(context, given)
        assert inner is not None
        parent, name, command = context, found or "", inner


def readme(root: Path) -> str:
    return (root / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "waits",
    [False, pytest.param(True, marks=pytest.mark.slow)],
    ids=["at-once", "with-rate-limits-on-the-wall-clock"],
)
def test_every_piece_of_python_runs_as_a_test(root: Path, pytester: pytest.Pytester, waits: bool) -> None:
    found = [piece for piece in blocks(readme(root), "python") if ("flaky-friday" in piece[1]) == waits]
    pytester.makeconftest(MY_APP)
    pytester.makepyfile(my_client=MY_CLIENT, **{f"test_line_{line}": source for line, source in found})
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider", "-q")
    tests = sum(len(re.findall(r"^def test_", source, flags=re.MULTILINE)) for _, source in found)
    assert tests >= len(found) > 0
    result.assert_outcomes(passed=tests)


def test_every_fixture_has_an_example(root: Path) -> None:
    plugin = (root / "simulator/mockehr/testing/plugin.py").read_text(encoding="utf-8")
    fixtures = re.findall(r"@pytest\.fixture.*?\ndef (\w+)", plugin)
    shown = "".join(source for _, source in blocks(readme(root), "python"))
    used = {name for given in re.findall(r"def test_\w+\((.*?)\)", shown) for name in given.split(", ")}
    assert len(fixtures) == 5
    assert set(fixtures) <= used


def test_every_command_is_one_that_the_command_line_takes(root: Path) -> None:
    found = commands(readme(root))
    assert len(found) > 4
    for words in found:
        accept(words)
        for file in (word for word in words if word.endswith(".scenario.yaml")):
            assert (root / file).is_file(), file


@pytest.mark.mockehr(lenient=True)
def test_commands_about_the_site_north_run_on_a_server(
    root: Path, mockehr: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    admit = "MSH|^~\\&|LIS|LAB|EHR|NORTH|20260105||ADT^A28|7|P|2.5.1\rEVN|A28\rPID|1||42^^^LAB^MR||Muster\r"
    (tmp_path / "admit.hl7").write_text(admit)
    (tmp_path / "charts").mkdir()
    for name in ("charts/one.ndjson", "more.ndjson.gz"):
        line = f'{{"resourceType": "Basic", "id": "{len(name)}", "code": {{"text": "read"}}}}\n'.encode()
        (tmp_path / name).write_bytes(gzip.compress(line) if name.endswith(".gz") else line)
    monkeypatch.chdir(tmp_path)
    site = mockehr.site("epic", name="north", patients=8, open_access=True)
    site.client("demo")
    for _ in range(12):
        site._call(site.site.handle, Exchange("fhir", path="/metadata"))
    site.hl7(admit)
    site.feed("127.0.0.1:2576", 9)  # nobody listens there
    asked = [words for words in commands(readme(root)) if words[0] != "serve" and "north" in words]
    assert len(asked) >= 3
    patient = site.patient_ids(1)[0]
    for words in asked:
        told = [re.sub(r"^(Patient/)?ID$", rf"\g<1>{patient}", word) for word in words]
        # there is no app of the reader's here that could be opened
        told += ["--server", mockehr.url, *(["--print"] if words[0] == "launch" else [])]
        done = CliRunner().invoke(cli, told)
        assert done.exit_code == 0, (words, done.output, done.exception)


def test_commands_that_need_no_server_run(root: Path) -> None:
    starts = (["quirk", "list"], ["quirk", "show"], ["token", "--key"], ["scenario", "list"])
    alone = [words for words in commands(readme(root)) if words[:2] in starts]
    assert len(alone) >= len(starts)
    for words in alone:
        assert CliRunner().invoke(cli, words).exit_code == 0


def test_the_scenario_to_copy_holds(root: Path, tmp_path: Path) -> None:
    source = next(text for _, text in blocks(readme(root), "yaml") if "story:" in text)
    file = tmp_path / "own.scenario.yaml"
    file.write_text(source, "utf-8")
    done = CliRunner().invoke(cli, ["scenario", "check", str(file)])
    assert (done.exit_code, done.output) == (0, f"{file}: holds; 1 site, 2 rules\n")


def test_the_server_file_with_an_hl7_side_holds(root: Path, tmp_path: Path) -> None:
    source = next(text for _, text in blocks(readme(root), "yaml") if "pathways:" in text)
    file = tmp_path / "own.yaml"
    file.write_text(source, "utf-8")
    site = build_configured(load_server(file).sites[0], seed=7, base=tmp_path)
    assert set(site.links.links) == {"lab", "archive"}
    assert [listener.name for listener in site.listeners.wanted()] == ["adt", "orders"]
    assert (site.listeners.folders.into, site.listeners.folders.out) == (tmp_path / "drop", tmp_path / "files")
    assert [rule.where.link for rule in site.rules] == ["lab", "lab", "adt"]
    assert site.dialect.ack.kind == "plain"
    site.clock.advance(3 * 3600)
    assert {change.source for change in site.log.changes} == {"pathway"}


def test_the_server_file_to_copy_holds(root: Path, tmp_path: Path) -> None:
    source = next(text for _, text in blocks(readme(root), "yaml") if "approvals:" in text)
    file = tmp_path / "own.yaml"
    file.write_text(source, "utf-8")
    server = load_server(file)
    site = build_configured(server.sites[0], seed=7)
    assert site.auth.launches.approved("my-app") is not None
    assert site.auth.settings.consent == "always"


def test_options_and_settings_of_the_plugin_are_all_in_the_table(root: Path) -> None:
    plugin = (root / "simulator/mockehr/testing/plugin.py").read_text(encoding="utf-8")
    named = set(re.findall(r'"(--mockehr-\w+)"', plugin)) | set(re.findall(r'addini\("(\w+)"', plugin))
    assert len(named) == 6
    assert not [name for name in named if f"| `{name}` |" not in readme(root)]


@pytest.mark.parametrize(
    "line", ["mockehr serve --sites north", "mockehr quirk list everything", "mockehr jurnal why north 12"]
)
def test_a_planted_command_that_does_not_exist_is_found(line: str) -> None:
    [words] = commands(f"```sh\n{line}\n```\n")
    with pytest.raises(click.UsageError):
        accept(words)
