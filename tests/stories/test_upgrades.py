"""Two small clients over one vendor's upgrade: one that looks, and one that knows better."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from mockehr.testing.world import TestSite, World

DAY = 86400.0


class Naive:
    """Wants an element under the name that it had when the client was written, and a type that was there then."""

    def __init__(self, http: httpx2.Client, base: str) -> None:
        self._http, self._base = http, base

    def marital_status(self, patient: str) -> str:
        """The text of it."""
        document = self._http.get(f"{self._base}/Patient/{patient}").json()
        return str(document["maritalStatus"]["text"])

    def goals(self, patient: str) -> int:
        """How many there are."""
        return int(
            self._http.get(f"{self._base}/Goal", params={"patient": patient}).raise_for_status().json()["total"]
        )


class Coping(Naive):
    """Takes both names, and asks the CapabilityStatement before it asks for a type."""

    def marital_status(self, patient: str) -> str:
        """The text of it, under either name."""
        document = self._http.get(f"{self._base}/Patient/{patient}").json()
        found = document.get("maritalStatus") or document.get("civilStatus") or {}
        return str(found.get("text", "unknown"))

    def goals(self, patient: str) -> int:
        """None where the type is not offered."""
        told: dict[str, Any] = self._http.get(f"{self._base}/metadata").json()
        offered = {one["type"] for one in told["rest"][0]["resource"]}
        return super().goals(patient) if "Goal" in offered else 0

    def release(self) -> str:
        """What the software says of itself."""
        return str(self._http.get(f"{self._base}/metadata").json()["software"]["version"])


@pytest.fixture
def http() -> Iterator[httpx2.Client]:
    with httpx2.Client(timeout=30, headers={"Accept": "application/json"}) as client:
        yield client


def somebody(site: TestSite) -> str:
    assert site.site.charts is not None
    return site.site.charts.patient_id(1)


@pytest.mark.parametrize("vendor", ["generic", "epic"])
def test_a_coping_client_lives_through_an_upgrade_and_a_naive_one_does_not(
    mockehr: World, http: httpx2.Client, vendor: str
) -> None:
    site = mockehr.site(vendor, patients=5, stepped=True, open_access=True, upgrade={"2026-Q3": "2026-02-01"})
    coping, naive, who = Coping(http, site.fhir_url), Naive(http, site.fhir_url), somebody(site)
    status, release = coping.marital_status(who), coping.release()
    assert naive.marital_status(who) == status != "unknown"
    assert naive.goals(who) == coping.goals(who)
    site.advance("40d")
    assert coping.marital_status(who) == status
    assert coping.goals(who) == 0
    assert coping.release() != release
    with pytest.raises(KeyError):
        naive.marital_status(who)
    with pytest.raises(httpx2.HTTPStatusError):
        naive.goals(who)


def test_not_all_sites_are_upgraded_at_once(mockehr: World, http: httpx2.Client) -> None:
    names = {"early": "2026-02-01", "late": "2026-06-01"}
    sites = {
        name: mockehr.site("epic", name=name, patients=5, stepped=True, open_access=True, upgrade={"2026-Q3": at})
        for name, at in names.items()
    }
    for site in sites.values():
        site.advance("40d")
    assert Naive(http, sites["late"].fhir_url).marital_status(somebody(sites["late"]))
    with pytest.raises(KeyError):
        Naive(http, sites["early"].fhir_url).marital_status(somebody(sites["early"]))
