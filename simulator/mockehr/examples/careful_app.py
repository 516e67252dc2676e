"""A SMART app with a server of its own that survives bad days: `python -m mockehr.examples.careful_app`.

It reads the environment that `mockehr check` gives (MOCKEHR_SITES, and per site _FHIR_URL, _CLIENT_ID, _SCOPES,
_REDIRECT_URI), listens where _REDIRECT_URI points to, and is opened at /launch. Launches are kept on its server by
`state`, never in a cookie; what it is told is verified; what went wrong is logged. Copy it and make it your own.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import html
import json
import logging
import os
import random
import secrets
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

import httpx2
import uvicorn
from joserfc import jwk, jwt
from joserfc.errors import JoseError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

log = logging.getLogger("careful-app")
ATTEMPTS: Final = 6
LONGEST_WAIT: Final = 5.0
OAUTH_URIS: Final = "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"


class Stopped(Exception):
    """The app stops here, and tells its user why."""


@dataclass
class Server:
    """A FHIR server that the app works with, and who it is there."""

    base: str
    client_id: str
    scopes: str
    redirect_uri: str
    keys: dict[str, Any] = field(default_factory=dict)
    """By `kid`, the keys by which it signs, as far as we know them."""


@dataclass
class Kept:
    """What the app's server knows of one launch."""

    server: Server
    token_url: str
    verifier: str
    restarted: bool
    jwks_uri: str = ""
    page: str = ""
    """What the callback was answered with; empty before."""


class App:
    """The app's pages: `/launch`, where it is opened, and `/callback`, where it is called back."""

    def __init__(self, servers: Mapping[str, Server]) -> None:
        self.servers = servers
        self.kept: dict[str, Kept] = {}

    async def launch(self, request: Request) -> Response:
        """The EHR opens the app, or somebody does so without one."""
        iss = request.query_params.get("iss") or next(iter(self.servers))
        # B6: another environment has other patients; only servers that we know are asked anything at all.
        server = self.servers.get(iss.rstrip("/"))
        if server is None:
            raise Stopped(f"{iss} is no server that this app works with.")
        return await self.begin(server, request.query_params.get("launch", ""))

    async def begin(self, server: Server, launch: str, *, restarted: bool = False) -> Response:
        """Send the browser to the authorization server."""
        found = await discover(server.base)
        # B7: of letters that nobody re-encodes. B9: S256 whatever the server says that it supports.
        state, verifier = secrets.token_urlsafe(16), secrets.token_urlsafe(48)
        digest = hashlib.sha256(verifier.encode()).digest()
        self.kept[state] = Kept(server, found["token_endpoint"], verifier, restarted, found.get("jwks_uri", ""))
        asked = {
            "response_type": "code",
            "client_id": server.client_id,
            # B4: one text, of a form that no rule would change, here, at the token endpoint and in the registration.
            "redirect_uri": server.redirect_uri,
            "scope": scopes_of(server.scopes, launch),
            "state": state,
            "aud": server.base,
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }
        if launch:
            asked["launch"] = launch
        return RedirectResponse(f"{found['authorization_endpoint']}?{urlencode(asked)}", 302)

    async def callback(self, request: Request) -> Response:
        """The authorization server sends the browser back."""
        told = request.query_params
        # B8, B9: found by `state` alone, which was made here and is used once; never by a cookie.
        kept = self.kept.get(told.get("state", ""))
        if kept is None:
            raise Stopped("This is not the way back from a launch that was begun here. Open the app again.")
        if "error" in told:
            return await self.lost(kept, f"{told['error']} {told.get('error_description', '')}")
        if kept.page:  # loaded again: the code was redeemed
            return HTMLResponse(kept.page)
        answer = await redeem(kept, told["code"])
        if answer.status_code != 200:
            return await self.lost(kept, f"no token: {answer.status_code} {answer.text[:200]}")
        if "id_token" in answer.json():
            await verify(kept, answer.json()["id_token"])
        kept.page = f"<!DOCTYPE html><title>Chart</title><p>{html.escape(await chart(kept.server, answer.json()))}"
        return HTMLResponse(kept.page)

    async def lost(self, kept: Kept, why: str) -> Response:
        """B5: begin once more, by ourselves: the handle of the EHR is dead. Not twice."""
        log.error("the launch was lost: %s", why)
        if kept.restarted:
            raise Stopped("The launch was lost. Open the app again.")
        return await self.begin(kept.server, "", restarted=True)


def scopes_of(registered: str, launch: str) -> str:
    """The scopes to ask for: `launch` when the EHR opened the app, else `launch/patient` to choose a patient."""
    about = [scope for scope in registered.split() if not scope.startswith("launch")]
    return " ".join(["launch" if launch else "launch/patient", *about])


async def discover(base: str) -> dict[str, Any]:
    """B10: smart-configuration; where that cannot be had, the CapabilityStatement."""
    answer = await ask("GET", f"{base}/.well-known/smart-configuration")
    found = document(answer)
    if answer.status_code == 200 and {"authorization_endpoint", "token_endpoint"} <= set(found):
        return found
    log.error("%s has no smart-configuration (%s)", base, answer.status_code)
    return await stated(base)


async def stated(base: str) -> dict[str, Any]:
    """Where the CapabilityStatement says that the authorization server is."""
    statement = document(await ask("GET", f"{base}/metadata", headers={"Accept": "application/fhir+json"}))
    uris = {
        one["url"]: one["valueUri"]
        for rest in statement.get("rest", [])
        for block in rest.get("security", {}).get("extension", [])
        if block["url"] == OAUTH_URIS
        for one in block["extension"]
    }
    if not {"authorize", "token"} <= set(uris):
        raise Stopped(f"{base} does not say where its authorization server is.")
    return {"authorization_endpoint": uris["authorize"], "token_endpoint": uris["token"]}


async def redeem(kept: Kept, code: str) -> httpx2.Response:
    """Ask for tokens; where the token endpoint has moved, at its new place."""
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": kept.server.redirect_uri,
        "client_id": kept.server.client_id,
        "code_verifier": kept.verifier,
    }
    answer = await ask("POST", kept.token_url, data=form)
    if answer.status_code in (404, 410):
        log.error("%s is gone", kept.token_url)
        kept.token_url = (await stated(kept.server.base))["token_endpoint"]
        answer = await ask("POST", kept.token_url, data=form)
    return answer


async def verify(kept: Kept, id_token: str) -> None:
    """A9: who signed in is told by a key of the server's; for one that we do not know its key set is fetched, once.

    Without a key set the token is taken as it is: it came straight from the token endpoint (OpenID Connect Core
    3.1.3.7).
    """
    head = id_token.partition(".")[0]
    kid = json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4))).get("kid", "")
    if kid not in kept.server.keys and kept.jwks_uri:
        found = document(await ask("GET", kept.jwks_uri)).get("keys", [])
        kept.server.keys = {one["kid"]: one for one in found if "kid" in one} or kept.server.keys
    if not kept.server.keys:
        log.error("%s shows no keys", kept.server.base)
        return
    if kid not in kept.server.keys:
        raise Stopped("Who signed in is told by a key that the server does not show.")
    try:
        key = jwk.import_key(kept.server.keys[kid])
        claims = jwt.decode(id_token, key, algorithms=["RS256", "RS384", "ES256", "ES384"]).claims
    except (JoseError, ValueError) as error:
        raise Stopped(f"The signature of who signed in does not hold: {error}") from error
    if kept.server.client_id not in (claims.get("aud"), *(claims.get("aud") or ())):
        raise Stopped("Somebody signed in to another app.")


async def chart(server: Server, token: Mapping[str, Any]) -> str:
    """What the app shows. B2, B3: the context may be missing, and is verified before anything clinical is read."""
    headers = {"Authorization": f"Bearer {token['access_token']}", "Accept": "application/fhir+json"}

    async def read(path: str) -> httpx2.Response:
        return await ask("GET", f"{server.base}/{path}", headers=headers)

    patient = last_part(token.get("patient"))
    if not patient:
        found = document(await read("Patient?_count=10"))
        return f"Choose a patient: {len(found.get('entry', []))} found."
    if (await read(f"Patient/{quote(patient)}")).status_code != 200:
        raise Stopped(f"The patient {patient} of this launch is not to be had.")
    encounter = last_part(token.get("encounter"))
    if encounter:
        visit = await read(f"Encounter/{quote(encounter)}")
        subject = document(visit).get("subject", {}).get("reference", "")
        if visit.status_code != 200 or last_part(subject) != patient:
            raise Stopped(f"The encounter {encounter} of this launch is not one of the patient {patient}.")
    answer = await read(f"Condition?patient={quote(patient)}")
    return f"{len(document(answer).get('entry', []))} problems of patient {patient}."


async def ask(method: str, url: str, **more: Any) -> httpx2.Response:
    """B1: the answer of somebody who is there; asked again, later each time, while nobody is."""
    pause = 0.2
    async with httpx2.AsyncClient(trust_env=False, timeout=10) as http:
        for _ in range(ATTEMPTS):
            try:
                answer = await http.request(method, url, **more)
                if answer.status_code not in (429, 502, 503, 504):
                    return answer
                told = answer.headers.get("retry-after", "")
                pause = max(pause, float(told)) if told.isdigit() else pause
                log.warning("%s answered %s", url, answer.status_code)
            except httpx2.TransportError as error:
                log.warning("%s did not answer: %s", url, error)
            await asyncio.sleep(min(pause, LONGEST_WAIT))
            pause *= 2 + random.random()
    raise Stopped(f"{url} did not answer.")


def last_part(told: Any) -> str:
    """An id, also where a reference or an address was told."""
    return str(told or "").strip().rpartition("/")[2]


def document(answer: httpx2.Response) -> dict[str, Any]:
    """The JSON object of an answer; empty if it is none."""
    try:
        found = answer.json()
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def settings_of(site: str, environment: Mapping[str, str]) -> dict[str, str]:
    """What the environment says of a site: FHIR_URL, CLIENT_ID …"""
    prefix = f"MOCKEHR_{site.upper().replace('-', '_')}_"
    return {name.removeprefix(prefix): value for name, value in environment.items() if name.startswith(prefix)}


def told_servers(environment: Mapping[str, str]) -> dict[str, Server]:
    """The servers of the environment by their FHIR bases; raises KeyError for a missing variable."""
    servers = {}
    for site in environment["MOCKEHR_SITES"].split(","):
        told = settings_of(site, environment)
        server = Server(told["FHIR_URL"], told["CLIENT_ID"], told["SCOPES"], told["REDIRECT_URI"])
        servers[server.base] = server
    return servers


async def stop_with(request: Request, error: Exception) -> Response:
    """What the user sees when the app stops."""
    log.error("%s", error)
    return HTMLResponse(f"<!DOCTYPE html><title>Stopped</title><p>{html.escape(str(error))}", 502)


def main() -> int:
    """Serve the app until it is ended; exit status 2 if the environment lacks a variable."""
    logging.basicConfig(level=logging.WARNING, format="%(name)s: %(message)s")
    try:
        servers = told_servers(os.environ)
    except KeyError as error:
        print(
            f"careful-app: the environment variable {error.args[0]} is missing; start it by mockehr check",
            file=sys.stderr,
        )
        return 2
    app = App(servers)
    address = urlsplit(next(iter(servers.values())).redirect_uri)
    routes = [Route("/launch", app.launch), Route(address.path, app.callback)]
    site = Starlette(routes=routes, exception_handlers={Stopped: stop_with})
    uvicorn.run(site, host=address.hostname or "127.0.0.1", port=address.port or 80, log_level="warning")
    return 0


if __name__ == "__main__":
    sys.exit(main())
