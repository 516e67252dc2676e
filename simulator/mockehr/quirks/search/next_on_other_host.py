"""Paging links that lead to another host."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from mockehr.core.exchange import Exchange
from mockehr.core.page import SearchPage
from mockehr.quirks.base import Act, quirk
from mockehr.quirks.shown import document_of, show

LOCAL: Final = MappingProxyType({"127.0.0.1": "localhost", "localhost": "127.0.0.1"})


@quirk("next-on-other-host", family="search", ledger=("D6",), channels=("fhir",), interactions=("search",))
@dataclass(frozen=True, slots=True)
class NextOnOtherHost:
    """The `next` link names another host than the one that was asked, as when a server behind a proxy writes its own
    name or links to a node of its cluster.

    Without `host` it is this machine by another name (`localhost` for `127.0.0.1` and the other way round), so that
    the link works and shows who follows it with a token; any other host gets `node1.` before its name.

    Seen: Servers behind a proxy link to the name that they have inside (microsoft/fhir-server#1317, #1080) or to
    localhost (metriport/metriport#4974); eClinicalWorks tells another host, and http, in `self` and `fullUrl`
    (fasten-sources, 2024-11-23; vendors-others.md 3.2). Coping: the token is for one host: put the link on one's own
    base, or stop and say so, but never send it elsewhere (RFC 6750 section 5.3).
    """

    host: str = ""

    def on_reply(self, exchange: Exchange, act: Act) -> None:
        """Move the next link to the other host."""
        page, document = exchange.result, document_of(exchange)
        links = document.get("link") if isinstance(page, SearchPage) and document is not None else None
        found = [link for link in links or () if isinstance(link, dict) and link.get("relation") == "next"]
        if document is None or not links or not found:
            act.leave("the page has no next")
            return
        url = self._moved(str(found[0]["url"]), exchange.base_url)
        document["link"] = [{**link, "url": url} if link is found[0] else link for link in links]
        show(exchange, document)
        act.why = f"next is at {urlsplit(url).netloc}"

    def _moved(self, url: str, base_url: str) -> str:
        parts = urlsplit(url if "://" in url else f"{base_url.rstrip('/')}/{url.lstrip('/')}")
        name = parts.hostname or ""
        host = self.host or LOCAL.get(name, f"node1.{name}")
        if parts.port is not None and ":" not in host:
            host += f":{parts.port}"
        return urlunsplit(parts._replace(netloc=host))
