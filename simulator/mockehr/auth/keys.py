"""Private keys: the bundled TEST pairs, keys derived from a site's seed, the server's signing keys, and signing.

joserfc and cryptography are imported on first use: sites that only hand out opaque tokens never pay for them.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
from collections.abc import Callable, Mapping
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, Final

from mockehr.auth.drawers import FOR_EVER, Drawers
from mockehr.auth.settings import AuthSettings
from mockehr.core.chance import Chance
from mockehr.core.clock import Clock, instant
from mockehr.core.data import data_root
from mockehr.core.errors import ConfigError, UnknownName

if TYPE_CHECKING:
    from joserfc.jwk import ECKey, RSAKey

    SigningKey = ECKey | RSAKey

_SERVER_RSA_PAIRS: Final = 3
_SIGNING: Final = ("ES256", "ES384", "RS256", "RS384")
_DATED: Final = ("ES256", "ES384", "RS256")
_KEY_IDS: Final = ("thumbprint", "sha256", "dated")
_FOUNDED: Final = 1_735_689_600.0  # 2025-01-01: generations are counted from some time on that day
_DAY: Final = 86_400.0
_JSON: Final = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False)


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


def derive_key(chance: Chance, *names: str | int, alg: str = "ES384") -> SigningKey:
    """An ES256 or ES384 pair that depends on the seed and `names` only; its `kid` is its RFC 7638 thumbprint."""
    from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, SECP384R1, derive_private_key
    from joserfc.jwk import ECKey

    curve = SECP256R1() if alg == "ES256" else SECP384R1()
    # one bit less than the order has, and never zero: always a valid private value
    secret = int.from_bytes(chance.stream("ec-key", *names).token(curve.key_size // 8), "big") >> 1 | 1
    raw = derive_private_key(secret, curve)
    return _named(ECKey.import_key(raw), ECKey.import_key(raw).thumbprint(), alg)


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
    head: dict[str, Any] = {"alg": key.alg, "kid": key.kid, "typ": typ, **(header or {})}
    head = {name: value for name, value in head.items() if value is not None}
    if key.key_type == "RSA" and not head["alg"].startswith("RS"):
        from joserfc import jwt

        return jwt.encode(head, dict(claims), key, algorithms=[head["alg"]], default_type=None)
    start = _encoded(head) if header else _head(head["alg"], head["kid"], typ)
    signed = f"{start}.{_encoded(claims)}"
    return f"{signed}.{_base64(_signing(head['alg'])(key, signed.encode('ascii')))}"


@cache
def _signing(alg: str) -> Callable[[Any, bytes], bytes]:
    """How to sign with a key by that algorithm so that the signature follows from key and data.

    For ECDSA that takes a nonce that does (RFC 6979): joserfc draws it at random, which would make two runs with one
    seed differ.
    """
    from cryptography.hazmat.backends.openssl import backend
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

    digest = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}[alg[2:]]
    padded, scheme = PKCS1v15(), ECDSA(digest, deterministic_signing=backend.ecdsa_deterministic_supported())

    def by_rsa(key: Any, data: bytes) -> bytes:
        octets: bytes = key.private_key.sign(data, padded, digest)
        return octets

    def by_ec(key: Any, data: bytes) -> bytes:
        r, s = decode_dss_signature(key.private_key.sign(data, scheme))
        size = (key.curve_key_size + 7) // 8
        return r.to_bytes(size, "big") + s.to_bytes(size, "big")

    return by_rsa if alg.startswith("RS") else by_ec


class SigningKeys:
    """The server's own keys, in generations; each holds one key for every algorithm, made on first use.

    A generation begins when the site's clock passes a multiple of `keys_rotate_every`, and when `rotate` is called:
    processes with one clock agree without a word on the former, and by `drawers` on the latter, and rotation never
    ends. EC keys are derived from the site's seed, so every site has its own; RSA takes the bundled pairs in turn.
    """

    def __init__(
        self, chance: Chance, settings: AuthSettings, clock: Clock | None = None, drawers: Drawers | None = None
    ) -> None:
        """Without a clock time stands still. Raises UnknownName or ConfigError for settings that mean nothing."""
        _check(settings)
        self._chance = chance
        self._settings = settings
        self._clock = clock or Clock(stepped=True)
        self._began = _FOUNDED + chance.draw("signing-key", "began") * _DAY
        self._drawers = drawers or Drawers()
        self._made: dict[tuple[int, str], SigningKey] = {}
        self._secrets: dict[int, tuple[str, bytes]] = {}

    def current(self, alg: str = "") -> SigningKey:
        """The key that signs now by that algorithm; by the one of access tokens if none is named."""
        number, since = self._generations()[0]
        return self._key(number, since, alg or self._settings.signing_alg)

    def secret(self) -> tuple[str, bytes]:
        """The `kid` and the octets by which access tokens are encrypted now; never published."""
        number, since = self._generations()[0]
        if number not in self._secrets:
            self._secrets = {number: (f"{_date(number, since)}.oct", self._chance.key("token-secret", number))}
        return self._secrets[number]

    def rotate(self, *, keep_previous: bool = True) -> None:
        """Sign with new keys from now on; those before stay published for `keys_kept` more, unless told otherwise.

        All processes of the site hear of it, and a reset undoes it.
        """
        drawer = self._drawers["key rotations"]
        number = drawer.next_number()
        drawer.put(str(number), (number, self._clock.now(), keep_previous), FOR_EVER)
        drawer.take(str(number - self._settings.keys_kept - 2), 0.0)  # too old to be published, whatever came later

    def public(self) -> dict[str, Any]:
        """The JWK Set to publish: for each generation, newest first, a key for each algorithm that is used.

        One RSA key that serves two algorithms is listed once and names neither.
        """
        generations = self._generations()
        oldest = generations[-1][0]
        self._made = {(number, alg): key for (number, alg), key in self._made.items() if number >= oldest}
        listed: dict[str, dict[str, Any]] = {}
        for number, since in generations:
            for alg in self._algorithms():
                (jwk,) = public_jwks(self._key(number, since, alg))["keys"]
                if listed.setdefault(jwk["kid"], jwk).get("alg") != alg:
                    listed[jwk["kid"]].pop("alg", None)
        return {"keys": list(listed.values())}

    def _algorithms(self) -> tuple[str, ...]:
        used = (self._settings.signing_alg, self._settings.id_token_alg)
        return tuple(dict.fromkeys((*used, *_DATED) if self._settings.key_ids == "dated" else used))

    def _generations(self) -> list[tuple[int, float]]:
        """Number and begin of the generations that are published, newest first."""
        every, kept = self._settings.keys_rotate_every, self._settings.keys_kept
        timed = self._turns(self._clock.now())
        begun = [self._began + (timed - back) * every for back in range(kept + 1 if every else 1)]
        rotations: list[tuple[int, float, bool]] = [one for _, one in self._drawers["key rotations"].items()]
        if not rotations:
            return [(timed - back, at) for back, at in enumerate(begun[: kept + 1])]
        rotations.sort()
        begun = [*(at for _, at, _ in reversed(rotations)), *begun]
        if every:
            begun.sort(reverse=True)
        newest = timed + rotations[-1][0]
        published = max((self._turns(at) + n for n, at, keeps in rotations if not keeps), default=-math.inf)
        dated = [(newest - back, at) for back, at in enumerate(begun[: kept + 1])]
        return [one for one in dated if one[0] >= published]

    def _turns(self, at: float) -> int:
        """How often the keys had changed by the clock at that time."""
        every = self._settings.keys_rotate_every
        return math.floor((at - self._began) / every) if every else 0

    def _key(self, number: int, since: float, alg: str) -> SigningKey:
        key = self._made.get((number, alg))
        if key is None:
            key = self._made[number, alg] = self._make(number, since, alg)
        return key

    def _make(self, number: int, since: float, alg: str) -> SigningKey:
        if alg.startswith("RS"):
            made = load_key({**read_bundled_key(f"server-{number % _SERVER_RSA_PAIRS + 1}-RS384"), "alg": alg})
        else:
            # ES384 was the only one once, and goes without a name so that its keys stay what they were
            made = derive_key(self._chance, "signing-key", *([alg] if alg != "ES384" else []), number, alg=alg)
        if self._settings.key_ids == "dated":
            kind = "rsa" if alg.startswith("RS") else f"ec.{alg.lower()}"
            return _named(made, f"{_date(number, since)}.{kind}", alg)
        return _named(made, _digest(made) if self._settings.key_ids == "sha256" else made.thumbprint(), alg)


def _check(settings: AuthSettings) -> None:
    for alg in (settings.signing_alg, settings.id_token_alg):
        if alg not in _SIGNING:
            raise UnknownName("signing algorithm", alg, _SIGNING)
    if settings.key_ids not in _KEY_IDS:
        raise UnknownName("kind of key id", settings.key_ids, _KEY_IDS)
    if not 0 <= settings.keys_rotate_every < math.inf or settings.keys_kept < 0:
        raise ConfigError("Server keys rotate after a number of seconds, and a number of them is kept.")


def _named(key: SigningKey, kid: str, alg: str) -> SigningKey:
    kind: Any = type(key)
    renamed: SigningKey = kind.import_key(key.raw_value, {"kid": kid, "alg": alg, "use": "sig"})
    return renamed


def _digest(key: SigningKey) -> str:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    octets = key.public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(hashlib.sha256(octets).digest()).decode("ascii")


def _date(number: int, since: float) -> str:
    """`2026-08-16T03:30:57.378`. The milliseconds count generations: several may begin while a clock stands still."""
    return f"{instant(since)[:-1]}.{number * 389 % 1000:03d}"


def _integer(text: str) -> int:
    return int.from_bytes(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), "big")


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


@lru_cache(maxsize=64)
def _head(alg: str, kid: str, typ: str) -> str:
    """The first part of every JWT that is signed with a key; kept, since it is always the same."""
    return _encoded({"alg": alg, "kid": kid, "typ": typ})


def _encoded(document: Mapping[str, Any]) -> str:
    return _base64(_JSON.encode(document).encode("utf-8"))
