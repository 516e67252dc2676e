"""A small bulk client as one is first written: `python -m mockehr.examples.careless_export`, configured like
`careful_export`.

It works on a good night. Each habit that does not survive a bad one is marked with `BUG` and the ledger's id.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import time
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import httpx2
from joserfc import jwk, jwt

log = logging.getLogger("careless_export")
Resource = dict[str, Any]

TYPES: Final = ("Patient", "Encounter", "Condition", "Observation", "MedicationRequest", "AllergyIntolerance")
EVERY = 0.2
POLLS = 15


class Site:
    """One site's server."""

    def __init__(self, settings: Mapping[str, str], http: httpx2.Client, sleep: Callable[[float], None]) -> None:
        self.base = settings["FHIR_URL"].rstrip("/")
        self.settings, self.http, self.sleep = settings, http, sleep
        # BUG A1: one token for the whole night, however long that is.
        self.token = fetch_token(settings, http)

    def get(self, url: str, **headers: str) -> httpx2.Response:
        """A request; what goes wrong with it is the caller's matter."""
        return self.http.get(url, headers={"Authorization": f"Bearer {self.token}", **headers})

    def groups(self) -> list[str]:
        """Ids of the groups to export."""
        if self.settings.get("GROUP"):
            return [self.settings["GROUP"]]
        return [entry["resource"]["id"] for entry in self.get(f"{self.base}/Group").json().get("entry") or []]


def fetch_token(settings: Mapping[str, str], http: httpx2.Client) -> str:
    """An access token by SMART Backend Services."""
    text = settings["PRIVATE_KEY"]
    key = jwk.import_key(json.loads(text if text.lstrip().startswith("{") else Path(text).read_text()))
    algorithm = "ES384" if key.key_type == "EC" else "RS384"
    client, url, now = settings["CLIENT_ID"], settings["TOKEN_URL"], int(time.time())
    claims = {"iss": client, "sub": client, "aud": url, "iat": now, "exp": now + 300, "jti": str(uuid.uuid4())}
    form = {
        "grant_type": "client_credentials",
        "scope": settings.get("SCOPES", ""),
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": jwt.encode({"alg": algorithm, "kid": key.kid}, claims, key, algorithms=[algorithm]),
    }
    return str(http.post(url, data=form).json().get("access_token"))


def manifest(site: Site, group: str) -> Resource:
    """Order an export of the group and wait for it."""
    url = f"{site.base}/Group/{group}/$export?_type={','.join(TYPES)}"
    job = site.get(url, Prefer="respond-async").headers["content-location"]
    for _ in range(POLLS):
        response = site.get(job)
        if response.status_code == 200:
            found: Resource = response.json()
            return found
        # BUG D13: whatever came, it is asked again at once, for so many times; Retry-After is not looked at, and an
        # export that was lost or has failed is asked after like one that runs, and never ordered again.
        site.sleep(EVERY)
    return {}


def records(site: Site, listed: Resource) -> list[Resource]:
    """The records of one file."""
    try:
        response = site.get(listed["url"])
    except httpx2.HTTPError as error:
        # BUG C5: a file whose connection broke is not fetched again.
        log.error("%s: %s", listed["url"], error)
        return []
    if response.status_code != 200:
        # BUG D13: a file that is gone, or wants a new token, is a line in the log.
        log.error("%s: %s", listed["url"], response.status_code)
        return []
    found = []
    for line in response.content.splitlines():
        try:
            # BUG D13: the type that the manifest says is believed.
            found.append(json.loads(line) | {"resourceType": listed["type"]})
        except (ValueError, TypeError):
            # BUG D13: what is no record is dropped.
            log.error("%s: a line is no record", listed["url"])
    # BUG D13: nobody compares with `count`; what comes twice is kept twice.
    return found


def export(site: Site) -> list[Resource]:
    """Every record of the site's groups."""
    # BUG D13: `error` is not looked at, and nobody asks whether all patients are there who are spoken of.
    return [
        record
        for group in site.groups()
        for listed in manifest(site, group).get("output") or []
        for record in records(site, listed)
    ]


def settings_of(name: str, environment: Mapping[str, str]) -> dict[str, str]:
    """The variables of one site without their prefix."""
    prefix = f"MOCKEHR_{name.upper().replace('-', '_')}_"
    return {key.removeprefix(prefix): value for key, value in environment.items() if key.startswith(prefix)}


def main() -> int:
    """Export from every site named in the environment; 2 if a variable is missing, otherwise 0, whatever happened."""
    logging.basicConfig(level=logging.CRITICAL, format="%(name)s: %(message)s")
    try:
        output = Path(os.environ["MOCKEHR_OUTPUT"])
        output.mkdir(parents=True, exist_ok=True)
        for name in os.environ["MOCKEHR_SITES"].split(","):
            with httpx2.Client(timeout=10.0) as http:
                kept = export(Site(settings_of(name, os.environ), http, time.sleep))
            (output / f"{name}.ndjson").write_text("".join(json.dumps(one) + "\n" for one in kept), "ascii")
    except KeyError as missing:
        print(f"careless_export: the variable {missing} is not set", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
