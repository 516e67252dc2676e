"""Answers of the authorization server to apps: a document, or why there is none, with status and headers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from mockehr.auth.authentication import claimed_id
from mockehr.auth.form import TokenRequest
from mockehr.auth.refusal import Refused
from mockehr.auth.settings import AuthSettings
from mockehr.auth.tokens import Grant

NEVER_STORED: Final[tuple[tuple[str, str], ...]] = (("Cache-Control", "no-store"), ("Pragma", "no-cache"))


@dataclass(frozen=True, slots=True)
class TokenReply:
    """The answer of the token endpoint, and of those that are asked about tokens."""

    status: int
    document: dict[str, Any]
    """The token response (RFC 6749 section 5.1), or `error` and `error_description` (section 5.2)."""
    headers: tuple[tuple[str, str], ...] = NEVER_STORED
    grant: Grant | None = None
    client_id: str = ""
    """The client; where it was refused, whom it claimed to be."""
    grant_type: str = ""
    error: str = ""
    """The RFC's error code; empty on success."""
    reason: str = ""
    """Our reason, a key of `mockehr.auth.refusal.REASONS`; empty on success. For the journal and for probes."""


def refusal_of(refused: Refused, request: TokenRequest, settings: AuthSettings, *, basic: bool = False) -> TokenReply:
    """The error response; `basic` means that the client used an Authorization header."""
    status, headers = 400, NEVER_STORED
    if refused.error == "invalid_token":
        status, headers = 401, (*headers, ("WWW-Authenticate", 'Bearer error="invalid_token"'))
    if refused.error == "invalid_client":
        status = 401 if basic else settings.invalid_client_status
        if status == 401:
            headers = (*headers, ("WWW-Authenticate", 'Basic realm="token"'))
    return TokenReply(
        status,
        {"error": refused.error, "error_description": refused.description()},
        headers,
        client_id=claimed_id(request),
        grant_type=request.get("grant_type"),
        error=refused.error,
        reason=refused.reason,
    )
