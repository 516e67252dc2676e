"""A small receiver of events as one is first written: `python -m mockehr.examples.careless_receiver`, configured like
`careful_receiver`.

It works on a good day. Each habit that does not survive a bad one is marked with `BUG` and the ledger's id.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
import time
import uuid
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx2
from joserfc import jwk, jwt

log = logging.getLogger("careless_receiver")
Resource = dict[str, Any]


class Database:
    """What one site told."""

    def __init__(self, settings: Mapping[str, str], http: httpx2.Client) -> None:
        self.settings, self.http = settings, http
        self.rows: list[Resource] = []
        self.heard = time.monotonic()
        self._token = ""

    def take(self, note: Resource) -> None:
        """Apply one notification before it is answered."""
        # BUG F4: nobody asks who sent it.
        self.heard = time.monotonic()
        about = note.get("resource") or {}
        resource = about.get("document")
        if resource is None and "reference" in about and not self.settings.get("WANTS_DOCUMENTS"):
            resource = self.get(about["reference"])
        # BUG F5: what does not carry its resource where others did is passed over.
        if resource is None:
            return
        self.settings = {**self.settings, **({"WANTS_DOCUMENTS": "1"} if "document" in about else {})}
        # BUG F1: a creation is a new row, however often it is told.
        if note["type"].endswith(".created"):
            self.rows.append(resource)
            return
        # BUG F3: an update takes the place of what is there, whichever is newer.
        row = next((place for place, one in enumerate(self.rows) if self._key(one) == self._key(resource)), None)
        if row is not None:
            del self.rows[row]
        if not note["type"].endswith(".deleted"):
            self.rows.append(resource)

    def get(self, reference: str) -> Resource | None:
        """A resource, asked for once."""
        # BUG F3: what cannot be read yet is given up.
        if not self._token:
            self._token = self._grant()
        answer = self.http.get(
            f"{self.settings['FHIR_URL']}/{reference}", headers={"Authorization": f"Bearer {self._token}"}
        )
        return dict(answer.json()) if answer.status_code == 200 else None

    def _key(self, resource: Resource) -> str:
        return f"{resource['resourceType']}/{resource['id']}"

    def _grant(self) -> str:
        key = jwk.import_key(json.loads(self.settings["PRIVATE_KEY"]))
        algorithm = {"RSA": "RS384", "EC": "ES384"}[key.key_type]
        client, now = self.settings["CLIENT_ID"], int(time.time())
        claims = {"iss": client, "sub": client, "aud": self.settings["TOKEN_URL"], "iat": now, "exp": now + 240}
        claims["jti"] = str(uuid.uuid4())
        form = {
            "grant_type": "client_credentials",
            "scope": self.settings["SCOPES"],
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": jwt.encode({"alg": algorithm, "kid": key.kid}, claims, key, algorithms=[algorithm]),
        }
        return str(self.http.post(self.settings["TOKEN_URL"], data=form).json()["access_token"])


def listen(database: Database, port: int) -> None:
    """Take notifications on that port from now on."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            try:
                database.take(json.loads(body))
                status = 200
            except (ValueError, KeyError, httpx2.HTTPError) as error:
                log.error("%s: %s", type(error).__name__, error)
                status = 500
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            log.debug(format, *args)

    # BUG F8: one at a time, and each answered when its work is done.
    server = HTTPServer(("127.0.0.1", port), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()


def follow(sites: Mapping[str, Mapping[str, str]], silence: float) -> dict[str, list[Resource]]:
    """Listen to every site until none has told anything for so many seconds."""
    # BUG F2, F7, F9: what no event tells is never asked for.
    with httpx2.Client(timeout=20.0) as http:
        databases = {name: Database(told, http) for name, told in sites.items()}
        for name, one in databases.items():
            listen(one, int(sites[name]["WEBHOOK_PORT"]))
        while (left := silence + max(one.heard for one in databases.values()) - time.monotonic()) > 0:
            time.sleep(left)
    return {name: one.rows for name, one in databases.items()}


def settings_of(name: str, environment: Mapping[str, str]) -> dict[str, str]:
    """The variables of one site without their prefix."""
    prefix = f"MOCKEHR_{name.upper().replace('-', '_')}_"
    return {key.removeprefix(prefix): value for key, value in environment.items() if key.startswith(prefix)}


def main() -> int:
    """Follow every site named in the environment; 2 if a variable is missing."""
    logging.basicConfig(level=logging.CRITICAL)
    try:
        output = Path(os.environ["MOCKEHR_OUTPUT"])
        output.mkdir(parents=True, exist_ok=True)
        sites = {name: settings_of(name, os.environ) for name in os.environ["MOCKEHR_SITES"].split(",")}
        kept = follow(sites, float(os.environ.get("MOCKEHR_SILENCE", "4")))
    except KeyError as missing:
        print(f"careless_receiver: the variable {missing} is not set", file=sys.stderr)
        return 2
    for name, rows in kept.items():
        (output / f"{name}.ndjson").write_text("".join(json.dumps(one) + "\n" for one in rows), "ascii")
    return 0


if __name__ == "__main__":
    sys.exit(main())
