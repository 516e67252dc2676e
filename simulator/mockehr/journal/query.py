"""Asking the journal. Matching and explaining are one function: `difference` is empty exactly when it matches."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from fnmatch import fnmatchcase

from mockehr.core.exchange import Exchange


@dataclass(frozen=True, slots=True)
class Question:
    """Which exchanges are meant; an empty field asks for nothing. `path` may hold `*`.

    `quirk` and `rule` ask for exchanges on which that quirk or rule fired.
    """

    channel: str = ""
    client: str = ""
    method: str = ""
    path: str = ""
    interaction: str = ""
    resource: str = ""
    id: str = ""
    status: int = 0
    quirk: str = ""
    rule: str = ""
    direction: str = ""
    after: int = 0
    """Only entries with a higher number."""

    def difference(self, exchange: Exchange) -> list[str]:
        """How the exchange differs from what is asked for: one `field: got …, wanted …` per difference."""
        found: list[str] = []
        for item in fields(self):
            wanted = getattr(self, item.name)
            if not wanted:
                continue
            got = _facts(exchange, item.name)
            if not _matches(item.name, wanted, got):
                found.append(f"{item.name}: got {_shown(got)}, wanted {wanted!r}")
        return found

    def matches(self, exchange: Exchange) -> bool:
        """True if nothing differs."""
        return not self.difference(exchange)


@dataclass(frozen=True, slots=True)
class NearMiss:
    """An exchange that almost fitted, and what differed."""

    exchange: Exchange
    differences: tuple[str, ...]


def near_misses(question: Question, exchanges: Iterable[Exchange], limit: int = 3) -> list[NearMiss]:
    """The exchanges with the fewest differences, newest first among equals."""
    misses = [NearMiss(e, tuple(question.difference(e))) for e in exchanges]
    misses.sort(key=lambda miss: (len(miss.differences), -miss.exchange.number))
    return misses[:limit]


def _facts(exchange: Exchange, name: str) -> object:
    asked = exchange.interaction
    fired = [d for d in exchange.decisions if d.outcome == "fired"]
    facts: dict[str, object] = {
        "channel": exchange.channel,
        "client": exchange.client,
        "method": exchange.method,
        "path": exchange.path,
        "interaction": asked.name if asked else "",
        "resource": asked.resource_type if asked else "",
        "id": asked.id if asked else "",
        "status": exchange.reply.status if exchange.reply else 0,
        "quirk": [d.quirk for d in fired],
        "rule": [d.rule for d in fired],
        "direction": exchange.direction,
        "after": exchange.number,
    }
    return facts[name]


def _matches(name: str, wanted: object, got: object) -> bool:
    if isinstance(got, list):
        return wanted in got
    if name == "after":
        return isinstance(got, int) and isinstance(wanted, int) and got > wanted
    if name == "path":
        return fnmatchcase(str(got), str(wanted))
    return got == wanted


def _shown(got: object) -> str:
    return repr(got) if got else "nothing"
