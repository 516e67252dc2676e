"""The front door of one site: from an authorization request, by as many pages as it takes, to a code.

Every step is a method that takes what the browser brought and says what to do next; nothing here knows of HTTP.
"""

from __future__ import annotations

import base64
import hmac
import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Final

from mockehr.auth.addresses import Addresses
from mockehr.auth.clients import Client, ClientRegistry
from mockehr.auth.drawers import Drawers
from mockehr.auth.front.request import AuthorizeRequest, check_request, client_of, prompts
from mockehr.auth.front.steps import BrowserSession, Page, Pending, Question, Redirect, Step
from mockehr.auth.front.wording import scope_lines
from mockehr.auth.grants.authorization_code import Code
from mockehr.auth.launches import Launch, Launches
from mockehr.auth.people import Charts, Choice, User, Users
from mockehr.auth.refusal import Refused
from mockehr.auth.scopes import Scope, Scopes, about_nothing
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
        client = client_of(request, self.clients, now, self.settings)
        issuer = where.issuer if self.settings.iss_told else ""
        try:
            check_request(request, client, where.base, self.settings)
            asked = prompts(request)
            pending = replace(self._opened(request, client, where, now), issuer=issuer)
            pending = self._recognised(pending, request, session, now)
            question = self._question(pending)
            if "none" in asked and question:
                if question == "sign-in":
                    raise Refused("login-required", "Nobody is signed in.")
                raise Refused("interaction-required", "The user has to be asked.")
            return self.proceed(pending)
        except Refused as refused:
            return told_at(request.get("redirect_uri"), request.get("state"), refused, client.client_id, issuer)

    def find(self, id: str) -> Pending:
        """The authorization that a page belongs to; raises Refused `session-over`."""
        found: Pending | None = self.drawers["pending"].get(id, self.clock.now())
        if found is None:
            raise Refused("session-over", "This sign-in took too long, or was completed. Open the app again.")
        return found

    def sign_in(self, id: str, username: str, password: str) -> Step:
        """Somebody gave a name and a password; raises Refused `session-over`.

        Whoever signs in after somebody else did, by going back, answers all questions anew.
        """
        pending = self.find(id)
        if pending.told and pending.username:
            return self.proceed(pending)
        user = self.users.find(username.strip())
        if not _fits(user, password) or user is None:
            if pending.username:
                pending = replace(_anew(pending), username="")
            wrong = "That name and password do not belong together."
            name = username.strip()
            return self._page("sign-in", pending, notice=wrong if name else "", text=name)
        now = self.clock.now()
        session = self._session(user, now) if self.settings.sso else ""
        fresh = _anew(pending) if pending.username else pending
        # Whoever began it, or saw its address, may be another than who signed in: they shall not go on with it.
        self.drawers["pending"].take(pending.id, now)
        step = self._go_on(replace(fresh, id=self._name(fresh.client_id), username=user.username, auth_time=now))
        return replace(step, session=session)

    def choose_patient(self, id: str, patient: str, *, text: str = "") -> Step:
        """Somebody chose a patient, or (with none) wants those whose names begin with `text`."""
        pending = self.find(id)
        if self._question(pending) != "choose-patient":  # nobody answers what was not asked
            return self.proceed(pending)
        user = self.users.get(pending.username)
        if not patient:
            return self._patients(pending, text)
        if not user.may_open(patient) or self.charts.patient(patient) is None:
            return self._patients(pending, text, notice="Choose a patient from the list.")
        return self._go_on(replace(pending, patient=patient, asked_patient=True))

    def choose_encounter(self, id: str, encounter: str) -> Step:
        """Somebody chose an encounter, or none."""
        pending = self.find(id)
        if self._question(pending) != "choose-encounter":
            return self.proceed(pending)
        known = {choice.id for choice in self.charts.encounters(pending.patient, LISTED)}
        return self._go_on(replace(pending, encounter=encounter if encounter in known else "", asked_encounter=True))

    def decide(self, id: str, *, allowed: bool, scopes: Iterable[str] = ()) -> Step:
        """Somebody let the app in, with those of the scopes that are about data, or declined."""
        pending, given = self.find(id), frozenset(scopes)
        if allowed and self._question(pending) != "consent":
            return self.proceed(pending)
        withheld = tuple(scope.text for scope in pending.scopes if scope.actions and scope.text not in given)
        return self._go_on(replace(pending, approved=True, denied=not allowed, withheld=withheld))

    def user_of(self, session: str) -> User | None:
        """Whom the browser's session knows."""
        known: BrowserSession | None = self.drawers["browser sessions"].get(session, self.clock.now())
        return self.users.find(known.username) if known is not None else None

    def admit(self, username: str, password: str) -> tuple[User | None, str]:
        """Who signed in outside of any authorization, and the session that begins; nobody if that is wrong."""
        user = self.users.find(username.strip())
        if not _fits(user, password) or user is None:
            return None, ""
        return user, self._session(user, self.clock.now())

    def leave(self, session: str) -> None:
        """End one session."""
        self.drawers["browser sessions"].take(session, self.clock.now())

    def open_accounts(self) -> Iterable[Choice]:
        """Those that nobody asks a password for are offered by name."""
        shown = [user for user in self.users if not user.password][:LISTED]
        return (Choice(user.username, user.name or user.username, user.reference) for user in shown)

    def end_sessions(self, username: str = "") -> int:
        """Sign browsers out, those of one user or all; how many."""
        drawer, now = self.drawers["browser sessions"], self.clock.now()
        known = [one for one in drawer.every(now) if username in ("", one.username)]
        return sum(drawer.take(one.id, now) is not None for one in known)

    def proceed(self, pending: Pending) -> Step:
        """The next step of an authorization: the first question that is open, or the way back to the app."""
        if pending.denied:
            return self._refused(pending, Refused("denied", "The user declined."))
        question = self._question(pending)
        if question == "sign-in":
            return self._page("sign-in", pending)
        user = self.users.get(pending.username)
        pending = _settled(pending, user)
        if pending.patient and not user.may_open(pending.patient):
            return self._refused(pending, Refused("patient-of-another", "The user may not open that record."))
        if question == "choose-patient":
            return self._patients(pending)
        if question == "choose-encounter":
            choices = tuple(self.charts.encounters(pending.patient, LISTED))
            return self._page("choose-encounter", pending, choices=choices)
        if question == "consent":
            return self._page("consent", pending, scopes=tuple(scope_lines(pending.scopes)))
        return self._granted(pending, user)

    # the beginning

    def _opened(self, request: AuthorizeRequest, client: Client, where: Addresses, now: float) -> Pending:
        """The authorization that a request opens, with what the EHR knows of its launch."""
        handle, asked = request.get("launch"), Scopes.parse(request.get("scope"))
        launch = self._launch(handle, asked, client, now)
        scopes = self.grantable(asked, client, ehr=bool(handle))
        if self.settings.nonce_required and "openid" in asked and not request.get("nonce"):
            raise Refused("parameter-missing", "A request for openid needs the parameter nonce.")
        about_data = any(scope.actions for scope in asked)
        empty = about_data and not any(scope.actions for scope in scopes)
        if not scopes or (empty and not self.settings.without_data):
            raise Refused("scope-not-registered", "The client is not registered for the scopes that it asks for.")
        pending = Pending(
            self._name(client.client_id),
            client.client_id,
            request.get("redirect_uri"),
            scopes,
            state=request.get("state"),
            challenge=request.get("code_challenge"),
            nonce=request.get("nonce"),
            ehr=bool(handle),
            consent_wanted="consent" in prompts(request),
            context=self._from_the_start(request, where, ehr=bool(handle)),
        )
        return pending if launch is None else _launched(pending, launch, now)

    def _name(self, client_id: str) -> str:
        """A name for an authorization under way, not to be guessed."""
        drawn = self.chance.stream("authorization", client_id, self.drawers["pending"].next_number()).token(18)
        return base64.urlsafe_b64encode(drawn).decode("ascii")

    def _from_the_start(self, request: AuthorizeRequest, where: Addresses, *, ehr: bool) -> dict[str, Any]:
        """Members of the token response that do not depend on what anybody answers."""
        told = {
            "state": request.get("state") if self.settings.state_told else "",
            "smart_style_url": where.style if ehr and self.settings.style_told else "",
        }
        return {name: value for name, value in told.items() if value}

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
            if about_nothing(scope, self.settings.resource_types):
                return False
            if scope.resource_type == "*" and not self.settings.user_wildcards:
                return False
            if scope.text == "launch":
                return ehr
            return scope.text not in _LAUNCH or not ehr

        return asked.keep(fits).intersect(client.scopes)

    def _recognised(self, pending: Pending, request: AuthorizeRequest, session: str, now: float) -> Pending:
        """With the user that the browser's session knows, unless somebody has to sign in anew."""
        if pending.username or not session or prompts(request) & {"login", "select_account"}:
            return pending
        known: BrowserSession | None = self.drawers["browser sessions"].get(session, now)
        longest = _seconds(request.get("max_age"))
        if known is None or not longest or now - known.since > longest:  # 0 is prompt=login, even in the same instant
            return pending
        return replace(pending, username=known.username, auth_time=known.since)

    # the questions

    def _question(self, pending: Pending) -> Question | None:
        """The first question that is open; None if there is no more."""
        user = self.users.find(pending.username) if pending.username else None
        if user is None:
            return "sign-in"
        pending = _settled(pending, user)
        if self._wants_patient(pending, user):
            return "choose-patient"
        if self._wants_encounter(pending, user):
            return "choose-encounter"
        if not pending.approved and (pending.consent_wanted or self._asks(pending, user)):
            return "consent"
        return None

    def _wants_patient(self, pending: Pending, user: User) -> bool:
        if pending.patient or pending.asked_patient or pending.ehr:
            return False
        if user.staff and not self.settings.staff_choose_patient:
            return False
        return "launch/patient" in pending.scopes or any(scope.context == "patient" for scope in pending.scopes)

    def _wants_encounter(self, pending: Pending, user: User) -> bool:
        if "launch/encounter" not in pending.scopes or not pending.patient or _done(pending):
            return False
        return user.may_open(pending.patient) and bool(self.charts.encounters(pending.patient, LISTED))

    def _asks(self, pending: Pending, user: User) -> bool:
        asked = self.settings.consent
        if asked == "patients":
            return not user.staff
        return asked == "always" or (asked == "standalone" and not pending.ehr)

    def _patients(self, pending: Pending, text: str = "", notice: str = "") -> Page:
        user = self.users.get(pending.username)
        if not user.staff:
            own = [self.charts.patient(id) for id in user.patients]
            choices = tuple(choice for choice in own if choice is not None)
        else:
            choices = tuple(self.charts.patients(text, LISTED))
        more = {"choices": choices, "text": text, "notice": notice, "searchable": user.staff}
        return self._page("choose-patient", pending, **more)

    def _page(self, name: Any, pending: Pending, **more: Any) -> Page:
        self.drawers["pending"].put(pending.id, pending, self.clock.now() + self.settings.session_lifetime)
        client = self.clients.find(pending.client_id)
        title = client.name if client is not None and client.name else pending.client_id
        if name == "sign-in":
            more["choices"] = tuple(self.open_accounts())
        user = self.users.find(pending.username)
        if user is not None:
            more["person"] = user.name or user.username
            more["changeable"] = not pending.told
            if pending.patient and user.may_open(pending.patient):
                more["subject"] = self.charts.patient(pending.patient)
        return Page(name, pending.id, pending.client_id, title, pending.username, **more)

    def _go_on(self, pending: Pending) -> Step:
        self.drawers["pending"].put(pending.id, pending, self.clock.now() + self.settings.session_lifetime)
        return self.proceed(pending)

    # the end

    def _granted(self, pending: Pending, user: User) -> Redirect:
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
            user=user.reference,
            username=pending.username,
            own=user.own,
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
        told = {"code": text, "state": pending.state, "iss": pending.issuer}
        url = with_parameters(pending.redirect_uri, told)
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
        return told_at(pending.redirect_uri, pending.state, refused, pending.client_id, pending.issuer)

    def _session(self, user: User, now: float) -> str:
        drawer = self.drawers["browser sessions"]
        drawn = self.chance.stream("browser-session", user.username, drawer.next_number()).token(18)
        session = base64.urlsafe_b64encode(drawn).decode("ascii")
        lasts = self.settings.sso or self.settings.session_lifetime
        drawer.put(session, BrowserSession(session, user.username, now), now + lasts)
        return session


def told_at(uri: str, state: str, refused: Refused, client_id: str, issuer: str = "") -> Redirect:
    """The error response of RFC 6749 section 4.1.2.1."""
    told = {"error": refused.error, "error_description": refused.description(), "state": state, "iss": issuer}
    return Redirect(with_parameters(uri, told), uri, state, refused, client_id)


def _launched(pending: Pending, launch: Launch, now: float) -> Pending:
    context = {**pending.context, **launch.extras}
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
        told=True,
    )


def _settled(pending: Pending, user: User) -> Pending:
    """A patient with one record is asked for nothing."""
    if pending.patient or user.staff or len(user.patients) != 1:
        return pending
    return replace(pending, patient=user.patients[0], asked_patient=True)


def _anew(pending: Pending) -> Pending:
    """As it was before anybody answered."""
    asked = replace(pending, patient="", encounter="", asked_patient=False, asked_encounter=False)
    return replace(asked, approved=False, withheld=(), denied=False)


def _seconds(text: str) -> float:
    """`max_age`; without bound where it says nothing of use."""
    return float(text) if text.isascii() and text.isdigit() and len(text) < 10 else math.inf


def _done(pending: Pending) -> bool:
    return pending.ehr or pending.asked_encounter or bool(pending.encounter)


def _fits(user: User | None, given: str) -> bool:
    """Whether that is the user's password; takes as long for nobody as for somebody."""
    kept = user.password if user is not None else "nobody's"
    same = hmac.compare_digest(kept.encode(), given.encode("utf-8", "replace"))
    return user is not None and (same or not kept)
