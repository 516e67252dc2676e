"""Public keys of clients: registered with the client, or fetched from its `jwks_uri` and kept for a while.

Source: SMART App Launch 2.2, client-confidential-asymmetric ("Registering a client", "Signature verification").
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from mockehr.auth.clients import Client
from mockehr.auth.refusal import Refused
from mockehr.core.clock import Clock

Fetch = Callable[[str], Mapping[str, Any]]
"""Gets the JWK Set at a URL; any exception means that it cannot be had."""

_KTY: Final = {"RS": "RSA", "ES": "EC"}
_CURVE: Final = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}
_AT_ONCE: Final = 30.0  # site seconds from learning what is kept to the question itself; generous, for fast clocks
_SHORTEST_MODULUS: Final = 2048  # bits (RFC 7518 section 3.3)
_LONGEST_MODULUS: Final = 8192
_LARGEST_EXPONENT: Final = 2**32
_LONGEST_NUMBER: Final = 1400  # characters of the longest modulus in base64, and some
_MOST_KEYS: Final = 100
_MOST_TRIED: Final = 10
_IMPORTED: Final = 256
_LONGEST_SHOWN: Final = 200
_PRIVATE: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_BASE64URL: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


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

    def key_set(self, client: Client, lasts: float | None = None) -> KeySetCopy:
        """The registered key set, else the fetched one, from the copy kept while that is young enough.

        `lasts` is how long a copy does, where it is not as long as ever, in site seconds. Raises Refused
        `jwks-unreachable` or `jwks-malformed`.
        """
        if client.jwks is not None or not client.jwks_uri:
            return KeySetCopy(_checked(client.jwks or {"keys": []}, client.client_id), False)
        until, promised = self._promised.pop(client.jwks_uri, (0.0, None))
        if promised is not None and self._clock.now() < until:
            return promised
        kept = self._young(client.jwks_uri, lasts)
        return KeySetCopy(kept, False) if kept is not None else self.fetch(client)

    def young_copy(self, client: Client, lasts: float | None = None) -> Mapping[str, Any] | None:
        """The copy kept of the client's `jwks_uri`, if it is young enough.

        A question that follows at once is answered from it even if its time ends in between. What was handed in for
        an earlier question, and not used then, is forgotten.
        """
        self._promised.pop(client.jwks_uri, None)
        self._failed.pop(client.jwks_uri, None)
        kept = self._young(client.jwks_uri, lasts)
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

    def _young(self, jwks_uri: str, lasts: float | None) -> Mapping[str, Any] | None:
        at, jwks = self._kept.get(jwks_uri, (0.0, None))
        return jwks if self._clock.now() < at + (self._time_to_live if lasts is None else lasts) else None

    def _keep(self, jwks_uri: str, document: Any) -> Mapping[str, Any]:
        jwks = _checked(document, jwks_uri)
        self._kept[jwks_uri] = (self._clock.now(), jwks)
        return jwks

    def _promise(self, jwks_uri: str, copy: KeySetCopy) -> None:
        self._promised[jwks_uri] = (self._clock.now() + _AT_ONCE, copy)


def fitting_keys(jwks: Mapping[str, Any], kid: str, alg: str) -> list[dict[str, Any]]:
    """JWKs with that `kid` (any, if empty) that may verify `alg`; ten at most, since each costs a verification.

    Raises Refused `key-unknown` if none has the `kid`, `key-unfit` if none of those serves the algorithm or too many.
    """
    named = [jwk for jwk in jwks["keys"] if not kid or jwk.get("kid") == kid]
    if not named:
        what = f"The client's key set has no key {kid[:_LONGEST_SHOWN]!r}." if kid else "The key set is empty."
        raise Refused("key-unknown", what)
    fitting = [jwk for jwk in named if _fits(jwk, alg)]
    if not fitting:
        told = " It holds a private part." if any(not _PRIVATE.isdisjoint(jwk) for jwk in named) else ""
        raise Refused("key-unfit", f"The client's key {kid[:_LONGEST_SHOWN]!r} does not serve {alg}.{told}")
    if len(fitting) > _MOST_TRIED:
        raise Refused("key-unfit", f"More than {_MOST_TRIED} of the client's keys fit; each needs a kid of its own.")
    return fitting


def _fits(jwk: Mapping[str, Any], alg: str) -> bool:
    if jwk.get("kty") != _KTY.get(alg[:2]) or jwk.get("use", "sig") != "sig" or jwk.get("alg", alg) != alg:
        return False
    operations = jwk.get("key_ops", ["verify"])
    if not isinstance(operations, list) or "verify" not in operations or not _PRIVATE.isdisjoint(jwk):
        return False
    return jwk.get("crv") == _CURVE.get(alg) if jwk["kty"] == "EC" else _is_sound(jwk.get("n"), jwk.get("e"))


def _is_sound(modulus: object, exponent: object) -> bool:
    """Whether an RSA key is neither too weak nor a burden; zeros in front of a modulus make it no longer."""
    try:
        n, e = _number(modulus), _number(exponent)
    except ValueError:
        return False
    return _SHORTEST_MODULUS <= n.bit_length() <= _LONGEST_MODULUS and 3 <= e <= _LARGEST_EXPONENT


def verifies(jwk: Mapping[str, Any], alg: str, signed: bytes, signature: bytes) -> bool:
    """Whether `signature` over `signed` is by that key, one of `fitting_keys` (RFC 7518 sections 3.3 and 3.4).

    A key that is broken verifies nothing.
    """
    first, second = (jwk.get("n"), jwk.get("e")) if jwk["kty"] == "RSA" else (jwk.get("x"), jwk.get("y"))
    try:
        return _verification(alg, first, second)(signed, signature)
    except (ValueError, TypeError):  # TypeError: a member is of a kind that has no hash
        return False


@lru_cache(maxsize=_IMPORTED)
def _verification(alg: str, first: object, second: object) -> Callable[[bytes, bytes], bool]:
    """How to verify with the RSA key of modulus and exponent, or with the EC key of x and y.

    It is kept by what the key consists of, so whatever is registered, fetched or changed counts at once. Raises
    ValueError for what is no key, as a point that is not on the curve.
    """
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

    digest = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}[alg[2:]]
    a, b = _number(first), _number(second)
    if alg.startswith("RS"):
        modulus, padded = rsa.RSAPublicNumbers(b, a).public_key(), padding.PKCS1v15()

        def by_rsa(signed: bytes, signature: bytes) -> bool:
            try:
                modulus.verify(signature, signed, padded, digest)
            except InvalidSignature:
                return False
            return True

        return by_rsa
    curve = {"256": ec.SECP256R1(), "384": ec.SECP384R1(), "512": ec.SECP521R1()}[alg[2:]]
    point, scheme = ec.EllipticCurvePublicNumbers(a, b, curve).public_key(), ec.ECDSA(digest)
    half = (curve.key_size + 7) // 8

    def by_ec(signed: bytes, signature: bytes) -> bool:
        if len(signature) != 2 * half:  # r and s, each of the curve's length, nothing else
            return False
        r, s = int.from_bytes(signature[:half], "big"), int.from_bytes(signature[half:], "big")
        try:
            point.verify(encode_dss_signature(r, s), signed, scheme)
        except InvalidSignature:
            return False
        return True

    return by_ec


def _number(text: object) -> int:
    """A Base64urlUInt of RFC 7518 section 2; raises ValueError."""
    if not isinstance(text, str) or len(text) > _LONGEST_NUMBER or not _BASE64URL.issuperset(text):
        raise ValueError("no number in base64url")
    return int.from_bytes(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), "big")


def _unreachable(jwks_uri: str, error: Exception) -> Refused:
    return Refused("jwks-unreachable", f"The key set at {jwks_uri} cannot be fetched: {error}.")


def _checked(document: Any, where: str) -> Mapping[str, Any]:
    keys = document.get("keys") if isinstance(document, Mapping) else None
    if isinstance(keys, list) and len(keys) > _MOST_KEYS:
        raise Refused("jwks-malformed", f"What {where} gives as its key set has more than {_MOST_KEYS} keys.")
    if not isinstance(keys, list) or not all(isinstance(key, Mapping) for key in keys):
        raise Refused("jwks-malformed", f"What {where} gives as its key set is no JWK Set.")
    return document  # type: ignore[no-any-return]
