"""A Locust user that works with a FHIR base as a Backend Services client. Importing this imports locust, which
patches sockets: do it in locust's own process only."""

from __future__ import annotations

import os
from itertools import count
from typing import Any, ClassVar, Final

import orjson
from locust import constant, task
from locust.contrib.fasthttp import FastHttpUser

from mockehr.auth.assertion import ASSERTION_TYPE, client_assertion
from mockehr.auth.keys import read_bundled_key
from mockehr.core.chance import Chance
from mockehr.core.clock import Clock
from mockehr.load.payloads import (
    NAMES,
    Request,
    chart_search,
    family_search,
    observation_create,
    patient_read,
    roster,
)

MEDIA: Final = "application/fhir+json"
RENEW_BEFORE: Final = 30.0
"""Seconds before a token's end at which a new one is fetched."""


class FhirUser(FastHttpUser):
    """Reads, searches, follows `next` and writes. `host` is the FHIR base; the token endpoint is found from its SMART
    configuration. The client is the one that `mockehr serve` registers at every site, unless the class says other.
    """

    wait_time = constant(float(os.environ.get("MOCKEHR_LOAD_PAUSE", "0")))
    client_id = "demo"
    scopes = "system/*.cruds"
    key_name = "client-1-ES384"
    seed = os.environ.get("MOCKEHR_LOAD_SEED", "7")
    numbers: ClassVar[count[int]] = count()

    def on_start(self) -> None:
        """Learn where tokens are got, get one, and learn some patients."""
        number = next(self.numbers)
        self.clock = Clock()
        self.dice = Chance(self.seed).stream("load", "fhir", number)
        self.serial = count()
        self.identity = f"{os.getpid()}-{number}"
        self.base = str(self.host).rstrip("/")
        self.expires = 0.0
        self.headers: dict[str, str] = {}
        self.token_url = self._token_url()
        page = self.ask(roster()) or {}
        self.patients = [entry["resource"]["id"] for entry in page.get("entry", ()) if _is_match(entry)]

    def ask(self, request: Request) -> dict[str, Any] | None:
        """Send a request with a living token; the answer's document, or None if it failed (and was counted so)."""
        self._renew()
        target = request.target if "://" in request.target else self.base + request.target
        options: dict[str, Any] = {"headers": self.headers, "name": request.name, "catch_response": True}
        if request.body:
            options |= {"data": request.body, "headers": self.headers | {"Content-Type": MEDIA}}
        with self.client.request(request.method, target, **options) as answer:
            if answer.status_code not in (200, 201):
                answer.failure(f"status {answer.status_code}")
                return None
            try:
                return dict(orjson.loads(answer.content))
            except (orjson.JSONDecodeError, TypeError, ValueError):
                if answer.status_code == 200:
                    answer.failure("the body is no JSON object")
                return None

    @task(4)
    def read_patient(self) -> None:
        """Read one of the known patients."""
        if self.patients:
            self.ask(patient_read(self.dice.choice(self.patients)))

    @task(3)
    def search_chart(self) -> None:
        """Look up one patient's laboratory results."""
        if self.patients:
            self.ask(chart_search(self.dice.choice(self.patients)))

    @task(2)
    def search_family(self) -> None:
        """Search by family name and follow the first `next`, as it is written."""
        page = self.ask(family_search(self.dice.below(1000))) or {}
        following = next((link["url"] for link in page.get("link", ()) if link["relation"] == "next"), "")
        if following:
            self.ask(Request(NAMES["next"], "GET", following))

    @task(1)
    def write_observation(self) -> None:
        """Write a vital sign."""
        if self.patients:
            patient = self.dice.choice(self.patients)
            self.ask(observation_create(patient, next(self.serial), self.clock.now()))

    def _token_url(self) -> str:
        with self.client.get(f"{self.base}/.well-known/smart-configuration", name="discovery") as answer:
            return str(orjson.loads(answer.content)["token_endpoint"])

    def _renew(self) -> None:
        now = self.clock.now()
        if now < self.expires - RENEW_BEFORE:
            return
        jti = f"load-{self.identity}-{next(self.serial)}-{now:.6f}"
        form = {
            "grant_type": "client_credentials",
            "scope": self.scopes,
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": client_assertion(
                self.client_id, self.token_url, read_bundled_key(self.key_name), now=now, jti=jti
            ),
        }
        with self.client.post(self.token_url, data=form, name=NAMES["token"]) as answer:
            told = orjson.loads(answer.content)
        self.headers = {"Authorization": f"Bearer {told['access_token']}", "Accept": MEDIA}
        self.expires = now + float(told.get("expires_in", 300))


def _is_match(entry: dict[str, Any]) -> bool:
    return bool(entry.get("search", {}).get("mode", "match") == "match")
