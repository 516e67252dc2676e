"""An eClinicalWorks site over its pipeline: addresses, headers, ids, searches, refusals, exports.

Sources: personalities/ecw/notes.md.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import pytest
from tests.personalities.conftest import House, body_of
from tests.personalities.rounds import all_pages, dead_references, round_of

from mockehr.core.clock import instant
from mockehr.personalities.ecw.ids import LONG, PREFIX, SHORT
from mockehr.sites.build import build_site
from mockehr.sites.options import SiteOptions

QUERIES = {
    "Observation": "patient={p}&category=vital-signs,laboratory,social-history,survey,imaging,procedure,exam",
    "CarePlan": "patient={p}&category=assess-plan",
    "CareTeam": "patient={p}&status=active",
    "Schedule": "",
    "Slot": "",
    "Basic": "patient={p}",
    "Provenance": "patient={p}",
}
CREATES = {"interactions": {"types": {"Observation": ["read", "search", "create"]}}}


@pytest.fixture(scope="module")
def ecw(house: Callable[..., House]) -> House:
    return house("ecw")


@pytest.fixture(scope="module")
def served(ecw: House) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for place in range(3):
        found |= round_of(ecw, ecw.patient(place), QUERIES)
    return found


# where things are


@pytest.mark.behaviour("ecw", "practice-code", "shared-oauth")
def test_practices_have_a_code_of_six_letters_and_share_an_authorization_server(ecw: House) -> None:
    assert re.fullmatch(r"/fhir/r4/[A-J]{6}", ecw.site.fhir_path)
    other = build_site(SiteOptions("south", "ecw", patients=1, seed=2, stepped=True))
    assert other.fhir_path != ecw.site.fhir_path
    assert other.token_path == ecw.site.token_path == "/oauth/oauth2/token"
    assert ecw.site.addresses(ecw.base).authorize.endswith("/oauth/oauth2/authorize")
    assert ecw.site.jwks_path == "/oauth/oauth2/jwks"


@pytest.mark.behaviour("ecw", "other-host", "bundle-form")
def test_bundles_name_another_host_over_http_and_when_they_were_made(house: Callable[..., House]) -> None:
    site = house("ecw")
    bundle = site.read(f"Patient?_id={site.patient()}")
    assert list(bundle) == ["resourceType", "id", "meta", "type", "total", "link", "entry"]
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", bundle["id"])
    assert bundle["meta"]["lastUpdated"].endswith("-05:00")
    told = datetime.fromisoformat(bundle["meta"]["lastUpdated"]).timestamp()
    assert told == pytest.approx(site.site.clock.now())
    assert (bundle["total"], [one["relation"] for one in bundle["link"]]) == (1, ["self"])
    for url in (bundle["link"][0]["url"], bundle["entry"][0]["fullUrl"]):
        assert urlsplit(url).scheme == "http" != urlsplit(site.base).scheme
    assert site.site.personality.address("https://127.0.0.1:8000/x") == "http://localhost:8000/x"


# all answers


@pytest.mark.behaviour("ecw", "json-fhir")
def test_json_goes_by_the_name_that_it_had_before_r4(ecw: House) -> None:
    for accept in ("application/fhir+json", "application/json", "*/*"):
        reply = ecw.fhir(f"Patient/{ecw.patient()}", accept=accept)
        assert reply.header("Content-Type") == "application/json+fhir;charset=UTF-8"


@pytest.mark.behaviour("ecw", "hapi-headers", "wildcard-location", "affinity-cookie", "request-id")
def test_answers_have_the_headers_of_a_hapi_facade_behind_a_gateway(ecw: House) -> None:
    target = f"Patient/{ecw.patient()}"
    reply = ecw.fhir(target)
    assert reply.header("X-Powered-By") == "HAPI FHIR 5.4.0 REST Server (FHIR Server; FHIR 4.0.1/R4)"
    assert ("Server", "") in reply.headers
    code = ecw.site.fhir_path.rpartition("/")[2]
    assert reply.header("Content-Location") == f"/r4/*/{code}/{target}"
    assert re.fullmatch(r"ApplicationGatewayAffinityCORS=[0-9a-f]{32}; .*SameSite=None.*", reply.header("Set-Cookie"))
    ids = [ecw.fhir(target).header("X-Request-Id") for _ in range(8)]
    assert all(re.fullmatch(r"[A-Za-z0-9]{16}", one) for one in ids)
    assert len(set(ids)) == 8
    assert any(one.lower() != one != one.upper() for one in ids)
    again = ecw.fhir(target, cookie=reply.header("Set-Cookie").partition(";")[0])
    assert again.header("Set-Cookie") == ""


@pytest.mark.behaviour("ecw", "no-cors")
def test_pages_of_other_origins_may_do_nothing(ecw: House) -> None:
    token = ecw.ask("POST", ecw.site.token_path, {"grant_type": "x"}, origin="https://app.example.org")
    asked = {"origin": "https://app.example.org", "access_control_request_method": "GET"}
    before = ecw.fhir("Patient", "OPTIONS", **asked)
    for reply in (ecw.fhir("Patient", origin="https://app.example.org"), before, token):
        assert [name for name, _ in reply.headers if name.lower().startswith("access-control")] == []


# the rounds


def test_every_type_can_be_searched_and_read_and_no_reference_is_dead(
    ecw: House, served: dict[str, dict[str, Any]]
) -> None:
    assert len({key.partition("/")[0] for key in served}) > 12
    assert dead_references(ecw, served) == set()


@pytest.mark.behaviour("ecw", "opaque-ids", "practice-prefix")
def test_ids_are_long_and_opaque_with_the_practices_prefix(ecw: House, served: dict[str, dict[str, Any]]) -> None:
    ids = [key.partition("/")[2] for key in served]
    assert {len(one) for one in ids} == {SHORT, LONG}
    assert len({one[:PREFIX] for one in ids}) == 1
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+", one) for one in ids)
    inside = "".join(one[PREFIX:-1] for one in ids)
    assert {".", "-", "_"} <= set(inside)
    other = build_site(SiteOptions("south", "ecw", patients=1, seed=2, stepped=True))
    assert other.charts is not None
    assert not other.charts.patient_id(0).startswith(ids[0][:PREFIX])


def test_patients_are_found_by_either_number(ecw: House) -> None:
    identifiers = ecw.read(f"Patient/{ecw.patient(1)}")["identifier"]
    assert len(identifiers) == 2
    for one in identifiers:
        bundle = ecw.read(f"Patient?identifier={one['system']}|{one['value']}")
        assert [entry["resource"]["id"] for entry in bundle["entry"]] == [ecw.patient(1)]


def test_pages_lead_through_all_matches_once(ecw: House) -> None:
    query = f"Observation?patient={ecw.patient(2)}&category=laboratory,vital-signs"
    whole = [one["id"] for one in all_pages(ecw, f"{query}&_count=1000")]
    assert len(whole) > 7
    assert [one["id"] for one in all_pages(ecw, f"{query}&_count=3")] == whole


def test_what_a_client_writes_is_found_again(house: Callable[..., House]) -> None:
    site = house("ecw", 2, settings=CREATES)
    body = {
        "resourceType": "Observation",
        "status": "final",
        "code": {"text": "weight"},
        "subject": {"reference": f"Patient/{site.patient()}"},
        "valueQuantity": {"value": 70, "unit": "kg"},
    }
    made = site.fhir("Observation", "POST", body)
    assert made.status == 201
    id = body_of(made)["id"]
    assert id.startswith(site.patient()[:PREFIX])
    assert site.read(f"Observation/{id}")["valueQuantity"]["value"] == 70
    assert [one["id"] for one in all_pages(site, f"Observation?_id={id}")] == [id]


# searching


@pytest.mark.behaviour("ecw", "empty-total")
@pytest.mark.parametrize(("count", "total"), [("", 50), ("&_count=7", 7)])
def test_an_empty_answer_for_goals_has_the_page_size_for_its_total(ecw: House, count: str, total: int) -> None:
    bundle = ecw.read(f"Goal?patient=nobody{count}")
    assert bundle["total"] == total
    assert "entry" not in bundle
    assert ecw.read("Condition?patient=nobody")["total"] == 0


@pytest.mark.behaviour("ecw", "required", "required-words", "hapi-outcome")
@pytest.mark.parametrize(
    ("kind", "enough"),
    [("CarePlan", "category=assess-plan"), ("CareTeam", "status=active"), ("Observation", "code=x")],
)
def test_some_types_are_not_searched_by_patient_alone(ecw: House, kind: str, enough: str) -> None:
    reply = ecw.fhir(f"{kind}?patient={ecw.patient()}&_count=50")
    assert reply.status == 400
    text = "Invalid request: Does not know how to handle get operation with parameter [patient,_count]"
    outcome = body_of(reply)
    assert outcome["issue"] == [{"severity": "error", "code": "processing", "diagnostics": text}]
    assert outcome["text"]["status"] == "generated"
    assert outcome["text"]["div"].startswith(
        '<div xmlns="http://www.w3.org/1999/xhtml"><h1>Operation Outcome</h1><table border="0"><tr>'
        '<td style="font-weight: bold;">ERROR</td><td>[]</td><td><pre>Invalid request: Does not'
    )
    assert "</pre></td>\r\n\t\t\t\t\t\r\n" in outcome["text"]["div"]
    assert reply.header("Content-Type") == "application/json+fhir;charset=UTF-8"
    assert ecw.fhir(f"{kind}?patient={ecw.patient()}&{enough}").status == 200
    other = body_of(ecw.fhir(f"{kind}?_count=5&patient=x"))
    assert other["issue"][0]["diagnostics"].endswith("[_count,patient]")


@pytest.mark.behaviour("ecw", "schedule-parameters", "date-prefix")
def test_schedules_have_no_type_and_dates_may_have_prefixes(ecw: House) -> None:
    for name in ("type", "identifier"):
        reply = ecw.fhir(f"Schedule?{name}=x&active=true")
        assert reply.status == 400
        assert body_of(reply)["issue"][0]["diagnostics"].endswith(f"[{name},active]")
    assert ecw.fhir("Schedule?date=ge2020-10-16").status == 200


@pytest.mark.behaviour("ecw", "slow-documents")
def test_a_search_for_documents_can_be_slow(house: Callable[..., House]) -> None:
    from mockehr.core.exchange import Exchange

    def waited(site: House, target: str) -> float:
        query = f"patient={site.patient()}"
        exchange = Exchange("fhir", "GET", f"/{target}", query, {}, base_url=site.base)
        site.site.handle(exchange)
        return exchange.effects.reply_delay if exchange.effects else 0.0

    slow = house("ecw", 2, settings={"search": {"types": {"DocumentReference": {"seconds": 35}}}})
    assert waited(slow, "DocumentReference") == 35
    assert waited(slow, "Condition") == 0
    assert waited(house("ecw"), "DocumentReference") == 0


# refusals


@pytest.mark.behaviour("ecw", "unauthenticated")
def test_without_a_token_the_answer_is_an_outcome_by_the_new_name(house: Callable[..., House]) -> None:
    site = house("ecw", 2, open_access=False)
    reply = site.fhir(f"Patient/{site.patient()}")
    assert (reply.status, reply.header("Content-Type")) == (401, "application/fhir+json")
    assert body_of(reply)["resourceType"] == "OperationOutcome"


def test_what_is_unknown_is_refused_in_the_same_style(ecw: House) -> None:
    for target, status in (("Patient/x", 404), ("Subscription/x", 404), ("Patient?birthdate=x", 400)):
        reply = ecw.fhir(target)
        assert reply.status == status
        assert body_of(reply)["issue"][0]["code"] == "processing"


@pytest.mark.behaviour("ecw", "minute-budget")
def test_the_251st_call_of_a_minute_blocks_everything_until_the_minute_is_over(house: Callable[..., House]) -> None:
    site = house("ecw", 2, open_access=False, environment="production", fresh=1)
    bearer = site.bearer("system/Patient.rs")
    site.site.clock.advance(60 - site.site.clock.now() % 60 + 30)
    form = {"grant_type": "client_credentials", "client_id": "demo"}
    for _ in range(5):
        assert site.ask("POST", site.site.token_path, form).status == 401
        assert site.ask("GET", "/oauth/oauth2/authorize?client_id=demo").status != 429
    target = f"Patient/{site.patient()}"
    for _ in range(240):
        assert site.fhir(target, authorization=bearer).status == 200
    reply = site.fhir(target, authorization=bearer)
    assert reply.status == 429
    told = {name.lower() for name, _ in reply.headers}
    assert not {name for name in told if "retry" in name or "limit" in name}
    assert site.ask("POST", site.site.token_path, form).status == 429
    assert site.ask("GET", "/oauth/oauth2/authorize?client_id=demo").status == 429
    site.site.clock.advance(29)
    assert site.fhir(target, authorization=bearer).status == 429
    site.site.clock.advance(2)
    assert site.fhir(target, authorization=bearer).status == 200


def test_a_sandbox_is_generous(house: Callable[..., House]) -> None:
    site = house("ecw", 2, environment="sandbox", fresh=1)
    assert {site.fhir(f"Patient/{site.patient()}").status for _ in range(300)} == {200}


@pytest.mark.behaviour("ecw", "write-codes", "double-code")
def test_refused_writes_may_come_in_the_envelope_of_the_write_api(house: Callable[..., House]) -> None:
    from mockehr.core.problem import Kind, Problem
    from mockehr.personalities.ecw.outcome import CODES, envelope

    site = house("ecw", 2, settings={**CREATES, "errors": {"writes": "codes"}})
    refused = site.fhir("Observation", "POST", {"resourceType": "Observation", "status": "final"})
    assert refused.status >= 400
    told = body_of(refused)
    assert (told["status"], told["key"]) == (2, "FAILURE")
    good = {"resourceType": "Observation", "status": "final", "code": {"text": "x"}}
    done = site.fhir("Observation", "POST", good)
    assert (done.status, body_of(done)["status"], body_of(done)["key"]) == (201, 1, "SUCCESS")
    assert CODES[134] == "PATINET_AND_PHARMACY_NOT_LINKED"
    words = {
        "Patient/x is not known": (100, "INVALID_PATIENT"),
        "Organization/x is not known": (615, "INVALID_ORGNIZATION_ID"),
        "2020-13 is no date": (204, "INVALID_DATE_FORMAT"),
    }
    for text, wanted in words.items():
        found = envelope(Problem(422, "body-invalid", text))
        assert (found["status"], found["key"]) == wanted
    kinds: dict[tuple[int, Kind], tuple[int, str]] = {
        (412, "precondition-failed"): (615, "UPDATE_NOT_SUPPORTED_REFERRAL"),
        (428, "precondition-required"): (615, "UPDATE_NOT_SUPPORTED_REFERRAL"),
        (410, "gone"): (615, "UPDATE_NOT_SUPPORTED_REFERRAL"),
        (409, "conflict"): (202, "INVALID_PATIENT_ALREADY_EXIST"),
        (413, "body-invalid"): (109, "MAX_SIZE_LIMIT_EXCEEDED"),
    }
    for (status, kind), wanted in kinds.items():
        told = envelope(Problem(status, kind, "Patient/x of that date"))
        assert told == {"status": wanted[0], "key": wanted[1], "message": "Patient/x of that date"}
    plain = house("ecw", 2, settings=CREATES)
    assert body_of(plain.fhir("Observation", "POST", {"resourceType": "Observation"}))["issue"]


# the CapabilityStatement


@pytest.mark.behaviour("ecw", "facade", "dated-now", "no-events")
def test_the_statement_is_that_of_a_facade_and_dated_as_it_is_asked_for(house: Callable[..., House]) -> None:
    site = house("ecw", 2, fresh=1)
    for _ in range(2):
        made = site.read("metadata")
        assert made["date"] == instant(site.site.clock.now())
        site.site.clock.advance(61)
    assert (made["id"], made["version"]) == ("eCWFhirFacade", "2.0")
    assert made["software"] == {"name": "eCW FHIR Facade", "version": "1.6"}
    assert made["url"].startswith("http://")
    assert sorted(made["format"]) == ["json", "xml"]
    assert "Subscription" not in {one["type"] for one in made["rest"][0]["resource"]}


@pytest.mark.behaviour("ecw", "thirty-six", "page-parameter", "few-writes", "everything")
def test_the_statement_has_36_types_a_page_parameter_and_one_write(house: Callable[..., House]) -> None:
    site = house("ecw", 2, settings=CREATES)
    types = {one["type"]: one for one in site.read("metadata")["rest"][0]["resource"]}
    assert len(types) == 36
    assert {"Basic", "ChargeItem", "Claim", "FamilyMemberHistory"} <= set(types)
    pages = [[p for p in one["searchParam"] if p["name"] == "page"] for one in types.values() if "searchParam" in one]
    assert len(pages) == 34
    assert all(told == [{"name": "page", "type": "number"}] for told in pages)
    searched = [one for one in types.values() if {"code": "search-type"} in one.get("interaction", ())]
    assert len(searched) == 34
    assert all(one["searchRevInclude"] == ["Provenance:target"] for one in searched)
    writes = {k for k, one in types.items() if any(i["code"] == "create" for i in one.get("interaction", ()))}
    assert writes == {"QuestionnaireResponse"}
    named = {kind: [o["name"] for o in one.get("operation", ())] for kind, one in types.items()}
    assert "everything" in named["Patient"]
    assert "everything" in named["Encounter"]
    assert named["Group"] == ["export"]
    assert len(all_pages(site, f"Patient/{site.patient()}/$everything")) > 20
    found = site.read(f"Condition?patient={site.patient()}&_revinclude=Provenance:target")
    assert "Provenance" in {one["resource"]["resourceType"] for one in found["entry"]}


# exports


def export(site: House, **headers: str) -> Any:
    group = site.site.charts.groups.resources()[0]["id"] if site.site.charts else ""
    id = site.site.charts.ids.encode("Group", None, int(str(group)[1:])) if str(group)[:1] == "d" else group
    return site.fhir(f"Group/{id}/$export", prefer="respond-async", **headers)


@pytest.mark.behaviour("ecw", "poll-location", "poll-later", "one-alike", "job-404", "group-401")
def test_exports_are_asked_after_at_a_poll_location(house: Callable[..., House]) -> None:
    site = house("ecw", 3, fresh=1)
    begun = export(site)
    assert begun.status == 202, begun
    where = begun.header("Content-Location")
    assert re.fullmatch(re.escape(site.base) + r"/\$export-poll-location\?job_id=[0-9a-f-]{36}", where)
    again = export(site)
    assert (again.status, body_of(again)["issue"][0]["code"]) == (429, "processing")
    path = where.removeprefix("https://north.example.org")
    early = site.ask("GET", path)
    assert (early.status, early.header("Retry-After")) == (202, "120")
    assert early.header("X-Progress")
    site.site.clock.advance(200)
    done = site.ask("GET", path)
    assert done.status == 200
    assert body_of(done)["output"]
    url = body_of(done)["output"][0]["url"].removeprefix("https://north.example.org")
    assert site.ask("GET", url, accept="*/*").status == 200
    assert site.ask("GET", path.partition("=")[0] + "=x").status == 404
    assert site.fhir("Group/x/$export", prefer="respond-async").status == 401
