"""A small bulk client that copes: `python -m mockehr.examples.careful_export`, configured by environment variables.

`MOCKEHR_SITES=north,south` and `MOCKEHR_OUTPUT=folder`; per site `MOCKEHR_NORTH_FHIR_URL`, `_TOKEN_URL`,
`_CLIENT_ID`, `_PRIVATE_KEY` (a JWK or the path of one), `_SCOPES`, and `_GROUP` (an id; unless told, all Groups that
a search finds). Writes `<site>.ndjson`: every record of those groups once.

It stands for its reader's own code: nothing here comes from mockehr, and it may be copied.
"""

from __future__ import annotations

import json
import logging
import os
import random
import re
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

import httpx2
from joserfc import jwk, jwt

log = logging.getLogger("careful_export")
Resource = dict[str, Any]
Records = dict[str, Resource]

TYPES: Final = ("Patient", "Encounter", "Condition", "Observation", "MedicationRequest", "AllergyIntolerance")
TRIES = 4  # for one request or one file
PAUSES = 12  # for being told to wait
EXPORTS = 3  # orders of one group, before it is left for another night
LONGEST_WAIT = 1800.0  # some sites want ten minutes between two polls; who wants more is left for another night
DEADLINE = 7200.0  # for one export
NAMED: Final = re.compile(rf"\b(?:{'|'.join(TYPES)})/[A-Za-z0-9.-]{{1,64}}")


class Failed(Exception):
    """One request could not be answered; `status` is 0 if nothing usable came back."""

    def __init__(self, what: str, status: int = 0) -> None:
        super().__init__(what)
        self.status = status


class Lost(Exception):
    """An export came to nothing, and has to be ordered again."""


class Site:
    """One site's server, our token for it, and the pauses that it asks for."""

    def __init__(self, settings: Mapping[str, str], http: httpx2.Client, sleep: Callable[[float], None]) -> None:
        self.base = settings["FHIR_URL"].rstrip("/")
        self.settings, self.http, self.sleep = settings, http, sleep
        self.token, self.waited = "", 0.0

    def pause(self, seconds: float) -> None:
        """Wait, and count how long we have waited in all."""
        self.waited += seconds
        self.sleep(seconds)

    def renew(self) -> None:
        """A new token by SMART Backend Services."""
        for attempt in range(TRIES):
            try:
                response = self.http.post(self.settings["TOKEN_URL"], data=self.assertion())
                answer = response.json() if response.status_code == 200 else {}
            except (httpx2.TransportError, ValueError):
                answer = {}
            if isinstance(answer, dict) and answer.get("access_token"):
                self.token = answer["access_token"]
                return
            self.pause(backoff(attempt))
        raise Failed("no token could be had")

    def assertion(self) -> dict[str, str]:
        """The form of a token request, signed anew."""
        text = self.settings["PRIVATE_KEY"]
        key = jwk.import_key(json.loads(text if text.lstrip().startswith("{") else Path(text).read_text()))
        algorithm = {"RSA": "RS384", "EC": "ES384"}[key.key_type]
        client, now = self.settings["CLIENT_ID"], int(time.time())
        claims = {"iss": client, "sub": client, "aud": self.settings["TOKEN_URL"], "iat": now, "exp": now + 240}
        claims["jti"] = str(uuid.uuid4())
        return {
            "grant_type": "client_credentials",
            "scope": self.settings.get("SCOPES", ""),
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": jwt.encode({"alg": algorithm, "kid": key.kid}, claims, key, algorithms=[algorithm]),
        }

    def send(self, method: str, url: str, **headers: str) -> httpx2.Response:
        """One request, whole; a connection that breaks and a token that died cost another try."""
        renewed, trouble = False, ""
        for attempt in range(TRIES):
            if not self.token:
                self.renew()
            try:
                response = self.ask(method, url, {name.replace("_", "-"): value for name, value in headers.items()})
            except (httpx2.TransportError, httpx2.DecodingError) as error:
                trouble = type(error).__name__
                self.pause(backoff(attempt))
                continue
            if response.status_code != 401 or renewed:
                return response
            renewed, self.token = True, ""
        raise Failed(f"{method} {url}: {trouble}")

    def ask(self, method: str, url: str, headers: Mapping[str, str]) -> httpx2.Response:
        """The request itself. Where files lie elsewhere, the address is signed, and our token stays here."""
        own = {"Authorization": f"Bearer {self.token}", **headers}
        response = self.http.request(method, url, headers=own, follow_redirects=False)
        if response.status_code in (301, 302, 303, 307, 308):
            return self.http.get(urljoin(url, response.headers["location"]), headers=headers)
        return response

    def patient(self, method: str, url: str, **headers: str) -> httpx2.Response:
        """The same, waiting as often as the site wants us to."""
        for attempt in range(PAUSES):
            response = self.send(method, url, **headers)
            if response.status_code not in (429, 503):
                return response
            self.obey(response, attempt)
        raise Failed(f"{method} {url}: told to wait {PAUSES} times", 429)

    def obey(self, response: httpx2.Response, attempt: int) -> None:
        """Wait as long as `Retry-After` says, or longer each time if it says nothing."""
        wait = told(response)
        if wait is not None and wait > LONGEST_WAIT:
            raise Failed(f"the site wants to be left alone for {wait:.0f} s", response.status_code)
        self.pause(backoff(attempt) if wait is None else wait + random.uniform(0.01, 0.1))

    def read(self, key: str) -> Resource:
        """One record by `Type/id`."""
        response = self.patient("GET", f"{self.base}/{key}", accept="application/fhir+json")
        if response.status_code != 200:
            raise Failed(f"GET {key}: {response.status_code}", response.status_code)
        found = response.json()
        return found if isinstance(found, dict) else {}

    def groups(self) -> list[str]:
        """Ids of the groups to export."""
        if self.settings.get("GROUP"):
            return [self.settings["GROUP"]]
        found = self.read("Group")
        return [entry["resource"]["id"] for entry in found.get("entry") or []]


class Export:
    """The export of one group."""

    def __init__(self, site: Site, group: str) -> None:
        self.site, self.group = site, group

    def run(self) -> Records:
        """Every record of the group by `Type/id`; raises Failed if that cannot be had."""
        for _ in range(EXPORTS):
            try:
                job = self.order()
                kept = self.collect(job, self.manifest(job))
                self.site.send("DELETE", job)
                return kept
            except Lost as error:
                log.warning("ordering again: %s", error)
        raise Failed(f"{EXPORTS} exports of group {self.group} came to nothing")

    def order(self) -> str:
        """Order the export; where it can be asked after."""
        url = f"{self.site.base}/Group/{self.group}/$export?_type={','.join(TYPES)}"
        response = self.site.patient("GET", url, accept="application/fhir+json", prefer="respond-async")
        if response.status_code != 202 or "content-location" not in response.headers:
            raise Failed(f"the export was refused: {response.status_code}", response.status_code)
        return urljoin(url, response.headers["content-location"])

    def manifest(self, job: str) -> Resource:
        """Ask until it is done, never sooner than told. Progress is a text for people: we go by the status."""
        begun, troubles = self.site.waited, 0
        while self.site.waited < begun + DEADLINE:
            response = self.site.send("GET", job, accept="application/json")
            if response.status_code == 200:
                found = response.json()
                return found if isinstance(found, dict) else {}
            if response.status_code in (202, 429):
                self.site.obey(response, 0)
            elif passing(response) and troubles < PAUSES:
                self.site.obey(response, troubles)
                troubles += 1
            else:
                raise Lost(f"the export ended with {response.status_code}")
        raise Lost("the export takes too long")

    def collect(self, job: str, manifest: Resource) -> Records:
        """All records of a manifest, and those of which it says that they are missing, or that must be."""
        kept: Records = {}
        again: dict[str, Resource] = {}
        for place, listed in enumerate(manifest.get("output") or []):
            try:
                lines, problem = self.fetch(listed)
            except Failed as error:
                if error.status not in (403, 404, 410):
                    raise
                again = again or self.renewed(job)
                lines, problem = self.last_try(again, place, error)
            if problem:
                log.warning("%s: %s", listed["url"], problem)
            for record in lines:  # by its own type: the manifest's may be wrong; by id: lines may come twice
                if record.get("resourceType") in TYPES and record.get("id"):
                    kept[f"{record['resourceType']}/{record['id']}"] = record
        self.complete(kept, manifest)
        return kept

    def renewed(self, job: str) -> Resource:
        """The manifest once more: addresses may only have been good for a while."""
        return self.manifest(job)

    def last_try(self, manifest: Resource, place: int, error: Failed) -> tuple[list[Resource], str]:
        """A file at the address that it has now; raises Lost if it is really gone."""
        listed = manifest.get("output") or []
        try:
            return self.fetch(listed[place])
        except (IndexError, Failed):
            raise Lost(str(error)) from error

    def fetch(self, listed: Resource) -> tuple[list[Resource], str]:
        """The records of a file and what is wrong with it. What is broken or miscounted is fetched again."""
        best: list[Resource] = []
        problem = ""
        for _ in range(TRIES - 1):
            response = self.site.patient("GET", listed["url"], accept="application/fhir+ndjson")
            if response.status_code != 200:
                raise Failed(f"GET {listed['url']}: {response.status_code}", response.status_code)
            records, broken = parse(response.content)
            if len(records) >= len(best):
                best = records
            problem = self.doubt(listed, records, broken)
            if not problem:
                return records, ""
        return best, problem

    def doubt(self, listed: Resource, records: list[Resource], broken: list[int]) -> str:
        """Why a file cannot be trusted; empty if it can."""
        if broken:
            return f"lines {', '.join(map(str, broken[:5]))} are no records"
        expected = listed.get("count", len(records))
        return f"{expected} records were counted, {len(records)} came" if expected != len(records) else ""

    def complete(self, kept: Records, manifest: Resource) -> None:
        """Read one by one what errors name, and patients who are spoken of and never came."""
        missing = [key for listed in manifest.get("error") or [] for key in self.errors(listed)]
        missing += [key for record in kept.values() for key in spoken_of(record)]
        for key in dict.fromkeys(missing):
            if key not in kept:
                try:
                    kept[key] = self.site.read(key)
                except Failed as error:
                    log.warning("%s is missing: %s", key, error)

    def errors(self, listed: Resource) -> Iterator[str]:
        """The records that an error file names."""
        for outcome in self.fetch(listed)[0]:
            for issue in outcome.get("issue") or []:
                log.warning("not exported: %s", issue.get("details", {}).get("text") or issue.get("diagnostics"))
                yield from (found[0] for found in NAMED.finditer(json.dumps(issue)))


def parse(octets: bytes) -> tuple[list[Resource], list[int]]:
    """The records of a file, and the numbers of lines that are none. Blank lines are nothing."""
    records: list[Resource] = []
    broken: list[int] = []
    for number, line in enumerate(octets.split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            record = json.loads(decode(line))
        except ValueError:
            record = None
        if isinstance(record, dict) and record.get("resourceType"):
            records.append(record)
        else:
            broken.append(number)
    return records, broken


def decode(line: bytes) -> str:
    """Text that should be UTF-8, and at some sites is Windows-1252 here and there."""
    try:
        return line.decode("utf-8-sig")
    except UnicodeDecodeError:
        return line.decode("cp1252", errors="replace")


def spoken_of(record: Resource) -> Iterator[str]:
    """`Patient/id` of those that a record is about."""
    for element in ("subject", "patient"):
        reference = str((record.get(element) or {}).get("reference", ""))
        if "Patient/" in reference:
            yield f"Patient/{reference.rpartition('Patient/')[2]}"


def passing(response: httpx2.Response) -> bool:
    """Whether a 5xx is about this poll and not about the export: then the site calls it transient, or says when."""
    if response.status_code < 500:
        return False
    try:
        issues = response.json().get("issue") or []
    except (ValueError, AttributeError):
        return True  # nothing was said about the export
    return "retry-after" in response.headers or any(issue.get("code") == "transient" for issue in issues)


def told(response: httpx2.Response) -> float | None:
    """Seconds to wait by `Retry-After`, given in seconds or as a date; None if it says nothing legible."""
    value = response.headers.get("retry-after", "").strip()
    if value.isdigit():
        return float(value)
    try:
        now = parsedate_to_datetime(response.headers.get("date", "")).timestamp()
        return max(0.0, parsedate_to_datetime(value).timestamp() - now)
    except (ValueError, TypeError):
        return None


def backoff(attempt: int) -> float:
    """Half a second, doubling, up to half a minute, with jitter."""
    return min(30.0, 0.5 * 2.0**attempt) * random.uniform(0.75, 1.25)


def settings_of(name: str, environment: Mapping[str, str]) -> dict[str, str]:
    """The variables of one site without their prefix."""
    prefix = f"MOCKEHR_{name.upper().replace('-', '_')}_"
    return {key.removeprefix(prefix): value for key, value in environment.items() if key.startswith(prefix)}


def export(site: Site) -> Records:
    """Every record of the site's groups; what could not be had is logged, what was is kept."""
    kept: Records = {}
    try:
        for group in site.groups():
            kept |= Export(site, group).run()
    except Failed as error:
        log.error("%s stopped early: %s", urlsplit(site.base).path, error)
    return kept


def main() -> int:
    """Export from every site named in the environment; 0 when all was asked for, 2 if a variable is missing."""
    logging.basicConfig(level=logging.ERROR, format="%(name)s: %(message)s")
    try:
        output = Path(os.environ["MOCKEHR_OUTPUT"])
        output.mkdir(parents=True, exist_ok=True)
        for name in os.environ["MOCKEHR_SITES"].split(","):
            with httpx2.Client(timeout=20.0) as http:
                kept = export(Site(settings_of(name, os.environ), http, time.sleep))
            (output / f"{name}.ndjson").write_text("".join(json.dumps(one) + "\n" for one in kept.values()), "ascii")
    except KeyError as missing:
        print(f"careful_export: the variable {missing} is not set", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
