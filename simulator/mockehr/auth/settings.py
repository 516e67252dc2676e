"""What a site may set about its authorization server. The defaults are the standard's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mockehr.auth.scopes import Dialect

Method = Literal["private_key_jwt", "client_secret_basic", "client_secret_post"]
Algorithm = Literal["RS256", "RS384", "RS512", "ES256", "ES384", "ES512"]


@dataclass(frozen=True, slots=True)
class AuthSettings:
    """Settings of one authorization server; spans are site-clock seconds.

    Defaults follow SMART App Launch 2.2 Backend Services and client-confidential-asymmetric.
    """

    grants: tuple[str, ...] = ("client_credentials",)
    auth_methods: tuple[Method, ...] = ("private_key_jwt", "client_secret_basic", "client_secret_post")
    """Methods that the server offers; a client is held to those that it registered."""

    assertion_algs: tuple[Algorithm, ...] = ("RS384", "ES384")
    max_assertion_lifetime: float = 300.0
    """How far ahead `exp` may lie."""
    bound_whole_lifetime: bool = False
    """Also hold `exp - iat` and `exp - nbf` to `max_assertion_lifetime` (Epic does)."""
    skew: float = 5.0
    """How far the client's clock may be off, either way."""
    check_times: bool = True
    """False: times in assertions are not compared with the site's clock (for clients that live on the wall clock
    beside a stepped site); `jti` is still remembered."""
    require_kid: bool = True
    require_typ: bool = True
    max_jti_length: int = 0
    """Longest `jti` accepted, in characters; 0 for any (Epic: 151)."""
    audiences: tuple[str, ...] = ()
    """Accepted as `aud` beside the token URL."""
    jwks_ttl: float = 300.0
    """How long a client's fetched key set is kept (Epic: 29 hours)."""
    jwks_refetch: bool = True
    """Fetch the client's key set again, once, when an assertion cannot be verified with the copy kept."""
    jwks_timeout: float = 5.0
    """How long fetching a client's key set may take, in wall seconds."""

    token_lifetime: int = 300
    """Seconds; the standard recommends 300 (Epic: 3600, Oracle Health: 570)."""
    token_format: Literal["opaque", "jwt"] = "opaque"
    token_type: str = "bearer"
    """As written in the reply; the standard fixes `bearer`, Epic writes `Bearer`."""
    signing_alg: Literal["ES384", "RS384"] = "ES384"
    issuer: str = ""
    """`iss` and `aud` of JWT access tokens; empty for the token URL."""
    remembered_tokens: int = 10_000
    """Dead tokens are forgotten, oldest first, beyond this many."""

    scope_absent: Literal["refuse", "registered"] = "refuse"
    """A request without `scope`: refused, as Backend Services wants, or given all that is registered (Epic)."""
    scope_uncovered: Literal["narrow", "refuse"] = "narrow"
    """Scopes beyond the registration: left out (refused only if nothing remains), or refused as a whole."""
    scope_dialects: tuple[Dialect, ...] = ("v1", "v2", "plain")
    """Dialects understood in requests; Oracle Health refuses v1 for clients registered for v2."""

    invalid_client_status: Literal[400, 401] = 400
    """Status of `invalid_client` where the client did not use an Authorization header (then it is always 401)."""
