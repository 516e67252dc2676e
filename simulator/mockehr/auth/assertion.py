"""Client assertions (private_key_jwt): verified here rule by rule, and written for our own clients.

Sources: SMART App Launch 2.2 client-confidential-asymmetric; RFC 7523 section 3; RFC 7519. Every rule is a function
of its own that raises Refused; all times are compared with the site's clock.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import re
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from mockehr.auth.client_keys import ClientKeys, fitting_keys, verifies
from mockehr.auth.clients import Client
from mockehr.auth.keys import load_key, sign
from mockehr.auth.refusal import Refused
from mockehr.auth.settings import AuthSettings
from mockehr.core.clock import Clock, instant

if TYPE_CHECKING:
    from mockehr.auth.keys import SigningKey

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_MAX_OCTETS = 16_384
_LONGEST_SHOWN = 200
_LAST_TIME = 253_402_300_800.0  # the year 10000: beyond it no time can be written out


@dataclass(frozen=True, slots=True)
class Assertion:
    """An assertion as sent; nothing in it may be trusted before `verify_signature`."""

    text: str
    header: Mapping[str, Any]
    claims: Mapping[str, Any]

    @property
    def issuer(self) -> str:
        """`iss`, or the empty string if that is absent or no string."""
        issuer = self.claims.get("iss")
        return issuer if isinstance(issuer, str) else ""


class ReplayMemory:
    """Which `jti` of which issuer was seen, until its assertion has expired."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str], float] = {}
        self._order: deque[tuple[float, tuple[str, str]]] = deque()

    def seen(self, issuer: str, jti: str, now: float) -> bool:
        """Whether the pair was remembered and its time is not over."""
        return self._seen.get((issuer, jti), now) > now

    def remember(self, issuer: str, jti: str, until: float, now: float) -> None:
        """Keep the pair until then; forgets what is over."""
        while self._order and self._order[0][0] <= now:
            _, over = self._order.popleft()
            if self._seen.get(over, now) <= now:
                self._seen.pop(over, None)
        self._seen[issuer, jti] = until
        self._order.append((until, (issuer, jti)))

    def clear(self) -> None:
        """Forget everything."""
        self._seen.clear()
        self._order.clear()

    def __len__(self) -> int:
        return len(self._seen)


def read_assertion(text: str) -> Assertion:
    """Header and claims of a compact JWT, unverified; raises Refused `assertion-malformed`."""
    try:
        if len(text) > _MAX_OCTETS:
            raise ValueError("too long")
        parts = text.split(".")
        if len(parts) != 3:
            raise ValueError("not three parts")
        header, claims = (_JSON.decode(_decoded(part).decode("utf-8")) for part in parts[:2])
        _decoded(parts[2])
        if not isinstance(header, dict) or not isinstance(claims, dict):
            raise ValueError("not two objects")
    except (ValueError, binascii.Error, RecursionError) as error:
        raise Refused("assertion-malformed", "The client_assertion is no signed JWT in compact form.") from error
    return Assertion(text, header, claims)


def check_header(assertion: Assertion, client: Client, settings: AuthSettings) -> None:
    """`alg` is accepted, `typ` is JWT, `kid` is there, `jku` (if any) is the URL that the client registered.

    Keys and certificates in the header (`jwk`, `x5c`, `x5u`) mean nothing here; `crit` could name nothing we know.
    """
    header = assertion.header
    alg = header.get("alg")
    if alg not in settings.assertion_algs:
        accepted = ", ".join(settings.assertion_algs)
        raise Refused("algorithm-refused", f"alg {_shown(alg)} is not one of {accepted}.")
    if "crit" in header:  # RFC 7515 section 4.1.11: nothing that it could name is understood here
        raise Refused("assertion-malformed", "The assertion's header demands extensions (crit) that are not known.")
    typ = header.get("typ")
    if (settings.require_typ or typ is not None) and not (isinstance(typ, str) and typ.upper() == "JWT"):
        raise Refused("typ-wrong", f"typ must be JWT, not {_shown(typ)}.")
    kid = header.get("kid")
    if (settings.require_kid or kid is not None) and (not isinstance(kid, str) or not kid):
        raise Refused("kid-missing", "The assertion's header must name its key by kid.")
    if "jku" in header and header["jku"] != client.jwks_uri:
        raise Refused("jku-mismatch", "jku is not the key set URL that the client registered.")


def verify_signature(assertion: Assertion, client: Client, keys: ClientKeys, settings: AuthSettings) -> None:
    """The signature is by one of the client's keys; a kept copy of a fetched key set is renewed once first."""
    if by_secret(assertion, settings):
        _verify_secret(assertion, client.secret)
        return
    copy = keys.key_set(client, settings.jwks_ttl)
    try:
        _verify_with(assertion, copy.jwks)
    except Refused:
        if copy.fresh or client.jwks is not None or not client.jwks_uri or not settings.jwks_refetch:
            raise
        _verify_with(assertion, keys.fetch(client).jwks)


def wanted_key_set(assertion: Assertion, client: Client, keys: ClientKeys, settings: AuthSettings) -> str:
    """The URL of the key set that `verify_signature` will have to fetch, or the empty string if it will do without.

    A kept copy serves if it has the assertion's key; where that does not verify, a new one may be there under the
    same `kid`.
    """
    if client.jwks is not None or not client.jwks_uri or by_secret(assertion, settings):
        return ""
    kept = keys.young_copy(client, settings.jwks_ttl)
    if kept is None:
        return client.jwks_uri
    try:
        _verify_with(assertion, kept)
    except Refused:
        return client.jwks_uri if settings.jwks_refetch else ""
    return ""


def by_secret(assertion: Assertion, settings: AuthSettings) -> bool:
    """Whether it is signed with a secret that client and server share (RFC 7518 section 3.2), where that is offered.

    Elsewhere such an algorithm is looked for among the client's keys, none of which fits.
    """
    alg = assertion.header.get("alg")
    return isinstance(alg, str) and alg in _DIGESTS and "client_secret_jwt" in settings.auth_methods


def _verify_secret(assertion: Assertion, secret: str) -> None:
    signed, _, signature = assertion.text.rpartition(".")
    digest = _DIGESTS[str(assertion.header["alg"])]
    proof = hmac.digest(secret.encode("utf-8"), signed.encode("ascii"), digest)
    if not secret or not hmac.compare_digest(proof, _decoded(signature)):
        raise Refused("signature-wrong", "The assertion's signature does not match the client's secret.")


def _verify_with(assertion: Assertion, jwks: Mapping[str, Any]) -> None:
    alg = assertion.header["alg"]
    signed, _, signature = assertion.text.rpartition(".")
    octets, proof = signed.encode("ascii"), _decoded(signature)
    for jwk in fitting_keys(jwks, assertion.header.get("kid", ""), alg):
        if verifies(jwk, alg, octets, proof):
            return
    raise Refused("signature-wrong", "The assertion's signature does not match the client's key.")


def check_parties(assertion: Assertion, form_client_id: str) -> None:
    """`sub` is the client id like `iss` (by which the client was found), and so is the form's `client_id` if sent."""
    if assertion.claims.get("sub") != assertion.issuer:
        raise Refused("subject-mismatch", "sub must equal iss: both are the client id.")
    if form_client_id and form_client_id != assertion.issuer:
        raise Refused("client-id-mismatch", "The client_id of the form is not the assertion's iss.")


def check_audience(assertion: Assertion, token_url: str, settings: AuthSettings) -> None:
    """`aud` is the token URL, exactly; a list must contain it."""
    audience = assertion.claims.get("aud")
    if not audience:
        raise Refused("audience-missing", "The assertion must name the token URL as aud.")
    named = audience if isinstance(audience, list) else [audience]
    if token_url not in named and not any(accepted in named for accepted in settings.audiences):
        raise Refused("audience-wrong", f"aud must be {token_url}, not {_shown(audience)}.")


def check_times(assertion: Assertion, now: float, settings: AuthSettings) -> float:
    """`exp` is ahead, but not too far; `nbf` and `iat` are not ahead. Returns `exp`.

    How far apart they lie is looked at even where no clock is.
    """
    if assertion.claims.get("exp") is None:
        raise Refused("exp-missing", "The assertion must say when it expires (exp).")
    times = {name: _time(assertion, name) for name in ("exp", "nbf", "iat") if assertion.claims.get(name) is not None}
    exp, limit = times["exp"], settings.max_assertion_lifetime
    if settings.check_times:
        _compare_with_clock(times, now, settings)
    for name in ("iat", "nbf"):
        if settings.bound_whole_lifetime and exp - times.get(name, exp) > limit:
            raise Refused("lifetime-too-long", f"exp lies more than {limit:g} s after {name}.")
    return exp


def _compare_with_clock(times: Mapping[str, float], now: float, settings: AuthSettings) -> None:
    exp, skew, limit = times["exp"], settings.skew, settings.max_assertion_lifetime
    if exp <= now - skew:
        raise Refused("expired", f"The assertion expired at {instant(exp)}; {_clock_says(now)}.")
    if exp > now + limit + skew:
        raise Refused("exp-too-far", f"exp is {instant(exp)}, more than {limit:g} s ahead; {_clock_says(now)}.")
    if times.get("nbf", now) > now + skew:
        why = f"The assertion is not valid before {instant(times['nbf'])}; {_clock_says(now)}."
        raise Refused("not-yet-valid", why)
    if times.get("iat", now) > now + skew:
        raise Refused("issued-in-future", f"The assertion was issued at {instant(times['iat'])}; {_clock_says(now)}.")


def check_identifier(assertion: Assertion, now: float, memory: ReplayMemory, settings: AuthSettings) -> str:
    """`jti` is there, is not too long and was not used before. Returns it."""
    jti = assertion.claims.get("jti")
    if not isinstance(jti, str) or not jti:
        raise Refused("jti-missing", "The assertion must carry a jti, a string.")
    if settings.max_jti_length and len(jti) > settings.max_jti_length:
        raise Refused("jti-too-long", f"jti is longer than {settings.max_jti_length} characters.")
    if memory.seen(assertion.issuer, jti, now):
        raise Refused("jti-replayed", f"An assertion with jti {jti!r} was used before.")
    return jti


class AssertionVerifier:
    """Runs the rules in order: header, signature, parties, audience, times, identifier."""

    def __init__(self, *, clock: Clock, settings: AuthSettings, keys: ClientKeys) -> None:
        self._clock = clock
        self._settings = settings
        self._keys = keys
        self.memory = ReplayMemory()

    def wanted_key_set(self, assertion: Assertion, client: Client, settings: AuthSettings | None = None) -> str:
        """URL of the key set that `verify` will have to fetch, or nothing; raises Refused if it would before that."""
        settings = settings or self._settings
        check_header(assertion, client, settings)
        return wanted_key_set(assertion, client, self._keys, settings)

    def verify(
        self,
        assertion: Assertion,
        client: Client,
        *,
        token_url: str,
        form_client_id: str = "",
        settings: AuthSettings | None = None,
    ) -> None:
        """Remembers the `jti` if every rule holds; raises Refused by the first rule that does not.

        `settings` are those of this one request, where they are not the server's.
        """
        settings = settings or self._settings
        now = self._clock.now() + settings.clock_offset
        check_header(assertion, client, settings)
        verify_signature(assertion, client, self._keys, settings)
        check_parties(assertion, form_client_id)
        check_audience(assertion, token_url, settings)
        expires = check_times(assertion, now, settings)
        jti = check_identifier(assertion, now, self.memory, settings)
        until = expires if settings.check_times else now + settings.max_assertion_lifetime
        self.memory.remember(assertion.issuer, jti, until + settings.skew, now)


def client_assertion(
    client_id: str,
    token_url: str,
    key: SigningKey | Mapping[str, Any],
    *,
    now: float,
    jti: str,
    lifetime: float = 300.0,
    header: Mapping[str, Any] | None = None,
    claims: Mapping[str, Any] | None = None,
) -> str:
    """A correct assertion, signed with `key` (a loaded key or a private JWK); for our own tests and examples.

    `now` is the client's time in seconds since 1970 and `jti` must never repeat. `header` and `claims` are laid over
    what is correct, and None removes a member, so that wrong assertions are made the same way.
    """
    loaded = load_key(key) if isinstance(key, Mapping) else key
    issued = int(now)
    correct = {
        "iss": client_id,
        "sub": client_id,
        "aud": token_url,
        "iat": issued,
        "exp": issued + int(lifetime),
        "jti": jti,
    }
    merged = {name: value for name, value in {**correct, **(claims or {})}.items() if value is not None}
    return sign(loaded, merged, header=header)


def _clock_says(now: float) -> str:
    return f"the site's clock says {instant(now)}"


def _time(assertion: Assertion, name: str) -> float:
    value = assertion.claims[name]
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < _LAST_TIME:
        raise Refused("time-malformed", f"{name} must be a number of seconds since 1970, not {_shown(value)}.")
    return float(value)


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object, in which no name may come twice: two readers would read two things (RFC 7519 section 4)."""
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member comes twice")
    return members


def _shown(value: object) -> str:
    """A value of the client's in an error text: not at length, and never so deep that writing it would fail."""
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        value = ", ".join(value)
    if isinstance(value, (list, dict)):
        return "an array" if isinstance(value, list) else "an object"
    text = repr(value)
    return text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + "…"


def _decoded(part: str) -> bytes:
    if not _BASE64URL.fullmatch(part):
        raise ValueError("not base64url")
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


_DIGESTS: Final[Mapping[str, str]] = MappingProxyType({"HS256": "sha256", "HS384": "sha384", "HS512": "sha512"})
_BASE64URL: Final = re.compile("[A-Za-z0-9_-]+")
_JSON: Final = json.JSONDecoder(object_pairs_hook=_members)
