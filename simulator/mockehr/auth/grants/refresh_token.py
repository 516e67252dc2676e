"""The refresh_token grant: an app renews what it was given (RFC 6749 section 6)."""

from __future__ import annotations

from dataclasses import replace

from mockehr.auth.grants.flow import Asking
from mockehr.auth.refusal import Refused
from mockehr.auth.scopes import Scopes
from mockehr.auth.tokens import Grant

NAME = "refresh_token"


def draft(asking: Asking) -> Grant:
    """What was granted first, or the part of it that is asked for; raises Refused `refresh-…`, `scope-…`."""
    token = asking.request.get("refresh_token")
    if not token:
        raise Refused("refresh-token-missing", "The parameter refresh_token is required.")
    held = asking.renewals.find(token, asking.client, asking.now)
    scopes = held.grant.scopes
    asked = asking.request.get("scope")
    if asking.settings.refresh_scope_required and not asked.split():
        raise Refused("scope-missing", "The parameter scope is required, as in the first request.")
    if asked.split():
        scopes = Scopes.parse(asked).intersect(held.grant.scopes)
        if scopes != Scopes.parse(asked):
            raise Refused("scope-beyond-grant", "A refresh cannot ask for more than was granted.")
    now, lifetime = asking.now, asking.settings.token_lifetime
    renewal = asking.renewals.follow(held, asking.client, now)
    grant = replace(held.grant, scopes=scopes, grant_type=NAME, renewal=renewal, nonce="")
    return replace(grant, issued_at=now, expires_at=now + lifetime, announced=lifetime)
