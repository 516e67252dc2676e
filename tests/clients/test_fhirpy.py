"""fhirpy (beda-software) against the running simulator: it pages by the links and leaves the bodies as they are."""

from __future__ import annotations

from typing import Any

import pytest
from fhirpy import SyncFHIRClient
from fhirpy.base.exceptions import AuthorizationError


@pytest.fixture
def fhirpy_client(hospital: Any) -> SyncFHIRClient:
    headers = {"Accept": "application/fhir+json"}
    return SyncFHIRClient(hospital.fhir_url, authorization=f"Bearer {hospital.token()}", extra_headers=headers)


def test_fhirpy_pages_through_all_patients(hospital: Any, fhirpy_client: SyncFHIRClient) -> None:
    found = [one.id for one in fhirpy_client.resources("Patient").search(**hospital.list_everyone())]
    everyone = hospital.everyone()
    assert len(found) == len(everyone) == 205
    assert set(found) == set(everyone)
    assert hospital.searched("Patient") == 11  # ten pages of twenty and one of five


def test_fhirpy_reads_whole_charts(hospital: Any, fhirpy_client: SyncFHIRClient) -> None:
    for index, patient in hospital.charted():
        for kind, category in hospital.searches:
            asked = {"patient": patient} | ({"category": category} if category else {})
            found = fhirpy_client.resources(kind).search(**asked).limit(10).fetch_all()
            assert sorted(one.id for one in found) == hospital.truth(index, kind, category), (kind, category)
    assert hospital.searched("Observation") > 2 * len(hospital.charted())


def test_fhirpy_creates_a_patient_and_reads_it_back(hospital: Any, fhirpy_client: SyncFHIRClient) -> None:
    given = {"name": [{"family": "Ibáñez", "given": ["Zoë"]}], "gender": "female", "birthDate": "1957-03-09"}
    made = fhirpy_client.resource("Patient", **given)
    made.save()
    # Vendors that answer a create with nothing leave fhirpy without an id, so that it has to look.
    found = fhirpy_client.resources("Patient").search(family="Ibáñez", given="Zoë", birthdate="1957-03-09").fetch()
    assert len(found) == 1
    read = fhirpy_client.reference("Patient", found[0].id).to_resource()
    assert made.id in (None, read.id)
    assert {name: read[name] for name in given} == given


def test_fhirpy_without_a_token_is_told_so(hospital: Any) -> None:
    bare = SyncFHIRClient(hospital.fhir_url, extra_headers={"Accept": "application/fhir+json"})
    with pytest.raises(AuthorizationError):
        bare.resources("Patient").search(**hospital.list_everyone()).fetch()
