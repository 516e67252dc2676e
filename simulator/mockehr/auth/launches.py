"""Launch contexts: what an EHR knows when it opens an app, kept under a handle that the app brings back.

Source: SMART App Launch 2.2, "Launch App: EHR Launch" (`launch`) and "Scopes and Launch Context" (what is told).
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from mockehr.auth.drawers import FOR_EVER, Drawers
from mockehr.auth.settings import AuthSettings
from mockehr.auth.uris import with_parameters
from mockehr.core.chance import Chance


@dataclass(frozen=True, slots=True)
class Launch:
    """One opening of an app. Ids are as the vendor shows them."""

    user: str = ""
    """Username of who opens it; empty if that is to be asked."""
    patient: str = ""
    encounter: str = ""
    fhir_context: tuple[Mapping[str, Any], ...] = ()
    """Further references in context: `{"reference": "ImagingStudy/123"}` (SMART 2.2 `fhirContext`)."""
    intent: str = ""
    need_patient_banner: bool | None = None
    """None: as the server's settings say."""
    extras: Mapping[str, Any] = field(default_factory=dict)
    """Further members of the token response (Epic: `location`, `appointment`, `loginDepartment`)."""
    client_id: str = ""
    """The app that it is for; empty for any."""
    approved: bool = True
    """Nobody is asked: the user is signed in at the workstation and the app is allowed."""
    withheld: tuple[str, ...] = ()
    """Scopes that the user does not give, as they are written."""
    denied: bool = False
    """The user declines."""
    handle: str = ""
    """The opaque value of `launch`; empty for one that waits at the client (`approve`)."""


@dataclass(frozen=True, slots=True)
class Opening:
    """How the hospital's workstation opens an app for a launch."""

    launch: Launch
    app: str
    """The app's launch address."""
    iss: str
    """The FHIR base that the app is told."""
    cookies: bool = True
    """Whether the app may keep cookies: browsers refuse them to apps in frames of another site."""
    popups: bool = True
    """Whether it may open windows."""
    callbacks: int = 1
    """How often the browser loads the address that the app is called back at."""

    @property
    def url(self) -> str:
        """The address that is loaded: the app's own, with `iss` and `launch` added to its query."""
        return with_parameters(self.app, {"iss": self.iss, "launch": self.launch.handle})


class Launches:
    """The open launches of one site, each good for one authorization request."""

    def __init__(self, drawers: Drawers, chance: Chance, settings: AuthSettings) -> None:
        self._drawers = drawers
        self._chance = chance
        self._settings = settings

    def issue(self, launch: Launch, now: float) -> Launch:
        """Keep it under a new handle until `launch_lifetime` is over."""
        drawer = self._drawers["launches"]
        drawn = self._chance.stream("launch", drawer.next_number()).token(24)
        named = replace(launch, handle=base64.urlsafe_b64encode(drawn).decode("ascii"))
        drawer.put(named.handle, named, now + self._settings.launch_lifetime)
        return named

    def take(self, handle: str, now: float) -> Launch | None:
        """The launch of that handle, once; None if there is none, or no more."""
        found: Launch | None = self._drawers["launches"].take(handle, now)
        return found

    def approve(self, launch: Launch) -> None:
        """Answer every request of its client without a page, as that launch says: for tests and pipelines."""
        self._drawers["approvals"].put(launch.client_id, replace(launch, handle=""), FOR_EVER)

    def approved(self, client_id: str) -> Launch | None:
        """What was approved ahead for that client, or for all."""
        drawer = self._drawers["approvals"]
        found: Launch | None = drawer.get(client_id, 0.0) or drawer.get("", 0.0)
        return found

    def approvals(self) -> list[Launch]:
        """All that was approved ahead."""
        return [launch for _, launch in self._drawers["approvals"].items()]

    def withdraw(self, client_id: str) -> None:
        """Ask again."""
        self._drawers["approvals"].take(client_id, 0.0)
