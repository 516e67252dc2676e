"""What a running site of Oracle Health's says to reads and searches. Sources: personalities/oracle/notes.md."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import orjson
import pytest

from mockehr.core.chance import Chance
from mockehr.core.exchange import Exchange, Reply
from mockehr.personalities.load import load_personality
from mockehr.personalities.model import Dresser, SiteFacts
from mockehr.sites.build import build_site
from mockehr.sites.options import SiteOptions
from mockehr.sites.site import Site

Ask = Callable[[str], Reply]
ROOT = "https://south.example.org"


@pytest.fixture(scope="module")
def site() -> Site:
    return build_site(SiteOptions("south", "oracle", patients=12, stepped=True, open_access=True))


@pytest.fixture(scope="module")
def ask(site: Site) -> Ask:
    return lambda target: asked(site, target)


def asked(site: Site, target: str) -> Reply:
    path, _, query = target.partition("?")
    base = ROOT + site.personality.fhir_path(site.facts)
    exchange = Exchange("fhir", "GET", path, query, headers={"accept": "application/json"}, base_url=base)
    reply = site.handle(exchange).reply
    assert reply is not None
    return reply


def body(reply: Reply) -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads(reply.body)
    return found


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("/Patient?family=a,b", "family must have only one value"),
        ("/Patient?family=a&family=b", "family may be provided only once"),
        ("/Patient?birthdate=ge1970&birthdate=lt1980", "prefixes of ge and le"),
        ("/Observation?_id=L-1&category=laboratory", "_id may not be provided with other parameters"),
        ("/Observation?patient=1&date=ge2020&date=le2021", "date must have a time"),
        ("/DiagnosticReport?patient=1&date=ge2020&date=le2021", "date must have a time"),
        ("/Encounter?_id=1&_count=3", "_count may be provided only with patient"),
        ("/Encounter?_id=1&status=finished", "status may be provided only with patient"),
        ("/CareTeam?encounter=1&status=active", "encounter and status"),
        ("/CareTeam?encounter=1&category=longitudinal", "encounter and category"),
        ("/Appointment?patient=1&date=2020", "date must have a time"),
        ("/Appointment?patient=1,2&date=ge2020-01-01T00:00:00Z", "only one patient"),
        ("/Appointment?patient=1&date=ge2020-01-01T00:00Z&date=ge2021-01-01T00:00Z", "ge and lt"),
        ("/Practitioner?active=true&given=a", "given may be provided only with family"),
        ("/Practitioner?identifier=123", "identifier must have a system and a code"),
        ("/Location?type=x&address-city=a", "address-city may be provided only with"),
        ("/Location?type=https://fhir.cerner.com/t/codeSet/222|1", "proprietary"),
        ("/Organization?identifier=junk|1", "not supported"),
        ("/ServiceRequest?patient=1&code=http://loinc.org|1", "code set 200"),
        ("/Immunization?patient=1&target-disease=https://fhir.cerner.com/t/codeSet/1|1", "proprietary"),
        ("/Condition?patient=1&_lastUpdated=sa2020", "_lastUpdated must have a prefix"),
        ("/Condition?patient=1&_lastUpdated=gt2020&_lastUpdated=lt2021", "_lastUpdated must have a time"),
        ("/Condition?patient=1&_lastUpdated=gt2&_lastUpdated=lt2&_lastUpdated=lt3", "at most twice"),
    ],
)
@pytest.mark.behaviour(
    "oracle",
    "patient-values",
    "observation-rules",
    "encounter-rules",
    "care-team-rules",
    "appointment-rules",
    "practitioner-rules",
    "location-rules",
    "organization-rules",
    "service-request-rules",
    "immunization-rules",
    "last-updated-rules",
)
def test_searches_against_a_types_rules_are_refused(ask: Ask, target: str, words: str) -> None:
    reply = ask(target)
    assert reply.status == 400
    [issue] = body(reply)["issue"]
    assert (issue["severity"], issue["code"]) == ("error", "invalid")
    assert words in issue["details"]["text"]


@pytest.mark.parametrize(
    "target",
    [
        "/Patient?birthdate=ge1970&birthdate=le1980",
        "/Patient?family=a&given=b",
        "/Observation?_id=L-1&_count=3",
        "/Observation?patient=1&date=ge2020-01-01T00:00:00Z&date=le2021-01-01T00:00:00Z",
        "/Encounter?patient=1&status=finished&_count=3",
        "/Appointment?patient=1&date=ge2020-01-01T00:00:00Z&date=lt2021-01-01T00:00:00Z",
        "/Practitioner?family=a&given=b",
        "/Location?type=x&address-city=a&address-state=IL",
        "/Organization?identifier=http://hl7.org/fhir/sid/us-npi|1",
        "/Condition?patient=1&_lastUpdated=gt2020-01-01T00:00:00Z&_lastUpdated=lt2021-01-01T00:00:00Z",
    ],
)
def test_searches_within_the_rules_are_answered(ask: Ask, target: str) -> None:
    assert ask(target).status == 200


@pytest.mark.behaviour("oracle", "response-times")
def test_replies_carry_three_more_headers_that_differ(ask: Ask) -> None:
    first, second = ask("/Organization"), ask("/Organization")
    assert re.fullmatch(r"/[0-9A-F]{32}/[0-9A-F]{32}", first.header("opc-request-id"))
    assert first.header("opc-request-id") != second.header("opc-request-id")
    assert re.fullmatch(r"0\.\d{3}", first.header("X-Runtime"))
    assert first.header("Server-Response-Time").isdigit()


def test_practitioners_are_found_by_npi(ask: Ask) -> None:
    found = body(ask("/Practitioner?active=true"))["entry"][0]["resource"]
    npi = next(one["value"] for one in found["identifier"] if one.get("system", "").endswith("/us-npi"))
    again = body(ask(f"/Practitioner?identifier=http://hl7.org/fhir/sid/us-npi|{npi}"))
    assert [one["resource"]["id"] for one in again["entry"]] == [found["id"]]


@pytest.mark.behaviour("oracle", "five-addresses")
def test_the_capability_statement_tells_five_addresses(ask: Ask) -> None:
    rest = body(ask("/metadata"))["rest"][0]
    [uris] = rest["security"]["extension"]
    assert [one["url"] for one in uris["extension"]] == ["authorize", "token", "revoke", "manage", "introspect"]
    assert all(one["valueUri"].startswith(ROOT) for one in uris["extension"])
    assert rest["documentation"] == "Oracle Health implementation of FHIR on top of Millennium"


@pytest.mark.behaviour("oracle", "open-site")
def test_the_open_site_tells_no_addresses() -> None:
    settings = {"capability": {"open": True}}
    site = build_site(SiteOptions("o", "oracle", stepped=True, open_access=True, settings=settings))
    assert body(asked(site, "/metadata"))["rest"][0]["security"] == {"cors": True}


@pytest.mark.behaviour("oracle", "search-parameters-told")
def test_the_capability_statement_tells_the_vendors_parameters_and_one_include(ask: Ask) -> None:
    types = {one["type"]: one for one in body(ask("/metadata"))["rest"][0]["resource"]}
    names = [one["name"] for one in types["Appointment"]["searchParam"]]
    assert names == ["_id", "date", "-date-or-req-period", "patient", "practitioner", "location", "status", "_count"]
    assert {name: one["searchInclude"] for name, one in types.items() if "searchInclude" in one} == {
        "Slot": ["Slot:schedule", "Schedule:actor:Practitioner"]
    }
    assert types["Observation"]["searchRevInclude"] == ["Provenance:target"]
    assert "searchRevInclude" not in types["Location"]
    assert not {"profile", "versioning", "readHistory", "updateCreate"} & set(types["Patient"])


@pytest.mark.behaviour("oracle", "scopes-both-dialects")
def test_discovery_mixes_both_dialects_of_scopes(site: Site) -> None:
    found = site.smart_configuration(ROOT + site.personality.fhir_path(site.facts))["scopes_supported"]
    assert {"launch", "online_access", "patient/Goal.rs"} <= set(found)
    assert {"user/Observation.read", "user/Observation.write", "system/Observation.crus"} <= set(found)
    assert "user/Goal.write" not in found
    assert len(found) == len(set(found))


def dressed(clean: dict[str, Any], **tables: Any) -> dict[str, Any]:
    """Oracle Health's form of a clean resource at a site with these small settings."""
    facts = SiteFacts("x", Chance("x").key, settings={"shape": {"tables": tables}})
    vendor = load_personality("oracle", facts=facts)
    return vendor.dress(clean, Dresser(vendor.ids(facts), facts))


@pytest.mark.behaviour("oracle", "appointment-type")
def test_the_tenants_appointment_type_comes_first() -> None:
    standard = {"system": "http://terminology.hl7.org/CodeSystem/v2-0276", "code": "ROUTINE", "display": "Routine"}
    clean = {"resourceType": "Appointment", "id": "a1", "appointmentType": {"coding": [standard]}}
    own, other = dressed(clean)["appointmentType"]["coding"]
    assert own["system"].endswith("/codeSet/14249")
    assert (own["userSelected"], other["userSelected"]) == (True, False)


@pytest.mark.behaviour("oracle", "condition-asserted", "condition-confidential")
def test_some_patients_conditions_say_when_they_were_asserted_and_are_confidential() -> None:
    clean = {"resourceType": "Condition", "id": "c1", "recordedDate": "2025-01-01T08:00:00Z", "code": {"text": "x"}}
    made = dressed(clean, asserted_share=1.0, confidential_share=1.0)
    assert made["extension"][0]["url"].endswith("/condition-assertedDate")
    assert made["extension"][0]["valueDateTime"] == made["recordedDate"]
    assert made["meta"]["security"][0]["code"] == "R"
    plain = dressed(clean, asserted_share=0.0)
    assert "extension" not in plain
    assert "security" not in plain["meta"]
