"""What a site of AdvancedMD's says over FHIR. Sources: personalities/advancedmd/notes.md."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import orjson
import pytest
from fhir.resources.R4B import get_fhir_model_class
from tests.auth.conftest import ASSERTION_TYPE, b64, signature
from tests.personalities.rounds import dead_references, round_of
from tests.sites.browser import Browser, document
from tests.sites.exporter import Exporter, site_of

from mockehr.auth.keys import read_bundled_key
from mockehr.personalities.advancedmd.ids import GROUPS, AdvancedIds
from mockehr.personalities.variance import variance_of

House = Callable[..., Any]
QUERIES = {"RelatedPerson": "_id=1", "Location": "name=a", "Organization": "name=a", "Practitioner": "name=a"}


def body(reply: Any) -> Any:
    return orjson.loads(reply.body)


@pytest.fixture(scope="module")
def site(house: House) -> Any:
    return house("advancedmd", 12)


@pytest.fixture(scope="module")
def found(site: Any) -> dict[str, dict[str, Any]]:
    return round_of(site, site.patient(4), QUERIES)


def entries(bundle: dict[str, Any]) -> list[dict[str, Any]]:
    return [one["resource"] for one in bundle.get("entry", ())]


@pytest.mark.behaviour("advancedmd", "fhir-base", "endpoint-directory")
def test_fhir_lies_below_a_number_and_without_it_and_a_directory_names_the_base(site: Any) -> None:
    number = site.site.fhir_path.removeprefix("/v1/r4/")
    assert number.isdecimal()
    with_number = site.read(f"Patient/{site.patient()}")
    assert body(site.ask("GET", f"/v1/r4/Patient/{site.patient()}")) == with_number
    assert body(site.ask("GET", "/v1/r4/metadata"))["resourceType"] == "CapabilityStatement"
    listed = body(site.ask("GET", "/v1/r4/endpoints"))
    assert [one["address"] for one in entries(listed)] == [site.base]
    get_fhir_model_class("Bundle").model_validate(listed)
    assert site.ask("POST", "/v1/r4/endpoints").status == 405
    assert site.ask("GET", "/v1/r4/endpoints/1").status == 404


@pytest.mark.behaviour("advancedmd", "office-key", "export-groups")
def test_the_office_key_is_the_number_of_the_first_group(house: House) -> None:
    sandbox = variance_of("advancedmd").environments["sandbox"].settings
    there = house("advancedmd", 2, settings=sandbox)
    assert there.site.personality.office == "991900"
    assert {there.site.charts.groups.id_of(name) for name in ("test", "all")} == {"991900", "991901"}
    own = house("advancedmd", 12).site.personality.office
    assert len(own) == 6
    assert own.isdecimal()


@pytest.mark.behaviour("advancedmd", "integer-ids")
def test_every_id_is_a_whole_number_and_every_reference_leads_somewhere(
    site: Any, found: dict[str, dict[str, Any]]
) -> None:
    kinds = {one["resourceType"] for one in found.values()}
    assert kinds >= {"Patient", "Observation", "DocumentReference", "Encounter", "Coverage"}
    assert all(one["id"].isdecimal() for one in found.values())
    assert dead_references(site, found) == set()
    for key, resource in found.items():
        try:
            get_fhir_model_class(resource["resourceType"]).model_validate(resource)
        except ValueError as error:
            pytest.fail(f"{key}: {error}")


def test_numbers_of_groups_and_of_all_else_lead_back(site: Any) -> None:
    ids = site.site.personality.ids(site.site.facts)
    assert isinstance(ids, AdvancedIds)
    for place in ((None, 0), (None, GROUPS - 1), (None, GROUPS), (None, 5000)):
        assert ids.decode("Group", ids.encode("Group", *place)) == place
    for text in ("", "x", "-1", "007", "9" * 40, "٣", str(int(site.site.personality.office) + GROUPS)):
        assert ids.decode("Group", text) is None
    for index, ordinal in ((0, 0), (11, 40), (None, 3)):
        assert ids.decode("Observation", ids.encode("Observation", index, ordinal)) == (index, ordinal)


@pytest.mark.behaviour("advancedmd", "statement-null-port", "statement-old-service", "statement-operations")
def test_the_statement_has_the_oddities_of_the_products(site: Any) -> None:
    told = site.read("metadata")
    assert told["url"].endswith(":null/v1/r4")
    assert (told["kind"], told["version"], "software" in told) == ("requirements", "20220520", False)
    rest = told["rest"][0]
    assert rest["security"]["service"][0]["coding"][0]["system"] == "http://hl7.org/fhir/restful-security-service"
    addresses = {one["url"]: one["valueUri"] for one in rest["security"]["extension"][0]["extension"]}
    assert addresses["manage"].endswith("/v1/oauth2/manage")
    assert {one["name"] for one in rest["operation"]} == {"everything", "lastn", "translate"}
    types = {one["type"]: one for one in rest["resource"]}
    assert "docref" in {one["name"] for one in types["DocumentReference"]["operation"]}
    assert {i["code"] for one in types.values() for i in one.get("interaction", ())} == {"read", "search-type"}
    assert site.fhir("Patient", "POST", {"resourceType": "Patient"}).status in (404, 405)
    assert site.fhir(f"Patient/{site.patient()}/$everything").status == 200
    assert site.fhir("ConceptMap/$translate?system=http://hl7.org/fhir/composition-status&code=final").status == 200
    assert "ConceptMap" not in types


@pytest.mark.behaviour("advancedmd", "odd-response-types", "oauth-paths")
def test_discovery_has_odd_response_types_and_all_addresses_below_oauth2(site: Any) -> None:
    told = site.read(".well-known/smart-configuration")
    assert told["response_types_supported"] == ["code", "refresh_token"]
    assert told["token_endpoint_auth_signing_alg_values_supported"] == ["RS384"]
    names = ("authorization", "token", "revocation", "introspection", "management")
    there = [told[f"{name}_endpoint"].rpartition("/v1/oauth2/")[2] for name in names]
    assert there == ["authorize", "token", "revoke", "introspect", "manage"]
    assert {"patient/Patient.read", "user/Patient.rs", "openid"} <= set(told["scopes_supported"])


# searching


@pytest.mark.behaviour("advancedmd", "name-is-family", "post-search")
def test_name_of_a_patient_is_the_family_name_alone(site: Any) -> None:
    people = [site.read(f"Patient/{site.patient(index)}") for index in range(12)]
    for one in people:
        name = one["name"][0]
        family, given = name["family"], name["given"][0]
        for query in (urlencode({"name": family}), urlencode({"name:exact": family})):
            assert one["id"] in {found["id"] for found in entries(site.read(f"Patient?{query}"))}
        same = {each["id"] for each in people if each["name"][0]["family"].lower().startswith(given.lower())}
        assert {found["id"] for found in entries(site.read(f"Patient?{urlencode({'name': given})}"))} == same
    family = people[0]["name"][0]["family"]
    posted = site.ask("POST", f"{site.site.fhir_path}/Patient/_search", {"name": family})
    by_get = site.read(f"Patient?{urlencode({'name': family})}")
    assert [one["id"] for one in entries(body(posted))] == [one["id"] for one in entries(by_get)]


@pytest.mark.behaviour("advancedmd", "user-token-launch-patient")
def test_a_users_token_without_a_patient_in_the_search_gives_that_of_the_launch() -> None:
    browser = Browser("advancedmd")
    scope = "launch user/Patient.rs user/Condition.rs user/Practitioner.rs"
    made = browser.opened(scope)
    token, patient = made["access_token"], made["patient"]
    assert [one["id"] for one in entries(document(browser.read("Patient", token)))] == [patient]
    conditions = entries(document(browser.read("Condition", token)))
    assert {one["subject"]["reference"] for one in conditions} == {f"Patient/{patient}"}
    other = browser.patient(1) if browser.patient(1) != patient else browser.patient(2)
    assert [one["id"] for one in entries(document(browser.read(f"Patient?_id={other}", token)))] == [other]
    others = entries(document(browser.read(f"Condition?patient={other}", token)))
    assert {one["subject"]["reference"] for one in others} == {f"Patient/{other}"}
    assert len(entries(document(browser.read("Practitioner", token)))) > 1


# access


@pytest.mark.behaviour("advancedmd", "token-lifetimes", "code-of-a-minute", "oauth-error")
def test_lifetimes_of_tokens_are_odd_and_codes_live_for_a_minute() -> None:
    browser = Browser("advancedmd")
    made = browser.opened("launch offline_access fhirUser openid user/Patient.rs")
    assert (made["expires_in"], made["refresh_token_expires_in"]) == (3599, 7775999)
    assert made["fhirUser"].endswith(made["userId"])
    late = browser.finish(browser.begin(scope="launch/patient patient/Patient.rs"))["code"]
    browser.site.clock.advance(61)
    refused = document(browser.tokens(late), 400)
    assert refused["error"] == "invalid_grant"
    assert refused["error_description"]
    assert "resourceType" not in refused


def assertion_for(site: Any, url: str) -> str:
    jwk = read_bundled_key("client-1-RS384")
    jwk = json.loads(jwk) if isinstance(jwk, (str, bytes)) else jwk
    now = int(site.clock.now())
    head = {"alg": "RS384", "kid": jwk["kid"], "typ": "JWT"}
    said = {"iss": "demo", "sub": "demo", "aud": url, "iat": now, "exp": now + 240, "jti": f"j{site.clock.now()}"}
    text = ".".join(b64(json.dumps(part).encode()) for part in (head, said))
    return f"{text}.{b64(signature(jwk, 'RS384', text.encode()))}"


@pytest.mark.behaviour("advancedmd", "system-parameters")
def test_a_system_tells_a_user_a_password_and_the_office_key_besides(house: House) -> None:
    site = house("advancedmd", 2, fresh=1, open_access=False)
    url = site.read(".well-known/smart-configuration")["token_endpoint"]
    office = site.site.personality.office
    whole = {"username": "u", "password": "p", "officekey": office}
    statuses = {}
    for name, form in {
        "whole": whole,
        "no office": {key: value for key, value in whole.items() if key != "officekey"},
        "no user": {key: value for key, value in whole.items() if key != "username"},
        "wrong office": whole | {"officekey": "1"},
    }.items():
        site.site.clock.advance(1)
        told = {"grant_type": "client_credentials", "scope": "system/*.rs", "client_assertion_type": ASSERTION_TYPE}
        signed = {"client_assertion": assertion_for(site.site, url)}
        reply = site.ask("POST", site.site.token_path, told | signed | form)
        statuses[name] = reply.status
        if name == "whole":
            bearer = f"Bearer {body(reply)['access_token']}"
    assert statuses == {"whole": 200, "no office": 400, "no user": 400, "wrong office": 400}
    assert site.fhir("Patient", authorization=bearer).status == 200


# errors


@pytest.mark.behaviour("advancedmd", "fhir-outcome")
def test_errors_of_fhir_have_a_text_and_one_issue(site: Any) -> None:
    for target in ("Patient/1", "Patient?_id=1&birthdate=x", "Nothing/1"):
        reply = site.fhir(target)
        assert reply.status in (400, 404)
        told = body(reply)
        assert (told["resourceType"], len(told["issue"])) == ("OperationOutcome", 1)
        assert told["text"]["div"].startswith("<div")
        get_fhir_model_class("OperationOutcome").model_validate(told)


@pytest.mark.behaviour("advancedmd", "quota-violation")
def test_too_many_requests_are_a_quota_violation_without_a_time_to_wait(house: House) -> None:
    budgets = {"budgets": [{"limit": 1, "window": 60, "of": ["fhir"], "wait": "seconds"}]}
    site = house("advancedmd", 2, settings={"rates": budgets})
    assert site.fhir("Patient").status == 200
    reply = site.fhir("Patient")
    assert reply.status == 429
    assert body(reply) == {
        "title": "QuotaViolation",
        "detail": "Too many requests: Please wait and try your request again in about a minute.",
    }
    assert reply.header("retry-after") == ""


# exports


def exporter(**options: Any) -> Exporter:
    made = Exporter(site_of("advancedmd", patients=3, **options))
    made.headers["officekey"] = made.site.personality.office  # type: ignore[attr-defined]
    return made


@pytest.mark.behaviour("advancedmd", "export-accepted", "export-status", "export-files-202")
def test_an_export_is_told_by_bodies_of_numbers_and_its_files_are_202() -> None:
    client = exporter()
    office = client.headers["officekey"]
    begun = client.send("GET", f"{client.base}/Group/{office}/$export", {"prefer": "respond-async"})
    assert begun.status == 202
    told = body(begun)
    assert set(told) == {"status", "groupId", "jobId"}
    assert told["groupId"] == int(office)
    assert isinstance(told["jobId"], int)
    root = client.base.removesuffix(client.site.fhir_path)
    where = f"{root}/v1/fhir-bulk/status?groupId={told['groupId']}&jobId={told['jobId']}"
    early = client.send("GET", where)
    assert early.status == 202
    assert set(body(early)) == {"status"}
    client.site.clock.advance(3600)
    manifest = client.send("GET", where)
    assert manifest.status == 200
    listed = body(manifest)["output"]
    for one in listed:
        assert "/v1/fhir-bulk/fhir-resource/" in one["url"]
        assert one["url"].endswith(f"/{one['type']}")
        answer = client.send("GET", one["url"])
        assert answer.status == 202
        assert {json.loads(line)["resourceType"] for line in answer.body.splitlines()} == {one["type"]}
    assert {"Patient", "Observation", "Practitioner"} <= {one["type"] for one in listed}


@pytest.mark.behaviour("advancedmd", "export-office-key", "export-busy")
def test_every_call_of_an_export_tells_the_office_key_and_two_at_once_are_too_many() -> None:
    client = exporter()
    office = client.headers.pop("officekey")
    url = f"{client.base}/Group/{office}/$export"
    prefer = {"prefer": "respond-async"}
    assert client.send("GET", url, prefer).status in (400, 401, 403)
    begun = client.send("GET", url, prefer | {"officekey": office})
    assert begun.status == 202
    busy = client.send("GET", url, prefer | {"officekey": office})
    assert (busy.status, body(busy)["resourceType"]) == (503, "OperationOutcome")
    client.site.clock.advance(3600)
    root = client.base.removesuffix(client.site.fhir_path)
    where = f"{root}/v1/fhir-bulk/status?groupId={office}&jobId={body(begun)['jobId']}"
    assert client.send("GET", where).status in (400, 401, 403)
    manifest = client.send("GET", where, {"officekey": office})
    assert manifest.status == 200
    file = body(manifest)["output"][0]["url"]
    assert client.send("GET", file).status in (400, 401, 403)
    assert client.send("GET", file, {"officekey": office}).status == 202


@pytest.mark.behaviour("advancedmd", "export-failed")
def test_an_export_that_failed_is_an_outcome_with_the_id_of_the_job() -> None:
    client = exporter()
    client.site.arm({"use": "bulk-job-fails", "with": {}, "when": {}})
    office = client.headers["officekey"]
    begun = client.send("GET", f"{client.base}/Group/{office}/$export", {"prefer": "respond-async"})
    job = body(begun)["jobId"]
    client.site.clock.advance(3600)
    root = client.base.removesuffix(client.site.fhir_path)
    failed = client.send("GET", f"{root}/v1/fhir-bulk/status?groupId={office}&jobId={job}")
    assert failed.status == 500
    assert (body(failed)["resourceType"], body(failed)["id"]) == ("OperationOutcome", str(job))
