"""The story of a launch: the EHR opens an app, which asks discovery, is let in, gets a token and renews it."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import fields
from typing import Final
from urllib.parse import parse_qs, urlencode, urlsplit

from mockehr.auth.launches import Launch, Opening
from mockehr.control.tries.visit import Visit, document_of
from mockehr.core.exchange import Exchange
from mockehr.sites.launching import open_app
from mockehr.sites.test_client import register_app

APP: Final = "https://app.example.org/launch"
BACK: Final = "https://app.example.org/Back/"
HOPS: Final = 6
_VERIFIER: Final = "v" * 50
_CHALLENGE: Final = base64.urlsafe_b64encode(hashlib.sha256(_VERIFIER.encode()).digest()).rstrip(b"=").decode()
_SCOPES: Final = "launch openid fhirUser offline_access patient/Patient.rs patient/Patient.read"


def play(visit: Visit) -> None:
    """The whole of it."""
    site = visit.site
    register_app(site, "app", [BACK])
    visit.visitor.headers = {}
    patient = site.auth.door.charts.patients("", 1)[0].id
    user = next(iter(site.auth.users)).username
    launch = Launch(user, patient, site.encounter_of(patient), client_id="app")
    opened = visit.saw(open_app(site, launch, APP, visit.base), "the EHR opens the app")
    told = _parameters(_location(opened))
    visit.note("what the app is told", *(f"  {name}" for name in sorted(told)), *_surroundings(opened.result))
    visit.send("GET", ".well-known/smart-configuration")
    if not site.personality.authorize_path(site.facts):
        visit.note("nobody can sign in here")
        return
    back = _authorize(visit, told.get("launch", ""))
    visit.note("what comes back to the app", *(f"  {name}" for name in sorted(back)), f"  state: {back.get('state')}")
    if back.get("code"):
        _tokens(visit, back["code"])


def _surroundings(opening: Opening) -> list[str]:
    """How the workstation opens it: address, cookies, windows, how often it is called back."""
    names = (one.name for one in fields(Opening) if one.name != "launch")
    return [f"  {name}: {getattr(opening, name)}" for name in names]


def _authorize(visit: Visit, handle: str) -> dict[str, str]:
    """Follow the redirects from the authorization endpoint until they leave the site."""
    asked = {
        "response_type": "code",
        "client_id": "app",
        "redirect_uri": BACK,
        "scope": _SCOPES,
        "state": "s-1",
        "aud": visit.base,
        "launch": handle,
        "code_challenge": _CHALLENGE,
        "code_challenge_method": "S256",
    }
    path = visit.site.personality.authorize_path(visit.site.facts)
    exchange = visit.send("GET", f"{visit.visitor.root}{path}?{urlencode(asked)}")
    for _ in range(HOPS):
        where = _location(exchange)
        if not where.startswith(visit.visitor.root):
            return _parameters(where)
        exchange = visit.send("GET", where)
    return {}


def _tokens(visit: Visit, code: str) -> None:
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": BACK,
        "client_id": "app",
        "code_verifier": _VERIFIER,
    }
    told = document_of(_post(visit, form))
    for _ in range(2):
        visit.visitor.headers = {"authorization": f"Bearer {told.get('access_token')}"}
        if told.get("patient"):
            visit.send("GET", f"Patient/{told['patient']}")
        visit.visitor.headers = {}
        if not told.get("refresh_token"):
            return
        renewal = {"grant_type": "refresh_token", "refresh_token": str(told["refresh_token"]), "client_id": "app"}
        told = document_of(_post(visit, renewal))


def _post(visit: Visit, form: dict[str, str]) -> Exchange:
    address = visit.visitor.root + visit.site.token_path
    return visit.send("POST", address, urlencode(form).encode(), content_type="application/x-www-form-urlencoded")


def _location(exchange: Exchange) -> str:
    return exchange.reply.header("location") if exchange.reply is not None else ""


def _parameters(address: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
