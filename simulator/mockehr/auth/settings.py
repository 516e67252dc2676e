"""What a site may set about its authorization server. The defaults are the standard's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from mockehr.auth.scopes import Dialect

Method = Literal["private_key_jwt", "client_secret_jwt", "client_secret_basic", "client_secret_post", "none"]
Algorithm = Literal["RS256", "RS384", "RS512", "ES256", "ES384", "ES512", "HS256", "HS384", "HS512"]
SigningAlgorithm = Literal["ES256", "ES384", "RS256", "RS384"]


@dataclass(frozen=True, slots=True)
class AuthSettings:
    """Settings of one authorization server; spans are site-clock seconds.

    Defaults follow SMART App Launch 2.2 Backend Services and client-confidential-asymmetric.
    """

    grants: tuple[str, ...] = ("authorization_code", "refresh_token", "client_credentials")
    grants_withheld: tuple[str, ...] = ()
    """Grant types that are offered and that no client may use, whatever it registered for (MEDITECH's sandbox)."""
    auth_methods: tuple[Method, ...] = ("private_key_jwt", "client_secret_basic", "client_secret_post", "none")
    """Methods that the server offers; a client is held to those that it registered. `none` is for public clients."""

    launches: tuple[Literal["ehr", "standalone"], ...] = ("ehr", "standalone")
    """How apps may be launched; none for a server without users."""
    launch_lifetime: float = 300.0
    """How long a launch handle waits for its app."""
    session_lifetime: float = 600.0
    """How long somebody may take from the authorization request to their decision."""
    code_lifetime: float = 60.0
    """How long an authorization code is good (RFC 6749 section 4.1.2: at most 600 s)."""
    pkce: Literal["required", "public", "optional", "ignored"] = "required"
    """Who has to send a code challenge: SMART 2 wants it of all; `public` of public clients only; `ignored`: neither
    challenge nor verifier is looked at."""
    audience_required: bool = True
    """Whether an authorization request without `aud` is refused."""
    nonce_required: bool = False
    """Whether an authorization request for `openid` is refused without `nonce` (athenahealth)."""
    audience_slash: bool = True
    """Whether `aud` may differ from the FHIR base by a slash at its end."""
    redirect_query: bool = False
    """Whether a redirect URI may have a query that its registration lacks (Oracle Health)."""
    longest_state: int = 0
    """Longest `state` accepted, in characters; 0 for any."""
    longest_parameter: int = 8192
    """Longest parameter of an authorization request, and longest `scope` of a token request, in characters: what is
    kept for every open page, and what one request can have worked out, is bounded."""
    state_told: bool = False
    """Whether `state` stands in the token response as well (Epic)."""
    iss_told: bool = False
    """Whether the way back to the app names the server as `iss` (RFC 9207)."""
    style_told: bool = True
    """Whether launches from the EHR tell `smart_style_url`."""
    user_wildcards: bool = True
    """Whether users may give `*` scopes; else they are left out (Oracle Health)."""
    without_data: bool = False
    """Whether an app that may have none of the data that it asks for is let in with the rest (Oracle Health)."""
    consent: Literal["standalone", "patients", "always", "never"] = "standalone"
    """Who is asked which scopes the app may have: everybody at a standalone launch, patients only …"""
    staff_choose_patient: bool = True
    """Whether staff that start an app by itself choose a patient (with Epic they get no patient)."""
    sso: float = 3600.0
    """How long a browser that signed in is not asked again; 0: every time."""

    refresh: tuple[Literal["offline", "online"], ...] = ("offline", "online")
    """Which of `offline_access` and `online_access` bring a refresh token."""
    refresh_public: bool = True
    """Whether public clients get refresh tokens (Epic: no)."""
    refresh_rotates: Literal["always", "public", "never"] = "public"
    """For whom a refresh brings a new refresh token and ends the old one."""
    refresh_lifetime: float = 90 * 86400.0
    """How long a refresh token of `offline_access` is good."""
    refresh_slides: bool = True
    """Whether each use extends it; else it ends when the first one would have."""
    online_lifetime: float = 8 * 3600.0
    """How long a session lasts to which `online_access` is bound."""
    refresh_interval: float = 0.0
    """Refreshing more often than once in that time is refused; 0 for no such limit."""
    refresh_scope_required: bool = False
    """Whether a refresh without `scope` is refused (athenahealth); else it renews all that was granted."""
    refresh_form: Literal["opaque", "parts"] = "opaque"
    """Random text, or base64 of JSON with an id, a secret and what they are for (Oracle Health)."""
    offline_echoed: bool = True
    """Whether `offline_access` and `online_access` stand in the `scope` of the response (Epic: not always)."""

    id_token_lifetime: float = 300.0
    subject: Literal["id", "username"] = "id"
    """`sub` of id_tokens: the id of what `fhirUser` points to, or the user name (Oracle Health)."""
    need_patient_banner: bool = True
    """What is told of a launch that does not say."""
    tenant: str = ""
    """`tenant` of the token response; empty: not told."""
    openid: bool = True
    registration: Literal["off", "open", "token"] = "off"
    """Whether clients may register themselves (RFC 7591): everybody, or an app for its user, with the access token
    that it was given (Epic's dynamic clients)."""

    assertion_algs: tuple[Algorithm, ...] = ("RS384", "ES384")
    """Those with a secret (HS256 …) are `client_secret_jwt` (OpenID Connect Core 1.0 section 9)."""
    jwt_bearer_for: Literal["device", "system"] = "device"
    """Whom the jwt-bearer grant is for: the user of a device that registered itself, or a client in its own name."""
    max_assertion_lifetime: float = 300.0
    """How far ahead `exp` may lie."""
    bound_whole_lifetime: bool = False
    """Also hold `exp - iat` and `exp - nbf` to `max_assertion_lifetime` (Epic does)."""
    skew: float = 5.0
    """How far the client's clock may be off, either way."""
    clock_offset: float = 0.0
    """How far the server's own clock is ahead of the site's when it looks at assertions."""
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
    token_format: Literal["opaque", "jwt", "encrypted"] = "opaque"
    """Random text, a signed JWT, or such a JWT within a JWE that only the server can open (Oracle Health)."""
    token_claims: Mapping[str, Any] = field(default_factory=dict)
    """Further claims of JWT access tokens; in texts `{tenant}` and the names of other claims (`{scope}` …) are
    filled in."""
    token_user_claims: Mapping[str, Any] = field(default_factory=dict)
    """Further claims of those for which a user signed in; `{username}` is filled in as well (Veradigm)."""
    token_patient_claims: Mapping[str, Any] = field(default_factory=dict)
    """Further claims of those with a patient in context (Veradigm: `local_patient_id`)."""
    scope_as_list: bool = False
    """Whether `scope` is a list in JWT access tokens (Veradigm)."""
    token_without: tuple[str, ...] = ()
    """Claims that JWT access tokens do not have (Epic: `scope`)."""
    token_type: str = "bearer"
    """As written in the reply; the standard fixes `bearer`, Epic writes `Bearer`."""
    signing_alg: SigningAlgorithm = "ES384"
    """By which JWT access tokens are signed."""
    id_token_alg: SigningAlgorithm = "RS256"
    """By which id_tokens are signed (OpenID Connect Core 15.1: RS256 is what every client understands)."""
    key_ids: Literal["thumbprint", "sha256", "dated"] = "thumbprint"
    """What the server's keys are called: by RFC 7638, by base64 of the SHA-256 of the public key (as Epic's look),
    or by the time of their making and their kind (Oracle Health: `2026-08-16T03:30:57.378.ec.es384`)."""
    keys_rotate_every: float = 0.0
    """How long the server signs with the same keys; 0: until it is told to rotate (Oracle Health: two days)."""
    keys_kept: int = 1
    """How many generations of keys before the present one stay published."""
    issuer: str = ""
    """`iss` and `aud` of JWT access tokens; empty for the token URL."""
    remembered_tokens: int = 10_000
    """Dead tokens are forgotten, oldest first, beyond this many."""

    system_parameters: Mapping[str, str | None] = field(default_factory=dict)
    """Further parameters that a system's token request must have, each with its value; empty for any (AdvancedMD:
    `username`, `password`, `officekey`)."""
    scope_absent: Literal["refuse", "registered"] = "refuse"
    """A request without `scope`: refused, as Backend Services wants, or given all that is registered (Epic)."""
    scope_uncovered: Literal["narrow", "refuse"] = "narrow"
    """Scopes beyond the registration: left out (refused only if nothing remains), or refused as a whole."""
    resource_types: tuple[str, ...] = ()
    """What scopes may be about; empty: anything. A scope for what there is not is left out like one too many."""
    scope_dialects: tuple[Dialect, ...] = ("v1", "v2", "plain")
    """Dialects understood in requests; Oracle Health refuses v1 for clients registered for v2."""

    invalid_client_status: Literal[400, 401] = 400
    """Status of `invalid_client` where the client did not use an Authorization header (then it is always 401)."""
