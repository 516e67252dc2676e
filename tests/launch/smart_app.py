"""A SMART app with a server of its own that copes with all of ledger B, and forgets exactly what it is told to.

It keeps launches by `state` on its server and nothing in the browser, knows the sites that it works with, asks again
when nobody answers, verifies what it is told, begins a lost launch once more, and writes down what went wrong
(`reports`). Each flaw takes one of these habits away.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import html
import secrets
import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote, urlencode

import httpx2
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

FLAWS: Final = frozenset(
    {
        "gives-up-at-once",  # does not ask again when nobody answers
        "never-waits",  # asks again without a pause
        "assumes-patient",  # calls for the patient whether it was told one or not
        "stops-without-context",  # crashes where a member is missing
        "trusts-context",  # does not look at what it was told
        "ignores-subject",  # does not hold the encounter's subject against the patient
        "odd-redirect-uri",  # capital letters and a slash at the end
        "two-redirect-uris",  # another text at the token endpoint
        "never-restarts",  # leaves a lost launch
        "reuses-launch",  # begins again with the dead handle, and again
        "reuses-code",  # sends a refused code again
        "trusts-any-iss",  # opens for any server
        "fancy-state",  # a state with blanks, signs and umlauts
        "ignores-state",  # takes the latest launch whatever the state
        "needs-cookie",  # finds the launch by a cookie
        "redeems-twice",  # redeems the code at each load of the callback
        "downgrades-pkce",  # sends what discovery speaks of
        "trusts-discovery-only",  # has no second place to look
        "trusts-statement",  # looks at the CapabilityStatement alone
    }
)
SCOPES: Final = "openid fhirUser patient/Patient.rs patient/Encounter.rs patient/Observation.rs"
_OAUTH_URIS: Final = "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"
_ATTEMPTS: Final = 6


class Stopped(Exception):
    """The app stops here, and tells its user why."""


@dataclass
class Kept:
    """What the app's server knows of one launch."""

    iss: str
    token_url: str
    verifier: str
    launch: str = ""
    restarted: bool = False
    page: str = ""
    """What the callback was answered with; empty before."""


@dataclass
class SmartApp:
    """Listens from `start` to `stop`; `url` is its launch address, `callback` where it is called back.

    `wait` lets that many seconds pass; `known` are the FHIR bases that it works with.
    """

    wait: Callable[[float], Any]
    known: tuple[str, ...]
    flaws: frozenset[str] = frozenset()
    client_id: str = "app"
    secret: str = ""
    scopes: str = SCOPES
    kept: dict[str, Kept] = field(default_factory=dict)
    reports: list[str] = field(default_factory=list)
    """What went wrong, for whoever has to find out why."""
    tokens: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        assert self.flaws <= FLAWS, self.flaws - FLAWS
        self._socket = socket.create_server(("127.0.0.1", 0))
        routes = [
            Route("/launch", self._guarded(self._launch)),
            Route("/callback", self._guarded(self._callback)),
            Route("/Callback/", self._guarded(self._callback)),
        ]
        config = uvicorn.Config(Starlette(routes=routes), lifespan="off", log_config=None, ws="none")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._serve, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}/launch"

    @property
    def callback(self) -> str:
        return self.url.removesuffix("/launch") + ("/Callback/" if self.has("odd-redirect-uri") else "/callback")

    def has(self, flaw: str) -> bool:
        assert flaw in FLAWS, flaw
        return flaw in self.flaws

    def start(self) -> SmartApp:
        self._thread.start()  # whoever asks before it listens waits in the socket's queue
        return self

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        asyncio.run(self._server.serve(sockets=[self._socket]))

    def _guarded(self, page: Any) -> Any:
        async def answer(request: Request) -> Response:
            async with httpx2.AsyncClient(trust_env=False, follow_redirects=False) as http:
                try:
                    answered: Response = await page(request, http)
                    return answered
                except Stopped as stopped:
                    self.reports.append(str(stopped))
                    return _page("Stopped", str(stopped), 502)
                except (ValueError, KeyError, TypeError, httpx2.HTTPError) as error:  # as a framework would
                    return _page("Internal error", repr(error), 500)

        return answer

    # opening

    async def _launch(self, request: Request, http: httpx2.AsyncClient) -> Response:
        iss = request.query_params.get("iss", self.known[0])
        if iss not in self.known and not self.has("trusts-any-iss"):
            raise Stopped(f"{iss} is no server that this app works with")
        return await self._begin(http, iss, request.query_params.get("launch", ""))

    async def _begin(self, http: httpx2.AsyncClient, iss: str, launch: str, *, again: bool = False) -> Response:
        found = await self._discover(http, iss)
        state = secrets.token_urlsafe(16) if not self.has("fancy-state") else f"{secrets.token_hex(4)} +%41/ä"
        verifier = secrets.token_urlsafe(32)
        self.kept[state] = Kept(iss, found["token_endpoint"], verifier, launch, again)
        digest = hashlib.sha256(verifier.encode()).digest()
        asked = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": self.callback,
            "scope": f"launch {self.scopes}" if launch else f"launch/patient {self.scopes}",
            "state": state,
            "aud": iss,
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }
        if launch:
            asked["launch"] = launch
        self._downgrade(asked, self.kept[state], found.get("code_challenge_methods_supported", []))
        reply = RedirectResponse(f"{found['authorization_endpoint']}?{urlencode(asked)}", 302)
        if self.has("needs-cookie"):
            reply.headers["set-cookie"] = f"launch={quote(state)}; HttpOnly; SameSite=Lax; Path=/"
        return reply

    def _downgrade(self, asked: dict[str, str], kept: Kept, methods: list[str]) -> None:
        if not self.has("downgrades-pkce") or "S256" in methods:
            return
        del asked["code_challenge"], asked["code_challenge_method"]
        if "plain" in methods:
            asked |= {"code_challenge": kept.verifier, "code_challenge_method": "plain"}
        else:
            kept.verifier = ""

    async def _discover(self, http: httpx2.AsyncClient, iss: str) -> dict[str, Any]:
        """smart-configuration; where that cannot be had, the CapabilityStatement's `oauth-uris`."""
        if self.has("trusts-statement"):
            return await self._stated(http, iss)
        answer = await self._asked(http, "GET", f"{iss}/.well-known/smart-configuration")
        if self.has("trusts-discovery-only"):
            return dict(answer.json())
        found = _json(answer)
        if answer.status_code == 200 and "token_endpoint" in found:
            return found
        self.reports.append(f"{iss} has no smart-configuration (status {answer.status_code})")
        return await self._stated(http, iss)

    async def _stated(self, http: httpx2.AsyncClient, iss: str) -> dict[str, Any]:
        answer = await self._asked(http, "GET", f"{iss}/metadata", headers={"Accept": "application/fhir+json"})
        uris = {
            one["url"]: one["valueUri"]
            for rest in _json(answer).get("rest", [])
            for block in rest.get("security", {}).get("extension", [])
            if block["url"] == _OAUTH_URIS
            for one in block["extension"]
        }
        if not {"authorize", "token"} <= set(uris):
            raise Stopped(f"{iss} does not say where its authorization server is")
        return {"authorization_endpoint": uris["authorize"], "token_endpoint": uris["token"]}

    async def _asked(self, http: httpx2.AsyncClient, method: str, url: str, **more: Any) -> httpx2.Response:
        """The answer of somebody who is there; asked again, later each time, while nobody is."""
        for turn in range(_ATTEMPTS):
            try:
                answer = await http.request(method, url, **more)
                if answer.status_code not in (502, 503, 504) and not _starting(answer):
                    return answer
                pause = float(answer.headers.get("retry-after", 2**turn))
            except httpx2.TransportError:
                pause = 2.0**turn
            self.reports.append(f"{url} is not there yet")
            if self.has("gives-up-at-once"):
                break
            if not self.has("never-waits"):
                self.wait(pause)
        raise Stopped(f"{url} did not answer")

    # coming back

    async def _callback(self, request: Request, http: httpx2.AsyncClient) -> Response:
        told = request.query_params
        kept = self._found(told.get("state", ""), request)
        if "error" in told:
            return await self._lost(http, kept, f"{told['error']}: {told.get('error_description', '')}")
        if kept.page and not self.has("redeems-twice"):
            return HTMLResponse(kept.page)
        answer = await self._redeem(http, kept, told["code"])
        if answer.status_code != 200:
            if self.has("reuses-code"):
                await self._redeem(http, kept, told["code"])
            return await self._lost(http, kept, f"token refused: {answer.text[:200]}")
        token = answer.json()
        self.tokens.append(token)
        kept.page = f"<title>Chart</title>{html.escape(await self._show(http, kept, token))}"
        return HTMLResponse(kept.page)

    def _found(self, state: str, request: Request) -> Kept:
        if self.has("ignores-state"):
            return next(reversed(self.kept.values()))
        if self.has("needs-cookie"):
            state = request.cookies.get("launch", "") and state
        if state not in self.kept:
            raise Stopped("This is not the way back from a launch that was begun here; open the app again")
        return self.kept[state]

    async def _redeem(self, http: httpx2.AsyncClient, kept: Kept, code: str) -> httpx2.Response:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.callback + ("/" if self.has("two-redirect-uris") else ""),
            "client_id": self.client_id,
        }
        if kept.verifier:
            form["code_verifier"] = kept.verifier
        headers: Mapping[str, str] = {}
        if self.secret:
            del form["client_id"]
            both = base64.b64encode(f"{self.client_id}:{self.secret}".encode()).decode()
            headers = {"Authorization": f"Basic {both}"}
        answer = await self._asked(http, "POST", kept.token_url, data=form, headers=headers)
        if answer.status_code in (404, 410) and not self.has("trusts-discovery-only"):
            self.reports.append(f"{kept.token_url} is gone")
            kept.token_url = (await self._stated(http, kept.iss))["token_endpoint"]
            answer = await self._asked(http, "POST", kept.token_url, data=form, headers=headers)
        return answer

    async def _lost(self, http: httpx2.AsyncClient, kept: Kept, why: str) -> Response:
        """Begin once more, by oneself: the handle of the EHR is dead."""
        self.reports.append(why)
        if self.has("reuses-launch") and len(self.kept) < 6:
            return await self._begin(http, kept.iss, kept.launch)
        if kept.restarted or self.has("never-restarts"):
            raise Stopped("The launch was lost; open the app again")
        return await self._begin(http, kept.iss, "", again=True)

    # the chart

    async def _show(self, http: httpx2.AsyncClient, kept: Kept, token: dict[str, Any]) -> str:
        """What the app shows of the patient; verified before anything clinical is asked for."""
        headers = {"Authorization": f"Bearer {token['access_token']}", "Accept": "application/fhir+json"}

        async def read(path: str) -> httpx2.Response:
            return await self._asked(http, "GET", f"{kept.iss}/{path}", headers=headers)

        if self.has("stops-without-context"):
            token["patient"], token["need_patient_banner"]
        if self.has("assumes-patient"):
            await read(f"Patient/{token.get('patient')}")
            return (await read(f"Observation?patient={token.get('patient')}&_count=5")).text
        patient = _id(token.get("patient", ""))
        if not patient:
            found = _json(await read("Patient?_count=10"))
            return f"Choose a patient: {len(found.get('entry', []))} found"
        if self.has("trusts-context"):
            return (await read(f"Observation?patient={quote(token['patient'])}&_count=5")).text
        await self._verify(read, patient, _id(token.get("encounter", "")))
        return (await read(f"Observation?patient={patient}&_count=5")).text

    async def _verify(self, read: Any, patient: str, encounter: str) -> None:
        if (await read(f"Patient/{quote(patient)}")).status_code != 200:
            raise Stopped(f"Patient/{patient} of the launch is not to be had")
        if not encounter:
            return
        visit = await read(f"Encounter/{quote(encounter)}")
        if self.has("ignores-subject"):
            return
        subject = _json(visit).get("subject", {}).get("reference", "")
        if visit.status_code != 200 or _id(subject) != patient:
            raise Stopped(f"Encounter/{encounter} of the launch is not one of Patient/{patient}")


def _id(told: str) -> str:
    return told.strip().rpartition("/")[2]


def _json(answer: httpx2.Response) -> dict[str, Any]:
    try:
        found = answer.json()
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _starting(answer: httpx2.Response) -> bool:
    """Whether somebody answers in the place of a server that is not there yet."""
    return _json(answer).get("error") == "temporarily_unavailable" or "<h1>Please wait" in answer.text


def _page(title: str, text: str, status: int) -> Response:
    return HTMLResponse(f"<title>{title}</title><p>{html.escape(text)}", status)
