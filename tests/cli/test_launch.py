"""`mockehr launch`: an app opened from the command line, without and with a browser."""

from __future__ import annotations

import json
import shutil
import socket
import sys
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from click.testing import CliRunner, Result

from mockehr.cli.main import cli
from mockehr.core.errors import EnvironmentProblem, UsageError
from mockehr.testing.world import TestSite, World

Start = Callable[..., Any]
CHROMIUMS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")


@pytest.fixture
def browser() -> str:
    """The path of a Chromium that playwright can drive; skips without."""
    pytest.importorskip("playwright.sync_api", reason="drives a browser with Playwright: not installed")
    found = next(filter(None, map(shutil.which, CHROMIUMS)), None)
    if found is None:
        pytest.skip("drives a headless Chromium, and there is none here")
    return found


def run(site: TestSite, app: str, *words: str) -> Result:
    server = site.fhir_url.partition(f"/{site.name}/")[0]
    return CliRunner().invoke(cli, ["launch", site.name, "--app", app, "--server", server, *words])


def site_for(mockehr: World, app: Any, vendor: str = "generic") -> TestSite:
    site = mockehr.site(vendor, patients=2)
    site.app("app", [app.callback])
    return site


def test_a_launch_is_told_in_lines(mockehr: World, smart_app: Start) -> None:
    app, site = smart_app(), mockehr.site("epic", patients=1)
    [patient] = site.patient_ids()
    registering = (
        "--client",
        "app",
        "--redirect-uri",
        app.callback,
        "--scopes",
        "launch openid fhirUser patient/*.rs",
    )
    done = run(
        site, app.url, *registering, "--patient", patient, "--intent", "x", "--extra", "bed=7", "--extra", "w=W 3"
    )
    assert done.exit_code == 0, done.output
    lines = done.output.splitlines()
    assert lines[0].startswith(f"completed: {app.url} opened from {site.name} (user clinician, patient {patient}")
    assert "→ token-used → landed" in done.output
    assert any("“Patient 200”" in line for line in lines)
    assert (app.tokens[0]["intent"], app.tokens[0]["bed"], app.tokens[0]["w"]) == ("x", 7, "W 3")
    assert "launch openid fhirUser patient/*.rs" in str(site.site.auth.clients.get("app").scopes.text)
    token = next(number for number, line in enumerate(lines) if " token authorization_code POST " in line)
    called = next(number for number, line in enumerate(lines) if f"app   GET {app.callback}" in line)
    assert called < token


def test_a_launch_is_told_as_json(mockehr: World, smart_app: Start) -> None:
    app = smart_app("other-verifier")
    site = site_for(mockehr, app)
    done = run(site, app.url, "--json", "--patient", site.patient_ids()[0])
    record = json.loads(done.output)
    assert (done.exit_code, record["outcome"], record["reason"]) == (1, "refused", "verifier-wrong")
    assert [hop["status"] for hop in record["hops"]] == [302, 302, 500]
    assert [(one["channel"], one["hop"]) for one in record["entries"]][-1] == ("token", 3)


def test_only_the_address_is_printed(mockehr: World, smart_app: Start) -> None:
    app = smart_app()
    site = site_for(mockehr, app)
    done = run(site, app.url, "--print")
    told = parse_qs(urlsplit(done.output.strip()).query)
    assert (done.exit_code, told["iss"], app.sessions) == (0, [site.fhir_url], {})
    assert len(told["launch"][0]) > 20


def test_a_user_declines(mockehr: World, smart_app: Start) -> None:
    app = smart_app()
    site = site_for(mockehr, app, "epic")
    done = run(site, app.url, "--user", "patient", "--ask", "--deny")
    assert done.exit_code == 1
    assert "The user declined." in done.output
    assert "consent answered" in done.output


def test_an_app_or_a_server_that_is_not_there_ends_with_status_3(mockehr: World) -> None:
    site = mockehr.site(patients=1)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/launch"
        done = run(site, url)
    assert (done.exit_code, "cannot be reached at its launch address" in done.output) == (3, True)
    none = CliRunner().invoke(cli, ["launch", "a", "--app", url, "--server", "http://127.0.0.1:1"])
    assert isinstance(none.exception, EnvironmentProblem)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--patient", "nobody"), "no patient named 'nobody'"),
        (("--extra", "bed"), "no NAME=VALUE"),
        (("--redirect-uri", "http://127.0.0.1/cb"), "--client"),
    ],
)
def test_a_launch_that_cannot_be_is_refused(mockehr: World, words: tuple[str, ...], said: str) -> None:
    done = run(mockehr.site(patients=1), "http://127.0.0.1:1/launch", *words)
    assert isinstance(done.exception, UsageError)
    assert said in str(done.exception)


def test_an_app_of_scripts_wants_a_browser_and_completes_with_one(
    mockehr: World, smart_app: Start, browser: str
) -> None:
    app = smart_app("browser")
    site = site_for(mockehr, app)
    patient = site.patient_ids()[0]
    without = run(site, app.url, "--patient", patient)
    assert (without.exit_code, "needs-browser" in without.output) == (1, True)
    done = run(site, app.url, "--patient", patient, "--json", "--browser", browser)
    record = json.loads(done.output)
    assert (record["outcome"], record["stopped"]) == ("completed", "landed")
    assert [(hop["who"], hop["status"]) for hop in record["hops"]] == [("app", 200), ("ehr", 302), ("app", 200)]
    assert record["hops"][-1]["title"] == "Patient 200"
    assert [one["hop"] for one in record["entries"] if one["channel"] in ("token", "fhir")] == [3] * sum(
        one["channel"] in ("token", "fhir") for one in record["entries"]
    )


def test_a_browser_answers_the_hospitals_pages_and_keeps_cookies_as_told(
    mockehr: World, smart_app: Start, browser: str
) -> None:
    app = smart_app()
    site = site_for(mockehr, app, "epic")
    words = ("--patient", site.patient_ids()[0], "--user", "patient", "--ask", "--browser", browser, "--json")
    asked = json.loads(run(site, app.url, *words).output)
    assert (asked["outcome"], asked["pages"]) == ("completed", ["sign-in", "consent"])
    assert asked["hops"][-1]["sent"] == ["session"]
    site.quirk("blocked-cookies")
    blocked = json.loads(run(site, app.url, *words).output)
    assert (blocked["outcome"], blocked["stopped"]) == ("failed", "called-back")
    assert "did not come back" in blocked["nearest"]


def test_without_playwright_or_a_browser_it_says_how_to_get_them(
    mockehr: World, smart_app: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = smart_app()
    site = site_for(mockehr, app)
    done = run(site, app.url, "--browser", "/nowhere/chromium")
    assert isinstance(done.exception, EnvironmentProblem)
    monkeypatch.setitem(sys.modules, "playwright.sync_api", None)
    done = run(site, app.url, "--browser")
    assert isinstance(done.exception, EnvironmentProblem)
    assert "pip install playwright" in done.exception.remedy
