"""Sending what nobody should: a request in memory, and what every answer to it has to keep."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple
from xml.parsers import expat

import orjson
import pytest

from mockehr.core.exchange import Exchange
from mockehr.sites.build import build_site
from mockehr.sites.options import SiteOptions
from mockehr.sites.site import Site

BASE = "http://a.example.org/a/fhir/R4"


class Answer(NamedTuple):
    """A status, the document (None for none, and for XML), and what an OperationOutcome says in words."""

    status: int
    document: Any
    words: str


Send = Callable[..., Answer]


def words_of(document: Any) -> str:
    """Everything that the issues of an OperationOutcome say."""
    issues = document.get("issue", []) if isinstance(document, dict) else []
    texts = [(one.get("details", {}).get("text", ""), one.get("diagnostics", "")) for one in issues]
    return "; ".join(text for pair in texts for text in pair if text)


def read_answer(exchange: Exchange) -> Answer:
    """The answer of an exchange, which must be good JSON or XML if it says so, with header lines that are lines."""
    reply = exchange.reply
    assert reply is not None
    for name, value in reply.headers:
        assert not any(letter in name + value for letter in "\r\n\0"), (name, value)
    if "xml" in reply.content_type:
        expat.ParserCreate("utf-8").Parse(reply.body, True)
        return Answer(reply.status, None, reply.body.decode() if reply.status >= 400 else "")
    document = orjson.loads(reply.body) if reply.body and "json" in reply.content_type else None
    return Answer(reply.status, document, words_of(document) if reply.status >= 400 else "")


@pytest.fixture
def hostile_site() -> Iterator[Callable[..., Site]]:
    """Makes a stepped site that wants no token; closes its store afterwards."""
    built: list[Site] = []

    def build(vendor: str = "generic", patients: int = 0, **options: Any) -> Site:
        built.append(
            build_site(SiteOptions("a", vendor, patients=patients, stepped=True, open_access=True, **options))
        )
        return built[-1]

    yield build
    for site in built:
        site.store.close()


@pytest.fixture
def send() -> Send:
    """`send(site, "PUT /Patient/1", document or octets, content_type="…")`; an error must have changed nothing."""

    def do(site: Site, request: str, document: Any = None, **headers: str) -> Answer:
        method, _, target = request.partition(" ")
        path, _, query = target.partition("?")
        body = document if isinstance(document, bytes) else b"" if document is None else orjson.dumps(document)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        before = site.store.last
        answer = read_answer(site.handle(Exchange("fhir", method, path, query, named, body, base_url=BASE)))
        assert answer.status < 500, answer
        if answer.status >= 400:
            assert site.store.last == before
            # some vendors answer some refusals with a page or nothing (their notes.md say when)
            assert answer.words or site.personality.name != "generic", answer
        return answer

    return do
