"""The front door of one site: from an authorization request, by as many pages as it takes, to a code.

Every step is a method that takes what the browser brought and says what to do next; nothing here knows of HTTP.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Final

from mockehr.auth.addresses import Addresses
from mockehr.auth.clients import Client, ClientRegistry
from mockehr.auth.drawers import Drawers
from mockehr.auth.front.request import AuthorizeRequest, check_request, client_of
from mockehr.auth.front.steps import Page, Pending, Redirect, Step
from mockehr.auth.front.wording import scope_lines
from mockehr.auth.grants.authorization_code import Code
from mockehr.auth.launches import Launch, Launches
from mockehr.auth.people import Charts, Choice, User, Users
from mockehr.auth.refusal import Refused
from mockehr.auth.scopes import Scope, Scopes
from mockehr.auth.settings import AuthSettings
from mockehr.auth.tokens import Grant
from mockehr.auth.uris import with_parameters
from mockehr.core.chance import Chance
from mockehr.core.clock import Clock

LISTED: Final = 20
"""Patients or encounters on one page."""
_LAUNCH: Final = frozenset({"launch", "launch/patient", "launch/encounter"})


@dataclass(slots=True)
class FrontDoor:
    """The front channel of one authorization server."""

    clock: Clock
    chance: Chance
    settings: AuthSettings
    clients: ClientRegistry
    users: Users
    charts: Charts
    launches: Launches
    drawers: Drawers

    def begin(self, request: AuthorizeRequest, where: Addresses, *, session: str = "") -> Step:
        """Answer an authorization request; `session` is the one that the browser brought in its cookie.

        Raises Refused for what may not be told at the redirect URI (RFC 6749 section 4.1.2.1).
        """
        now = self.clock.now()
        client = client_of(request, self.clients, now)
        try:
            check_request(request, client, where.base, self.settings)
            pending = self._opened(request, client, now)
            pending = self._recognised(pending, request, session, now)
            return self.proceed(pending)
        except Refused as refused:
            return told_at(request.get("redirect_uri"), request.get("state"), refused, client.client_id)

    def find(self, id: str) -> Pending:
        """The authorization that a page belongs to; raises Refused `session-over`."""
        found: Pending | None = self.drawers["pending"].get(id, self.clock.now())
        if found is None:
            raise Refused("session-over", "This sign-in took too long, or was completed. Open the app again.")
        return found

    def sign_in(self, id: str, username: str, password: str) -> Step:
        """Somebody gave a name and a password; raises Refused `session-over`."""
        pending = self.find(id)
        user = self.users.find(username.strip())
        if user is None or not _fits(user.password, password):
            return self._page("sign-in", pending, notice="That name and password do not belong together.")
        now = self.clock.now()
        session = self._session(user, now) if self.settings.sso else ""
        step = self._go_on(replace(pending, username=user.username, auth_time=now))
        return replace(step, session=session)

    def choose_patient(self, id: str, patient: str, *, text: str = "") -> Step:
        """Somebody chose a patient, or (with none) wants those whose names begin with `text`."""
        pending = self.find(id)
        user = self.users.find(pending.username)
        if not patient:
            return self._patients(pending, text)
        allowed = user is None or user.staff or patient in user.patients
        if not allowed or self.charts.patient(patient) is None:
            return self._patients(pending, text, notice="Choose a patient from the list.")
        return self._go_on(replace(pending, patient=patient, asked_patient=True))

    def choose_encounter(self, id: str, encounter: str) -> Step:
        """Somebody chose an encounter, or none."""
        pending = self.find(id)
        known = {choice.id for choice in self.charts.encounters(pending.patient, LISTED)}
        return self._go_on(replace(pending, encounter=encounter if encounter in known else "", asked_encounter=True))

    def decide(self, id: str, *, allowed: bool, scopes: Iterable[str] = ()) -> Step:
        """Somebody let the app in, with those of the scopes that are about data, or declined."""
        pending, given = self.find(id), frozenset(scopes)
        withheld = tuple(scope.text for scope in pending.scopes if scope.actions and scope.text not in given)
        return self._go_on(replace(pending, approved=True, denied=not allowed, withheld=withheld))

    def proceed(self, pending: Pending) -> Step:
        """The next step of an authorization: the first question that is open, or the way back to the app."""
        if pending.denied:
            return self._refused(pending, Refused("denied", "The user declined."))
        if not pending.username:
            return self._page("sign-in", pending)
        user = self.users.find(pending.username)
        pending = self._settled(pending, user)
        if self._wants_patient(pending, user):
            return self._patients(pending)
        if "launch/encounter" in pending.scopes and pending.patient and not _done(pending):
            choices = tuple(self.charts.encounters(pending.patient, LISTED))
            if choices:
                return self._page("choose-encounter", pending, choices=choices)
        if not pending.approved and self._asks(pending, user):
            return self._page("consent", pending, scopes=tuple(scope_lines(pending.scopes)))
        return self._granted(pending, user)

    # the beginning

    def _opened(self, request: AuthorizeRequest, client: Client, now: float) -> Pending:
        """The authorization that a request opens, with what the EHR knows of its launch."""
        handle, asked = request.get("launch"), Scopes.parse(request.get("scope"))
        launch = self._launch(handle, asked, client, now)
        scopes = self.grantable(asked, client, ehr=bool(handle))
        about_data = any(scope.actions for scope in asked)
        if not scopes or (about_data and not any(scope.actions for scope in scopes)):
            raise Refused("scope-not-registered", "The client is not registered for the scopes that it asks for.")
        drawn = self.chance.stream("authorization", client.client_id, self.drawers["pending"].next_number()).token(18)
        pending = Pending(
            base64.urlsafe_b64encode(drawn).decode("ascii"),
            client.client_id,
            request.get("redirect_uri"),
            scopes,
            state=request.get("state"),
            challenge=request.get("code_challenge"),
            nonce=request.get("nonce"),
            ehr=bool(handle),
        )
        return pending if launch is None else _launched(pending, launch, now)

    def _launch(self, handle: str, asked: Scopes, client: Client, now: float) -> Launch | None:
        """What is known of a launch: by its handle, or because it was approved ahead."""
        if not handle:
            if "launch" in asked and "standalone" not in self.settings.launches:
                raise Refused("launch-missing", "This server launches apps from the EHR only.")
            return self.launches.approved(client.client_id)
        if "ehr" not in self.settings.launches:
            raise Refused("launch-not-offered", "This server does not launch apps from the EHR.")
        if "launch" not in asked:
            raise Refused("scope-missing", "A request with launch needs the scope launch.")
        launch = self.launches.take(handle, now)
        if launch is None:
            raise Refused("launch-unknown", "The launch is not known, was used before, or is over.")
        if launch.client_id not in ("", client.client_id):
            raise Refused("launch-of-another", "The launch is for another app.")
        return launch

    def grantable(self, asked: Scopes, client: Client, *, ehr: bool) -> Scopes:
        """What of the scopes asked for a user can give to that client."""
        dialects = self.settings.scope_dialects

        def fits(scope: Scope) -> bool:
            if scope.context == "system" or scope.dialect not in dialects:
                return False
            if scope.text == "launch":
                return ehr
            return scope.text not in _LAUNCH or not ehr

        return asked.keep(fits).intersect(client.scopes)

    def _recognised(self, pending: Pending, request: AuthorizeRequest, session: str, now: float) -> Pending:
        """With the user that the browser's session knows, unless it must not be used; raises Refused."""
        prompt = request.get("prompt").split()
        if not pending.username and session and "login" not in prompt:
            known: tuple[str, float] | None = self.drawers["browser sessions"].get(session, now)
            if known is not None and self.users.find(known[0]) is not None:
                pending = replace(pending, username=known[0], auth_time=known[1])
        if "none" in prompt:
            if not pending.username:
                raise Refused("login-required", "Nobody is signed in.")
            if isinstance(self.proceed(pending), Page):
                raise Refused("interaction-required", "The user has to be asked.")
        return pending

    # the questions

    def _settled(self, pending: Pending, user: User | None) -> Pending:
        """A patient with one record is asked for nothing."""
        if pending.patient or user is None or user.staff or len(user.patients) != 1:
            return pending
        return replace(pending, patient=user.patients[0], asked_patient=True)

    def _wants_patient(self, pending: Pending, user: User | None) -> bool:
        if pending.patient or pending.asked_patient or pending.ehr:
            return False
        if user is not None and user.staff and not self.settings.staff_choose_patient:
            return False
        return "launch/patient" in pending.scopes or any(scope.context == "patient" for scope in pending.scopes)

    def _asks(self, pending: Pending, user: User | None) -> bool:
        asked = self.settings.consent
        if asked == "patients":
            return user is not None and not user.staff
        return asked == "always" or (asked == "standalone" and not pending.ehr)

    def _patients(self, pending: Pending, text: str = "", notice: str = "") -> Page:
        user = self.users.find(pending.username)
        if user is not None and not user.staff:
            own = [self.charts.patient(id) for id in user.patients]
            choices = tuple(choice for choice in own if choice is not None)
        else:
            choices = tuple(self.charts.patients(text, LISTED))
        return self._page("choose-patient", pending, choices=choices, text=text, notice=notice)

    def _page(self, name: Any, pending: Pending, **more: Any) -> Page:
        self.drawers["pending"].put(pending.id, pending, self.clock.now() + self.settings.session_lifetime)
        client = self.clients.find(pending.client_id)
        title = client.name if client is not None and client.name else pending.client_id
        if name == "sign-in":
            more["choices"] = tuple(self._open_accounts())
        return Page(name, pending.id, pending.client_id, title, pending.username, **more)

    def _open_accounts(self) -> Iterable[Choice]:
        """Those that nobody asks a password for are offered by name."""
        shown = [user for user in self.users if not user.password][:LISTED]
        return (Choice(user.username, user.name or user.username, user.reference) for user in shown)

    def _go_on(self, pending: Pending) -> Step:
        self.drawers["pending"].put(pending.id, pending, self.clock.now() + self.settings.session_lifetime)
        return self.proceed(pending)

    # the end

    def _granted(self, pending: Pending, user: User | None) -> Redirect:
        """The way back to the app, with a code."""
        now, number = self.clock.now(), self.drawers["codes"].next_number()
        scopes = pending.scopes.keep(lambda scope: scope.text not in pending.withheld)
        if not scopes:
            return self._refused(pending, Refused("denied", "The user gave none of the scopes."))
        grant = Grant(
            client_id=pending.client_id,
            scopes=scopes,
            issued_at=now,
            expires_at=now,
            announced=0,
            patient=pending.patient,
            user=user.reference if user is not None else "",
            username=pending.username,
            own=() if user is None or user.staff else user.patients,
            family=pending.id,
            nonce=pending.nonce,
            auth_time=pending.auth_time or now,
            extras=self._context(pending),
        )
        drawn = self.chance.stream("code", pending.id, number).token(24)
        text = base64.urlsafe_b64encode(drawn).decode("ascii")
        self.drawers["codes"].put(
            text, Code(grant, pending.redirect_uri, pending.challenge), now + self.settings.code_lifetime
        )
        self.drawers["pending"].take(pending.id, now)
        url = with_parameters(pending.redirect_uri, {"code": text, "state": pending.state})
        return Redirect(url, pending.redirect_uri, pending.state, None, pending.client_id, pending.username)

    def _context(self, pending: Pending) -> dict[str, Any]:
        """Members of the token response beside `patient` (SMART App Launch 2.2, "Launch context arrives …")."""
        context: dict[str, Any] = dict(pending.context)
        if pending.encounter:
            context["encounter"] = pending.encounter
        if pending.patient or pending.ehr:
            context.setdefault("need_patient_banner", self.settings.need_patient_banner)
        if self.settings.tenant:
            context.setdefault("tenant", self.settings.tenant)
        return context

    def _refused(self, pending: Pending, refused: Refused) -> Redirect:
        self.drawers["pending"].take(pending.id, self.clock.now())
        return told_at(pending.redirect_uri, pending.state, refused, pending.client_id)

    def _session(self, user: User, now: float) -> str:
        drawer = self.drawers["browser sessions"]
        drawn = self.chance.stream("browser-session", user.username, drawer.next_number()).token(18)
        session = base64.urlsafe_b64encode(drawn).decode("ascii")
        drawer.put(session, (user.username, now), now + self.settings.sso)
        return session


def told_at(uri: str, state: str, refused: Refused, client_id: str) -> Redirect:
    """The error response of RFC 6749 section 4.1.2.1."""
    told = {"error": refused.error, "error_description": refused.description(), "state": state}
    return Redirect(with_parameters(uri, told), uri, state, refused, client_id)


def _launched(pending: Pending, launch: Launch, now: float) -> Pending:
    context = dict(launch.extras)
    if launch.fhir_context:
        context["fhirContext"] = [dict(one) for one in launch.fhir_context]
    if launch.intent:
        context["intent"] = launch.intent
    if launch.need_patient_banner is not None:
        context["need_patient_banner"] = launch.need_patient_banner
    return replace(
        pending,
        username=launch.user,
        auth_time=now if launch.user else 0.0,
        patient=launch.patient,
        encounter=launch.encounter,
        asked_encounter=True,
        approved=launch.approved,
        denied=launch.denied,
        withheld=launch.withheld,
        context=context,
    )


def _done(pending: Pending) -> bool:
    return pending.ehr or pending.asked_encounter or bool(pending.encounter)


def _fits(kept: str, given: str) -> bool:
    return not kept or hmac.compare_digest(kept.encode(), given.encode("utf-8", "replace"))
