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
_SHORTEST_MODULUS: Final = 340  # base64 characters of a 2048-bit modulus, less leading zero bits


@dataclass(frozen=True, slots=True)
class KeySetCopy:
    """A client's JWK Set as the server sees it. `fresh` means fetched for this very question."""

    jwks: Mapping[str, Any]
    fresh: bool


def cannot_fetch(uri: str) -> Mapping[str, Any]:
    """The `Fetch` of a server that was given none."""
    raise ConnectionError(f"no way to fetch {uri} was given")


class ClientKeys:
    """Finds the keys with which a client's assertion may be verified."""

    def __init__(self, clock: Clock, fetch: Fetch, time_to_live: float) -> None:
        self._clock = clock
        self._fetch = fetch
        self._time_to_live = time_to_live
        self._kept: dict[str, tuple[float, Mapping[str, Any]]] = {}

    def key_set(self, client: Client) -> KeySetCopy:
        """The registered key set, else the fetched one, from the copy kept while that is young enough.

        Raises Refused `jwks-unreachable` or `jwks-malformed`.
        """
        if client.jwks is not None or not client.jwks_uri:
            return KeySetCopy(_checked(client.jwks or {"keys": []}, client.client_id), False)
        kept = self._kept.get(client.jwks_uri)
        if kept is not None and self._clock.now() < kept[0] + self._time_to_live:
            return KeySetCopy(kept[1], False)
        return self.fetch(client)

    def fetch(self, client: Client) -> KeySetCopy:
        """The key set at the client's `jwks_uri`, fetched now and kept."""
        try:
            document = self._fetch(client.jwks_uri)
        except Exception as error:  # whatever the injected fetch ran into, to us the key set is not to be had
            raise Refused("jwks-unreachable", f"The key set at {client.jwks_uri} cannot be fetched.") from error
        jwks = _checked(document, client.jwks_uri)
        self._kept[client.jwks_uri] = (self._clock.now(), jwks)
        return KeySetCopy(jwks, True)

    def forget(self, jwks_uri: str | None = None) -> None:
        """Drop the copy kept of one URL, or all copies."""
        if jwks_uri is None:
            self._kept.clear()
        else:
            self._kept.pop(jwks_uri, None)


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


def _checked(document: Any, where: str) -> Mapping[str, Any]:
    keys = document.get("keys") if isinstance(document, Mapping) else None
    if not isinstance(keys, list) or not all(isinstance(key, Mapping) for key in keys):
        raise Refused("jwks-malformed", f"What {where} gives as its key set is no JWK Set.")
    return document  # type: ignore[no-any-return]
