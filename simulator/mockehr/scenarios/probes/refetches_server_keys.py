"""Ledger A9: an unknown key of the server is looked up, once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from mockehr.core.exchange import Exchange
from mockehr.scenarios.asking import key_id
from mockehr.scenarios.probe import Case, Evidence, Finding, Probe
from mockehr.scenarios.reading import answer, status


@dataclass(frozen=True, slots=True)
class RefetchesServerKeys(Probe):
    """When the server signs with a key that the client has not seen, does it fetch the server's key set, once?

    It fails if it goes on without looking, or if it fetches the key set again and again with nothing new to find.
    Clients that never fetch it do not verify signatures (OpenID Connect Core 3.1.3.7 allows that to whoever got the
    id_token straight from the token endpoint) and are not judged.
    """

    name: ClassVar[str] = "refetches-server-keys"
    ledger: ClassVar[tuple[str, ...]] = ("A9",)

    spare: int = 1
    """How many fetches may find nothing new."""
    fresh: float = 300.0
    """After so many site seconds a key set may be fetched anew without any reason."""

    def judge(self, case: Case) -> Finding:
        """Go through tokens and key sets in order."""
        sets = [one for one in case.on("discovery") if _is_key_set(one)]
        if not sets:
            return self.unseen("The client never fetched the server's key set.")
        faults: list[Evidence] = []
        coped: list[Evidence] = []
        known: set[str] = set()
        wanted: dict[str, int] = {}
        fetched_at = -self.fresh
        idle = 0
        for exchange in case.exchanges:
            if exchange.channel == "token":
                for kid in _kids(exchange):
                    if kid not in known and known:
                        wanted.setdefault(kid, exchange.number)
            elif _is_key_set(exchange):
                coped += [Evidence(exchange.number, f"fetched for {k}, first seen at {n}") for k, n in wanted.items()]
                if not wanted and known and exchange.at < fetched_at + self.fresh:
                    idle += 1
                    if idle > self.spare:
                        faults.append(Evidence(exchange.number, f"the key set was fetched {idle} times in vain"))
                known |= _published(exchange) | set(wanted)
                wanted, fetched_at = {}, exchange.at
        faults += [Evidence(entry, f"the key {kid} was never looked up") for kid, entry in wanted.items()]
        if not faults and not coped:
            return self.unseen("The server signed with keys that the client knew.")
        good = "Keys of the server that were looked up when they were first seen: {n}."
        return self.weigh(faults, coped, good, "Faults in looking up the server's keys: {n}.")


def _is_key_set(exchange: Exchange) -> bool:
    asked = exchange.interaction
    return asked is not None and asked.name == "jwks" and exchange.method == "GET" and status(exchange) == 200


def _published(exchange: Exchange) -> set[str]:
    keys: Any = (answer(exchange) or {}).get("keys")
    return {str(key.get("kid")) for key in keys if isinstance(key, dict)} if isinstance(keys, list) else set()


def _kids(exchange: Exchange) -> Iterator[str]:
    """The keys by which what a token response holds was signed."""
    document = answer(exchange) or {}
    for name in ("id_token", "access_token"):
        text = document.get(name)
        kid = key_id(text) if isinstance(text, str) else ""
        if kid:
            yield kid
