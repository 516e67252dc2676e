"""What a grant type is: a function from an authenticated request to the grant about to be issued."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mockehr.auth.assertion import AssertionVerifier
from mockehr.auth.clients import Client
from mockehr.auth.drawers import Drawers
from mockehr.auth.form import TokenRequest
from mockehr.auth.renewals import Renewals
from mockehr.auth.settings import AuthSettings
from mockehr.auth.tokens import Grant


@dataclass(frozen=True, slots=True)
class Asking:
    """An authenticated token request, with what a grant type needs to answer it."""

    request: TokenRequest
    client: Client
    now: float
    """Site seconds since 1970."""
    settings: AuthSettings
    drawers: Drawers
    renewals: Renewals
    assertions: AssertionVerifier
    token_url: str
    """The endpoint as the client addressed it."""


Draft = Callable[[Asking], Grant]
"""Returns the grant about to be issued, its token still empty; raises Refused."""
