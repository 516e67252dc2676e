"""A small sync client as one is first written: `python -m mockehr.examples.careless`, configured like `careful`.

It works on a good day. Each habit that does not survive a bad one is marked with `BUG` and the ledger's id.
"""

from __future__ import annotations

import json
import logging
import os
import re
import sys
import time
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

import httpx2
from joserfc import jwk, jwt

log = logging.getLogger("careless")
Resource = dict[str, Any]

SEARCHES: Final[Mapping[str, Mapping[str, str]]] = {
    "Encounter": {},
    "Condition": {},
    "Observation": {"category": "laboratory"},
    "MedicationRequest": {},
    "DocumentReference": {},
    "AllergyIntolerance": {},
}
WRITES = 2
PAGE = "20"
PAGES = 1000
OWN_IDS = "https://sync.example.org/ids"
CATEGORIES = "http://terminology.hl7.org/CodeSystem/observation-category"


class Site:
    """One site's FHIR server."""

    def __init__(self, settings: Mapping[str, str], http: httpx2.Client) -> None:
        self.base = settings["FHIR_URL"].rstrip("/")
        self.http = http
        # BUG A1: one token for the whole run, however long it takes.
        self.token = fetch_token(settings, http)

    def get(self, url: str, parameters: Mapping[str, str] | None = None) -> Resource | None:
        """A resource, or None if there was an error."""
        headers = {"Authorization": f"Bearer {self.token}", "Accept": "application/fhir+json"}
        try:
            response = self.http.get(url, params=parameters, headers=headers)
        except httpx2.HTTPError as error:
            # BUG C5: a read that broke is not tried again.
            log.error("%s: %s", url, error)
            return None
        if response.status_code != 200:
            # BUG A1, C1, C2: 401, 429 and 503 are logged like any other error, and the next request goes out at once.
            log.error("%s: %s", url, response.status_code)
            return None
        try:
            # BUG E1: what is no UTF-8 is lost for good, without a word.
            found = json.loads(response.content.decode("utf-8", errors="replace"))
        except ValueError:
            # BUG C4: what came instead of JSON is dropped, and the next request goes to a system that is down.
            log.error("%s: no JSON", url)
            return None
        return found if isinstance(found, dict) else None

    def search(self, kind: str, parameters: Mapping[str, str]) -> list[Resource]:
        """All matches of a search."""
        found: list[Resource] = []
        page = self.get(f"{self.base}/{kind}", parameters)
        for _ in range(PAGES):
            if page is None:
                # BUG D6: a page that fails ends the search, and nobody is told that the rest is missing.
                break
            # BUG D6: what two pages show is kept twice; BUG D7: warnings inside the Bundle are kept as records.
            found += [entry["resource"] for entry in page.get("entry", []) if "resource" in entry]
            links = [link["url"] for link in page.get("link", []) if link.get("relation") == "next"]
            if not links:
                break
            # BUG D6: the link is taken apart and put together again, with a page size of our own.
            rebuilt = dict(parse_qsl(urlsplit(links[0]).query)) | {"_count": "100"}
            page = self.get(links[0].partition("?")[0], rebuilt)
        return found

    def create(self, resource: Resource) -> None:
        """Write a resource."""
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/fhir+json"}
        for _ in range(3):
            try:
                response = self.http.post(f"{self.base}/{resource['resourceType']}", json=resource, headers=headers)
                if response.status_code < 500:
                    json.loads(response.content or b"null")
                    return
            except (httpx2.HTTPError, ValueError) as error:
                log.error("write failed: %s", error)
            # BUG C6: whatever went wrong, the same is sent again, though the first may have been stored.
            # BUG C9: no If-None-Exist, so that what is delivered twice is stored twice.


def fetch_token(settings: Mapping[str, str], http: httpx2.Client) -> str | None:
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
    try:
        answer = http.post(url, data=form).json()
    except (httpx2.HTTPError, ValueError):
        answer = {}
    # BUG A4: without a token it goes on with `Bearer None`. BUG A5: nobody looks at the scopes that were granted.
    token = answer.get("access_token")
    return str(token) if token else None


def heart_rate(patient: str, at: datetime) -> Resource:
    """The one result that is written back."""
    return {
        "resourceType": "Observation",
        "identifier": [{"system": OWN_IDS, "value": f"heart-rate-{patient}-{at:%Y%m%dT%H%M%S}"}],
        "status": "final",
        "category": [{"coding": [{"system": CATEGORIES, "code": "vital-signs"}]}],
        "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4", "display": "Heart rate"}]},
        "subject": {"reference": f"Patient/{patient}"},
        "effectiveDateTime": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "valueQuantity": {"value": 72, "unit": "/min", "system": "http://unitsofmeasure.org", "code": "/min"},
    }


def sync(site: Site, patients: list[str]) -> list[Resource]:
    """Every record of the patients."""
    kept: list[Resource] = []
    for id in patients:
        person = site.get(f"{site.base}/Patient/{id}")
        if person is None:
            continue
        # BUG E5: `link` is not looked at, so a merged record stays a person of its own.
        kept.append(person)
        for kind, extra in SEARCHES.items():
            kept += site.search(kind, {"patient": id, **extra, "_count": PAGE})
    for id in patients[:WRITES]:
        site.create(heart_rate(id, datetime.now(UTC)))
    return kept


def settings_of(name: str, environment: Mapping[str, str]) -> dict[str, str]:
    """The variables of one site without their prefix."""
    prefix = f"MOCKEHR_{name.upper().replace('-', '_')}_"
    return {key.removeprefix(prefix): value for key, value in environment.items() if key.startswith(prefix)}


def roster(text: str) -> list[str]:
    """Patient ids from a list with commas, or from a file with one on each line."""
    if os.path.isfile(text):
        text = Path(text).read_text("utf-8")
    return [id for id in re.split(r"[,\s]+", text) if id]


def main() -> int:
    """Sync every site named in the environment; 2 if a variable is missing, otherwise 0, whatever happened."""
    logging.basicConfig(level=logging.ERROR, format="%(name)s: %(message)s")
    try:
        output = Path(os.environ["MOCKEHR_OUTPUT"])
        output.mkdir(parents=True, exist_ok=True)
        for name in roster(os.environ["MOCKEHR_SITES"]):
            settings = settings_of(name, os.environ)
            # BUG C3: ten seconds for each read, but none for the whole: what drips is waited for without end.
            # BUG C8: "it did not work with their certificate".
            with httpx2.Client(timeout=10.0, follow_redirects=True, verify=False) as http:
                kept = sync(Site(settings, http), roster(settings["PATIENTS"]))
            (output / f"{name}.ndjson").write_text("".join(json.dumps(one) + "\n" for one in kept), "ascii")
    except KeyError as missing:
        print(f"careless: the variable {missing} is not set", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
