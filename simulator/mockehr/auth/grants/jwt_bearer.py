"""The jwt-bearer grant: an app on a user's device that registered itself there asks for that user, or a system asks
in its own name, as the server has it.

Sources: RFC 7523 sections 2.1 and 3.1 (a bad assertion is an `invalid_grant`); Epic's documentation of dynamic
clients (personalities/epic/notes.md).
"""

from __future__ import annotations

from dataclasses import replace

from mockehr.auth.assertion import read_assertion
from mockehr.auth.authentication import JWT_BEARER
from mockehr.auth.form import TokenRequest
from mockehr.auth.grants import client_credentials
from mockehr.auth.grants.flow import Asking
from mockehr.auth.refusal import Refused
from mockehr.auth.tokens import Grant

NAME = JWT_BEARER


def draft(asking: Asking) -> Grant:
    """What the user of the device granted; raises Refused `assertion-…` and its like, as `invalid_grant`."""
    text = asking.request.get("assertion")
    if not text:
        raise Refused("assertion-missing", "The parameter assertion is required.")
    client = asking.client
    system = asking.settings.jwt_bearer_for == "system"
    held: Grant | None = None if system else asking.drawers["devices"].get(client.client_id, asking.now)
    if held is None and not system:
        raise Refused("grant-unknown", "No user's device is registered under this client.")
    try:
        asking.assertions.verify(
            read_assertion(text),
            client,
            token_url=asking.token_url,
            form_client_id=client.client_id,
            settings=asking.settings,
        )
    except Refused as refused:
        raise Refused(refused.reason, refused.text, "invalid_grant") from refused
    if held is None:
        return replace(client_credentials.draft(asking), grant_type=NAME)
    now, lifetime = asking.now, asking.settings.token_lifetime
    renewed = replace(held, client_id=client.client_id, grant_type=NAME, token="", nonce="", renewal="")
    return replace(renewed, issued_at=now, expires_at=now + lifetime, announced=lifetime)


def issuer_of(request: TokenRequest) -> str:
    """Whom the assertion names, unverified; empty if it cannot be read."""
    try:
        return read_assertion(request.get("assertion")).issuer
    except Refused:
        return ""
