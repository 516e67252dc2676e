"""A small sync client that copes: `python -m mockehr.examples.careful`, configured by environment variables.

`MOCKEHR_SITES=north,south` and `MOCKEHR_OUTPUT=folder`; per site `MOCKEHR_NORTH_FHIR_URL`, `_TOKEN_URL`,
`_CLIENT_ID`, `_PRIVATE_KEY` (a JWK or the path of one), `_SCOPES`, `_PATIENTS` (ids, or a file of them). Writes
`<site>.ndjson`: every record of those patients once, and `<site>.parked.ndjson`: what a person has to look at first.

It stands for its reader's own code: nothing here comes from mockehr, and it may be copied.
"""

from __future__ import annotations

import codecs
import json
import logging
import os
import random
import re
import ssl
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, Final, NamedTuple
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
SILENCE = 20.0  # seconds without an octet, after which an answer is given up
LONGEST_ANSWER = 45.0  # seconds for the whole of it, however it drips
WRITES = 2
SNOMED = "http://snomed.info/sct"
OWN_IDS = "https://sync.example.org/ids"
CATEGORIES = "http://terminology.hl7.org/CodeSystem/observation-category"


class Failed(Exception):
    """One request could not be answered; `status` is 0 if nothing usable came back."""

    def __init__(self, what: str, status: int = 0) -> None:
        super().__init__(what)
        self.status = status


class Answer(NamedTuple):
    """What came back, to its last octet."""

    status_code: int
    headers: httpx2.Headers
    content: bytes


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
        self.types: set[str] = set()  # that it says to have; empty if it says nothing usable
        self.failures = 0  # requests in a row that were given up
        self.row = 0  # attempts in a row that came to nothing, whatever they asked for: the circuit breaker

    def renew(self) -> None:
        """A new token by SMART Backend Services; remembers which scopes were really granted."""
        skewed = False
        for attempt in range(PAUSES):
            try:
                url, form = self.settings["TOKEN_URL"], self.assertion()
                response = self.ask("POST", url, data=form, follow_redirects=False)
                if response.status_code in (429, 503):  # whatever the body is, the head says how long to wait
                    self.pause(response, attempt)
                    continue
                answer = decode(response.content)
            except (httpx2.TransportError, httpx2.DecodingError, ValueError):
                self.rest()
                continue
            if response.status_code == 200 and isinstance(answer, dict) and answer.get("access_token"):
                self.row = 0
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
            "scope": self.wanted(),
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": jwt.encode({"alg": algorithm, "kid": key.kid}, claims, key, algorithms=[algorithm]),
        }

    def wanted(self) -> str:
        """The scopes that we are registered for, without those for types that the site does not have."""
        scopes = self.settings.get("SCOPES", "").split()
        kinds = {scope: scope.partition("/")[2].partition(".")[0] for scope in scopes}
        return " ".join(one for one in scopes if not self.types or kinds[one] in (*self.types, "*", ""))

    def learn(self) -> None:
        """What the site has: a facade has few types, and whoever asks for others only hears that, again and again."""
        try:
            statement = self.get(f"{self.base}/metadata", "CapabilityStatement")
        except Failed as error:
            log.warning("what the site has is not known: %s", error)
            return
        servers = [rest for rest in statement.get("rest") or [] if rest.get("mode") == "server"]
        self.types = {one.get("type", "") for rest in servers for one in rest.get("resource") or []}

    def may(self, kind: str, letter: str) -> bool:
        """Whether the site has that type and a scope covers it; `letter` is one of `cruds`, as in SMART v2."""
        if self.types and kind not in self.types:
            return False
        for scope in self.scopes.split():
            match = re.fullmatch(r"(?:system|user|patient)/(\w+|\*)\.(\w+|\*)(?:\?\S*)?", scope)
            if match and match[1] in (kind, "*"):
                letters = {"read": "rs", "write": "cud", "*": "cruds"}.get(match[2].lower(), match[2])
                if letter in letters:
                    return True
        return not self.scopes

    def ask(self, method: str, url: str, **more: Any) -> Answer:
        """One request, whose answer has to be whole in time: a limit for each read alone never ends a slow drip."""
        until = time.monotonic() + LONGEST_ANSWER
        parts = []
        with self.http.stream(method, url, **more) as response:
            for part in response.iter_bytes():
                parts.append(part)
                if time.monotonic() > until:
                    raise httpx2.ReadTimeout(f"{method} {url}: still dripping", request=response.request)
        return Answer(response.status_code, response.headers, b"".join(parts))

    def send(self, method: str, url: str, **more: Any) -> Answer:
        """One request, with one renewal of the token after 401 and with the pauses that the site asks for."""
        renewed = False
        own = {"Accept": "application/fhir+json", **more.get("headers", {})}
        for attempt in range(PAUSES):
            if not self.token and url != f"{self.base}/metadata":  # which anybody may read
                self.renew()
            headers = {"Authorization": f"Bearer {self.token}", **own} if self.token else own
            response = self.ask(method, url, headers=headers, content=more.get("content"))
            if response.status_code == 401 and not renewed:
                renewed, self.token = True, ""
            elif response.status_code == 429 or (response.status_code == 503 and method == "GET"):
                self.pause(response, attempt)
            else:
                return response
        raise SiteClosed(f"{method} {url}: told to wait {PAUSES} times in a row")

    def rest(self) -> None:
        """Wait after an attempt that came to nothing: the longer, the more of them there were in a row.

        The count is the site's, not the request's, so that in an outage the next request does not begin anew: it is
        the one trial after a pause of up to half a minute, until something works again.
        """
        self.sleep(backoff(self.row))
        self.row += 1

    def pause(self, response: Answer, attempt: int) -> None:
        """Wait as long as `Retry-After` says, or back off with jitter if it says nothing."""
        if response.status_code != 429:
            attempt = max(attempt, self.row)
            self.row += 1
        wait = told(response)
        if wait is None:
            wait = backoff(attempt)
        elif wait > LONGEST_WAIT:
            raise SiteClosed(f"the site wants to be left alone for {wait:.0f} s")
        elif attempt:  # what was told did not help
            wait = max(wait, backoff(attempt - 1))
        self.sleep(wait + random.uniform(0.05, 0.25))

    def get(self, url: str, expected: str, id: str = "") -> Resource:
        """Read a resource of the expected type and id; what is cut, HTML or something else is asked for again."""
        trouble = ""
        for _ in range(TRIES):
            try:
                response = self.send("GET", url)
                if 400 <= response.status_code < 500:
                    self.row = 0  # an answer
                    raise Failed(f"GET {url}: {response.status_code}", response.status_code)
                answer = decode(response.content)
                resource: Resource = answer if isinstance(answer, dict) else {}
                fits = resource.get("resourceType") == expected and id in ("", resource.get("id"))
                if response.status_code == 200 and fits:
                    self.failures = self.row = 0
                    return resource
                trouble = f"{response.status_code} without a {expected}"
            except (httpx2.TransportError, httpx2.DecodingError, ValueError) as error:
                trouble = type(error).__name__
            self.rest()
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
        first = current = self.get(f"{self.base}/Patient/{id}", "Patient", id)
        seen = {id}
        while links := [link for link in current.get("link") or [] if link.get("type") == "replaced-by"]:
            id = links[0].get("other", {}).get("reference", "").rpartition("/")[2]
            if not id or id in seen:
                return first
            seen.add(id)
            current = self.get(f"{self.base}/Patient/{id}", "Patient", id)
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
                    self.row = 0
                    if "location" in response.headers and not response.content:
                        return
                    answer = decode(response.content)
                    if isinstance(answer, dict) and answer.get("resourceType") in ("Observation", "OperationOutcome"):
                        return
                self.pause(response, attempt)
            except (httpx2.TransportError, httpx2.DecodingError, ValueError) as error:
                log.info("outcome of a write unknown: %s", type(error).__name__)
                self.rest()
            patient = resource["subject"]["reference"].rpartition("/")[2]
            there = self.search("Observation", patient=patient, category="vital-signs")
            if any(identifier in (one.get("identifier") or []) for one in there.values()):
                return
        raise Failed("POST Observation: outcome never became known")


def date_of(response: Answer) -> float:
    """The site's time by its `Date` header, or ours."""
    try:
        return parsedate_to_datetime(response.headers.get("date", "")).timestamp()
    except (ValueError, TypeError):
        return time.time()


def told(response: Answer) -> float | None:
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
    return min(30.0, 0.5 * 2.0 ** min(attempt, 10)) * random.uniform(0.75, 1.25)


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
        site.learn()
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


def doubtful(site: Site, kept: Mapping[str, Resource]) -> Iterator[tuple[str, str, str]]:
    """(key, type of failure, reason) of records that no program should take in as they are."""
    seen: dict[str, str] = {}
    whose = {one["id"]: last_part(one.get("subject")) for one in kept.values() if one["resourceType"] == "Encounter"}
    measured = {code for one in kept.values() if one.get("valueQuantity", {}).get("unit") for code in codes(one)}
    for key, one in kept.items():
        visit, patient = last_part(one.get("encounter")), last_part(one.get("subject"))
        if visit and visit not in whose:
            whose[visit] = owner(site, visit)
        if visit and patient and whose[visit] not in ("", patient):
            yield key, "identity", f"of patient {patient}, and of an encounter of {whose[visit]}"
        quantity = one.get("valueQuantity", {})
        bare = "value" in quantity and not quantity.get("unit") and not quantity.get("code")
        if bare and not measured.isdisjoint(codes(one)):
            yield key, "unit", "a number without a unit, where others have one"
        if any(system == SNOMED and not code.isdigit() for system, code in codes(one)):
            yield key, "code", "no SNOMED CT code has this form"
        text = json.dumps({name: value for name, value in one.items() if name not in ("id", "meta", "text")})
        if one["resourceType"] == "Observation" and (first := seen.setdefault(text, key)) != key:
            yield key, "duplicate", f"says the same as {first}"  # results have a time; a diagnosis may be made twice


def owner(site: Site, visit: str) -> str:
    """Whose an encounter is; empty if that cannot be had."""
    if not site.may("Encounter", "r"):
        return ""
    try:
        return last_part(site.get(f"{site.base}/Encounter/{visit}", "Encounter", visit).get("subject"))
    except (Failed, SiteClosed):
        return ""


def codes(resource: Resource) -> list[tuple[str, str]]:
    """(system, code) of what the record is about."""
    code = resource.get("code")
    found = code.get("coding") if isinstance(code, dict) else None
    return [(one.get("system", ""), one["code"]) for one in found or [] if one.get("code")]


def last_part(reference: Any) -> str:
    """The id that a reference ends with; empty if it is none."""
    text = reference.get("reference") if isinstance(reference, dict) else ""
    return str(text or "").rpartition("/")[2]


def settings_of(name: str, environment: Mapping[str, str]) -> dict[str, str]:
    """The variables of one site without their prefix."""
    prefix = f"MOCKEHR_{name.upper().replace('-', '_')}_"
    return {key.removeprefix(prefix): value for key, value in environment.items() if key.startswith(prefix)}


def roster(text: str) -> list[str]:
    """Patient ids from a list with commas, or from a file with one on each line."""
    if os.path.isfile(text):
        text = Path(text).read_text("utf-8")
    return [id for id in re.split(r"[,\s]+", text) if id]


def trusted(environment: Mapping[str, str]) -> ssl.SSLContext:
    """Whose certificates count: the authority that we were told of, else those that everybody trusts. Never none."""
    return ssl.create_default_context(cafile=environment.get("MOCKEHR_CA_FILE") or None)


def write(file: Path, lines: list[Resource]) -> None:
    """One JSON object on each line, in ASCII, which no reader gets wrong."""
    file.write_text("".join(json.dumps(one) + "\n" for one in lines), "ascii")


def main() -> int:
    """Sync every site named in the environment; 0 when all was asked for, 2 if a variable is missing."""
    logging.basicConfig(level=logging.WARNING, format="%(name)s: %(message)s")
    try:
        output = Path(os.environ["MOCKEHR_OUTPUT"])
        output.mkdir(parents=True, exist_ok=True)
        for name in roster(os.environ["MOCKEHR_SITES"]):
            settings = settings_of(name, os.environ)
            with httpx2.Client(timeout=SILENCE, follow_redirects=True, verify=trusted(os.environ)) as http:
                site = Site(settings, http, time.sleep)
                kept = sync(site, roster(settings["PATIENTS"]))
                parked = {key: (why, more) for key, why, more in doubtful(site, kept)}
            write(output / f"{name}.ndjson", [one for key, one in kept.items() if key not in parked])
            told = [{"reference": key, "type": why, "reason": more} for key, (why, more) in parked.items()]
            write(output / f"{name}.parked.ndjson", told)
    except KeyError as missing:
        print(f"careful: the variable {missing} is not set", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
