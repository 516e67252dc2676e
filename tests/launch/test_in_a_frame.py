"""The hospital's page that opens an app in a frame, in a real browser: no storage, no windows, no cookies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mockehr.auth.launches import Launch, Opening
from mockehr.sites.launching import open_app

PATIENCE = 15_000
TRY = """() => {
  const tried = {};
  for (const [name, what] of Object.entries({
    cookie: () => document.cookie, storage: () => localStorage.length, session: () => sessionStorage.length,
  })) { try { what(); tried[name] = 'works'; } catch (error) { tried[name] = error.name; } }
  tried.window = window.open('about:blank') === null ? 'blocked' : 'works';
  return tried;
}"""


def opened(staged: Any) -> Opening:
    patient = staged.site.patient_ids(1)[0]
    launch = Launch("clinician", patient, client_id="app")
    exchange = staged.site._call(open_app, staged.site.site, launch, staged.app.url, staged.site.fhir_url)
    found: Opening = exchange.result
    return found


@pytest.mark.parametrize(("flaws", "verdict"), [((), "pass"), (("needs-cookie",), "fail")], ids=["copes", "naive"])
def test_a_real_browser_keeps_no_cookies_for_the_framed_app(
    flaws: tuple[str, ...], verdict: str, stage: Callable[..., Any], chromium: Any
) -> None:
    staged = stage(*flaws)
    staged.site.quirk("blocked-cookies", framed=True)
    context = chromium.new_context()
    page = context.new_page()
    # Another name for the same machine is another site to browsers, as hospital and app are.
    url = opened(staged).url.replace("//127.0.0.1", "//localhost", 1)
    page.goto(url, wait_until="load", timeout=PATIENCE)
    frame = page.frames[1]
    frame.wait_for_url("**/callback?*", timeout=PATIENCE)
    assert frame.title() == ("Chart" if verdict == "pass" else "Stopped")
    assert frame.evaluate(TRY) == {
        "cookie": "SecurityError",
        "storage": "SecurityError",
        "session": "SecurityError",
        "window": "blocked",
    }
    assert context.cookies() == []
    assert staged.verdict("survives-blocked-cookies") == verdict
    context.close()


def test_the_same_app_in_a_window_of_its_own_keeps_its_cookie(stage: Callable[..., Any], chromium: Any) -> None:
    staged = stage("needs-cookie")
    context = chromium.new_context()
    page = context.new_page()
    page.goto(opened(staged).url, wait_until="load", timeout=PATIENCE)
    assert page.title() == "Chart"
    assert [cookie["name"] for cookie in context.cookies()] == ["launch"]
    context.close()
