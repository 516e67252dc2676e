"""What probes read of trouble on the network: what came to nothing, how long a client waited, how it went on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from mockehr.core.exchange import LEFT, TOOK, Exchange
from mockehr.scenarios.probe import Case
from mockehr.scenarios.reading import fired, heard, resource_type, same_request, status

ASKED: Final = ("fhir", "token", "discovery", "files", "feed", "proprietary")
"""Channels on which a client asks and the site answers over HTTP."""
SPOILING: Final = ("damaged-gzip", "malformed-success")
"""Quirks that leave a whole answer with a body of no use."""
UNTIRING: Final = 3
"""How many failures in a row a client must have met before it may leave the site alone for good."""


def is_page(exchange: Exchange) -> bool:
    """Whether the answer is HTML."""
    reply = exchange.reply
    if reply is None:
        return False
    start = reply.body[:64].lstrip().lower()
    return reply.header("Content-Type").startswith("text/html") or start.startswith((b"<!doctype html", b"<html"))


def came_to_nothing(exchange: Exchange) -> bool:
    """Whether the client got no answer that it can use: none, not the whole, 5xx, a page, a spoilt body."""
    spoilt = status(exchange) < 300 and fired(exchange, *SPOILING)
    return not heard(exchange) or status(exchange) >= 500 or is_page(exchange) or spoilt


def waited(exchange: Exchange) -> float:
    """Site seconds for which the client waited for the answer to end; infinite while it waits still."""
    effects = exchange.effects
    if LEFT in exchange.notes:
        return float(exchange.notes[LEFT])
    if effects is None:
        return 0.0
    if effects.hang:
        return float("inf")
    return max(effects.arrival_delay + effects.reply_delay, float(exchange.notes.get(TOOK, 0.0)))


def stood_still(case: Case) -> bool:
    """Whether the site's clock did not move, so that no pause can be measured."""
    return len(case.exchanges) > 1 and len({exchange.at for exchange in case.exchanges}) == 1


def rows(calls: Iterable[Exchange]) -> Iterator[list[Exchange]]:
    """Rows of consecutive calls that came to nothing."""
    row: list[Exchange] = []
    for call in calls:
        if came_to_nothing(call):
            row.append(call)
        elif row:
            yield row
            row = []
    if row:
        yield row


def followed_up(call: Exchange, calls: Sequence[Exchange]) -> str:
    """How the client came back to a read that came to nothing; empty if it went on without it.

    It asked the same again, or began a search again from a page that it had asked for before, or all that followed
    came to nothing too, often enough to leave the site alone.
    """
    before = [one for one in calls if one.number < call.number]
    later = [one for one in calls if one.number > call.number]
    for one in later:
        if one.channel != call.channel:
            continue
        if same_request(one, call) or call.channel == "token":
            return f"was asked again at entry {one.number}"
        begun = resource_type(one) == resource_type(call) and any(same_request(one, other) for other in before)
        if begun:
            return f"was begun again at entry {one.number}"
    last = next((row for row in reversed([*rows(calls)]) if row[-1] is calls[-1]), [])
    if call in last and len(last) >= UNTIRING:
        return f"was one of {len(last)} failures in a row, after which the site was left alone"
    return ""
