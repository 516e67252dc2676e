"""A hospital of every personality for clients that we did not write, and what its charts truly hold."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import httpx2
import pytest

from mockehr.auth.assertion import client_assertion
from mockehr.testing.world import TestClient, TestSite, World

VENDORS = ("generic", "epic", "oracle")
"""Whose sites clients of others are tried on: apps and writes are offered there as those clients expect them."""


PATIENTS = 205
PAGE = 20
CHARTED = int(os.environ.get("MOCKEHR_TEST_CHARTS", "3"))
"""Patients whose charts are read; 200 takes some minutes."""

CHART_SEARCHES = (
    ("Condition", ""),
    ("Observation", "laboratory"),
    ("Observation", "vital-signs"),
    ("MedicationRequest", ""),
    ("Encounter", ""),
    ("AllergyIntolerance", ""),
    ("Immunization", ""),
    ("DiagnosticReport", ""),
)
"""(resource type, category or nothing): what is read of each chart."""

FEW = 30
"""Patients of the site at which a client does all that it can."""
CHOICE = 5
"""Of how many of them the one with the fullest chart is looked for."""


@dataclass(frozen=True)
class Hospital:
    """A running site, a registered client, and the truth to compare with."""

    site: TestSite
    client: TestClient
    vendor: str

    searches = CHART_SEARCHES
    page = PAGE

    def as_given(self, given: dict[str, Any], read: Any) -> dict[str, Any]:
        """What was read back, in the form in which it was given; Epic files names in a form of its own."""
        found = {name: read[name] for name in given}
        if self.vendor == "epic" and "name" in given:
            found["name"] = [{part: found["name"][0][part] for part in given["name"][0]}]
        return found

    @property
    def fhir_url(self) -> str:
        """The FHIR base."""
        return self.site.fhir_url

    def assertion(self, jti: str) -> str:
        """A fresh client assertion for the token endpoint."""
        now = self.site.site.clock.now()
        return client_assertion(self.client.client_id, self.client.token_url, self.client.key, now=now, jti=jti)

    def token(self) -> str:
        """An access token by Backend Services."""
        form = {
            "grant_type": "client_credentials",
            "scope": self.client.scopes,
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": self.assertion("for-a-token"),
        }
        answer = httpx2.post(self.client.token_url, data=form, timeout=10)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])

    def list_everyone(self) -> dict[str, str]:
        """Search parameters that list all patients: plain where it is allowed, by what the vendor wants elsewhere."""
        if self.vendor == "generic":
            return {"_count": str(PAGE)}
        if self.vendor == "oracle":
            return {"birthdate": "gt1900-01-01", "_count": str(PAGE)}
        return {"_id": ",".join(self.everyone()), "_count": str(PAGE)}

    def everyone(self) -> list[str]:
        """The true ids of all patients."""
        return self.site.patient_ids(limit=PATIENTS)

    def charted(self) -> list[tuple[int, str]]:
        """(index, id) of the patients whose charts are read."""
        return list(enumerate(self.everyone()[:CHARTED]))

    @cached_property
    def busiest(self) -> tuple[int, str]:
        """(index, id) of the patient with the most laboratory values, of the first few."""
        some = enumerate(self.everyone()[:CHOICE])
        return max(some, key=lambda one: len(self.truth(one[0], "Observation", "laboratory")))

    def truth(self, index: int, kind: str, category: str = "") -> list[str]:
        """Sorted ids of one patient's records of a kind. What is counted is the clean chart, before any dress."""
        charts = self.site.site.charts
        assert charts is not None
        clean = charts.clean(index).resources
        shown = charts.dress(index, dirty=False)
        # What a vendor shows beside the clean resources comes after them.
        pairs = zip(clean, shown[: len(clean)], strict=True)
        return sorted(document["id"] for one, (document, _) in pairs if _is(one, kind, category))

    def searched(self, kind: str) -> int:
        """How often a search or a further page of that kind was asked for."""
        path = f"/{kind}"
        return sum(e.channel == "fhir" and e.path.endswith(path) and e.method == "GET" for e in self.site.journal())


def _is(resource: dict[str, Any], kind: str, category: str) -> bool:
    if resource["resourceType"] != kind or not category:
        return bool(resource["resourceType"] == kind)
    return any(coding["code"] == category for concept in resource["category"] for coding in concept["coding"])


@pytest.fixture(params=VENDORS)
def hospital(request: pytest.FixtureRequest, mockehr: World) -> Hospital:
    """A hospital with 205 patients, one for each personality there is."""
    site = mockehr.site(request.param, patients=PATIENTS)
    return Hospital(site, site.client(), request.param)


@pytest.fixture
def generic(mockehr: World) -> Hospital:
    """A small hospital that does what the standard says."""
    site = mockehr.site("generic", patients=FEW)
    return Hospital(site, site.client(), "generic")


@pytest.fixture
def told(generic: Hospital) -> dict[str, Any]:
    """What a program needs for its round at the generic hospital: where, as whom, whose chart, and what to write."""
    patient = generic.busiest[1]
    system, record = "http://example.org/record", "r-1"
    person = {
        "resourceType": "Patient",
        "identifier": [{"system": system, "value": record}],
        "name": [{"family": "Ibáñez", "given": ["Zoë"]}],
        "gender": "female",
    }
    root, _, path = generic.fhir_url.partition(f"/{generic.site.name}/")
    return {
        "base": generic.fhir_url,
        "root": f"{root}/{generic.site.name}/",
        "path": path,
        "token": generic.token(),
        "tokenUrl": generic.client.token_url,
        "assertion": generic.assertion("for-a-round"),
        "patient": patient,
        "record": record,
        "person": person,
        "transaction": _transaction(person, patient),
        "faulty": _transaction(person | {"identifier": [{"system": system, "value": "r-lost"}]}, patient, status=""),
        "faultyLeaves": {"identifier": f"{system}|r-lost"},
    }


def _transaction(person: dict[str, Any], patient: str, *, status: str = "final") -> dict[str, Any]:
    """A new patient with an observation that comes first and points at it, and a look at a chart that is there."""
    name = "urn:uuid:6f2a1c1e-50c2-4c1b-9a58-3d9a8f0b7e11"
    code = {"coding": [{"system": "http://loinc.org", "code": "8867-4"}]}
    observation = {"resourceType": "Observation", "status": status, "code": code, "subject": {"reference": name}}
    return {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [
            {"resource": observation, "request": {"method": "POST", "url": "Observation"}},
            {"fullUrl": name, "resource": person, "request": {"method": "POST", "url": "Patient"}},
            {"request": {"method": "GET", "url": f"Patient/{patient}"}},
        ],
    }
