"""What a running site of Epic's says to reads and searches. Sources: personalities/epic/notes.md."""

from __future__ import annotations

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

Ask = Callable[..., Reply]
ROOT = "https://north.example.org"


@pytest.fixture(scope="module")
def site() -> Site:
    return build_site(SiteOptions("north", "epic", patients=12, stepped=True, open_access=True))


@pytest.fixture(scope="module")
def ask(site: Site) -> Ask:
    def send(target: str, **headers: str) -> Reply:
        path, _, query = target.partition("?")
        base = ROOT + site.personality.fhir_path(site.facts)
        told = {"accept": "application/json", **headers}
        reply = site.handle(Exchange("fhir", "GET", path, query, headers=told, base_url=base)).reply
        assert reply is not None
        return reply

    return send


@pytest.fixture(scope="module")
def patient(site: Site) -> str:
    return site.personality.ids(site.facts).encode("Patient", 3, 0)


def body(reply: Reply) -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads(reply.body)
    return found


def told(document: dict[str, Any]) -> list[tuple[str, str, str]]:
    """(severity, code of Epic's, diagnostics) of each issue of an OperationOutcome."""
    return [
        (one["severity"], one["details"]["coding"][0]["code"], one.get("diagnostics", ""))
        for one in document["issue"]
    ]


def remarks(document: dict[str, Any]) -> list[str]:
    """The diagnostics in the outcome entry of a Bundle."""
    outcomes = [one["resource"] for one in document.get("entry", ()) if one["search"]["mode"] == "outcome"]
    return [text for outcome in outcomes for _, _, text in told(outcome)]


@pytest.mark.behaviour("epic", "unknown-first")
@pytest.mark.parametrize(
    ("target", "name", "code"), [("/Patient?totally-bogus-param=foo", "TOTALLY-BOGUS-PARAM", "59159"),
                                 ("/RelatedPerson?patient=e1", "PATIENT", "59102")]
)  # fmt: skip
def test_an_ignored_parameter_is_told_before_the_missing_one(ask: Ask, target: str, name: str, code: str) -> None:
    reply = ask(target)
    assert reply.status == 400
    first, last = told(body(reply))
    assert first == ("information", "59100", f"Unknown parameter: {name}. Parameter has been ignored.")
    assert last[:2] == ("fatal", code)


@pytest.mark.behaviour("epic", "bad-categories", "unknown-category")
@pytest.mark.parametrize("category", ["symptom", "procedure", "therapy", "activity"])
def test_a_category_that_epic_has_not_is_refused(ask: Ask, patient: str, category: str) -> None:
    reply = ask(f"/Observation?patient={patient}&category={category}")
    assert reply.status == 400
    assert told(body(reply)) == [
        ("information", "59109", f"Invalid category: {category}"),
        ("fatal", "59111", "Required search parameter is provided but has an invalid value"),
    ]


@pytest.mark.parametrize(
    "category",
    ["vital-signs", "http://terminology.hl7.org/CodeSystem/observation-category|laboratory",
     "social-history,vital-signs", "urn:oid:1.2.840.114350.1.13.0.1.7.10.798268.30|Lab"],
)  # fmt: skip
def test_categories_that_epic_has_are_searched(ask: Ask, patient: str, category: str) -> None:
    assert ask(f"/Observation?patient={patient}&category={category}").status == 200


@pytest.mark.behaviour("epic", "suppressed", "suppressed-by-category")
def test_only_suppressed_sub_types_of_the_category_are_told(ask: Ask, patient: str) -> None:
    assert remarks(body(ask(f"/Condition?patient={patient}&category=problem-list-item"))) == [
        "Client not authorized for Condition - Outside Record Problems."
        " Search results of this type have not been included."
    ]
    assert len(remarks(body(ask(f"/Condition?patient={patient}")))) == 5


@pytest.mark.behaviour("epic", "suppressed-for-user")
def test_a_sub_type_may_be_out_of_bounds_for_the_user_alone(ask: Ask, patient: str) -> None:
    document = body(ask(f"/Procedure?patient={patient}"))
    issues = document["entry"][-1]["resource"]["issue"]
    codes = [one["details"]["coding"][0]["code"] for one in issues]
    assert codes[:2] == ["59205", "59204"]
    assert issues[0]["diagnostics"].startswith("User not authorized for Procedure - External Radiotherapy Summary.")


@pytest.mark.behaviour("epic", "nothing-authorised")
def test_a_search_of_nothing_but_sub_types_out_of_bounds_is_refused(ask: Ask, patient: str) -> None:
    reply = ask(f"/Condition?patient={patient}&category=medical-history")
    assert reply.status == 400
    warning, fatal = body(reply)["issue"]
    assert (warning["severity"], warning["code"]) == ("warning", "suppressed")
    assert warning["details"]["coding"][0]["code"] == "59204"
    assert (fatal["severity"], fatal["code"], fatal["details"]["coding"][0]["code"]) == ("fatal", "invalid", "59022")
    assert fatal["details"]["text"].endswith("No search was performed.")


@pytest.mark.behaviour("epic", "date-prefixes")
def test_only_five_prefixes_of_dates_are_understood(ask: Ask, patient: str) -> None:
    refused = [ask(f"/Condition?patient={patient}&onset-date={one}2020").status for one in ("sa", "eb", "ne", "ap")]
    assert refused == [400] * 4
    passed = [ask(f"/Condition?patient={patient}&onset-date={one}2020").status for one in ("ge", "lt", "eq", "")]
    assert passed == [200] * 4


@pytest.mark.behaviour("epic", "cookies")
def test_replies_carry_the_balancers_cookies_until_they_are_brought(ask: Ask, patient: str) -> None:
    def cookies(**headers: str) -> list[str]:
        found = ask(f"/Patient/{patient}", **headers).headers
        return [value.partition("=")[0] for name, value in found if name == "Set-Cookie"]

    assert cookies() == ["EpicPersistenceCookie", "ASP.NET_SessionId"]
    assert cookies(cookie="EpicPersistenceCookie=x; ASP.NET_SessionId=y") == []


@pytest.mark.behaviour("epic", "constant-headers")
def test_replies_carry_metrics_and_transport_security(ask: Ask, patient: str) -> None:
    reply = ask(f"/Patient/{patient}")
    assert orjson.loads(reply.header("Servermetrics")) == {}
    assert reply.header("Strict-Transport-Security").startswith("max-age=")


@pytest.mark.behaviour("epic", "practitioner-numbers")
def test_practitioners_have_epics_numbers_with_texts_for_types(ask: Ask) -> None:
    found = body(ask("/Practitioner?name=a"))["entry"][0]["resource"]
    identifiers = {(one["type"]["text"], one["system"].rpartition(".7.")[2]): one for one in found["identifier"]}
    assert {name for name, _ in identifiers} == {"NPI", "INTERNAL", "EXTERNAL", "PROVID", "EPIC", "USER", "SER"}
    assert identifiers["INTERNAL", "2.697780"]["value"] == "     " + identifiers["EXTERNAL", "2.697780"]["value"]
    npi = identifiers["NPI", "5.737384.60"]["value"]
    again = body(ask(f"/Practitioner?identifier=http://hl7.org/fhir/sid/us-npi|{npi}"))
    assert [one["resource"]["id"] for one in again["entry"] if one["search"]["mode"] == "match"] == [found["id"]]


@pytest.mark.behaviour("epic", "organization-numbers")
def test_organizations_have_epics_numbers(ask: Ask) -> None:
    found = body(ask("/Organization"))["entry"][0]["resource"]
    assert {one["system"].rpartition(".7.")[2] for one in found["identifier"]} >= {"2.696570", "5.737384.61"}


@pytest.mark.behaviour("epic", "identifier-type-text")
def test_types_of_identifiers_are_texts_everywhere(ask: Ask, site: Site) -> None:
    seen = 0
    for index in range(12):
        person = site.personality.ids(site.facts).encode("Patient", index, 0)
        for entry in body(ask(f"/Coverage?patient={person}"))["entry"]:
            for identifier in entry["resource"].get("identifier", ()):
                assert list(identifier["type"]) == ["text"]
                seen += 1
    assert seen


@pytest.mark.behaviour("epic", "authorize-and-token", "base-paths")
def test_the_capability_statement_says_where_to_authorize(ask: Ask) -> None:
    security = body(ask("/metadata"))["rest"][0]["security"]
    [uris] = security["extension"]
    oauth = f"{ROOT}/interconnect-fhir-oauth/oauth2"
    assert uris["extension"] == [
        {"valueUri": f"{oauth}/authorize", "url": "authorize"},
        {"valueUri": f"{oauth}/token", "url": "token"},
    ]


def test_the_capability_statement_spells_parameters_as_epic_does(ask: Ask) -> None:
    types = {one["type"]: one for one in body(ask("/metadata"))["rest"][0]["resource"]}
    names = {kind: {one["name"] for one in told.get("searchParam", ())} for kind, told in types.items()}
    assert {"docstatus", "_lastupdated"} <= names["DocumentReference"]
    assert {"legal-sex", "own-name", "own-prefix", "partner-name", "partner-prefix"} <= names["Patient"]
    assert not any("_lastUpdated" in found for found in names.values())
    assert {"searchParam", "searchInclude", "searchRevInclude"}.isdisjoint(types["Provenance"])


# settings of what was seen only at some sites


def dressed(clean: dict[str, Any], **tables: Any) -> dict[str, Any]:
    """Epic's form of a clean resource at a site with these small settings."""
    facts = SiteFacts("x", Chance("x").key, settings={"shape": {"tables": tables}})
    vendor = load_personality("epic", facts=facts)
    return vendor.dress(clean, Dresser(vendor.ids(facts), facts))


def observation(category: str, **more: Any) -> dict[str, Any]:
    system = "http://terminology.hl7.org/CodeSystem/observation-category"
    return {
        "resourceType": "Observation",
        "id": "o1",
        "status": "final",
        "category": [{"coding": [{"system": system, "code": category}]}],
        "code": {"coding": [{"system": "http://loinc.org", "code": "8310-5"}], "text": "Temp"},
        **more,
    }


@pytest.mark.behaviour("epic", "masked-names")
def test_names_of_practitioners_may_be_masked() -> None:
    clean = {"resourceType": "Practitioner", "id": "x1", "name": [{"family": "Lane", "given": ["Ann"]}]}
    [name] = dressed(clean, masked_practitioners=True)["name"]
    assert "family" not in name
    assert name["_family"]["extension"][0]["valueCode"] == "masked"
    assert dressed(clean)["name"][0]["family"] == "Lane"


@pytest.mark.behaviour("epic", "observation-extensions")
def test_times_and_temperatures_may_be_told_twice() -> None:
    clean = observation(
        "vital-signs", effectiveDateTime="2025-01-01T08:00:00Z", valueQuantity={"value": 37, "code": "Cel"}
    )
    told_twice = dressed(clean, observation_extensions=["observation-datetime", "temperature-in-fahrenheit"])
    found = {one["url"].rpartition("/")[2]: one for one in told_twice["extension"]}
    assert found["observation-datetime"]["valueDateTime"] == "2025-01-01T08:00:00Z"
    assert found["temperature-in-fahrenheit"]["valueQuantity"]["value"] == 98.6
    assert "/FHIR/STU3/" in found["temperature-in-fahrenheit"]["url"]
    assert [one["url"].rpartition("/")[2] for one in dressed(clean)["extension"]] == ["template-id"]


@pytest.mark.behaviour("epic", "unitless")
def test_results_may_lack_their_unit() -> None:
    clean = observation("laboratory", valueQuantity={"value": 5.1, "unit": "mmol/L", "code": "mmol/L"})
    assert dressed(clean, unitless_share=1.0)["valueQuantity"] == {"value": 5.1}
    assert dressed(clean)["valueQuantity"]["unit"] == "mmol/L"


@pytest.mark.behaviour("epic", "oid-systems")
def test_older_sites_write_code_systems_as_oids() -> None:
    systems = [one["system"] for one in dressed(observation("exam"), code_systems="oid")["code"]["coding"]]
    assert systems == ["urn:oid:2.16.840.1.113883.6.1"]
    assert [one["system"] for one in dressed(observation("exam"))["code"]["coding"]] == ["http://loinc.org"]


@pytest.mark.behaviour("epic", "note-service")
def test_consultations_name_the_service_that_wrote_them() -> None:
    note = {"resourceType": "DocumentReference", "id": "n1", "status": "current",
            "category": [{"coding": [{"code": "clinical-note"}]}],
            "type": {"coding": [{"system": "http://loinc.org", "code": "11488-4"}], "text": "Consults"}}  # fmt: skip
    urls = {one["url"].rpartition("/")[2]: one for one in dressed(note)["context"]["extension"]}
    service = urls["clinical-note-service"]["valueCodeableConcept"]
    assert service["text"] == "Cardiology"
    assert service["coding"][0]["system"].endswith(".7.4.696784.34886")
