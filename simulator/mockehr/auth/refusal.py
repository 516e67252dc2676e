"""Why a token request is refused: one distinct reason each, with the RFC error code that the client sees.

Codes: RFC 6749 section 5.2; for assertions RFC 7521 section 4.2.1 and RFC 7523 section 3.2 (`invalid_client`).
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final, Literal

from mockehr.core.problem import quotable

ErrorCode = Literal[
    "invalid_request",
    "invalid_client",
    "invalid_grant",
    "unauthorized_client",
    "unsupported_grant_type",
    "invalid_scope",
    "invalid_token",
    "invalid_redirect_uri",
    "invalid_client_metadata",
    "unsupported_response_type",
    "unsupported_token_type",
    "access_denied",
    "login_required",
    "interaction_required",
    "request_not_supported",
    "request_uri_not_supported",
    "registration_not_supported",
    "server_error",
    "temporarily_unavailable",
]

REASONS: Final = MappingProxyType[str, ErrorCode](
    {
        # the request itself
        "content-type": "invalid_request",
        "body-unreadable": "invalid_request",
        "parameter-repeated": "invalid_request",
        "grant-type-missing": "invalid_request",
        "grant-type-unsupported": "unsupported_grant_type",
        "grant-type-not-registered": "unauthorized_client",
        # who asks
        "authentication-missing": "invalid_client",
        "authentication-twice": "invalid_request",
        "authorization-malformed": "invalid_client",
        "method-not-offered": "invalid_client",
        "method-not-registered": "invalid_client",
        "client-unknown": "invalid_client",
        "client-inactive": "invalid_client",
        "client-id-mismatch": "invalid_client",
        "secret-wrong": "invalid_client",
        # the assertion's form and key
        "assertion-type": "invalid_request",
        "assertion-missing": "invalid_request",
        "assertion-malformed": "invalid_client",
        "algorithm-refused": "invalid_client",
        "typ-wrong": "invalid_client",
        "kid-missing": "invalid_client",
        "jku-mismatch": "invalid_client",
        "jwks-unreachable": "invalid_client",
        "jwks-malformed": "invalid_client",
        "key-unknown": "invalid_client",
        "key-unfit": "invalid_client",
        "signature-wrong": "invalid_client",
        # the assertion's claims
        "issuer-missing": "invalid_client",
        "subject-mismatch": "invalid_client",
        "audience-missing": "invalid_client",
        "audience-wrong": "invalid_client",
        "exp-missing": "invalid_client",
        "time-malformed": "invalid_client",
        "expired": "invalid_client",
        "exp-too-far": "invalid_client",
        "lifetime-too-long": "invalid_client",
        "not-yet-valid": "invalid_client",
        "issued-in-future": "invalid_client",
        "jti-missing": "invalid_client",
        "jti-too-long": "invalid_client",
        "jti-replayed": "invalid_client",
        # what is asked for
        "scope-missing": "invalid_scope",
        "scope-dialect": "invalid_scope",
        "scope-type-unknown": "invalid_scope",
        "scope-context": "invalid_scope",
        "scope-not-registered": "invalid_scope",
        # an authorization request
        "redirect-uri-missing": "invalid_request",
        "redirect-uri-unregistered": "invalid_request",
        "response-type": "unsupported_response_type",
        "parameter-missing": "invalid_request",
        "parameter-too-long": "invalid_request",
        "prompt-contradictory": "invalid_request",
        "state-too-long": "invalid_request",
        "pkce-missing": "invalid_request",
        "pkce-method": "invalid_request",
        "pkce-malformed": "invalid_request",
        "launch-missing": "invalid_request",
        "launch-unknown": "invalid_request",
        "launch-of-another": "invalid_request",
        "launch-not-offered": "unauthorized_client",
        "request-object": "request_not_supported",
        "request-uri": "request_uri_not_supported",
        "registration-sent": "registration_not_supported",
        "denied": "access_denied",
        "patient-of-another": "access_denied",
        "login-required": "login_required",
        "interaction-required": "interaction_required",
        "session-over": "access_denied",
        "not-ready": "temporarily_unavailable",
        # a code or a refresh token
        "code-missing": "invalid_request",
        "code-unknown": "invalid_grant",
        "code-used": "invalid_grant",
        "code-of-another": "invalid_grant",
        "redirect-uri-mismatch": "invalid_grant",
        "verifier-missing": "invalid_grant",
        "verifier-wrong": "invalid_grant",
        "verifier-unexpected": "invalid_grant",
        "grant-unknown": "invalid_grant",
        "refresh-token-missing": "invalid_request",
        "refresh-token-unknown": "invalid_grant",
        "refresh-token-used": "invalid_grant",
        "refresh-token-of-another": "invalid_grant",
        "refresh-too-soon": "invalid_request",
        "scope-beyond-grant": "invalid_scope",
        # revocation and registration
        "token-missing": "invalid_request",
        "token-of-another": "invalid_grant",
        "token-useless": "invalid_token",
        "registration-malformed": "invalid_client_metadata",
        "registration-redirect": "invalid_redirect_uri",
    }
)
"""Every reason and its error code. The journal keeps the reason; the client sees the code and a sentence."""


class Refused(Exception):
    """A step refused the request. `reason` is a key of REASONS; `text` is for people.

    `error` is the code that the client sees, where it is not the reason's own.
    """

    def __init__(self, reason: str, text: str, error: ErrorCode | None = None) -> None:
        self.reason = reason
        self.text = text
        self.error: ErrorCode = error or REASONS[reason]
        super().__init__(f"{reason}: {text}")

    def description(self) -> str:
        """The text within the characters that RFC 6749 section 5.2 leaves to `error_description`."""
        return quotable(self.text)
