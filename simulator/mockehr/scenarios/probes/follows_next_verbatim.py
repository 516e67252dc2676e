"""Ledger D6: paging links are opaque."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from mockehr.core.exchange import Exchange
from mockehr.scenarios.probe import Case, Evidence, Finding, Probe
from mockehr.scenarios.reading import label, next_links, on_the_wire, url

_SEARCH_RESULT: Final = frozenset(
    {"_sort", "_count", "_include", "_revinclude", "_summary", "_total", "_elements", "_contained", "_containedType",
     "_format", "_pretty", "_lastUpdated", "_id"}
)  # fmt: skip
_KNOWN_PAGING: Final = frozenset(
    {"_offset", "_page", "_skip", "_start", "_getpages", "_getpagesoffset", "_cursor", "_page_token", "page",
     "offset", "cursor", "pageToken", "sessionID", "-pageContext", "-pageDirection"}
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class FollowsNextVerbatim(Probe):
    """Is every `next` link followed exactly as given, or not at all?

    It fails if a request carries paging parameters and is not, byte for byte, a link that the site gave to this
    client before: a page of one's own making, a link with parameters added, dropped, re-ordered or re-encoded.
    """

    name: ClassVar[str] = "follows-next-verbatim"
    ledger: ClassVar[tuple[str, ...]] = ("D6",)

    def judge(self, case: Case) -> Finding:
        """Compare what was asked for with what was offered."""
        offered: dict[str, int] = {}
        paging = set(_KNOWN_PAGING)
        paths: set[str] = set()
        followed: list[Evidence] = []
        faults: list[Evidence] = []
        for call in case.on("fhir"):
            asked = on_the_wire(url(call))
            if asked in offered:
                followed.append(Evidence(call.number, f"followed the next link of entry {offered[asked]} verbatim"))
            elif offered and call.method == "GET" and (_names(call.query) & paging or url(call) in paths):
                faults.append(Evidence(call.number, f"{label(call)} is none of the links that the site gave"))
            for link in next_links(call):
                offered.setdefault(on_the_wire(link), call.number)
                offered.setdefault(on_the_wire(_at_home(link, call)), call.number)
                paging |= _names(urlsplit(link).query) - _asked(call) - _SEARCH_RESULT
                paths |= _bare(link, call)
        if not offered:
            return self.unseen("No page had a next link.")
        if not followed and not faults:
            return self.unseen(f"Next links given: {len(offered)}; none was followed.")
        good = f"Next links given: {len(offered)}; requests that followed one, all verbatim: {{n}}."
        failed = f"Next links given: {len(offered)}; requests that paged by another link: {{n}}."
        return self.weigh(faults, followed, good, failed)


def _names(query: str) -> set[str]:
    return {name for name, _ in parse_qsl(query, keep_blank_values=True)}


def _asked(call: Exchange) -> set[str]:
    """Names of the parameters of a search, sent either way."""
    form = call.body.decode("utf-8", "replace") if call.method == "POST" else ""
    return _names(call.query) | _names(form)


def _at_home(link: str, call: Exchange) -> str:
    """A link to another host, on the host that was asked: a client's token is for that one alone."""
    home = urlsplit(call.base_url)
    return urlunsplit(urlsplit(link)._replace(scheme=home.scheme, netloc=home.netloc))


def _bare(link: str, call: Exchange) -> set[str]:
    """A link without its query, if it leads to a path of its own: asking for that alone is no verbatim request."""
    parts = urlsplit(link)
    bare = link.partition("?")[0]
    return {bare} if parts.query and bare != f"{call.base_url}{call.path}" else set()
