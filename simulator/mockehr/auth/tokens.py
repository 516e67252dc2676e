"""Access tokens: what they stand for, how they are written, and the table in which they are looked up.

A token is looked up by its text whatever its format; a JWT's signature is for the client and for other servers, and
what is encrypted nobody needs to open.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal, Protocol

from mockehr.auth.keys import SigningKeys, sign
from mockehr.auth.scopes import Scopes
from mockehr.auth.settings import AuthSettings
from mockehr.core.chance import Chance
from mockehr.core.clock import Clock
from mockehr.core.errors import UnknownName

_FORMATS: Final = ("opaque", "jwt", "encrypted")
_NAMED: Final = re.compile(r"\{(\w+)\}")

FaultKind = Literal["unknown", "expired", "revoked", "not-yet"]


@dataclass(frozen=True, slots=True)
class Grant:
    """What one access token stands for. Times are site seconds since 1970."""

    client_id: str
    scopes: Scopes
    issued_at: float
    expires_at: float
    """When the token stops working."""
    announced: int
    """The `expires_in` told to the client, in seconds; correct when it equals `expires_at - issued_at`."""
    token: str = ""
    """Empty until issued; a seam that sets it decides the token's text."""
    not_before: float = 0.0
    grant_type: str = "client_credentials"
    number: int = 0
    """The how-manieth grant of this client, from 1; set on issue."""
    patient: str = ""
    """Id of the patient in context; scopes of context `patient/` mean no other."""
    user: str = ""
    """Who signed in, as `Practitioner/…`, `Patient/…`; empty for a system."""
    own: tuple[str, ...] = ()
    """Ids of the patients to whom `user/` scopes of a patient or a relative are confined; empty for staff."""
    family: str = ""
    """Which authorization it stems from, with the other tokens that do; empty for a system's."""
    renewal: str = ""
    """The refresh token that is told with it."""
    nonce: str = ""
    auth_time: float = 0.0
    """When the user signed in."""
    username: str = ""
    extras: Mapping[str, Any] = field(default_factory=dict)
    """Further members of the token response (`tenant`, `need_patient_banner` …); None takes one away."""


def subject_of(grant: Grant, settings: AuthSettings) -> str:
    """`sub` of all that is said about a grant: the id of what `fhirUser` points to, the user name, or the client."""
    told = (grant.user.rpartition("/")[2], grant.username)
    return told[settings.subject == "username"] or told[0] or told[1] or grant.client_id


@dataclass(frozen=True, slots=True)
class TokenFault:
    """Why a bearer token does not work. `grant` is what it once stood for, if that is known."""

    kind: FaultKind
    grant: Grant | None = None

    def challenge(self, realm: str = "fhir") -> str:
        """The `WWW-Authenticate` value of RFC 6750 section 3."""
        text = {
            "unknown": "The access token is not known",
            "expired": "The access token expired",
            "revoked": "The access token was revoked",
            "not-yet": "The access token is not valid yet",
        }[self.kind]
        return f'Bearer realm="{realm}", error="invalid_token", error_description="{text}"'


def bearer_of(authorization: str) -> str:
    """The token of an Authorization header, or the empty string if it is no bearer header."""
    if authorization[:7].lower() != "bearer ":
        return ""
    return authorization[7:].strip()


class Shelf(Protocol):
    """Where the tokens of a site lie when several processes issue them and look them up."""

    def next_number(self, client_id: str) -> int:
        """The how-manieth grant of that client the next one is, over all processes; from 1."""

    def put(self, grant: Grant, now: float) -> None:
        """Keep an issued grant, in the place of one with the same token; forgets some of the oldest dead."""

    def find(self, token: str) -> tuple[Grant, bool] | None:
        """What a token stands for and whether it was revoked; None if it is not known."""

    def revoke(self, token: str) -> bool:
        """End one token; False if none such was in force or expired by itself."""

    def expire(self, tokens: Sequence[str], at: float) -> None:
        """Let tokens expire at that site time."""

    def working(self, now: float, client_id: str | None) -> list[Grant]:
        """Grants not expired and not revoked, oldest first."""

    def changed(self) -> bool:
        """Whether a token that was found may mean something else since this was asked last."""

    def clear(self) -> None:
        """Forget all tokens and start counting anew."""


class TokenTable:
    """All tokens of a site, live and lately dead.

    They lie in this table; or, where several processes are one site (`share`), on a shelf of which it keeps copies.
    """

    def __init__(self, *, clock: Clock, chance: Chance, settings: AuthSettings, keys: SigningKeys) -> None:
        if settings.token_format not in _FORMATS:
            raise UnknownName("token format", settings.token_format, _FORMATS)
        self._now: Callable[[], float] = clock.now
        self._chance = chance
        self._settings = settings
        self._keys = keys
        self._live: dict[str, Grant] = {}
        self._revoked: dict[str, Grant] = {}
        self._numbers: dict[str, int] = {}
        self._shelf: Shelf | None = None

    def share(self, shelf: Shelf) -> None:
        """Have the tokens there from now on, together with other processes; those issued before are forgotten."""
        self._live.clear()
        self._revoked.clear()
        self._shelf = shelf

    def issue(self, draft: Grant, *, token_url: str) -> Grant:
        """Number the grant, write its token and put it in force."""
        shelf = self._shelf
        if shelf is None:
            number = self._numbers[draft.client_id] = self._numbers.get(draft.client_id, 0) + 1
        else:
            number = shelf.next_number(draft.client_id)
        grant = replace(draft, number=number, token=draft.token or self._write(draft, number, token_url))
        if shelf is not None:
            shelf.put(grant, self._now())
        self._forget_the_oldest_dead()
        self._live[grant.token] = grant
        return grant

    def look_up(self, bearer: str) -> Grant | TokenFault:
        """What a bearer token stands for now, or why it does not work. Hot path: one lookup, one clock reading."""
        if self._shelf is not None:
            self._copy(self._shelf, bearer)
        grant = self._live.get(bearer)
        if grant is None:
            revoked = self._revoked.get(bearer)
            return TokenFault("unknown") if revoked is None else TokenFault("revoked", revoked)
        now = self._now()
        if grant.not_before <= now < grant.expires_at:
            return grant
        return TokenFault("not-yet" if now < grant.not_before else "expired", grant)

    def revoke(self, token: str) -> bool:
        """End one token; False if it was not in the table (RFC 7009: that is no error)."""
        if self._shelf is not None:
            return self._shelf.revoke(token)
        grant = self._live.pop(token, None)
        if grant is None:
            return False
        self._revoked[token] = grant
        return True

    def revoke_family(self, family: str) -> int:
        """End all tokens that stem from one authorization; returns how many worked until now."""
        return sum(self.revoke(grant.token) for grant in self.working() if grant.family == family)

    def revoke_all(self, client_id: str | None = None) -> int:
        """End all tokens of a client, or of every client; returns how many worked until now."""
        return sum(self.revoke(grant.token) for grant in self.working(client_id))

    def expire_all(self, client_id: str | None = None, *, after: float = 0.0) -> int:
        """Let working tokens expire `after` seconds from now at the latest; returns how many that concerns.

        `expires_in` was told already, so clients are not warned.
        """
        deadline = self._now() + after
        concerned = [grant for grant in self.working(client_id) if grant.expires_at > deadline]
        if self._shelf is not None:
            self._shelf.expire([grant.token for grant in concerned], deadline)
            return len(concerned)
        for grant in concerned:
            self._live[grant.token] = replace(grant, expires_at=deadline)
        return len(concerned)

    def working(self, client_id: str | None = None) -> list[Grant]:
        """Grants not expired and not revoked, oldest first; those not valid yet count."""
        now = self._now()
        if self._shelf is not None:
            return self._shelf.working(now, client_id)
        return [g for g in self._live.values() if now < g.expires_at and client_id in (None, g.client_id)]

    def introspect(self, token: str) -> dict[str, Any]:
        """The document of RFC 7662 section 2.2; only `{"active": false}` for a token that does not work."""
        grant = self.look_up(token)
        if isinstance(grant, TokenFault):
            return {"active": False}
        document: dict[str, Any] = {
            "active": True,
            "scope": grant.scopes.text,
            "client_id": grant.client_id,
            "token_type": self._settings.token_type,
            "sub": subject_of(grant, self._settings),
            "iat": int(grant.issued_at),
            "exp": int(grant.expires_at),
        }
        if grant.patient:
            document["patient"] = grant.patient
        return document | _named(grant.token)

    def clear(self) -> None:
        """Forget all tokens and start counting anew."""
        self._live.clear()
        self._revoked.clear()
        self._numbers.clear()
        if self._shelf is not None:
            self._shelf.clear()

    def _copy(self, shelf: Shelf, token: str) -> None:
        """Have that token here as it lies on the shelf now, if it does."""
        if shelf.changed():
            self._live.clear()
            self._revoked.clear()
        if token in self._live or token in self._revoked:
            return
        found = shelf.find(token)
        if found is not None:
            self._forget_the_oldest_dead()
            (self._revoked if found[1] else self._live)[token] = found[0]

    def _write(self, grant: Grant, number: int, token_url: str) -> str:
        stream = self._chance.stream("token", grant.client_id, number)
        form = self._settings.token_format
        if form == "opaque":
            return base64.urlsafe_b64encode(stream.token(32)).rstrip(b"=").decode("ascii")
        issuer = self._settings.issuer or token_url
        claims: dict[str, Any] = {  # RFC 9068 section 2.2
            "iss": issuer,
            "aud": issuer,
            "sub": subject_of(grant, self._settings),
            "client_id": grant.client_id,
            "scope": grant.scopes.text,
            "jti": stream.uuid(),
            "iat": int(grant.issued_at),
            "nbf": int(grant.not_before or grant.issued_at),
            "exp": int(grant.expires_at),
        }
        if grant.patient:
            claims["patient"] = grant.patient
        told = self._settings
        more = told.token_claims, *([told.token_user_claims] if grant.user else [])
        more = *more, *([told.token_patient_claims] if grant.patient else [])
        if any(more):
            known = {**claims, "tenant": told.tenant, "username": grant.username}
            for one in more:
                claims |= _filled(one, known)
        if told.scope_as_list:
            claims["scope"] = grant.scopes.text.split()
        for name in self._settings.token_without:
            claims.pop(name, None)
        signed = sign(self._keys.current(), claims, typ="at+jwt")
        if form == "jwt":
            return signed
        from mockehr.auth.encrypted import IV_OCTETS, encrypt

        kid, secret = self._keys.secret()
        return encrypt(signed, kid=kid, secret=secret, iv=stream.token(IV_OCTETS))

    def _forget_the_oldest_dead(self) -> None:
        limit, now = self._settings.remembered_tokens, self._now()
        while len(self._revoked) > limit:
            del self._revoked[next(iter(self._revoked))]
        while len(self._live) >= limit:
            oldest = next(iter(self._live))
            if now < self._live[oldest].expires_at:
                return
            del self._live[oldest]


def _named(token: str) -> dict[str, Any]:
    """`iss` and `jti` of a token that is a signed JWT of ours; nothing of others."""
    parts = token.split(".")
    if len(parts) != 3:
        return {}
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        return {name: claims[name] for name in ("iss", "jti") if name in claims}
    except (ValueError, TypeError):  # a text that somebody chose for it
        return {}


def _filled(told: Any, known: Mapping[str, Any]) -> Any:
    """What was told, with `{name}` in its texts replaced by what is known under that name."""
    if isinstance(told, str):
        return _NAMED.sub(lambda found: str(known.get(found[1], found[0])), told) if "{" in told else told
    if isinstance(told, Mapping):
        return {name: _filled(value, known) for name, value in told.items()}
    if isinstance(told, (list, tuple)):
        return [_filled(value, known) for value in told]
    return told
