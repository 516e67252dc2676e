"""A headless Chromium as the workstation's browser, by playwright: for apps that run in the browser."""

from __future__ import annotations

import importlib
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from html import escape
from pathlib import Path
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

from mockehr.core.errors import EnvironmentProblem
from mockehr.edge.cookies import told_cookie
from mockehr.edge.errand import MOST_HOPS, PATIENCE, Errand, Journey, Stop, asked_redirect, callback_of, error_of
from mockehr.edge.launch_record import Hop, Veil
from mockehr.edge.pages import read_page
from mockehr.edge.workstation import ASKED_AGAIN, REQUEST_HEADERS, RESPONSE_HEADERS

PROGRAMS: Final = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "chrome")
QUIET: Final = 1500.0
"""Milliseconds without a new page after which an app is taken to be where it wants to be."""
_FRAME: Final = '<iframe sandbox="allow-scripts allow-forms" src="{url}" width="1000" height="700"></iframe>'
_NO_WINDOWS: Final = "window.open = () => null;"


def drive(errand: Errand, veil: Veil, program: str = "") -> Journey:
    """Play the errand in a Chromium: the one at the path `program`, or the one that is found.

    Raises EnvironmentProblem without playwright, or without a browser.
    """
    try:
        playwright = importlib.import_module("playwright.sync_api")
    except ImportError as error:
        raise EnvironmentProblem(
            "A browser is driven by playwright, which is not installed.",
            remedy="pip install playwright, or open the address of --print yourself.",
        ) from error
    with _page(playwright, program or _found()) as page:
        return _Drive(page, errand, veil, playwright.Error).play()


def _found() -> str:
    """The path of an installed Chromium; empty for the one that playwright brought, if it did."""
    return next(filter(None, map(shutil.which, PROGRAMS)), "")


@contextmanager
def _page(playwright: Any, program: str) -> Iterator[Any]:
    if program and not Path(program).is_file():
        raise EnvironmentProblem(f"There is no browser at {program}.", remedy="Give the path of a Chromium.")
    with playwright.sync_playwright() as started:
        try:
            browser = started.chromium.launch(executable_path=program or None, args=["--no-sandbox"])
        except playwright.Error as error:
            raise EnvironmentProblem(
                f"No Chromium could be started: {str(error).splitlines()[0]}",
                remedy="playwright install chromium, or name one: --browser PATH.",
            ) from error
        try:
            yield browser.new_page()
        finally:
            browser.close()


class _Drive:
    """One errand in one page. Requests of the page itself are noted as they happen, and looked at in the end."""

    def __init__(self, page: Any, errand: Errand, veil: Veil, failure: type[Exception]) -> None:
        self._page = page
        self._errand = errand
        self._veil = veil
        self._failure = failure
        self._requests: list[Any] = []
        self._asked: dict[str, int] = {}
        self._callbacks = errand.callbacks
        self._answered: dict[str, str] = {}
        self._titles: dict[str, str] = {}

    def play(self) -> Journey:
        """Load the first address, answer the hospital's pages, and wait until the app rests."""
        self._page.on("request", self._note)
        self._page.set_default_timeout(PATIENCE * 1000)
        if not self._errand.popups:
            self._page.add_init_script(_NO_WINDOWS)
        stop: Stop | None = None
        try:
            self._open()
            while stop is None:
                self._rest()
                stop = self._next()
        except self._failure as error:
            stop = self._broken(str(error).splitlines()[0])
        return self._journey(stop)

    def _open(self) -> None:
        if self._errand.cookies:
            self._page.goto(self._errand.url)
        else:  # such a frame, in a page of no site, keeps no cookies
            self._page.set_content(_FRAME.format(url=escape(self._errand.url)))

    def _note(self, request: Any) -> None:
        framed = not self._errand.cookies or self._errand.who(self._errand.url) == "ehr"
        if request.is_navigation_request() and (framed or request.frame == self._page.main_frame):
            self._requests.append(request)

    def _rest(self) -> None:
        """Wait until no page follows by itself."""
        count = -1
        while count != len(self._requests) and len(self._requests) < MOST_HOPS:
            count = len(self._requests)
            try:
                self._page.wait_for_load_state("networkidle")
                self._page.wait_for_event(
                    "request", predicate=lambda request: request.is_navigation_request(), timeout=QUIET
                )
            except self._failure:
                continue  # nothing followed

    def _next(self) -> Stop | None:
        """Answer what is asked; why to stop if nothing is."""
        if len(self._requests) >= MOST_HOPS:
            return Stop("too-many-hops", f"{MOST_HOPS} pages were loaded")
        self._titles |= {frame.url: " ".join(frame.title().split()) for frame in self._page.frames}
        frames = [frame for frame in self._page.frames if self._errand.who(frame.url) == "ehr"]
        for frame in reversed(frames):
            page = read_page(frame.content().encode(), "text/html")
            found = self._errand.answer(page) if page is not None else None
            if found is None:
                continue
            place = found[0].place
            self._asked[place] = self._asked.get(place, 0) + 1
            if self._asked[place] > ASKED_AGAIN:
                return Stop("page-repeated", f"the EHR asks again: “{frame.title()}”")
            self._answered[frame.url] = place
            frame.evaluate(_SUBMIT, [urljoin(frame.url, found[0].action), [list(pair) for pair in found[1]]])
            return None
        callback, _ = self._callback()
        if callback and self._callbacks > 1:
            self._callbacks -= 1
            self._page.goto(self._requests[self._callback()[1]].url)
            return None
        return self._stopped(callback)

    def _stopped(self, callback: str) -> Stop:
        last = self._requests[-1].response()
        if last is None:
            return Stop("unreachable", "no connection could be made")
        if last.status >= 400:
            return Stop("error-status", f"it answered {last.status}")
        return Stop("landed") if callback else Stop("page")

    def _broken(self, text: str) -> Stop:
        scheme = urlsplit(self._requests[-1].url).scheme if self._requests else ""
        if scheme not in ("", "http", "https"):
            return Stop("native-app", f"{scheme}: is no address of the web")
        if "ERR_TOO_MANY_REDIRECTS" in text:
            return Stop("loop", "the browser gave up after too many redirects")
        if "ERR_CONNECTION" in text or "ERR_NAME" in text or "ERR_EMPTY_RESPONSE" in text:
            return Stop("unreachable", "no connection could be made")
        return Stop("timeout", f"no answer within {PATIENCE:g} s") if "Timeout" in text else Stop("unreachable", text)

    def _callback(self) -> tuple[str, int]:
        """`code` or `error` and which request that was, the newest."""
        uri, found = "", ("", 0)
        for position, request in enumerate(self._requests):
            uri = asked_redirect(request.url) if self._errand.who(request.url) == "ehr" else uri
            kind = callback_of(request.url, uri or self._uri(position))
            found = (kind, position) if kind else found
        return found

    def _uri(self, before: int) -> str:
        """What the app asked to be called back at before that request."""
        asked = [asked_redirect(one.url) for one in self._requests[:before] if self._errand.who(one.url) == "ehr"]
        return next((uri for uri in reversed(asked) if uri), "")

    def _journey(self, stop: Stop) -> Journey:
        hops = tuple(self._hop(number, one) for number, one in enumerate(self._requests, 1))
        callback, at = self._callback()
        return Journey(
            hops,
            stop,
            callback=callback,
            called_at=at + 1 if callback else 0,
            error=error_of(self._requests[at].url) if callback == "error" else "",
            redirect_uri=self._uri(len(self._requests)),
        )

    def _hop(self, number: int, request: Any) -> Hop:
        who = self._errand.who(request.url)
        hop = Hop(number, who, request.method, self._veil.url(request.url))
        sent = request.all_headers()
        answer = request.response()
        hop = replace(
            hop,
            request=self._shown(sent, REQUEST_HEADERS),
            sent=tuple(part.partition("=")[0].strip() for part in sent.get("cookie", "").split(";") if part),
        )
        if answer is None:
            return replace(hop, note=request.failure or "no answer")
        headers = answer.all_headers()
        told = [one["value"] for one in answer.headers_array() if one["name"].lower() == "set-cookie"]
        return replace(
            hop,
            status=answer.status,
            response=self._shown(headers, RESPONSE_HEADERS),
            kept=tuple(told_cookie(text) for line in told for text in line.splitlines()),
            title=self._titles.get(request.url, ""),
            page=self._answered.get(request.url, ""),
            until=int(headers.get("x-mockehr-entry", 0)) if who == "ehr" else 0,
        )

    def _shown(self, headers: Mapping[str, str], names: Sequence[str]) -> dict[str, str]:
        found = {name: headers[name] for name in names if name in headers}
        return {name: self._veil.url(text) if name == "location" else text for name, text in found.items()}


_SUBMIT: Final = """([action, pairs]) => {
  const form = document.createElement("form");
  form.method = "post";
  form.action = action;
  for (const [name, value] of pairs) {
    const field = document.createElement("input");
    field.type = "hidden";
    field.name = name;
    field.value = value;
    form.append(field);
  }
  document.body.append(form);
  setTimeout(() => form.submit(), 0);
}"""
"""Sends a form as its own would be; a button cannot be pressed that a long list does not show."""
