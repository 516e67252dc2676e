"""Public keys of clients: registered with the client, or fetched from its `jwks_uri` and kept for a while.

Source: SMART App Launch 2.2, client-confidential-asymmetric ("Registering a client", "Signature verification").
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from mockehr.auth.clients import Client
from mockehr.auth.refusal import Refused
from mockehr.core.clock import Clock

Fetch = Callable[[str], Mapping[str, Any]]
"""Gets the JWK Set at a URL; any exception means that it cannot be had."""

_KTY: Final = {"RS": "RSA", "ES": "EC"}
_CURVE: Final = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}
_AT_ONCE: Final = 30.0  # site seconds from learning what is kept to the question itself; generous, for fast clocks
_SHORTEST_MODULUS: Final = 340  # base64 characters of a 2048-bit modulus, less leading zero bits


@dataclass(frozen=True, slots=True)
class KeySetCopy:
    """A client's JWK Set as the server sees it. `fresh` means fetched for this very question."""

    jwks: Mapping[str, Any]
    fresh: bool


def cannot_fetch(uri: str) -> Mapping[str, Any]:
    """The `Fetch` of a server that was given none: it lives on what is handed in (`ClientKeys.keep`)."""
    raise ConnectionError("nothing was handed in")


class ClientKeys:
    """Finds the keys with which a client's assertion may be verified.

    Key sets are either fetched here, if there is a way to, or handed in by whoever has sockets: it asks what is
    wanted (`young_copy`), gets it, hands it in (`keep`), and then lets the question be answered.
    """

    def __init__(self, clock: Clock, fetch: Fetch, time_to_live: float) -> None:
        self._clock = clock
        self._fetch = fetch
        self._time_to_live = time_to_live
        self._kept: dict[str, tuple[float, Mapping[str, Any]]] = {}
        self._promised: dict[str, tuple[float, KeySetCopy]] = {}
        self._failed: dict[str, Refused] = {}

    def key_set(self, client: Client) -> KeySetCopy:
        """The registered key set, else the fetched one, from the copy kept while that is young enough.

        Raises Refused `jwks-unreachable` or `jwks-malformed`.
        """
        if client.jwks is not None or not client.jwks_uri:
            return KeySetCopy(_checked(client.jwks or {"keys": []}, client.client_id), False)
        until, promised = self._promised.pop(client.jwks_uri, (0.0, None))
        if promised is not None and self._clock.now() < until:
            return promised
        kept = self._young(client.jwks_uri)
        return KeySetCopy(kept, False) if kept is not None else self.fetch(client)

    def young_copy(self, client: Client) -> Mapping[str, Any] | None:
        """The copy kept of the client's `jwks_uri`, if it is young enough.

        A question that follows at once is answered from it even if its time ends in between. What was handed in for
        an earlier question, and not used then, is forgotten.
        """
        self._promised.pop(client.jwks_uri, None)
        self._failed.pop(client.jwks_uri, None)
        kept = self._young(client.jwks_uri)
        if kept is not None:
            self._promise(client.jwks_uri, KeySetCopy(kept, False))
        return kept

    def fetch(self, client: Client) -> KeySetCopy:
        """The key set at the client's `jwks_uri`, fetched now and kept."""
        failed = self._failed.pop(client.jwks_uri, None)
        if failed is not None:
            raise failed
        try:
            document = self._fetch(client.jwks_uri)
        except Exception as error:  # whatever the injected fetch ran into, to us the key set is not to be had
            raise _unreachable(client.jwks_uri, error) from error
        return KeySetCopy(self._keep(client.jwks_uri, document), True)

    def keep(self, jwks_uri: str, got: Any) -> None:
        """Hand in what is at a URL now: its document, or the exception that says why it cannot be had.

        A key set is kept like one fetched here. Anything else refuses the next question that needs a new copy, and
        leaves the one that is kept alone.
        """
        self._failed.pop(jwks_uri, None)
        if isinstance(got, Exception):
            self._failed[jwks_uri] = _unreachable(jwks_uri, got)
            return
        try:
            self._promise(jwks_uri, KeySetCopy(self._keep(jwks_uri, got), True))
        except Refused as refused:
            self._failed[jwks_uri] = refused

    def forget(self, jwks_uri: str | None = None) -> None:
        """Drop what is known of one URL, or of all."""
        for known in (self._kept, self._promised, self._failed):
            if jwks_uri is None:
                known.clear()
            else:
                known.pop(jwks_uri, None)

    def _young(self, jwks_uri: str) -> Mapping[str, Any] | None:
        at, jwks = self._kept.get(jwks_uri, (0.0, None))
        return jwks if self._clock.now() < at + self._time_to_live else None

    def _keep(self, jwks_uri: str, document: Any) -> Mapping[str, Any]:
        jwks = _checked(document, jwks_uri)
        self._kept[jwks_uri] = (self._clock.now(), jwks)
        return jwks

    def _promise(self, jwks_uri: str, copy: KeySetCopy) -> None:
        self._promised[jwks_uri] = (self._clock.now() + _AT_ONCE, copy)


def fitting_keys(jwks: Mapping[str, Any], kid: str, alg: str) -> list[dict[str, Any]]:
    """JWKs with that `kid` (any, if empty) that may verify `alg`.

    Raises Refused `key-unknown` if none has the `kid`, `key-unfit` if none of those serves the algorithm.
    """
    named = [jwk for jwk in jwks["keys"] if not kid or jwk.get("kid") == kid]
    if not named:
        raise Refused("key-unknown", f"The client's key set has no key {kid!r}." if kid else "The key set is empty.")
    fitting = [jwk for jwk in named if _fits(jwk, alg)]
    if not fitting:
        raise Refused("key-unfit", f"The client's key {kid!r} does not serve {alg}.")
    return fitting


def _fits(jwk: Mapping[str, Any], alg: str) -> bool:
    if jwk.get("kty") != _KTY.get(alg[:2]) or jwk.get("use", "sig") != "sig" or jwk.get("alg", alg) != alg:
        return False
    operations = jwk.get("key_ops", ["verify"])
    if not isinstance(operations, list) or "verify" not in operations:
        return False
    if jwk["kty"] == "EC":
        return jwk.get("crv") == _CURVE[alg]
    return isinstance(jwk.get("n"), str) and len(jwk["n"]) >= _SHORTEST_MODULUS


def _unreachable(jwks_uri: str, error: Exception) -> Refused:
    return Refused("jwks-unreachable", f"The key set at {jwks_uri} cannot be fetched: {error}.")


def _checked(document: Any, where: str) -> Mapping[str, Any]:
    keys = document.get("keys") if isinstance(document, Mapping) else None
    if not isinstance(keys, list) or not all(isinstance(key, Mapping) for key in keys):
        raise Refused("jwks-malformed", f"What {where} gives as its key set is no JWK Set.")
    return document  # type: ignore[no-any-return]
