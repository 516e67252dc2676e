"""A small SMART app on a server of its own, as people write them with a web framework: public or confidential, with a
session by cookie. What it does wrong is asked for by `faults`, so that each test has an app with exactly that bug.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import socket
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape
from itertools import count
from typing import Any
from urllib.parse import urlencode

import httpx2
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

SCOPES = "launch openid fhirUser patient/Patient.rs"
BROWSER_LAUNCH = """<title>Starting</title><script type="module">
const asked = new URLSearchParams(location.search), iss = asked.get("iss");
const found = await (await fetch(`${iss}/.well-known/smart-configuration`)).json();
const verifier = crypto.randomUUID() + crypto.randomUUID(), state = crypto.randomUUID();
const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier));
const challenge = btoa(String.fromCharCode(...new Uint8Array(digest)));
sessionStorage.setItem(state, JSON.stringify({verifier, iss, token: found.token_endpoint}));
location.href = found.authorization_endpoint + "?" + new URLSearchParams({
  response_type: "code", client_id: "CLIENT", redirect_uri: "CALLBACK", scope: "SCOPES", state, aud: iss,
  launch: asked.get("launch"), code_challenge_method: "S256",
  code_challenge: challenge.replaceAll("+", "-").replaceAll("/", "_").replace("=", ""),
});
</script>"""
BROWSER_CALLBACK = """<title>Coming back</title><script type="module">
const told = new URLSearchParams(location.search), kept = JSON.parse(sessionStorage.getItem(told.get("state")));
const form = new URLSearchParams({grant_type: "authorization_code", code: told.get("code"), client_id: "CLIENT",
  redirect_uri: "CALLBACK", code_verifier: kept.verifier});
const tokens = await (await fetch(kept.token, {method: "POST", body: form})).json();
const headers = {Authorization: `Bearer ${tokens.access_token}`, Accept: "application/fhir+json"};
const read = await fetch(`${kept.iss}/Patient/${tokens.patient}`, {headers});
document.title = `Patient ${read.status}`;
</script>"""
STYLES = {
    "script": "<title>Starting</title><script src='/app.js'></script>",
    "escapes": "<title>Wel\x1b[31mcome</title>",
    "still": "<title>Nothing</title><p>Welcome.",
}


@dataclass
class SmartApp:
    """Listens from `start` to `stop`; `url` is its launch address, `callback` where it is called back."""

    client_id: str = "app"
    secret: str = ""
    scopes: str = SCOPES
    faults: frozenset[str] = frozenset()
    cookie: str = "HttpOnly; SameSite=Lax; Path=/"
    sessions: dict[str, dict[str, str]] = field(default_factory=dict)
    tokens: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._numbers = count(1)
        self._socket = socket.create_server(("127.0.0.1", 0))
        routes = [
            Route("/launch", self._launch),
            Route("/callback", self._callback),
            Route("/patient", self._patient),
        ]
        config = uvicorn.Config(Starlette(routes=routes), lifespan="off", log_config=None, ws="none")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._server.serve(sockets=[self._socket])), daemon=True
        )

    @property
    def root(self) -> str:
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    @property
    def url(self) -> str:
        return f"{self.root}/launch"

    @property
    def callback(self) -> str:
        return "org.example.app:/callback" if "native" in self.faults else f"{self.root}/callback"

    def start(self) -> SmartApp:
        self._thread.start()  # whoever asks before it listens waits in the socket's queue
        return self

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join()
        self._socket.close()

    def _in_browser(self, page: str) -> Response:
        told = {"CLIENT": self.client_id, "CALLBACK": self.callback, "SCOPES": self.scopes}
        for name, value in told.items():
            page = page.replace(name, value)
        return HTMLResponse(page)

    async def _launch(self, request: Request) -> Response:
        if "browser" in self.faults:
            return self._in_browser(BROWSER_LAUNCH)
        for fault, page in STYLES.items():
            if fault in self.faults:
                return HTMLResponse(page, headers={"X-Frame-Options": "DENY"})
        if "circles" in self.faults:
            return RedirectResponse(str(request.url), 302)
        if "spiral" in self.faults:
            return RedirectResponse(f"{self.url}?turn={next(self._numbers)}", 302)
        if "large" in self.faults:
            return HTMLResponse("x" * (2 << 20))
        iss = request.query_params["iss"]
        async with httpx2.AsyncClient(trust_env=False) as client:
            answer = await client.get(f"{iss}/.well-known/smart-configuration")
        if answer.status_code != 200:
            return HTMLResponse("<title>No discovery</title>", 502)
        found = answer.json()
        state = f"state-{next(self._numbers)}-{id(self)}"
        verifier = f"{state:-<50}"
        self.sessions[state] = {"iss": iss, "token": found["token_endpoint"], "verifier": verifier}
        callback = self.callback + ("/" if "other-callback" in self.faults else "")
        digest = hashlib.sha256(verifier.encode()).digest()
        asked = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": callback,
            "scope": self.scopes,
            "state": state,
            "aud": iss,
            "launch": request.query_params["launch"],
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }
        if "by-itself" in self.faults:
            del asked["launch"]
        target = f"{found['authorization_endpoint']}?{urlencode(asked)}"
        reply: Response = RedirectResponse(target, 302)
        if "refresh" in self.faults:
            reply = HTMLResponse(f'<meta http-equiv="refresh" content="0; url={escape(target)}">')
        if "forgets" not in self.faults:
            reply.headers["set-cookie"] = f"session={state}; {self.cookie}"
        return reply

    async def _callback(self, request: Request) -> Response:
        if "browser" in self.faults and "error" not in request.query_params:
            return self._in_browser(BROWSER_CALLBACK)
        if "begins-again" in self.faults:
            iss = next(iter(self.sessions.values()))["iss"]
            return RedirectResponse(f"{self.url}?{urlencode({'iss': iss, 'launch': 'x'})}", 302)
        if "error" in request.query_params:
            return HTMLResponse(f"<title>Not connected</title>{request.query_params['error']}")
        if "falls-over" in self.faults:
            return Response("cut", headers={"content-length": "9"})
        kept = self.sessions.get(request.cookies.get("session", ""))
        if "page-only" in self.faults:
            return HTMLResponse("<title>Thank you</title>")
        if kept is None:
            return HTMLResponse("<title>State lost</title>", 400)
        form = {
            "grant_type": "authorization_code",
            "code": request.query_params["code"],
            "redirect_uri": self.callback,
            "client_id": self.client_id,
            "code_verifier": kept["verifier"] if "other-verifier" not in self.faults else "w" * 50,
        }
        headers: Mapping[str, str] = {}
        if self.secret:
            told = base64.b64encode(f"{self.client_id}:{self.secret}".encode()).decode()
            headers = {"Authorization": f"Basic {told}"}
        async with httpx2.AsyncClient(trust_env=False) as client:
            answer = await client.post(kept["token"], data=form, headers=headers)
        if answer.status_code != 200:
            return HTMLResponse("<title>No token</title>", 500)
        self.tokens.append(answer.json())
        kept["access"], kept["patient"] = answer.json()["access_token"], answer.json().get("patient", "")
        return RedirectResponse("/patient", 302)

    async def _patient(self, request: Request) -> Response:
        kept = self.sessions.get(request.cookies.get("session", ""), {})
        if "access" not in kept:
            return HTMLResponse("<title>Signed out</title>", 401)
        headers = {"Authorization": f"Bearer {kept['access']}", "Accept": "application/fhir+json"}
        async with httpx2.AsyncClient(trust_env=False) as client:
            answer = await client.get(f"{kept['iss']}/Patient/{kept['patient']}", headers=headers)
        return HTMLResponse(f"<title>Patient {answer.status_code}</title>")
