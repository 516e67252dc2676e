"""A client such as hospitals have: it reads some charts every night and writes one note for each patient.

It copes with a good deal: tokens that die, throttling, answers that are lost, cut, late or no JSON, paging sessions
that end, pages that repeat. One bug is planted, in `NightlySync`: what is in doubt after a lost answer is kept with
the session, and a new login makes a new session. So a note is written twice if first the answer to its write is lost
and then, while the charts are read, the token dies. `MendedSync` keeps it where it belongs, the same otherwise.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlencode, urljoin

import httpx2
from joserfc import jwk, jwt

Resource = dict[str, Any]

KINDS: Final[Mapping[str, Mapping[str, str]]] = {"Condition": {}, "AllergyIntolerance": {}}
PAGE = 10
TRIES = 60
"""How often a request is made before the night is over."""
LONGEST_PAUSE = 900.0
SYSTEM = "https://night.example.org/notes"
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class NightIsOver(Exception):
    """The site does not answer in a way that helps; the next night will do."""


class Refused(Exception):
    """A request that is not going to be answered, however often it is made."""

    def __init__(self, status: int, what: str) -> None:
        super().__init__(f"{status} for {what}")
        self.status = status


class NoAnswer(Exception):
    """Nothing came back, not even a status."""


class Broken(Exception):
    """The connection broke, or time was up."""


@dataclass(frozen=True)
class Answer:
    """A status, what it says in its head, and the body as far as it came."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    whole: bool

    @property
    def document(self) -> Resource:
        """The body as a resource; empty if it is none."""
        try:
            found = json.loads(self.body.decode("utf-8-sig")) if self.whole else {}
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}


@dataclass
class Session:
    """What belongs to one login."""

    token: str
    in_doubt: set[str] = field(default_factory=set)
    """Notes whose writes were never answered."""


@dataclass(frozen=True)
class Note:
    """What is written for one patient, under an identifier of our own."""

    patient: str

    @property
    def value(self) -> str:
        """The identifier's value."""
        return f"night-{self.patient}"

    def resource(self) -> Resource:
        """The note as the site gets it."""
        return {
            "resourceType": "Observation",
            "identifier": [{"system": SYSTEM, "value": self.value}],
            "status": "final",
            "category": [
                {
                    "coding": [
                        {
                            "system": "http://terminology.hl7.org/CodeSystem/observation-category",
                            "code": "survey",
                        }
                    ]
                }
            ],
            "code": {"text": "read by the nightly sync"},
            "subject": {"reference": f"Patient/{self.patient}"},
            "valueString": "read",
        }


class NightlySync:
    """One night at one site."""

    def __init__(
        self,
        http: httpx2.Client,
        sleep: Callable[[float], None],
        time: Callable[[], float],
        *,
        fhir_url: str,
        token_url: str,
        client_id: str,
        scopes: str,
        key: Mapping[str, str],
    ) -> None:
        self.http, self.sleep, self.time = http, sleep, time
        self.base = fhir_url
        self.token_url = token_url
        self.client_id = client_id
        self.scopes = scopes
        self.key = jwk.import_key(dict(key))
        self.logins = 0
        self.session = Session("")
        self.confirmed: set[str] = set()
        self.records: dict[str, Resource] = {}

    # the night

    def run(self, patients: list[str]) -> dict[str, Resource]:
        """Write the notes, read the charts, and settle at the end what stayed in doubt."""
        self.log_in()
        notes = [Note(patient) for patient in patients]
        for note in notes:
            self.write(note)
        for patient in patients:
            self.read_chart(patient)
        for note in notes:
            self.settle(note)
        return self.records

    def read_chart(self, patient: str) -> None:
        """Keep the patient and all that belongs to them, once."""
        person = self.resource(f"{self.base}/Patient/{patient}", "Patient")
        self.records[f"Patient/{patient}"] = person
        for kind, extra in KINDS.items():
            for found in self.search(kind, {"patient": patient, **extra}):
                self.records[f"{kind}/{found['id']}"] = found

    # logging in

    def log_in(self) -> None:
        """Open a session."""
        for attempt in range(TRIES):
            form = {
                "grant_type": "client_credentials",
                "scope": self.scopes,
                "client_assertion_type": ASSERTION,
                "client_assertion": self.assertion(),
            }
            try:
                answer = self.exchange("POST", self.token_url, content=urlencode(form).encode(), form=True)
            except (NoAnswer, Broken):
                self.pause(None, attempt)
                continue
            token = answer.document.get("access_token")
            if answer.status == 200 and isinstance(token, str) and token:
                self.opened(token)
                return
            self.pause(answer, attempt)
        raise NightIsOver("no token")

    def opened(self, token: str) -> None:
        """A login worked: this is the session from now on."""
        self.session = Session(token)

    def assertion(self) -> str:
        """Who we are, signed anew (SMART Backend Services)."""
        self.logins += 1
        now = int(self.time())
        algorithm = {"RSA": "RS384", "EC": "ES384"}[self.key.key_type]
        claims = {"iss": self.client_id, "sub": self.client_id, "aud": self.token_url, "exp": now + 240}
        claims["jti"] = f"{self.client_id}-{now}-{self.logins}"
        head = {"alg": algorithm, "kid": self.key.kid}
        return jwt.encode(head, claims, self.key, algorithms=[algorithm])

    # asking

    def exchange(self, method: str, url: str, *, content: bytes = b"", form: bool = False) -> Answer:
        """One request and its answer, whatever it is. Raises NoAnswer and Broken."""
        kind = "application/x-www-form-urlencoded" if form else "application/fhir+json"
        headers = {"Accept": "application/json" if form else "application/fhir+json"}
        headers |= {"Content-Type": kind} if content else {}
        headers |= {} if form else {"Authorization": f"Bearer {self.session.token}"}
        try:
            with self.http.stream(method, url, headers=headers, content=content or None) as response:
                told = {name.lower(): value for name, value in response.headers.items()}
                try:
                    return Answer(response.status_code, told, response.read(), True)
                except (httpx2.TransportError, httpx2.DecodingError):
                    return Answer(response.status_code, told, b"", False)
        except httpx2.RemoteProtocolError as error:
            raise NoAnswer(str(error)) from error
        except httpx2.TransportError as error:
            raise Broken(str(error)) from error

    def allowed(self, method: str, url: str, *, content: bytes = b"") -> Answer:
        """An answer that is about the request: not that the token died, nor that we should wait."""
        for attempt in range(TRIES):
            answer = self.exchange(method, url, content=content)
            if answer.status == 401:
                self.log_in()
            elif answer.status == 429 or (answer.status == 503 and method == "GET"):
                self.pause(answer, attempt)
            else:
                return answer
        raise NightIsOver(f"never let in for {method} {url}")

    def pause(self, answer: Answer | None, attempt: int) -> None:
        """Wait as long as the site says, or longer each time."""
        told = answer.headers.get("retry-after", "") if answer is not None else ""
        wait = float(told) if told.isdigit() else min(60.0, 0.5 * 2.0 ** min(attempt, 10))
        if wait > LONGEST_PAUSE:
            raise NightIsOver(f"told to come back in {wait:.0f} s")
        self.sleep(wait)

    def resource(self, url: str, kind: str) -> Resource:
        """The resource of that kind at an address; what is no use is asked for again."""
        for attempt in range(TRIES):
            try:
                answer = self.allowed("GET", url)
            except (NoAnswer, Broken):
                self.pause(None, attempt)
                continue
            document = answer.document
            if answer.status == 200 and document.get("resourceType") == kind:
                return document
            if 400 <= answer.status < 500:
                raise Refused(answer.status, url)
            self.pause(answer, attempt)
        raise NightIsOver(f"no {kind} at {url}")

    def search(self, kind: str, query: Mapping[str, str]) -> list[Resource]:
        """All matches, each once; a paging session that ends is begun again."""
        first = f"{self.base}/{kind}?{urlencode({**query, '_count': PAGE})}"
        for attempt in range(TRIES):
            try:
                return list({found["id"]: found for found in self.pages(first, kind)}.values())
            except Refused as refused:
                if refused.status not in (404, 410):
                    raise NightIsOver(str(refused)) from refused
                self.pause(None, attempt)
        raise NightIsOver(f"paging sessions for {kind} keep dying")

    def pages(self, url: str, kind: str) -> Iterator[Resource]:
        """The matches of one walk through the pages."""
        seen: set[str] = set()
        while url and url not in seen:
            seen.add(url)
            page = self.resource(url, "Bundle")
            for entry in page.get("entry", []):
                found = entry.get("resource", {})
                if found.get("resourceType") == kind and found.get("id"):
                    yield found
            following = [link["url"] for link in page.get("link", []) if link.get("relation") == "next"]
            url = urljoin(url, following[0]) if following else ""

    # writing

    def write(self, note: Note) -> None:
        """Send a note. What comes of it may stay in doubt until `settle`."""
        content = json.dumps(note.resource()).encode()
        for attempt in range(TRIES):
            try:
                answer = self.allowed("POST", f"{self.base}/Observation", content=content)
            except NoAnswer:  # the site is busy: look for it when the charts are read
                self.doubt(note)
                return
            except Broken:  # look at once
                if self.is_there(note):
                    self.confirmed.add(note.value)
                    return
                continue
            if answer.status < 300 or self.is_there(note):
                self.confirmed.add(note.value)
                return
            self.pause(answer, attempt)
        raise NightIsOver(f"{note.value} cannot be written")

    def doubt(self, note: Note) -> None:
        """Remember that a note may have been written."""
        self.session.in_doubt.add(note.value)

    def doubted(self, note: Note) -> bool:
        """Whether a note may have been written."""
        return note.value in self.session.in_doubt

    def settle(self, note: Note) -> None:
        """At the end every note is there once."""
        for _ in range(TRIES):
            if note.value in self.confirmed:
                return
            if self.doubted(note) and self.is_there(note):
                self.confirmed.add(note.value)
                return
            self.write(note)
        raise NightIsOver(f"{note.value} stays in doubt")

    def is_there(self, note: Note) -> bool:
        """Whether the site has a note, by our identifier."""
        wanted = {"patient": note.patient, "category": "survey"}
        identifiers = [one for found in self.search("Observation", wanted) for one in found.get("identifier", [])]
        return any(one.get("system") == SYSTEM and one.get("value") == note.value for one in identifiers)


class MendedSync(NightlySync):
    """The same without the bug: what is in doubt outlives the session."""

    def opened(self, token: str) -> None:
        """A login worked; nothing that was in doubt is certain by that."""
        self.session = Session(token, self.session.in_doubt)
