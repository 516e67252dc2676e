"""The authorization_code grant: an app that a user has let in fetches its tokens.

Sources: RFC 6749 sections 4.1.3 and 10.5 (a code that comes twice ends what it gave), RFC 7636 (PKCE), SMART App
Launch 2.2 ("Obtain access token").
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass, replace
from typing import Final

from mockehr.auth.grants.flow import Asking
from mockehr.auth.refusal import Refused
from mockehr.auth.tokens import Grant

NAME = "authorization_code"
_VERIFIER: Final = re.compile(r"[A-Za-z0-9\-._~]{43,128}")


@dataclass(frozen=True, slots=True)
class Code:
    """What an authorization code stands for."""

    grant: Grant
    """What is to be issued; its times are set then."""
    redirect_uri: str
    challenge: str = ""
    """The S256 code challenge; empty if the client sent none."""


def draft(asking: Asking) -> Grant:
    """The grant that the user agreed to; raises Refused `code-…`, `redirect-uri-mismatch` or `verifier-…`."""
    text, codes, now = asking.request.get("code"), asking.drawers["codes"], asking.now
    if not text:
        raise Refused("code-missing", "The parameter code is required.")
    code: Code | None = codes.get(text, now)
    if code is None:
        raise _gone(asking, text)
    if code.grant.client_id != asking.client.client_id:
        raise Refused("code-of-another", "The code was issued to another client.")
    if asking.request.get("redirect_uri") != code.redirect_uri:
        raise Refused("redirect-uri-mismatch", "redirect_uri is not the one of the authorization request.")
    if asking.settings.pkce != "ignored":
        check_verifier(code.challenge, asking.request.get("code_verifier"))
    if codes.take(text, now) is None:
        raise _gone(asking, text)
    asking.drawers["codes used"].put(text, code.grant.family, now + asking.settings.refresh_lifetime)
    lifetime = asking.settings.token_lifetime
    return replace(code.grant, issued_at=now, expires_at=now + lifetime, announced=lifetime, grant_type=NAME)


def check_verifier(challenge: str, verifier: str) -> None:
    """Hold a code verifier against the challenge of the authorization request (RFC 7636 section 4.6)."""
    if not challenge:
        if verifier:  # RFC 9700 section 2.1.1: no downgrade goes unnoticed
            raise Refused("verifier-unexpected", "There was no code_challenge for this code_verifier.")
        return
    if not verifier:
        raise Refused("verifier-missing", "The parameter code_verifier is required.")
    if not _VERIFIER.fullmatch(verifier) or not hmac.compare_digest(challenge_of(verifier), challenge):
        raise Refused("verifier-wrong", "code_verifier does not fit the code_challenge.")


def challenge_of(verifier: str) -> str:
    """The S256 code challenge of a code verifier."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode("ascii")).digest()).rstrip(b"=").decode("ascii")


def _gone(asking: Asking, text: str) -> Refused:
    family = asking.drawers["codes used"].get(text, asking.now)
    if family is None:
        return Refused("code-unknown", "The code is not known, or is over.")
    asking.renewals.end(family)
    return Refused("code-used", "The code was used before; the tokens that it gave are ended.")
