"""What an authorization server does next with a browser: shows a page, or sends it on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from mockehr.auth.people import Choice
from mockehr.auth.refusal import Refused
from mockehr.auth.scopes import Scopes

PageName = Literal["sign-in", "choose-patient", "choose-encounter", "consent", "refused"]


@dataclass(frozen=True, slots=True)
class Redirect:
    """Go there: back to the app, with a code or with why there is none (`refused`)."""

    url: str
    uri: str = ""
    """The redirect URI alone."""
    state: str = ""
    refused: Refused | None = None
    client_id: str = ""
    user: str = ""
    session: str = ""
    """A browser session that begins now, to be kept in a cookie."""


@dataclass(frozen=True, slots=True)
class Page:
    """A page for a person."""

    name: PageName
    pending: str = ""
    """What the page belongs to; its form brings it back."""
    client_id: str = ""
    client_name: str = ""
    user: str = ""
    notice: str = ""
    """What was wrong with the last answer."""
    choices: tuple[Choice, ...] = ()
    scopes: tuple[Choice, ...] = ()
    text: str = ""
    """What was searched for."""
    refused: Refused | None = None
    session: str = ""


Step = Redirect | Page


@dataclass(frozen=True, slots=True)
class Pending:
    """An authorization under way."""

    id: str
    client_id: str
    redirect_uri: str
    scopes: Scopes
    """What may be granted at most."""
    state: str = ""
    challenge: str = ""
    nonce: str = ""
    ehr: bool = False
    """Launched from the EHR, and not by itself."""
    username: str = ""
    auth_time: float = 0.0
    patient: str = ""
    encounter: str = ""
    asked_patient: bool = False
    asked_encounter: bool = False
    approved: bool = False
    """Nobody has to be asked for consent any more."""
    withheld: tuple[str, ...] = ()
    denied: bool = False
    context: Mapping[str, Any] = field(default_factory=dict)
    """Further members of the token response."""
