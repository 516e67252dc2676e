"""What else browsers and apps may find around the authorization endpoint: stations of an identity provider, the page
that opens an app in a frame, an endpoint that is no more, and the hospital's other environment.

All of it is always there, and nobody is sent there unless a quirk says so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs, urlsplit

from mockehr.auth.front.render import CONTENT_TYPE, embed_html, page_headers
from mockehr.auth.front.steps import Redirect
from mockehr.auth.refusal import Refused
from mockehr.auth.uris import with_parameters
from mockehr.core.exchange import Channel, Exchange, Reply
from mockehr.fhir.record import encode

if TYPE_CHECKING:
    from mockehr.sites.site import Site

MOST_STATIONS: Final = 10
_COUNTERS: Final = ("hop=", "of=")
_ASKED_BY_SCRIPTS: Final[Mapping[str, Channel]] = MappingProxyType(
    {"elsewhere": "discovery", "elsewhere-token": "token", "retired": "token"}
)
"""Places that are no pages, and what they would be if they were real."""


def launch_page(site: Site, exchange: Exchange) -> Reply | Refused | None:
    """The answer of one of these places; None for any other, and for the last station of an identity provider."""
    assert exchange.interaction is not None
    name = exchange.interaction.name
    found = _PLACES.get(name)
    if found is None:
        return None
    as_channel = _ASKED_BY_SCRIPTS.get(name)
    if as_channel is None:
        return found(site, exchange)
    answer = Reply(204, [("Allow", "GET, POST, OPTIONS")]) if exchange.method == "OPTIONS" else found(site, exchange)
    if isinstance(answer, Reply):
        # What apps ask for from their pages may be read there where the vendor lets them read its like.
        answer.headers.extend(site.personality.cors(replace(exchange, channel=as_channel, reply=answer)))
    return answer


def next_station(site: Site, exchange: Exchange) -> Redirect | str:
    """The identity provider's next station, or (after the last) the parameters with which it sends one on.

    The parameters are carried on letter by letter; `hop` and `of` are the provider's own.
    """
    parts = exchange.query.split("&")
    rest = "&".join(part for part in parts if not part.startswith(_COUNTERS))
    told = parse_qs(exchange.query)
    hop, last = (_whole(told.get(name, [""])[0]) for name in ("hop", "of"))
    if hop >= min(last, MOST_STATIONS):
        return rest
    return Redirect(f"{site.endpoints.page('idp', exchange.base_url)}?hop={hop + 1}&of={last}&{rest}")


def _whole(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 4 else 0


def _embed(site: Site, exchange: Exchange) -> Reply | Refused:
    """The app named by `app` in a frame that may keep nothing and open nothing; what else is asked goes to it."""
    told = {name: values[0] for name, values in parse_qs(exchange.query).items()}
    app = told.pop("app", "")
    try:
        address = urlsplit(app)
    except ValueError:  # brackets without an address in them
        address = urlsplit("")
    if address.scheme not in ("http", "https") or not address.netloc:
        return Refused("parameter-missing", "The parameter app is required: the address of an app.")
    body = embed_html(with_parameters(app, told), hospital=site.personality.title)
    headers = [pair for pair in page_headers() if pair[0] != "Content-Security-Policy"]
    headers.append(("Content-Security-Policy", f"{_policy()}; frame-src {address.scheme}: 'self'"))
    return Reply(200, headers, body, content_type=CONTENT_TYPE)


def _policy() -> str:
    return next(value for name, value in page_headers() if name == "Content-Security-Policy")


def _retired(site: Site, exchange: Exchange) -> Reply:
    document = {"error": "not_found", "error_description": "This endpoint is no more."}
    return Reply(404, [], encode(document), content_type="application/json")


def _elsewhere(site: Site, exchange: Exchange) -> Reply:
    """The other environment's own discovery document."""
    document = site.smart_configuration(site.endpoints.page("elsewhere", exchange.base_url))
    return Reply(200, [], document=document, content_type="application/json")


def _stranger(site: Site, exchange: Exchange) -> Refused:
    return Refused("launch-unknown", "This launch is not known in this environment.")


def _no_token(site: Site, exchange: Exchange) -> Reply:
    exchange.notes["refused"] = "client-unknown"
    return site.personality.token_refusal(400, {"error": "invalid_client"}, "client-unknown")


_PLACES: Final[Mapping[str, Callable[[Site, Exchange], Reply | Refused]]] = MappingProxyType(
    {
        "embed": _embed,
        "retired": _retired,
        "elsewhere": _elsewhere,
        "elsewhere-authorize": _stranger,
        "elsewhere-token": _no_token,
    }
)
