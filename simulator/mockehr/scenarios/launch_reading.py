"""What probes read from launches: parameters of requests, what is told on the way back, and whose an exchange is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from mockehr.core.exchange import Exchange
from mockehr.scenarios.asking import form, token_given
from mockehr.scenarios.probe import Case
from mockehr.scenarios.reading import answer, bearer

BEGINNINGS: Final = frozenset({"authorize", "elsewhere-authorize"})
"""Interactions of channel `authorize` that carry an authorization request as the app wrote it."""


def told_back(exchange: Exchange) -> Mapping[str, str]:
    """The parameters with which the browser is sent to another address; none if it is sent nowhere."""
    location = exchange.reply.header("location") if exchange.reply is not None else ""
    return dict(parse_qsl(urlsplit(location).query, keep_blank_values=True))


def asked_as(exchange: Exchange) -> str:
    """Name of the interaction: `authorize`, `idp`, `smart-configuration`, a grant type …

    Where a rule answered before anything was named, it is the last part of the path.
    """
    return exchange.interaction.name if exchange.interaction is not None else exchange.path.rpartition("/")[2]


def requests(case: Case) -> list[Exchange]:
    """Authorization requests, at the site's own endpoint."""
    return [exchange for exchange in case.on("authorize") if asked_as(exchange) == "authorize"]


def redemptions(case: Case) -> list[Exchange]:
    """Token requests that bring a code."""
    return [exchange for exchange in case.on("token") if form(exchange).get("grant_type") == "authorization_code"]


def codes_given(case: Case) -> list[tuple[Exchange, str, str]]:
    """(exchange, code, state) of every time that the browser was sent to an app with a code."""
    told = [(exchange, told_back(exchange)) for exchange in case.on("authorize")]
    return [(exchange, back["code"], back.get("state", "")) for exchange, back in told if back.get("code")]


def tokened(exchange: Exchange) -> bool:
    """Whether a token request was answered with a token, and the client heard it."""
    return bool(token_given(exchange))


def acted(exchange: Exchange, quirk: str) -> bool:
    """Whether that quirk fired on the exchange, or looked at it and found nothing to do."""
    return any(one.quirk == quirk and one.outcome in ("fired", "idle") for one in exchange.decisions)


def after(exchange: Exchange, others: Iterable[Exchange]) -> list[Exchange]:
    """Those that came later."""
    return [other for other in others if other.number > exchange.number]


def calls_with(token: Exchange, case: Case) -> list[Exchange]:
    """FHIR requests that carry the token of that token response."""
    given = str((answer(token) or {}).get("access_token", ""))
    return [call for call in after(token, case.on("fhir")) if given and bearer(call) == given]


def handle_of(launch: Exchange) -> str:
    """The handle that an app was opened with; empty where it cannot be seen."""
    return told_back(launch).get("launch", "")


def opened_later(exchange: Exchange, case: Case) -> frozenset[str]:
    """Handles of launches that were opened after an exchange: what brings one of them belongs to another launch."""
    return frozenset(filter(None, (handle_of(one) for one in after(exchange, case.on("launch")))))


def brought(launch: Exchange, case: Case) -> list[Exchange]:
    """The authorization requests that bring the handle of a launch."""
    handle = handle_of(launch)
    return [one for one in after(launch, requests(case)) if handle and form(one).get("launch") == handle]


def tokens_of(asked: Iterable[Exchange], case: Case) -> list[Exchange]:
    """The token requests that were answered with a token for a code that those authorization requests led to."""
    codes: set[str] = set()
    states = {form(one).get("state") for one in asked}
    for _, code, state in codes_given(case):
        if state in states:
            codes.add(code)
    codes |= {told_back(one).get("code", "") for one in asked}
    return [one for one in redemptions(case) if form(one).get("code") in codes and tokened(one)]


def is_statement(exchange: Exchange) -> bool:
    """Whether this asks for the CapabilityStatement."""
    return exchange.channel == "fhir" and exchange.path.rstrip("/") == "/metadata"


def claimants(exchanges: Sequence[Exchange]) -> Callable[[Exchange], str]:
    """Tells whose an exchange is that names no client by itself.

    A request of the authorization server belongs to the `client_id` that it names, a launch to who brought its
    handle, and discovery, or a call that no token tells of, to the only client that made calls from the same address
    with the same `User-Agent`.
    """
    launches: dict[str, str] = {}
    agents: dict[tuple[str, str], set[str]] = {}
    for exchange in exchanges:
        if exchange.client and exchange.channel == "authorize":
            launches.setdefault(form(exchange).get("launch", ""), exchange.client)
        if exchange.client and exchange.channel in ("token", "fhir"):
            agents.setdefault(_agent(exchange), set()).add(exchange.client)
    launches.pop("", None)

    def claimed(exchange: Exchange) -> str:
        if exchange.channel in ("authorize", "token"):
            return form(exchange).get("client_id", "")
        if exchange.channel == "launch":
            return launches.get(told_back(exchange).get("launch", ""), "")
        if exchange.channel in ("discovery", "fhir"):
            found = agents.get(_agent(exchange), set())
            return next(iter(found)) if len(found) == 1 else ""
        return ""

    return claimed


def _agent(exchange: Exchange) -> tuple[str, str]:
    return exchange.peer, exchange.headers.get("user-agent", "")
