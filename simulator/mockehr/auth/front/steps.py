"""What an authorization server does next with a browser: shows a page, or sends it on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from mockehr.auth.people import Choice
from mockehr.auth.refusal import Refused
from mockehr.auth.scopes import Scopes

Question = Literal["sign-in", "choose-patient", "choose-encounter", "consent"]
"""What a person may have to be asked, in that order."""
PageName = Literal["sign-in", "choose-patient", "choose-encounter", "consent", "manage", "refused", "error"]


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
    """What was searched for, or the name that was given for signing in."""
    refused: Refused | None = None
    session: str = ""
    person: str = ""
    """Name of who is signed in."""
    changeable: bool = False
    """Whether somebody else may sign in instead."""
    subject: Choice | None = None
    """The patient whose record it is about, where that is settled and may be told."""
    searchable: bool = False
    """Whether there may be other choices, to be searched for."""


Step = Redirect | Page


@dataclass(frozen=True, slots=True)
class BrowserSession:
    """Somebody who signed in with a browser, known by its cookie."""

    id: str
    username: str
    since: float
    """When, in site seconds."""


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
    consent_wanted: bool = False
    """The app wants the user to be asked (`prompt=consent`)."""
    told: bool = False
    """The EHR said who the user is, or the answer was given ahead."""
    issuer: str = ""
    """What is told as `iss` on the way back; empty for nothing."""
    withheld: tuple[str, ...] = ()
    denied: bool = False
    context: Mapping[str, Any] = field(default_factory=dict)
    """Further members of the token response."""
