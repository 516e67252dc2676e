"""The same as `careful_linker`, as it is first written: `python -m mockehr.examples.careless_linker`.

It works at the hospital for which it was made. Its one bad habit is marked with `BUG` and the ledger's id.
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
from pathlib import Path
from typing import Any, Final

import httpx2
from joserfc import jwk, jwt

log = logging.getLogger("linker")
Resource = dict[str, Any]
RECORD_NUMBERS: Final = ("EPI", "MRN", "MR")
"""What vendors call the number of a record, in `identifier.type`."""


def fetch_token(settings: Mapping[str, str], http: httpx2.Client) -> str:
    """An access token by SMART Backend Services."""
    text = settings["PRIVATE_KEY"]
    key = jwk.import_key(json.loads(text if text.lstrip().startswith("{") else Path(text).read_text()))
    algorithm = "ES384" if key.key_type == "EC" else "RS384"
    client, url, now = settings["CLIENT_ID"], settings["TOKEN_URL"], int(time.time())
    claims = {"iss": client, "sub": client, "aud": url, "iat": now, "exp": now + 240, "jti": str(uuid.uuid4())}
    form = {
        "grant_type": "client_credentials",
        "scope": settings.get("SCOPES", ""),
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": jwt.encode({"alg": algorithm, "kid": key.kid}, claims, key, algorithms=[algorithm]),
    }
    return str(http.post(url, data=form).raise_for_status().json()["access_token"])


def record_number(patient: Resource) -> tuple[str, str] | None:
    """System and value of a patient's record number; None if it has none."""
    for name in RECORD_NUMBERS:
        for one in patient.get("identifier", []):
            told = one.get("type", {})
            names = [told.get("text"), *(coding.get("code") for coding in told.get("coding", []))]
            if name in names and one.get("value"):
                return str(one.get("system", "")), str(one["value"])
    return None


def link(settings: Mapping[str, str], http: httpx2.Client, roster: list[str], known: list[str]) -> list[Resource]:
    """The patients of one hospital, each found again by its record number; `known` is the system of those."""
    base = settings["FHIR_URL"].rstrip("/")
    headers = {"Authorization": f"Bearer {fetch_token(settings, http)}", "Accept": "application/fhir+json"}
    found: list[Resource] = []
    for id in roster:
        answer = http.get(f"{base}/Patient/{id}", headers=headers)
        number = record_number(answer.json()) if answer.status_code == 200 else None
        if number is None:
            log.warning("%s has no record number (%s)", id, answer.status_code)
            continue
        # BUG D2: what the first hospital's record numbers lie under is taken for the vendor's, so for everybody's.
        known.append(number[0])
        asked = {"identifier": f"{known[0]}|{number[1]}"}
        bundle = http.get(f"{base}/Patient", params=asked, headers=headers).raise_for_status().json()
        matches = [entry["resource"] for entry in bundle.get("entry", []) if "resource" in entry]
        people = [one for one in matches if one.get("resourceType") == "Patient"]
        if len(people) != 1:
            log.warning("%s %s finds %s patients", id, number, len(people))
        found += people
    return found


def settings_of(name: str, environment: Mapping[str, str]) -> dict[str, str]:
    """The variables of one site without their prefix."""
    prefix = f"MOCKEHR_{name.upper().replace('-', '_')}_"
    return {key.removeprefix(prefix): value for key, value in environment.items() if key.startswith(prefix)}


def listed(text: str) -> list[str]:
    """The words of a list with commas, or of a file."""
    if os.path.isfile(text):
        text = Path(text).read_text("utf-8")
    return [word for word in re.split(r"[,\s]+", text) if word]


def main() -> int:
    """Link the patients of every site named in the environment; 2 if a variable is missing."""
    logging.basicConfig(level=logging.WARNING, format="%(name)s: %(message)s")
    try:
        output = Path(os.environ["MOCKEHR_OUTPUT"])
        output.mkdir(parents=True, exist_ok=True)
        known: list[str] = []
        for name in listed(os.environ["MOCKEHR_SITES"]):
            settings = settings_of(name, os.environ)
            with httpx2.Client(timeout=30.0) as http:
                people = link(settings, http, listed(settings["PATIENTS"]), known)
            lines = (json.dumps(one) + "\n" for one in people)
            (output / f"{name}.ndjson").write_text("".join(lines), "ascii")
    except KeyError as missing:
        print(f"linker: the variable {missing} is not set", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
