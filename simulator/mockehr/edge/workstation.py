"""The browser of the hospital's workstation, for apps that need no scripts: it follows redirects, keeps cookies,
answers the hospital's own pages and writes down every hop.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit, urlunsplit

from mockehr.edge.cookies import Jars, no_jar, origin_of
from mockehr.edge.errand import MOST_HOPS, PATIENCE, Errand, Journey, Stop, asked_redirect, callback_of, error_of
from mockehr.edge.launch_record import Hop, Veil
from mockehr.edge.pages import WebPage, read_page, refresh_target

if TYPE_CHECKING:
    import httpx2

SIZE_LIMIT: Final = 1 << 20
"""Octets of the largest page that is read."""
SAME_AGAIN: Final = 3
"""Loads of one address that make a loop."""
ASKED_AGAIN: Final = 3
"""Times that a page of the hospital is answered."""
REQUEST_HEADERS: Final = ("content-type", "origin", "referer")
RESPONSE_HEADERS: Final = (
    "location",
    "refresh",
    "content-type",
    "cache-control",
    "content-security-policy",
    "cross-origin-opener-policy",
    "referrer-policy",
    "retry-after",
    "www-authenticate",
    "x-frame-options",
)
"""Headers that decide what a browser does with an app."""
_SENT: Final = MappingProxyType(
    {
        "Accept": "text/html,application/xhtml+xml,*/*;q=0.8",
        "Accept-Encoding": "identity",
        "User-Agent": "Mozilla/5.0 (compatible; mockehr workstation)",
    }
)
_DRAWN: Final = ("state", "nonce", "code_challenge", "code", "launch", "pending")
"""Parameters that differ each time though the address is the same."""


@dataclass(frozen=True, slots=True)
class Load:
    """An address to load, and the origin of the page or site that led to it."""

    url: str
    initiator: str
    method: str = "GET"
    form: tuple[tuple[str, str], ...] | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What an address gave: its hop, where it redirects to, its page."""

    hop: Hop
    target: str = ""
    page: WebPage | None = None
    failed: Stop | None = None


class Workstation:
    """Plays one errand. `last` tells the number of the site's newest journal entry."""

    def __init__(self, errand: Errand, veil: Veil, last: Callable[[], int] = lambda: 0) -> None:
        self._errand = errand
        self._veil = veil
        self._last = last
        self._jars = Jars()
        self._hops: list[Hop] = []
        self._loads: Counter[tuple[str, str]] = Counter()
        self._asked: Counter[str] = Counter()
        self._journey = Journey((), Stop("landed"))
        self._callbacks = errand.callbacks

    async def play(self) -> Journey:
        """Load the first address and all that follows from it; ends for certain, and raises nothing."""
        import httpx2

        load: Load | Stop = Load(self._errand.url, self._errand.ehr[0] if self._errand.ehr else "")
        limits = httpx2.Limits(max_keepalive_connections=0)
        async with httpx2.AsyncClient(
            trust_env=False, follow_redirects=False, timeout=None, cookies=no_jar(), limits=limits
        ) as client:
            while not isinstance(load, Stop):
                load = await self._step(client, load)
        return replace(self._journey, hops=tuple(self._hops), stop=load)

    async def _step(self, client: httpx2.AsyncClient, load: Load) -> Load | Stop:
        """Load one address; what to load next, or why nothing."""
        if len(self._hops) >= MOST_HOPS:
            return Stop("too-many-hops", f"{MOST_HOPS} addresses were loaded, and the last one leads on")
        if urlsplit(load.url).scheme not in ("http", "https"):
            self._called_back(load.url, len(self._hops))
            return Stop("native-app", f"{urlsplit(load.url).scheme}: is no address of the web")
        calling = callback_of(load.url, self._journey.redirect_uri)
        key = (load.method, _known_by(load.url))
        # The hospital comes back to one address between its questions, and a callback may be loaded again on purpose.
        self._loads[key] += not calling and (self._errand.who(load.url) != "ehr" or bool(asked_redirect(load.url)))
        if self._loads[key] >= SAME_AGAIN:
            return Stop("loop", f"{self._veil.url(load.url)} was to be loaded for the {SAME_AGAIN}rd time")
        self._note_request(load)
        if calling:
            self._called_back(load.url, len(self._hops) + 1)
            if self._callbacks <= 0:
                return Stop("callback-not-loaded", "the browser never came to the callback")
        answer = await self._load(client, load)
        self._hops.append(answer.hop)
        if calling and self._callbacks > 1:
            self._callbacks -= 1
            return replace(load, note="the browser loads the callback again")
        return self._next(load, answer)

    def _note_request(self, load: Load) -> None:
        uri = asked_redirect(load.url)
        if not uri and load.form is not None:
            uri = asked_redirect("?" + urlencode(load.form))
        if uri and self._errand.who(load.url) == "ehr":
            self._journey = replace(self._journey, redirect_uri=uri, callback="", called_at=0, error="")
            self._callbacks = self._errand.callbacks

    def _called_back(self, url: str, number: int) -> None:
        kind = callback_of(url, self._journey.redirect_uri)
        if kind:
            error = error_of(url) if kind == "error" else ""
            self._journey = replace(self._journey, callback=kind, called_at=number, error=error)

    def _next(self, load: Load, answer: Answer) -> Load | Stop:
        hop, page = answer.hop, answer.page
        if answer.failed is not None:
            return answer.failed
        self._journey = replace(self._journey, scripts=page is not None and page.scripts)
        if 300 <= hop.status < 400:
            if not answer.target:
                return Stop("no-location", f"it answered {hop.status} without a Location")
            # RFC 9110 section 15.4: 307 and 308 repeat the request, the others ask for the new address.
            again = hop.status in (307, 308)
            return Load(answer.target, load.initiator, load.method if again else "GET", load.form if again else None)
        if hop.status >= 400:
            return Stop("error-status", f"it answered {hop.status}" + (f", “{hop.title}”" if hop.title else ""))
        here = origin_of(load.url)
        if hop.who == "ehr" and page is not None:
            return self._answered(load, page, here)
        if answer.target:
            return Load(answer.target, here, note="the page before sent on by itself")
        if self._journey.callback:
            return Stop("landed")
        return Stop("scripts" if page is not None and page.scripts else "page")

    def _answered(self, load: Load, page: WebPage, here: str) -> Load | Stop:
        """The answer to a question of the hospital."""
        found = self._errand.answer(page)
        if found is None and page.frame:  # where the hospital shows the app
            return Load(urljoin(load.url, page.frame), here, note="in a frame of the hospital's page")
        if found is None:
            return Stop("page", f"the EHR shows “{page.title}”" if page.title else "")
        form, pairs = found
        self._asked[form.place] += 1
        if self._asked[form.place] > ASKED_AGAIN:
            return Stop("page-repeated", f"the EHR asks again: “{page.title}”")
        return Load(urljoin(load.url, form.action), here, "POST", tuple(pairs), f"{form.place} answered")

    async def _load(self, client: httpx2.AsyncClient, load: Load) -> Answer:
        import httpx2

        who = self._errand.who(load.url)
        hop = Hop(len(self._hops) + 1, who, load.method, self._veil.url(load.url), note=load.note)
        try:
            request = _request(client, load)
            sent, blocked = self._jars.send(request, initiator=load.initiator)
            hop = replace(hop, request=self._shown(request.headers, REQUEST_HEADERS), sent=sent, blocked=blocked)
            async with asyncio.timeout(PATIENCE):
                response = await client.send(request, stream=True)
                try:
                    body = await _body(response)
                finally:
                    await response.aclose()
            return self._read(hop, load, response, body)
        except TimeoutError:
            stop = Stop("timeout", f"no answer within {PATIENCE:g} s")
        except _TooLarge:
            stop = Stop("too-large", f"its page is larger than {SIZE_LIMIT} octets")
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError) as error:
            stop = Stop("unreachable", reason_of(error))
        note = ", ".join(filter(None, (hop.note, stop.detail)))
        return Answer(replace(hop, note=note, until=self._last()), failed=stop)

    def _read(self, hop: Hop, load: Load, response: httpx2.Response, body: bytes) -> Answer:
        refused = hop.who != "ehr" and not self._errand.cookies
        kept, blocked = self._jars.keep(response, refused=refused)
        page = read_page(body, response.headers.get("content-type", ""))
        told = refresh_target(response.headers.get("refresh", "")) or (page.refresh if page is not None else "")
        target = response.headers.get("location", "") if 300 <= response.status_code < 400 else told
        question = self._errand.answer(page) if page is not None and hop.who == "ehr" else None
        read = replace(
            hop,
            status=response.status_code,
            response=self._shown(response.headers, RESPONSE_HEADERS),
            kept=kept,
            blocked=hop.blocked + blocked,
            title=page.title if page is not None else "",
            page=question[0].place if question is not None else "",
            until=self._last(),
        )
        return Answer(read, _joined(load.url, target), page)

    def _shown(self, headers: httpx2.Headers, names: Sequence[str]) -> dict[str, str]:
        found = {name: headers[name] for name in names if name in headers}
        return {name: self._veil.url(text) if name == "location" else text for name, text in found.items()}


class _TooLarge(Exception):
    """A body that is not read to its end."""


def _request(client: httpx2.AsyncClient, load: Load) -> httpx2.Request:
    headers = dict(_SENT)
    if load.form is None:
        return client.build_request(load.method, load.url, headers=headers)
    headers |= {"Content-Type": "application/x-www-form-urlencoded", "Origin": load.initiator}
    return client.build_request(load.method, load.url, headers=headers, content=urlencode(load.form).encode())


async def _body(response: httpx2.Response) -> bytes:
    parts, size = [], 0
    async for part in response.aiter_bytes():
        size += len(part)
        if size > SIZE_LIMIT:
            raise _TooLarge
        parts.append(part)
    return b"".join(parts)


def reason_of(error: Exception) -> str:
    """Why nothing answered, as a clause for people that is the same on every machine."""
    causes: list[BaseException] = [error]
    while (cause := causes[-1].__cause__ or causes[-1].__context__) is not None and cause not in causes:
        causes.append(cause)
    if any(isinstance(one, ssl.SSLError) for one in causes):
        return "its certificate is not trusted, or it does not speak TLS"
    if type(error).__name__ == "ConnectError":
        return "no connection could be made"
    return "the connection broke before the answer" if isinstance(error, OSError) else _plain(error)


def _plain(error: Exception) -> str:
    named = type(error).__name__
    if named in ("ReadError", "WriteError", "RemoteProtocolError", "CloseError"):
        return "the connection broke, or what came is no HTTP"
    return str(error).rstrip(".") or named


def _joined(base: str, target: str) -> str:
    """A target as an absolute address; a fragment is inherited (RFC 9110 section 10.2.2)."""
    if not target:
        return ""
    try:
        found = urljoin(base, target)
    except ValueError:
        return target
    inherited = urlsplit(base).fragment
    return f"{found}#{inherited}" if inherited and "#" not in found else found


def _known_by(url: str) -> str:
    """The address without what is drawn anew each time."""
    parts = urlsplit(url)
    kept = [(name, value) for name, value in parse_qsl(parts.query) if name not in _DRAWN]
    return urlunsplit(parts._replace(query=urlencode(kept), fragment=""))
