"""A SMART app as one is first written: `python -m mockehr.examples.careless_app`, configured like `careful_app`.

It works in the sandbox. Each habit that does not survive production is marked with `BUG` and the ledger's id.
"""

from __future__ import annotations

import html
import logging
import os
import secrets
import sys
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

import httpx2
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

log = logging.getLogger("careless-app")
COOKIE: Final = "careless"


class App:
    """The app's pages: `/launch`, where it is opened, and `/callback`, where it is called back."""

    def __init__(self, settings: Mapping[str, str]) -> None:
        self.settings = settings
        self.kept: dict[str, dict[str, Any]] = {}

    async def launch(self, request: Request) -> Response:
        """The EHR opens the app."""
        # BUG B6: whatever server is named is asked, and trusted.
        iss = request.query_params["iss"]
        async with httpx2.AsyncClient(trust_env=False, timeout=10) as http:
            # BUG B1, B10: one place to look, once.
            found = (await http.get(f"{iss}/.well-known/smart-configuration")).json()
        verifier = secrets.token_urlsafe(48)
        name = secrets.token_urlsafe(8)
        # BUG B9: the state is the same for everybody and never looked at again.
        asked = {
            "response_type": "code",
            "client_id": self.settings["CLIENT_ID"],
            "redirect_uri": self.settings["REDIRECT_URI"],
            "scope": self.settings["SCOPES"],
            "state": "state",
            "aud": iss,
            "launch": request.query_params["launch"],
        }
        # BUG B9: no S256 unless the server speaks of it.
        methods = found.get("code_challenge_methods_supported", [])
        if "S256" in methods:
            asked |= {"code_challenge": challenge_of(verifier), "code_challenge_method": "S256"}
        elif "plain" in methods:
            asked |= {"code_challenge": verifier, "code_challenge_method": "plain"}
        else:
            verifier = ""
        self.kept[name] = {"iss": iss, "token_url": found["token_endpoint"], "verifier": verifier}
        reply = RedirectResponse(f"{found['authorization_endpoint']}?{urlencode(asked)}", 302)
        # BUG B8: in a frame of the record system this cookie never comes back.
        reply.set_cookie(COOKIE, name, httponly=True)
        return reply

    async def callback(self, request: Request) -> Response:
        """The authorization server sends the browser back."""
        kept = self.kept[request.cookies[COOKIE]]
        form = {
            "grant_type": "authorization_code",
            # BUG B5: an error in the place of a code is not expected, and a launch never begun again.
            "code": request.query_params["code"],
            "redirect_uri": self.settings["REDIRECT_URI"],
            "client_id": self.settings["CLIENT_ID"],
        }
        if kept["verifier"]:
            form["code_verifier"] = kept["verifier"]
        async with httpx2.AsyncClient(trust_env=False, timeout=10) as http:
            # BUG B9: redeemed at every load of the page.
            token = (await http.post(kept["token_url"], data=form)).json()
            headers = {"Authorization": f"Bearer {token['access_token']}", "Accept": "application/fhir+json"}
            # BUG B2, B3: the patient is there, and is the right one.
            found = await http.get(f"{kept['iss']}/Condition?patient={token['patient']}", headers=headers)
        return HTMLResponse(f"<!DOCTYPE html><title>Chart</title><p>{html.escape(found.text[:1000])}")


def challenge_of(verifier: str) -> str:
    """The S256 code challenge of a code verifier (RFC 7636 section 4.2)."""
    import base64
    import hashlib

    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def settings_of(site: str, environment: Mapping[str, str]) -> dict[str, str]:
    """What the environment says of a site: FHIR_URL, CLIENT_ID …"""
    prefix = f"MOCKEHR_{site.upper().replace('-', '_')}_"
    return {name.removeprefix(prefix): value for name, value in environment.items() if name.startswith(prefix)}


async def fail(request: Request, error: Exception) -> Response:
    """What the user sees: nothing that helps."""
    log.error("%r", error)
    return HTMLResponse("<!DOCTYPE html><title>Error</title><p>Internal server error", 500)


def main() -> int:
    """Serve the app until it is ended; exit status 2 if the environment lacks a variable."""
    logging.basicConfig(level=logging.WARNING, format="%(name)s: %(message)s")
    try:
        # A7: who it is at the first site, it is at all of them.
        settings = settings_of(os.environ["MOCKEHR_SITES"].split(",")[0], os.environ)
        address = urlsplit(settings["REDIRECT_URI"])
    except KeyError as error:
        print(
            f"careless-app: the environment variable {error.args[0]} is missing; start it by mockehr check",
            file=sys.stderr,
        )
        return 2
    app = App(settings)
    routes = [Route("/launch", app.launch), Route(address.path, app.callback)]
    errors = (KeyError, ValueError, TypeError, httpx2.HTTPError)
    site = Starlette(routes=routes, exception_handlers=dict.fromkeys(errors, fail))
    uvicorn.run(site, host=address.hostname or "127.0.0.1", port=address.port or 80, log_level="warning")
    return 0


if __name__ == "__main__":
    sys.exit(main())
