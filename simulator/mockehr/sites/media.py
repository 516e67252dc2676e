"""In which form a site's FHIR replies go out, and the writing of it.

Everything before stage `render` is JSON; XML is made of it there, and only for those who get it.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qsl

from mockehr.core.exchange import Exchange, Reply
from mockehr.core.problem import Problem
from mockehr.fhir.elements import R4
from mockehr.fhir.indent import indented
from mockehr.fhir.lossless import encode
from mockehr.fhir.xml import to_xml, xml_of_json
from mockehr.personalities.model import Personality

KEPT: Final = 256
"""Wishes whose answer is kept; clients have few and repeat them."""
LONGEST_FORM: Final = 65_536
"""Octets of a search form that is looked into; the search itself refuses longer ones."""
WRITING: Final = frozenset({"POST", "PUT", "PATCH"})
"""Methods whose effect must not come about if the answer to it cannot be written."""


class Media:
    """What one site answers to `Accept` and `_format`."""

    __slots__ = ("_found", "_vendor", "compresses")

    def __init__(self, vendor: Personality) -> None:
        self._vendor = vendor
        self._found: dict[tuple[str, str], str | Problem] = {}
        self.compresses = vendor.compresses
        """Whether the edge compresses long replies."""

    def type_of(self, exchange: Exchange) -> str | Problem:
        """The content type of a reply, or the refusal of what was asked for."""
        wish = (exchange.headers.get("accept", ""), _format_source(exchange))
        found = self._found.get(wish)
        if found is None:
            found = self._vendor.content_type(wish[0], _parameter(wish[1], "_format"))
            if len(self._found) < KEPT:
                self._found[wish] = found
        return found

    def wish(self, exchange: Exchange) -> str:
        """What was asked for in one text, as an error takes it: `_format` if there is one, else `Accept`."""
        source = _format_source(exchange)
        return (source and _parameter(source, "_format")) or exchange.headers.get("accept", "")

    def refusal(self, exchange: Exchange) -> Problem | None:
        """The 406 of a request that would change something, to be told before it does; None if all is well."""
        if exchange.method not in WRITING:
            return None
        found = self.type_of(exchange)
        return found if isinstance(found, Problem) else None


def _format_source(exchange: Exchange) -> str:
    """The query that has a `_format`: the URL's, or that of a search by POST; empty if neither has."""
    if "_format=" in exchange.query:
        return exchange.query
    form = exchange.method == "POST" and exchange.path.endswith("/_search") and len(exchange.body) <= LONGEST_FORM
    if form and b"_format=" in exchange.body:
        return exchange.body.decode("utf-8", "replace")
    return ""


def _parameter(query: str, name: str) -> str:
    return next((value for key, value in parse_qsl(query) if key == name), "")


def write_body(reply: Reply, exchange: Exchange, fhir_version: str = R4) -> None:
    """Stage `render`: the reply's document or JSON as its content type says; `_pretty=true` adds blanks.

    A body that is not JSON (a page, a Binary in its own form, what a quirk has spoiled) goes out as it is.
    """
    pretty = "_pretty=" in exchange.query and _parameter(exchange.query, "_pretty") == "true"
    if "xml" in reply.content_type:
        _write_xml(reply, pretty, fhir_version)
        return
    if reply.document is not None:
        reply.body = encode(reply.document)
        reply.document = None
    if pretty and "json" in reply.content_type and reply.body:
        reply.body = indented(reply.body)


def _write_xml(reply: Reply, pretty: bool, version: str) -> None:
    if reply.document is not None:
        reply.body = to_xml(reply.document, pretty=pretty, version=version)
        reply.document = None
    elif reply.body.startswith(b"{"):
        try:
            reply.body = xml_of_json(reply.body, pretty=pretty, version=version)
        except ValueError:
            return  # cut or garbled before it came here, on purpose: then it stays garbled
