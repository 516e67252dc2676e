"""Background traffic of a phase: requests of somebody else, one after the other on the site's clock.

They run in memory through the site's pipeline, so that rules act on them and the journal has them, under a client of
their own and with the note `load`. Which records are asked for depends on the site's seed and on nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count
from typing import Final
from urllib.parse import quote, urlencode

import orjson

from mockehr.auth.assertion import client_assertion
from mockehr.auth.tokens import Grant, TokenFault
from mockehr.core.clock import instant
from mockehr.core.exchange import Exchange
from mockehr.scenarios.phases import LoadSection
from mockehr.scenarios.steady import LOAD
from mockehr.sites.fronting import base_of
from mockehr.sites.site import Site
from mockehr.sites.test_client import fitting_key, register_demo_client

LIFETIME: Final = 3600
"""Seconds that a token of a load lives."""
PEOPLE: Final = 20
"""How many patients messages are about, one after the other."""
_ASSERTION: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_ADMIT: Final = (
    "MSH|^~\\&|LOAD|BACKGROUND|MOCKEHR|HOSPITAL|{at}||ADT^A04^ADT_A01|{id}|P|2.5.1\r"
    "EVN|A04|{at}\r"
    "PID|1||LOAD{person:04d}^^^LOAD^MR||Background^Person{person:04d}||19700101|F\r"
    "PV1|1|O|CLINIC||||||||||||||||LOADV{person:04d}\r"
)


class Load:
    """One load at one site, from `start` until `stop` or until it has made all of its requests."""

    def __init__(self, told: LoadSection, site: Site, phase: str, spared: Sequence[str]) -> None:
        """`spared` are patients about whom nothing is written: those whose records the client is judged by."""
        self.told = told
        self.made = 0
        self._site, self._phase, self._spared = site, phase, frozenset(spared)
        self._token = ""
        self._numbers = count(1)
        self._cancel: Callable[[], None] | None = None
        if site.auth.clients.find(told.name) is None:
            register_demo_client(site, told.name)

    def start(self) -> None:
        """The first requests now, the others as time passes."""
        self._tick()

    def stop(self) -> None:
        """No more requests."""
        if self._cancel is not None:
            self._cancel()

    def _tick(self) -> None:
        for _ in range(min(self.told.readers, self.told.at_most - self.made)):
            self.made += 1
            exchange = self._request(next(self._numbers))
            exchange.notes[LOAD] = self.told.name
            self._site.handle(exchange)
        if self.made < self.told.at_most:
            clock = self._site.clock
            label = f"load {self.told.name} of {self._phase}"
            self._cancel = clock.schedule(clock.now() + self.told.every, self._tick, label)

    def _request(self, number: int) -> Exchange:
        what = self.told.what
        if what == "token":
            return self._ask_for_token(number)
        if what == "hl7":
            return self._message(number)
        patient = self._patient(number)
        if what == "read":
            return self._fhir("GET", f"/Patient/{patient}")
        if what == "search":
            return self._fhir("GET", f"/{self.told.resource}", urlencode({"patient": patient}))
        return self._fhir("POST", "/Observation", body=self._result(patient, number))

    def _fhir(self, method: str, path: str, query: str = "", body: bytes = b"") -> Exchange:
        headers = {"accept": "application/fhir+json", "authorization": f"Bearer {self._bearer()}"}
        if body:
            headers["content-type"] = "application/fhir+json"
        base = base_of(self._site)
        return Exchange("fhir", method, path, query, headers, body, base_url=base, peer=self.told.name)

    def _bearer(self) -> str:
        site = self._site
        if not self._token or isinstance(site.auth.look_up(self._token), TokenFault):
            client, now = site.auth.clients.get(self.told.name), site.clock.now()
            draft = Grant(client.client_id, client.scopes, now, now + LIFETIME, LIFETIME)
            self._token = site.auth.tokens.issue(draft, token_url=site.addresses(base_of(site)).token).token
        return self._token

    def _ask_for_token(self, number: int) -> Exchange:
        site = self._site
        url = site.addresses(base_of(site)).token
        jti = f"{self._phase}-{self.told.name}-{number}"
        key = fitting_key(site.auth.settings.assertion_algs)
        form = {
            "grant_type": "client_credentials",
            "scope": "system/Patient.rs",
            "client_assertion_type": _ASSERTION,
            "client_assertion": client_assertion(self.told.name, url, key, now=site.clock.now(), jti=jti),
        }
        headers = {"content-type": "application/x-www-form-urlencoded"}
        body = urlencode(form).encode()
        return Exchange(
            "token", "POST", site.token_path, "", headers, body, base_url=base_of(site), peer=self.told.name
        )

    def _message(self, number: int) -> Exchange:
        at = "".join(letter for letter in instant(self._site.clock.now()) if letter.isdigit())
        told = _ADMIT.format(at=at, id=f"LOAD-{quote(self._phase)}-{number}", person=number % PEOPLE)
        return Exchange("mllp-in", "SEND", "/", body=told.encode("ascii"), peer=self.told.name)

    def _patient(self, number: int) -> str:
        """A patient who is not judged by, if there is one: drawn for each request."""
        charts = self._site.charts
        if charts is None or not charts.size:
            return "0"
        drawn = self._site.chance.stream("load", self._phase, self.told.name, number)
        place = drawn.below(charts.size)
        for step in range(min(charts.size, len(self._spared) + 1)):
            found = charts.patient_id((place + step) % charts.size)
            if self.told.what != "write" or found not in self._spared:
                return found
        return "0"  # all of them are spared: a result of nobody, which is refused

    def _result(self, patient: str, number: int) -> bytes:
        return orjson.dumps(
            {
                "resourceType": "Observation",
                "identifier": [{"system": "https://load.example.org/ids", "value": f"{self._phase}-{number}"}],
                "status": "final",
                "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4"}]},
                "subject": {"reference": f"Patient/{patient}"},
                "effectiveDateTime": instant(self._site.clock.now()),
                "valueQuantity": {"value": 60 + number % 40, "unit": "/min"},
            }
        )
