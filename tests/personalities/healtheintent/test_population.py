"""HealtheIntent's API. Sources: simulator/mockehr/personalities/healtheintent/notes.md."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import orjson
import pytest
from tests.personalities.conftest import ROOT, House, body_of

from mockehr.core.exchange import Reply
from mockehr.personalities.healtheintent.api import Population
from mockehr.personalities.variance import variance_of
from mockehr.sites.build import build_site
from mockehr.sites.options import SiteOptions

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@pytest.fixture
def tenant(house: Callable[..., House]) -> House:
    return house("healtheintent")


def api_of(house: House) -> Population:
    [found] = house.site.personality.apis(house.site.facts)
    assert isinstance(found, Population)
    return found


def below(house: House, api: str, target: str) -> str:
    return f"/{api}/v1/populations/{api_of(house).population}/{target}"


def get(house: House, api: str, target: str) -> dict[str, Any]:
    reply = house.ask("GET", below(house, api, target))
    assert reply.status == 200, reply.body
    return body_of(reply)


def refused(reply: Reply, status: int) -> dict[str, Any]:
    assert reply.status == status
    told = body_of(reply)
    assert set(told) == {"code", "message", "errorDetails"}
    assert told["code"] == status
    [detail] = told["errorDetails"]
    return dict(detail)


@pytest.mark.behaviour("healtheintent", "no-fhir")
def test_there_is_no_fhir(tenant: House) -> None:
    assert tenant.fhir(f"Patient/{tenant.patient()}").status == 404
    assert not tenant.site.personality.offers("Patient")


@pytest.mark.behaviour("healtheintent", "versions-in-paths", "below-a-population", "error-details")
def test_version_and_population_have_to_be_told(tenant: House) -> None:
    with pytest.raises(AssertionError, match="nothing answers"):
        tenant.ask("GET", f"/allergy/populations/{api_of(tenant).population}/patients/1/allergies")
    other = f"/allergy/v1/populations/none/patients/{tenant.patient()}/allergies"
    assert refused(tenant.ask("GET", other), 404)["location"] == "populationId"
    unknown = tenant.ask("GET", below(tenant, "allergy", "patients/none/allergies"))
    assert refused(unknown, 404) == {
        "locationType": "path", "location": "patientId", "message": "patient not found",
    }  # fmt: skip


@pytest.mark.behaviour("healtheintent", "unauthorized", "bearer-token", "user-authorization", "hosts")
def test_a_token_without_an_end_opens_everything_and_nothing_else_does(house: Callable[..., House]) -> None:
    shut = house("healtheintent", open_access=False)
    target = below(shut, "patient", f"patients/{shut.patient()}/demographics")
    no = shut.ask("GET", target)
    assert refused(no, 401) == {"locationType": "header", "location": "Authorization", "message": "header missing"}
    assert body_of(no)["message"] == "Unauthorized"
    realm = "example.api.us-1.healtheintent.com"
    assert no.header("WWW-Authenticate") == f"Bearer realm={realm} OAuth realm={realm}"
    assert refused(shut.ask("GET", target, authorization="Bearer x"), 401)["location"] == "Authorization"
    assert shut.ask("GET", target, authorization=shut.bearer("system/Observation.rs")).status == 200
    assert shut.site.personality.settings["token"]["expires_in"] >= 10 * 365 * 86400
    regions = next(trait for trait in variance_of("healtheintent").traits if trait.name == "region")
    assert [one.name for one in regions.choices] == ["us-1", "emea-1", "emea-2", "ca-1", "ap-1"]


@pytest.mark.behaviour("healtheintent", "correlation-id", "ids")
def test_every_answer_has_an_id_of_its_own(tenant: House) -> None:
    target = below(tenant, "condition", f"patients/{tenant.patient()}/conditions")
    first, second = (tenant.ask("GET", target).header("cerner-correlation-id") for _ in range(2))
    assert UUID.fullmatch(first)
    assert first != second
    assert UUID.fullmatch(tenant.patient())


@pytest.mark.behaviour("healtheintent", "pages", "limits")
def test_pages_lead_from_the_first_to_the_last(tenant: House) -> None:
    target = f"patients/{tenant.patient()}/conditions"
    everything = get(tenant, "condition", f"{target}?limit=100")
    assert "nextLink" not in everything
    ids = [one["id"] for one in everything["items"]]
    assert len(ids) > 4
    page = get(tenant, "condition", f"{target}?limit=2")
    seen, first = [one["id"] for one in page["items"]], page["firstLink"]
    while "nextLink" in page:
        assert page["nextLink"].startswith(ROOT)
        parts = urlsplit(page["nextLink"])
        page = body_of(tenant.ask("GET", f"{parts.path}?{parts.query}"))
        assert page["firstLink"] == first
        seen += [one["id"] for one in page["items"]]
    assert seen == ids
    busy = get(tenant, "encounter", f"patients/{tenant.patient(3)}/encounters")
    assert len(busy["items"]) == min(20, busy["totalResults"])
    for wrong in ("0", "101", "x"):
        assert (
            refused(tenant.ask("GET", below(tenant, "condition", f"{target}?limit={wrong}")), 400)["location"]
            == "limit"
        )


@pytest.mark.behaviour("healtheintent", "blank-parameters", "error-details")
def test_a_parameter_without_a_value_is_refused(tenant: House) -> None:
    reply = tenant.ask("GET", below(tenant, "allergy", f"patients/{tenant.patient()}/allergies?status="))
    detail = refused(reply, 400)
    assert (detail["locationType"], detail["location"]) == ("query", "status")
    cursor = tenant.ask("GET", below(tenant, "allergy", f"patients/{tenant.patient()}/allergies?cursor=!"))
    assert refused(cursor, 400)["location"] == "cursor"


@pytest.mark.behaviour("healtheintent", "patient-id-lookup")
def test_patients_are_found_by_what_their_source_calls_them(tenant: House) -> None:
    told = get(tenant, "patient", f"patients/{tenant.patient()}/demographics")["items"][0]["sourceIdentifier"]
    query = f"patient-id-lookup?dataPartitionId={told['dataPartitionId']}&sourcePersonId={told['id']}"
    assert get(tenant, "patient", query)["items"] == [{"patient": {"id": tenant.patient()}}]
    other = f"patient-id-lookup?dataPartitionId=x&sourcePersonId={told['id']}"
    assert get(tenant, "patient", other)["items"] == []
    missing = tenant.ask("GET", below(tenant, "patient", "patient-id-lookup?sourcePersonId=1"))
    assert refused(missing, 400)["location"] == "dataPartitionId"


@pytest.mark.behaviour("healtheintent", "demographics")
def test_demographics_are_what_one_source_says(tenant: House) -> None:
    [told] = get(tenant, "patient", f"patients/{tenant.patient()}/demographics")["items"]
    assert re.fullmatch(r"[0-9a-f]{64}", told["id"])
    record = tenant.site.store.read("Patient", tenant.patient())
    assert record is not None
    clean = record.document
    assert told["birthDate"] == clean["birthDate"]
    assert told["names"][0]["familyNames"] == [clean["name"][0]["family"]]
    assert {"names", "races", "ethnicities", "sourceIdentifier"} <= set(told)


@pytest.mark.behaviour("healtheintent", "patient-search")
def test_patients_are_searched_by_post(tenant: House) -> None:
    [told] = get(tenant, "patient", f"patients/{tenant.patient()}/demographics")["items"]
    asked = {"name": told["names"][0]["familyNames"][0], "birthDate": told["birthDate"]}
    reply = tenant.ask("POST", below(tenant, "patient", "patient-search"), body=orjson.dumps(asked))
    found = body_of(reply)
    assert {"id": {"id": tenant.patient()}} in found["items"]
    assert found["totalResults"] == len(found["items"])
    for wrong in (b"{}", b"no"):
        assert refused(tenant.ask("POST", below(tenant, "patient", "patient-search"), body=wrong), 400)


@pytest.mark.behaviour("healtheintent", "allergies", "conditions", "encounters-and-immunizations", "concepts")
@pytest.mark.parametrize(
    ("api", "plural", "wanted"),
    [
        ("allergy", "allergies", {"assertedOn", "status", "code", "sourceIdentifier"}),
        ("condition", "conditions", {"assertedOn", "classification", "code", "status"}),
        ("encounter", "encounters", {"status", "type", "sourceIdentifier"}),
        ("immunization", "immunizations", {"status", "code", "sourceIdentifier"}),
    ],
)
def test_records_are_listed_and_read(tenant: House, api: str, plural: str, wanted: set[str]) -> None:
    seen = 0
    for index in range(12):
        target = f"patients/{tenant.patient(index)}/{plural}"
        for one in get(tenant, api, f"{target}?limit=100")["items"]:
            assert wanted <= set(one)
            concept = one.get("code") or one["type"]
            assert set(concept) == {"codings", "sourceCodings", "concepts", "text"}
            assert all(re.fullmatch(r"[0-9.]+", coding["system"]) for coding in concept["codings"])
            seen += 1
        if seen == 1:
            assert get(tenant, api, f"{target}/{one['id']}") == one
    assert seen
    assert refused(tenant.ask("GET", below(tenant, api, f"patients/{tenant.patient()}/{plural}/none")), 404)


@pytest.mark.behaviour("healtheintent", "allergies")
def test_allergies_are_found_by_status(tenant: House) -> None:
    for index in range(12):
        target = f"patients/{tenant.patient(index)}/allergies"
        everything = get(tenant, "allergy", target)["items"]
        active = get(tenant, "allergy", f"{target}?status=active")["items"]
        assert active == [one for one in everything if one["status"] == "active"]
        assert get(tenant, "allergy", f"{target}?status=none")["items"] == []


@pytest.mark.behaviour("healtheintent", "read-only")
def test_nothing_is_written(tenant: House) -> None:
    for method in ("POST", "PUT", "DELETE"):
        reply = tenant.ask(method, below(tenant, "allergy", f"patients/{tenant.patient()}/allergies"), body=b"{}")
        assert reply.status == 405


def test_drawn_tenants_answer_and_have_populations_of_their_own() -> None:
    populations = set()
    for seed in range(4):
        for environment in ("sandbox", "production"):
            options = SiteOptions(
                f"t{seed}", "healtheintent", patients=2, seed=seed, stepped=True, open_access=True,
                environment=environment, variance="realistic",
            )  # fmt: skip
            found = House(build_site(options))
            assert get(found, "patient", f"patients/{found.patient()}/demographics")["items"]
            populations.add(api_of(found).population)
    assert len(populations) == 4
