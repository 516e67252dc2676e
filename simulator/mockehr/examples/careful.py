"""A small sync client that copes: `python -m mockehr.examples.careful`, configured by environment variables.

`MOCKEHR_SITES=north,south` and `MOCKEHR_OUTPUT=folder`; per site `MOCKEHR_NORTH_FHIR_URL`, `_TOKEN_URL`,
`_CLIENT_ID`, `_PRIVATE_KEY` (a JWK or the path of one), `_SCOPES`, `_PATIENTS` (ids, or a file of them). Writes
`<site>.ndjson`: every record of those patients once.

It stands for its reader's own code: nothing here comes from mockehr, and it may be copied.
"""

from __future__ import annotations

import codecs
import json
import logging
import os
import random
import re
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode, urljoin, urlsplit

import httpx2
from joserfc import jwk, jwt

log = logging.getLogger("careful")
Resource = dict[str, Any]

SEARCHES: Final[Mapping[str, Mapping[str, str]]] = {
    "Encounter": {},
    "Condition": {},
    "Observation": {"category": "laboratory"},
    "MedicationRequest": {},
    "DocumentReference": {},
    "AllergyIntolerance": {},
}
INTENTS = "proposal,plan,order,original-order,reflex-order,filler-order,instance-order,option"
WAYS: Final[Mapping[str, Mapping[str, Mapping[str, str]]]] = {
    # how a vendor wants it asked: by MOCKEHR_<SITE>_PERSONALITY and resource type, an empty one for all types
    "athena": {"MedicationRequest": {"intent": INTENTS}},
    "nextgen": {"": {"_maxresults": "1000"}},
}
PAGES = ("20", "100", "500")  # when paging sessions die, bigger pages need fewer of them
TRIES = 5  # for what came back unusable
PAUSES = 8  # for being told to wait
LONGEST_WAIT = 300.0  # a site that wants more is left for the next run
WRITES = 2
OWN_IDS = "https://sync.example.org/ids"
CATEGORIES = "http://terminology.hl7.org/CodeSystem/observation-category"


class Failed(Exception):
    """One request could not be answered; `status` is 0 if nothing usable came back."""

    def __init__(self, what: str, status: int = 0) -> None:
        super().__init__(what)
        self.status = status


class SiteClosed(Exception):
    """The site wants to be left alone for longer than we stay, or does not let us in."""


def _windows_byte(error: UnicodeError) -> tuple[str, int]:
    """Only the bytes that are no UTF-8 are read as Windows-1252; its five gaps as Latin-1."""
    assert isinstance(error, UnicodeDecodeError)
    wrong = error.object[error.start : error.end]
    pages = ["latin-1" if octet in b"\x81\x8d\x8f\x90\x9d" else "cp1252" for octet in wrong]
    return "".join(bytes([octet]).decode(page) for octet, page in zip(wrong, pages, strict=True)), error.end


codecs.register_error("windows-byte", _windows_byte)


def decode(octets: bytes) -> Any:
    """JSON from bytes that should be UTF-8; raises ValueError if it is no JSON."""
    return json.loads(octets.decode("utf-8-sig", errors="windows-byte"))


class Site:
    """One site's FHIR server, its own token and its own pauses."""

    def __init__(self, settings: Mapping[str, str], http: httpx2.Client, sleep: Callable[[float], None]) -> None:
        self.base = settings["FHIR_URL"].rstrip("/")
        self.settings, self.http, self.sleep = settings, http, sleep
        self.token, self.scopes = "", settings.get("SCOPES", "")
        self.skew = 0.0  # how far the site's clock is ahead of ours
        self.failures = 0  # in a row

    def renew(self) -> None:
        """A new token by SMART Backend Services; remembers which scopes were really granted."""
        skewed = False
        for attempt in range(PAUSES):
            try:
                response = self.http.post(self.settings["TOKEN_URL"], data=self.assertion(), follow_redirects=False)
                if response.status_code in (429, 503):  # whatever the body is, the head says how long to wait
                    self.pause(response, attempt)
                    continue
                answer = decode(response.content)
            except (httpx2.TransportError, httpx2.DecodingError, ValueError):
                self.sleep(backoff(attempt))
                continue
            if response.status_code == 200 and isinstance(answer, dict) and answer.get("access_token"):
                self.token = answer["access_token"]
                self.scopes = answer.get("scope") or self.settings.get("SCOPES", "")
                return
            if response.status_code in (400, 401, 403):
                self.skew = date_of(response) - time.time()
                if skewed or abs(self.skew) < 30:
                    raise SiteClosed(f"the token endpoint refused: {answer}")
                skewed = True  # once more, by the site's clock
            else:
                self.pause(response, attempt)
        raise SiteClosed("no usable answer from the token endpoint")

    def assertion(self) -> dict[str, str]:
        """The form of a token request, signed anew."""
        text = self.settings["PRIVATE_KEY"]
        key = jwk.import_key(json.loads(text if text.lstrip().startswith("{") else Path(text).read_text()))
        algorithm = {"RSA": "RS384", "EC": "ES384"}[key.key_type]
        client, now = self.settings["CLIENT_ID"], int(time.time() + self.skew)
        claims = {"iss": client, "sub": client, "aud": self.settings["TOKEN_URL"], "iat": now, "exp": now + 240}
        claims["jti"] = str(uuid.uuid4())
        return {
            "grant_type": "client_credentials",
            "scope": self.settings.get("SCOPES", ""),
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": jwt.encode({"alg": algorithm, "kid": key.kid}, claims, key, algorithms=[algorithm]),
        }

    def may(self, kind: str, letter: str) -> bool:
        """Whether a granted scope covers that type; `letter` is one of `cruds`, as in SMART v2."""
        for scope in self.scopes.split():
            match = re.fullmatch(r"(?:system|user|patient)/(\w+|\*)\.(\w+|\*)(?:\?\S*)?", scope)
            if match and match[1] in (kind, "*"):
                letters = {"read": "rs", "write": "cud", "*": "cruds"}.get(match[2].lower(), match[2])
                if letter in letters:
                    return True
        return not self.scopes

    def send(self, method: str, url: str, **more: Any) -> httpx2.Response:
        """One request, with one renewal of the token after 401 and with the pauses that the site asks for."""
        renewed = False
        own = {"Accept": "application/fhir+json", **more.get("headers", {})}
        for attempt in range(PAUSES):
            if not self.token:
                self.renew()
            headers = {"Authorization": f"Bearer {self.token}", **own}
            response = self.http.request(method, url, headers=headers, content=more.get("content"))
            if response.status_code == 401 and not renewed:
                renewed, self.token = True, ""
            elif response.status_code == 429 or (response.status_code == 503 and method == "GET"):
                self.pause(response, attempt)
            else:
                return response
        raise SiteClosed(f"{method} {url}: told to wait {PAUSES} times in a row")

    def pause(self, response: httpx2.Response, attempt: int) -> None:
        """Wait as long as `Retry-After` says, or back off with jitter if it says nothing."""
        wait = told(response)
        if wait is None:
            wait = backoff(attempt)
        elif wait > LONGEST_WAIT:
            raise SiteClosed(f"the site wants to be left alone for {wait:.0f} s")
        elif attempt:  # what was told did not help
            wait = max(wait, backoff(attempt - 1))
        self.sleep(wait + random.uniform(0.05, 0.25))

    def get(self, url: str, expected: str) -> Resource:
        """Read a resource of the expected type; what is cut, HTML or something else is asked for again."""
        trouble = ""
        for attempt in range(TRIES):
            try:
                response = self.send("GET", url)
                if 400 <= response.status_code < 500:
                    raise Failed(f"GET {url}: {response.status_code}", response.status_code)
                answer = decode(response.content)
                resource: Resource = answer if isinstance(answer, dict) else {}
                if response.status_code == 200 and resource.get("resourceType") == expected:
                    self.failures = 0
                    return resource
                trouble = f"{response.status_code} without a {expected}"
            except (httpx2.TransportError, httpx2.DecodingError, ValueError) as error:
                trouble = type(error).__name__
            self.sleep(backoff(attempt))
        self.failures += 1
        if self.failures == TRIES:
            raise SiteClosed(f"{self.failures} requests in a row came to nothing, the last with {trouble}")
        raise Failed(f"GET {url}: {trouble}")

    def search(self, kind: str, **parameters: str) -> dict[str, Resource]:
        """All matches by id; follows next links as given, begins again when a paging session is over."""
        found: dict[str, Resource] = {}
        for size in PAGES:
            first = f"{self.base}/{kind}?{urlencode({**parameters, '_count': size})}"
            try:
                for match in self._pages(first, kind):
                    found[match["id"]] = match
                return found
            except Failed as error:
                if error.status not in (400, 404, 410) or not found:
                    raise
                log.info("paging session over, starting again: %s", first)
        log.warning("incomplete, paging sessions keep dying: %s %s", kind, parameters)
        return found

    def _pages(self, url: str, kind: str) -> Iterator[Resource]:
        seen: set[str] = set()
        while url and url not in seen:
            seen.add(url)
            page = self.get(url, "Bundle")
            for entry in page.get("entry") or []:
                match, mode = entry.get("resource") or {}, (entry.get("search") or {}).get("mode")
                if mode != "outcome" and match.get("resourceType") == kind and match.get("id"):
                    yield match
            links = [one["url"] for one in page.get("link") or [] if one.get("relation") == "next"]
            url = urljoin(url, links[0]) if links else ""  # as given, byte for byte
            if url and urlsplit(url)[:2] != urlsplit(self.base)[:2]:
                raise Failed(f"a next link leads elsewhere: {url}")  # our token stays here

    def person(self, id: str) -> Resource:
        """A patient, or the survivor if the record was merged; a circle of links ends where it began."""
        first = current = self.get(f"{self.base}/Patient/{id}", "Patient")
        seen = {id}
        while links := [link for link in current.get("link") or [] if link.get("type") == "replaced-by"]:
            id = links[0].get("other", {}).get("reference", "").rpartition("/")[2]
            if not id or id in seen:
                return first
            seen.add(id)
            current = self.get(f"{self.base}/Patient/{id}", "Patient")
        return current

    def write(self, resource: Resource) -> None:
        """Create it once: if the outcome is unknown, look before sending it again."""
        identifier = resource["identifier"][0]
        headers = {
            "Content-Type": "application/fhir+json",
            "If-None-Exist": urlencode({"identifier": f"{identifier['system']}|{identifier['value']}"}),
        }
        content = json.dumps(resource).encode()
        for attempt in range(TRIES):
            try:
                response = self.send("POST", f"{self.base}/Observation", content=content, headers=headers)
                if 400 <= response.status_code < 500:
                    raise Failed(f"POST Observation: {response.status_code}", response.status_code)
                if response.status_code < 300:
                    if "location" in response.headers and not response.content:
                        return
                    answer = decode(response.content)
                    if isinstance(answer, dict) and answer.get("resourceType") in ("Observation", "OperationOutcome"):
                        return
                self.pause(response, attempt)
            except (httpx2.TransportError, httpx2.DecodingError, ValueError) as error:
                log.info("outcome of a write unknown: %s", type(error).__name__)
                self.sleep(backoff(attempt))
            patient = resource["subject"]["reference"].rpartition("/")[2]
            there = self.search("Observation", patient=patient, category="vital-signs")
            if any(identifier in (one.get("identifier") or []) for one in there.values()):
                return
        raise Failed("POST Observation: outcome never became known")


def date_of(response: httpx2.Response) -> float:
    """The site's time by its `Date` header, or ours."""
    try:
        return parsedate_to_datetime(response.headers.get("date", "")).timestamp()
    except (ValueError, TypeError):
        return time.time()


def told(response: httpx2.Response) -> float | None:
    """Seconds to wait by `Retry-After`, given in seconds or as a date; None if it says nothing legible."""
    value = response.headers.get("retry-after", "").strip()
    if value.isdigit():
        return float(value)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - date_of(response))
    except (ValueError, TypeError):
        return None


def backoff(attempt: int) -> float:
    """Half a second, doubling, up to half a minute, with jitter."""
    return min(30.0, 0.5 * 2.0**attempt) * random.uniform(0.75, 1.25)


def heart_rate(patient: str, at: datetime) -> Resource:
    """The one result that we write back, under an identifier of our own that makes it known again."""
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


def sync(site: Site, patients: list[str]) -> dict[str, Resource]:
    """Every record of the patients by `Type/id`; what could not be read is logged, what was read is kept."""
    kept: dict[str, Resource] = {}
    try:
        site.renew()
        for id in patients:
            try:
                person = site.person(id)
            except Failed as error:
                log.warning("patient %s left out: %s", id, error)
                continue
            if f"Patient/{person['id']}" not in kept:
                kept[f"Patient/{person['id']}"] = person
                kept.update(chart(site, person["id"]))
        people = [key.removeprefix("Patient/") for key in kept if key.startswith("Patient/")]
        for id in people[:WRITES] if site.may("Observation", "c") else []:
            try:
                site.write(heart_rate(id, datetime.now(UTC)))
            except Failed as error:
                log.warning("nothing written for %s: %s", id, error)
    except SiteClosed as error:
        log.error("stopped early: %s", error)
    return kept


def chart(site: Site, patient: str) -> dict[str, Resource]:
    """One patient's records, as far as our scopes and the site go."""
    kept: dict[str, Resource] = {}
    ways = WAYS.get(site.settings.get("PERSONALITY", ""), {})
    for kind, extra in SEARCHES.items():
        extra = {**extra, **ways.get("", {}), **ways.get(kind, {})}
        if not site.may(kind, "s"):
            continue
        try:
            kept.update({f"{kind}/{id}": found for id, found in site.search(kind, patient=patient, **extra).items()})
        except Failed as error:
            log.warning("%s of %s incomplete: %s", kind, patient, error)
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
    """Sync every site named in the environment; 0 when all was asked for, 2 if a variable is missing."""
    logging.basicConfig(level=logging.WARNING, format="%(name)s: %(message)s")
    try:
        output = Path(os.environ["MOCKEHR_OUTPUT"])
        output.mkdir(parents=True, exist_ok=True)
        for name in roster(os.environ["MOCKEHR_SITES"]):
            settings = settings_of(name, os.environ)
            with httpx2.Client(timeout=20.0, follow_redirects=True) as http:
                kept = sync(Site(settings, http, time.sleep), roster(settings["PATIENTS"]))
            (output / f"{name}.ndjson").write_text("".join(json.dumps(one) + "\n" for one in kept.values()), "ascii")
    except KeyError as missing:
        print(f"careful: the variable {missing} is not set", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
