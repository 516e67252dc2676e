"""A stepped site's authorization server with people and patients, and an app that its users open."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from tests.auth.conftest import FORM

from mockehr.auth.addresses import Addresses
from mockehr.auth.clients import Client
from mockehr.auth.front.request import read_request
from mockehr.auth.front.steps import Page, Redirect, Step
from mockehr.auth.launches import Launch
from mockehr.auth.people import Choice, User
from mockehr.auth.refusal import Refused
from mockehr.auth.reply import TokenReply
from mockehr.auth.scopes import Scopes
from mockehr.auth.server import AuthServer
from mockehr.auth.settings import AuthSettings
from mockehr.core.chance import Chance
from mockehr.core.clock import Clock

ROOT = "http://north.example.org"
CALLBACK = "https://app.example.org/callback"
VERIFIER = "v" * 43
WHERE = Addresses(
    base=f"{ROOT}/fhir",
    token=f"{ROOT}/token",
    authorize=f"{ROOT}/authorize",
    jwks=f"{ROOT}/jwks",
    introspect=f"{ROOT}/introspect",
    revoke=f"{ROOT}/revoke",
    register=f"{ROOT}/register",
    userinfo=f"{ROOT}/userinfo",
    style=f"{ROOT}/style.json",
    issuer=f"{ROOT}/fhir",
)
SCOPES = (
    "launch launch/patient launch/encounter openid fhirUser profile offline_access online_access"
    " patient/*.cruds user/*.cruds patient/*.* user/*.*"
)
PEOPLE = (
    User("doctor", "Practitioner/d1", "Dr. Ada Doe", email="doctor@example.org"),
    User("patient", "Patient/p1", "Pat One", patients=("p1",)),
    User("parent", "RelatedPerson/r1", "Ray Two", patients=("p2", "p3")),
    User("careful", "Practitioner/d2", "Dr. Cy", password="right horse"),
)


class Ward:
    """Five patients, of whom the first has visits."""

    def patients(self, text: str, limit: int) -> Sequence[Choice]:
        found = [Choice(f"p{n}", f"Name {n}") for n in range(1, 6)]
        return [one for one in found if one.label.startswith(text)][:limit]

    def patient(self, id: str) -> Choice | None:
        return next((one for one in self.patients("", 9) if one.id == id), None)

    def encounters(self, patient: str, limit: int) -> Sequence[Choice]:
        return [Choice("e1", "Visit"), Choice("e2", "Ward round")][:limit] if patient == "p1" else []

    def accounts(self) -> Sequence[User]:
        return PEOPLE


def challenge(verifier: str = VERIFIER) -> str:
    """S256 by hashlib alone."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def claims(jwt: str) -> dict[str, Any]:
    """What a JWT says, unverified."""
    part = jwt.split(".")[1]
    return dict(json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))))


class House:
    """The server, and what a browser and an app do with it."""

    def __init__(self, settings: AuthSettings, seed: int = 7) -> None:
        self.clock = Clock(stepped=True)
        self.server = AuthServer(clock=self.clock, chance=Chance(seed), settings=settings, charts=Ward())
        self.door = self.server.door
        self.app = self.register("app", public=True)
        self.register("portal", secret="s3cret")

    def register(self, client_id: str, scopes: str = SCOPES, **more: Any) -> Client:
        told = {"redirect_uris": (CALLBACK,), "grant_types": ("authorization_code", "refresh_token"), **more}
        return self.server.clients.add(Client(client_id, Scopes.parse(scopes), **told))

    def begin(self, *, session: str = "", **told: Any) -> Step:
        """A correct authorization request with parameters laid over it; None removes one."""
        form = {
            "response_type": "code",
            "client_id": "app",
            "redirect_uri": CALLBACK,
            "scope": "launch/patient patient/Patient.rs",
            "state": "s t/a",
            "aud": WHERE.base,
            "code_challenge": challenge(),
            "code_challenge_method": "S256",
            **told,
        }
        text = urlencode({name: value for name, value in form.items() if value is not None})
        return self.door.begin(read_request(text), WHERE, session=session)

    def error(self, **told: Any) -> dict[str, str]:
        """The parameters with which a request is sent back that is refused at the redirect URI."""
        step = self.begin(**told)
        assert isinstance(step, Redirect), step
        assert step.refused is not None
        assert step.url.startswith(CALLBACK)
        return parameters(step) | {"reason": step.refused.reason}

    def refusal(self, **told: Any) -> str:
        """The reason of a request that is refused without a way back."""
        try:
            step = self.begin(**told)
        except Refused as refused:
            return refused.reason
        raise AssertionError(step)

    def answered(self, step: Step, user: str = "doctor", patient: str = "p1", encounter: str = "e1") -> Redirect:
        """Go through the pages as somebody who agrees to all."""
        for _ in range(5):
            if isinstance(step, Redirect):
                return step
            id = step.pending
            if step.name == "sign-in":
                step = self.door.sign_in(id, user, "")
            elif step.name == "choose-patient":
                step = self.door.choose_patient(id, patient)
            elif step.name == "choose-encounter":
                step = self.door.choose_encounter(id, encounter)
            else:
                step = self.door.decide(id, allowed=True, scopes=[one.id for one in step.scopes])
        raise AssertionError("the questions do not end")

    def code(self, user: str = "doctor", **told: Any) -> str:
        """A code for the app."""
        found = parameters(self.answered(self.begin(**told), user))
        assert "code" in found, found
        return found["code"]

    def launch(self, **told: Any) -> str:
        """The handle of a launch from the EHR."""
        launch = Launch(**{"user": "doctor", "patient": "p1", **told})
        return self.server.launches.issue(launch, self.clock.now()).handle

    def tokens(self, code: str, **told: Any) -> TokenReply:
        """Fetch tokens for a code."""
        form = {"code": code, "redirect_uri": CALLBACK, "client_id": "app", "code_verifier": VERIFIER}
        return self.ask("authorization_code", **{**form, **told})

    def refresh(self, token: str, **told: Any) -> TokenReply:
        return self.ask("refresh_token", **{"refresh_token": token, "client_id": "app", **told})

    def ask(self, grant_type: str, *, authorization: str = "", **form: Any) -> TokenReply:
        told = {"grant_type": grant_type, **form}
        body = urlencode({name: value for name, value in told.items() if value is not None}).encode()
        headers = {"content-type": FORM} | ({"authorization": authorization} if authorization else {})
        return self.server.token(body, headers, token_url=WHERE.token, where=WHERE)

    def granted(self, user: str = "doctor", **told: Any) -> TokenReply:
        """A whole standalone launch."""
        reply = self.tokens(self.code(user, **told))
        assert reply.status == 200, reply.document
        return reply

    def opened(self, **told: Any) -> TokenReply:
        """A whole launch from the EHR; `scope` is that of the request, the rest the launch's."""
        scope = told.pop("scope", "launch patient/Patient.rs")
        reply = self.tokens(self.code(launch=self.launch(**told), scope=scope))
        assert reply.status == 200, reply.document
        return reply

    def works(self, token: str) -> bool:
        return bool(self.server.introspect(token)["active"])


def parameters(step: Redirect) -> dict[str, str]:
    """What the app is told in the query of its redirect URI."""
    return {name: values[0] for name, values in parse_qs(urlsplit(step.url).query).items()}


def page(step: Step) -> Page:
    """The page that a step is."""
    assert isinstance(step, Page), step
    return step
