"""Platforms that stand in front of other sites: what they know of a site behind, and what they make of its answers.

A hospital's EHR is often reached through something else: an integration platform, a network, an interface engine.
Such a product is a personality, too (`Platform`): its site has `fronts`, and asks the sites behind in its own name.
`mockehr.sites.fronting` joins the two; each of them keeps a journal of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import ClassVar, Final, Protocol
from urllib.parse import quote

import orjson

from mockehr.core.changes import Change
from mockehr.core.exchange import JSON, Exchange, Reply
from mockehr.core.problem import Problem
from mockehr.personalities.model import Personality
from mockehr.personalities.proprietary import Records

PASSED_ON: Final = frozenset({"etag", "last-modified", "location", "content-location"})
"""Headers of an answer that a platform passes on; all others are those of its own answer."""
NO_HEADERS: Final[Mapping[str, str]] = MappingProxyType({})


@dataclass(frozen=True)
class Answer:
    """What a platform got from a site behind.

    `status` is 0 where nothing came that can be read; `why` then says in words what happened: `gone` (there is no
    such site now), `lost`, `cut`, or `timeout`. `delay` are the seconds that it took.
    """

    site: str
    status: int = 0
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    delay: float = 0.0
    why: str = ""
    entry: int = 0
    """Its number in the journal of the site behind; 0 if it never came there."""
    bases: tuple[str, ...] = ()
    """The FHIR base of the site behind, in every form in which its links may have it; the longest first."""

    @property
    def ok(self) -> bool:
        """Whether the site behind did what it was asked for."""
        return 200 <= self.status < 300

    @property
    def answered(self) -> bool:
        """Whether the site behind said anything about the request itself, be it no."""
        return self.ok or self.status in (304, 400, 404, 405, 406, 409, 410, 412, 415, 422)

    def header(self, name: str) -> str:
        """The first header of that name (case-insensitive), or the empty string."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), "")

    @cached_property
    def document(self) -> JSON:
        """The body as a JSON object; empty if it is none."""
        try:
            found = orjson.loads(self.body)
        except orjson.JSONDecodeError:
            return {}
        return found if isinstance(found, dict) else {}

    @property
    def resources(self) -> list[JSON]:
        """The matches of a search, or the one resource that was read."""
        if self.document.get("resourceType") != "Bundle":
            return [self.document] if self.ok and self.document else []
        return [
            entry["resource"]
            for entry in self.document.get("entry") or ()
            if entry.get("resource") and (entry.get("search") or {}).get("mode", "match") == "match"
        ]

    @property
    def next(self) -> str:
        """The target of the `next` link, as `ask` takes it; empty on the last page."""
        for link in self.document.get("link") or ():
            if link.get("relation") == "next":
                url = str(link.get("url", ""))
                return next((url[len(base) :] for base in self.bases if url.startswith(base)), "")
        return ""

    @property
    def text(self) -> str:
        """What went wrong, in the words of the site behind as far as it said any."""
        if not self.status:
            return {
                "gone": f"{self.site} cannot be reached",
                "timeout": f"{self.site} did not answer within {self.delay:g} s",
            }.get(self.why, f"The connection to {self.site} was lost before it answered")
        return f"{self.site} returned status code {self.status}"


class Behind(Protocol):
    """One site behind, as the platform in front knows it. It may be gone, and come again."""

    @property
    def name(self) -> str:
        """Of the site."""

    @property
    def there(self) -> bool:
        """Whether it is there now."""

    @property
    def base(self) -> str:
        """Absolute URL of its FHIR base, without a trailing slash; empty while it is gone."""

    @property
    def records(self) -> Records | None:
        """Its records past its interface: for what a platform copied long ago. None while it is gone."""

    @property
    def heard(self) -> int:
        """How many changes of it were heard of so far."""

    def changes(self, after: int) -> Sequence[Change]:
        """Those that were heard of after so many others, oldest first."""

    def ask(
        self,
        exchange: Exchange,
        method: str,
        target: str,
        body: bytes = b"",
        headers: Mapping[str, str] = NO_HEADERS,
        *,
        patience: float = 0.0,
    ) -> Answer:
        """A FHIR request to the site behind, through its pipeline, with the token of the client named after us.

        `exchange` is ours for which it is asked: it notes the entry of the site behind, and takes as long. `target`
        is a path below the FHIR base with its query. After `patience` seconds (0: none) nobody waits any more.
        """

    def hand(self, exchange: Exchange, message: bytes, path: str = "/") -> Answer:
        """An HL7 v2 message for the listener of that path; the body of the answer is the acknowledgement."""


class Platform(Personality):
    """A product that stands in front of sites. Those that have no FHIR of their own pass it on as it is (`relay`)."""

    offers_fhir: ClassVar[bool] = True
    """Without it, whatever lies below the FHIR base is not found."""

    def enter(self, exchange: Exchange, behind: Sequence[Behind]) -> None:
        """Take off a FHIR request's path what only the platform understands; a Problem as result refuses it."""

    def relay(self, exchange: Exchange, records: Records) -> Reply | Problem:
        """The answer to a FHIR request that was named and permitted: that of the first site behind."""
        behind = records.behind
        if not behind:
            return Problem(502, "unavailable", "No site stands behind this one")
        answer = forwarded(exchange, behind[0])
        return passed_on(answer, exchange.base_url) if answer.status else Problem(502, "unavailable", answer.text)

    @property
    def rounds(self) -> Mapping[str, float]:
        """What the platform does by itself, by name, and after how many seconds again and again."""
        return {}

    def begin(self, records: Records) -> None:
        """The site was built, or is as new again."""

    def has_to(self, name: str, records: Records) -> bool:
        """Whether there is anything to do in one of `rounds`."""
        return True

    def go_round(self, name: str, exchange: Exchange, records: Records) -> None:
        """Do one of `rounds`; the exchange is its entry in the journal."""

    def tells(self, change: Change, at: float) -> float | None:
        """When the platform's own webhooks tell of a change of a site behind that was heard at `at`; None: never."""
        return at


def forwarded(exchange: Exchange, behind: Behind, *, patience: float = 0.0) -> Answer:
    """The answer of a site behind to a FHIR request as it came, where references to us lead to it."""
    target, body = target_of(exchange), exchange.body
    if behind.base and exchange.base_url:
        body = body.replace(exchange.base_url.encode(), behind.base.encode())
        for ours in (exchange.base_url, quote(exchange.base_url, safe="")):
            target = target.replace(ours, behind.base)
    return behind.ask(exchange, exchange.method, target, body, wishes(exchange), patience=patience)


def target_of(exchange: Exchange) -> str:
    """Path and query of a FHIR request, below its base."""
    return f"{exchange.path}?{exchange.query}" if exchange.query else exchange.path


def wishes(exchange: Exchange) -> dict[str, str]:
    """The headers of a request that matter to the site behind."""
    names = ("accept", "content-type", "prefer", "if-match", "if-none-match", "if-none-exist", "if-modified-since")
    return {name: exchange.headers[name] for name in names if name in exchange.headers}


def passed_on(answer: Answer, base_url: str) -> Reply:
    """An answer as it is, with its links led to another base."""
    headers = [
        (key, readdressed(value, answer, base_url)) for key, value in answer.headers if key.lower() in PASSED_ON
    ]
    body = answer.body
    for base in answer.bases:
        body = body.replace(base.encode(), base_url.encode())
    return Reply(answer.status, headers, body, None, answer.header("content-type"))


def readdressed(text: str, answer: Answer, base_url: str) -> str:
    """A text with the FHIR base of the site behind replaced."""
    for base in answer.bases:
        text = text.replace(base, base_url)
    return text
