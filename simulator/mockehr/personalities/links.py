"""How vendors write the addresses in a Bundle: what stands in front, and the query after it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from mockehr.core.page import SearchPage


def _asked(base_url: str) -> str:
    return base_url


def _with_port(base_url: str) -> str:
    """With its port even where that goes without saying."""
    parts = urlsplit(base_url)
    if parts.port is not None:
        return base_url
    port = 443 if parts.scheme == "https" else 80
    return urlunsplit(parts._replace(netloc=f"{parts.netloc}:{port}"))


def _by_another_name(base_url: str) -> str:
    """Over http, and this machine by its other name: what another host's name would be, without leading away."""
    parts = urlsplit(base_url)
    other = _OTHER_NAMES.get(parts.hostname or "")
    if other is None:
        return urlunsplit(parts._replace(scheme="http"))
    port = f":{parts.port}" if parts.port is not None else ""
    return urlunsplit(parts._replace(scheme="http", netloc=other + port))


_OTHER_NAMES: Final[Mapping[str, str]] = MappingProxyType({"127.0.0.1": "localhost", "localhost": "127.0.0.1"})
ADDRESSES: Final[Mapping[str, Callable[[str], str]]] = MappingProxyType(
    {"asked": _asked, "port": _with_port, "other": _by_another_name}
)
"""Setting `bundle.address` → the base URL in links, from the one that the client used."""


def next_link(page: SearchPage, base_url: str, parameter: str, *, whole: bool) -> str:
    """The next page: the token alone, or (`whole`) the search as it was asked for and the token after it."""
    token = page.next_token
    if not (token.isascii() and token.isalnum()):  # which most are, and quoting takes its time
        token = quote(token, safe="")
    told = f"{parameter}={token}"
    if not whole:
        return f"{base_url}/{page.resource_type}?{told}"
    kept = [part for part in page.query.split("&") if part and part.partition("=")[0] != parameter]
    return f"{base_url}/{page.resource_type}?{'&'.join([*kept, told])}"


def sorted_query(query: str) -> str:
    """A query with its parameters in alphabetical order, those with an underscore last."""
    pairs: list[tuple[str, str]] = parse_qsl(query, keep_blank_values=True)
    pairs.sort(key=lambda pair: (pair[0].startswith("_"), pair[0]))
    return urlencode(pairs, safe="/|:,")
