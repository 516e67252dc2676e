"""What happens in a story, as somebody outside the site sees it, in lines to be compared."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields
from typing import Any, Final

import orjson

from mockehr.core.clock import instant
from mockehr.core.exchange import Effects, Exchange
from mockehr.journal.entry import digest
from mockehr.sites.site import Site
from mockehr.sites.visitor import Visitor

LINES: Final = 400
"""Lines of one body that are kept."""
WIDTH: Final = 160
"""Characters of one line."""
ROOT: Final = "http://ehr.example.org/try"
_SENT: Final = ("accept", "content-type", "if-match", "if-none-exist", "prefer", "x-mockehr-signature")
"""Headers of requests and deliveries that are shown."""
_DULL: Final = frozenset({"x-mockehr-entry", "cache-control", "pragma"})
_PLAIN: Final = Effects()
_STRAY: Final = re.compile("[\udc80-\udcff]")
"""Octets that are no UTF-8, as they are decoded."""


class Visit:
    """One story at one site. Whoever plays it sends, receives and lets time pass; everything becomes steps."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.visitor = Visitor(site, ROOT, client="app")
        self.steps: list[tuple[str, list[str]]] = []
        """What was done, and what was seen of it."""
        self.exchanges: list[Exchange] = []

    @property
    def base(self) -> str:
        """The site's FHIR base."""
        return self.visitor.base

    def patient(self, number: int = 0) -> str:
        """Id of a patient; empty if the site has none."""
        charts = self.site.charts
        return charts.patient_id(number) if charts is not None and charts.size > number else ""

    def send(self, method: str, target: str, body: Any = None, **headers: str) -> Exchange:
        """A request, with a JSON body if one is given; header names are written with `_` for `-`."""
        told = {name.replace("_", "-"): value for name, value in headers.items()}
        octets = b"" if body is None else body if isinstance(body, bytes) else orjson.dumps(body)
        if octets:
            told.setdefault("content-type", "application/fhir+json")
        return self.saw(self.visitor.send(method, target, told, octets))

    def saw(self, exchange: Exchange, does: str = "") -> Exchange:
        """Keep an exchange as a step."""
        query = f"?{exchange.query}" if exchange.query and exchange.channel not in ("authorize", "launch") else ""
        said = does or f"{exchange.method} {exchange.path}{query}"
        self.steps.append((self._at(said), list(lines_of(exchange))))
        self.exchanges.append(exchange)
        return exchange

    def note(self, does: str, *lines: str) -> None:
        """Keep something else that was seen."""
        self.steps.append((self._at(does), list(lines)))

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.site.clock.advance(seconds)

    def _at(self, does: str) -> str:
        return f"{instant(self.site.clock.now())[11:19]} {does}"


def document_of(exchange: Exchange) -> dict[str, Any]:
    """The JSON object of a reply; an empty one if it holds none."""
    try:
        told = orjson.loads(exchange.reply.body if exchange.reply is not None else b"")
    except orjson.JSONDecodeError:
        return {}
    return told if isinstance(told, dict) else {}


def lines_of(exchange: Exchange) -> Iterator[str]:
    """An exchange in lines: what is sent out, what is answered, and what becomes of the octets."""
    if exchange.direction == "out":
        yield from _message(exchange)
    reply = exchange.reply
    if reply is not None and exchange.channel not in ("webhook", "mllp-out"):
        if not exchange.channel.startswith("mllp"):
            yield f"  {reply.status}"
            yield from (f"  {name}: {_shown(value)}" for name, value in reply.headers if name.lower() not in _DULL)
            if reply.content_type:
                yield f"  content type {reply.content_type}"
        yield from (f"    {line}" for line in text_of(reply.body))
    yield from _effects(exchange.effects)


def _message(exchange: Exchange) -> Iterator[str]:
    yield from (f"  {name}: {exchange.headers[name]}" for name in _SENT if name in exchange.headers)
    yield from (f"    {line}" for line in text_of(exchange.body))


def _shown(value: str) -> str:
    return value if len(value) <= WIDTH else f"{value[:WIDTH]}… ({digest(value)})"


def _effects(effects: Effects | None) -> Iterator[str]:
    """What the edge does to the octets."""
    for one in fields(Effects) if effects is not None else ():
        value = getattr(effects, one.name)
        if value != getattr(_PLAIN, one.name):
            yield f"  on the wire: {one.name.replace('_', ' ')} {value if value is not True else ''}".rstrip()


def text_of(body: bytes) -> list[str]:
    """Octets in lines: JSON an element a line, messages a segment a line, what is no UTF-8 as `<FC>`."""
    text = _STRAY.sub(lambda found: f"<{ord(found[0]) - 0xDC00:02X}>", body.decode("utf-8", "surrogateescape"))
    try:
        lines = orjson.dumps(orjson.loads(text), option=orjson.OPT_INDENT_2).decode().splitlines()
    except orjson.JSONDecodeError:
        kept = text.replace("\r\n", "<CR><LF>\r").replace("\n", "<LF>\r") if text.startswith("MSH") else text
        lines = [line for line in kept.replace("\r", "\n").split("\n") if line]
    lines = [line if len(line) <= WIDTH else f"{line[:WIDTH]}… ({len(line)}, {digest(line)})" for line in lines]
    return lines if len(lines) <= LINES else [*lines[:LINES], f"… {len(lines) - LINES} more ({digest(body)})"]
