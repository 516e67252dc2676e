"""Idempotency keys: the second request with a key gets the first one's answer, and nothing is done again.

After draft-ietf-httpapi-idempotency-key-header-06. Which header carries the key is the site's setting
(`write.idempotency_header`, empty: none). Keys belong to a client, for each patient in whose context it acts. A key
that comes with another request is refused (422), as the draft says.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import replace
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final

from mockehr.core.exchange import Exchange, Reply
from mockehr.core.problem import Problem

if TYPE_CHECKING:
    from mockehr.fhir.server import FhirServer

KEYS_KEPT: Final = 10_000
LONGEST_KEY: Final = 255


class Idempotency:
    """The keys that a site has seen, the oldest forgotten first. What was refused may be tried again with its key."""

    def __init__(self) -> None:
        self._answered: OrderedDict[Hashable, tuple[bytes, Any, tuple[str, ...]]] = OrderedDict()

    def once(self, exchange: Exchange, run: Callable[[FhirServer, Exchange], Any], server: FhirServer) -> Any:
        """Run the interaction unless its key was answered before; then that answer."""
        header = str(server.settings.get("idempotency_header", "")).lower()
        key = exchange.headers.get(header, "") if header else ""
        if not key:
            if header and server.settings.get("idempotency_required", False):
                return Problem(400, "bad-request", f"the header {header} is missing", parameter=header)
            return run(server, exchange)
        if len(key) > LONGEST_KEY:
            return Problem(400, "bad-request", f"{header} has {len(key)} characters; {LONGEST_KEY} are allowed")
        of = (exchange.client, key, exchange.patient, exchange.own)
        same = _fingerprint(exchange)
        known = self._answered.get(of)
        if known is not None:
            exchange.notes["idempotency"] = "answered before"
            text = f"{header} {key!r} was used for another request"
            if known[0] != same:
                return Problem(422, "conflict", text, value=key)
            exchange.returned = known[2]
            return _own(known[1])
        result = run(server, exchange)
        if not isinstance(result, Problem):
            self._answered[of] = (same, _own(result), exchange.returned)
            if len(self._answered) > KEYS_KEPT:
                self._answered.popitem(last=False)
        return result

    def clear(self) -> None:
        """Forget all keys."""
        self._answered.clear()


def _own(result: Any) -> Any:
    """An answer that the stages to come may write their headers into, and its body as they will."""
    return replace(result, headers=list(result.headers)) if isinstance(result, Reply) else result


def _fingerprint(exchange: Exchange) -> bytes:
    told = f"{exchange.method} {exchange.path}?{exchange.query}\n".encode()
    return blake2b(told + exchange.body, digest_size=16).digest()
