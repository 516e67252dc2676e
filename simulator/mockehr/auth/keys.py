"""Private keys: the bundled TEST pairs, keys derived from a site's seed, the server's signing keys, and signing.

joserfc and cryptography are imported on first use: sites that only hand out opaque tokens never pay for them.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mockehr.auth.settings import AuthSettings
from mockehr.core.chance import Chance
from mockehr.core.data import data_root
from mockehr.core.errors import UnknownName

if TYPE_CHECKING:
    from joserfc.jwk import ECKey, RSAKey

    SigningKey = ECKey | RSAKey

_P384_ORDER_BITS = 384
_SERVER_RSA_PAIRS = 2


def bundled_key_names() -> list[str]:
    """Names of the bundled pairs: `client-1-ES384`, `server-1-RS384` …"""
    folder = data_root("corpora") / "keys"
    return sorted(file.name.removesuffix(".json") for file in folder.iterdir() if file.name.endswith(".json"))


def read_bundled_key(name: str) -> dict[str, str]:
    """The private JWK of a bundled pair. They are public knowledge: never use one outside of tests.

    Raises UnknownName with the nearest names.
    """
    file = data_root("corpora") / "keys" / f"{name}.json"
    if name not in bundled_key_names():
        raise UnknownName("test key", name, bundled_key_names())
    document: dict[str, str] = json.loads(file.read_text("utf-8"))
    document.pop("note", None)
    return document


def load_key(jwk: Mapping[str, Any]) -> SigningKey:
    """A private JWK, EC or RSA, with `kid` and `alg`, ready for `sign`.

    The consistency of an RSA key is not checked: that takes 27 ms, and the bundled ones are known to be sound.
    """
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateNumbers, RSAPublicNumbers
    from joserfc.jwk import ECKey, RSAKey

    if jwk["kty"] == "EC":
        return ECKey.import_key(dict(jwk))
    n, e, d, p, q, dp, dq, qi = (_integer(jwk[name]) for name in ("n", "e", "d", "p", "q", "dp", "dq", "qi"))
    numbers = RSAPrivateNumbers(p, q, d, dp, dq, qi, RSAPublicNumbers(e, n))
    raw = numbers.private_key(unsafe_skip_rsa_key_validation=True)
    return RSAKey.import_key(raw, {"kid": jwk["kid"], "alg": jwk["alg"], "use": "sig"})


def derive_key(chance: Chance, *names: str | int) -> SigningKey:
    """An ES384 pair that depends on the seed and `names` only; its `kid` is its RFC 7638 thumbprint."""
    from cryptography.hazmat.primitives.asymmetric.ec import SECP384R1, derive_private_key
    from joserfc.jwk import ECKey

    # one bit less than the order has, and never zero: always a valid private value
    secret = int.from_bytes(chance.stream("ec-key", *names).token(_P384_ORDER_BITS // 8), "big") >> 1 | 1
    raw = derive_private_key(secret, SECP384R1())
    thumbprint = ECKey.import_key(raw).thumbprint()
    return ECKey.import_key(raw, {"kid": thumbprint, "alg": "ES384", "use": "sig"})


def private_jwk(key: SigningKey) -> dict[str, Any]:
    """The JWK with its private part, as a client's own configuration wants it."""
    return dict(key.as_dict(private=True))


def public_jwks(*keys: SigningKey) -> dict[str, Any]:
    """The JWK Set with the public parts of `keys`, as a client registers it or serves it."""
    return {"keys": [dict(key.as_dict(private=False)) for key in keys]}


def sign(
    key: SigningKey, claims: Mapping[str, Any], *, typ: str = "JWT", header: Mapping[str, Any] | None = None
) -> str:
    """A signed JWT in compact form, the same for the same input.

    The algorithm is the key's own `alg` unless `header` says another; `header` also adds members such as `jku`.
    """
    from joserfc import jwt

    head: dict[str, Any] = {"alg": key.alg, "kid": key.kid, "typ": typ, **(header or {})}
    head = {name: value for name, value in head.items() if value is not None}
    if key.key_type == "RSA":
        return jwt.encode(head, dict(claims), key, algorithms=[head["alg"]], default_type=None)
    signed = f"{_encoded(head)}.{_encoded(claims)}"
    return f"{signed}.{_base64(_sign_repeatably(key, head['alg'], signed.encode('ascii')))}"


def _sign_repeatably(key: Any, alg: str, data: bytes) -> bytes:
    """An ECDSA signature whose nonce follows from key and data (RFC 6979): equal runs give equal bytes.

    joserfc draws the nonce at random, which would make two runs with one seed differ.
    """
    from cryptography.hazmat.backends.openssl import backend
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
    from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

    digests: dict[str, hashes.HashAlgorithm] = {
        "ES256": hashes.SHA256(),
        "ES384": hashes.SHA384(),
        "ES512": hashes.SHA512(),
    }
    scheme = ECDSA(digests[alg], deterministic_signing=backend.ecdsa_deterministic_supported())
    r, s = decode_dss_signature(key.private_key.sign(data, scheme))
    size = (key.curve_key_size + 7) // 8
    return r.to_bytes(size, "big") + s.to_bytes(size, "big")


class SigningKeys:
    """The server's own keys, in generations. Made on first use.

    ES384 keys are derived from the site's seed, so every site has its own and rotation never ends; RS384 takes the
    bundled pairs in turn.
    """

    def __init__(self, chance: Chance, settings: AuthSettings) -> None:
        self._chance = chance
        self._alg = settings.signing_alg
        self._generation = 0
        self._published: dict[int, SigningKey] = {}

    def current(self) -> SigningKey:
        """The key that signs now."""
        if self._generation not in self._published:
            self._published[self._generation] = self._make(self._generation)
        return self._published[self._generation]

    def rotate(self, *, keep_previous: bool = True) -> None:
        """Sign with a new key from now on; the previous one stays published unless told otherwise."""
        previous = self.current()
        self._published = {self._generation: previous} if keep_previous else {}
        self._generation += 1

    def public(self) -> dict[str, Any]:
        """The JWK Set to publish: the current key first, then the previous one if it was kept."""
        self.current()
        return public_jwks(*(self._published[number] for number in sorted(self._published, reverse=True)))

    def _make(self, generation: int) -> SigningKey:
        if self._alg == "RS384":
            return load_key(read_bundled_key(f"server-{generation % _SERVER_RSA_PAIRS + 1}-RS384"))
        return derive_key(self._chance, "signing-key", generation)


def _integer(text: str) -> int:
    return int.from_bytes(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), "big")


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _encoded(document: Mapping[str, Any]) -> str:
    return _base64(json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode("utf-8"))
