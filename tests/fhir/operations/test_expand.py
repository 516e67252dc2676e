"""`$expand`: what is listed, how it is cut into pages, what is said of what is missing."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mockehr.fhir.operations.expand import UNCLOSED
from mockehr.fhir.terminology.shipped import value_sets

GENDERS = "http://hl7.org/fhir/ValueSet/administrative-gender"
VITALS = "http://hl7.org/fhir/ValueSet/observation-vitalsignresult"


def codes(document: Any) -> list[str]:
    return [one["code"] for one in document["expansion"].get("contains", ())]


def parameters(document: Any) -> dict[str, Any]:
    found = document["expansion"].get("parameter", ())
    return {one["name"]: next(one[key] for key in one if key.startswith("value")) for one in found}


def test_a_value_set_is_listed_in_its_order(made: Any, call: Any) -> None:
    site = made()
    found = call(site, f"/ValueSet/$expand?url={GENDERS}")
    assert codes(found) == ["male", "female", "other", "unknown"]
    assert found["expansion"]["total"] == 4
    assert found["expansion"]["timestamp"] == "2026-01-05T12:00:00Z"
    assert found["expansion"]["contains"][0]["system"] == "http://hl7.org/fhir/administrative-gender"
    assert found["expansion"]["contains"][0]["display"] == "Male"
    assert "extension" not in found["expansion"]
    assert call(site, f"/ValueSet/$expand?url={GENDERS}") == found


def test_pages_together_are_the_whole(made: Any, call: Any) -> None:
    site = made()
    url = "http://terminology.hl7.org/ValueSet/v3-ActEncounterCode"
    whole = codes(call(site, f"/ValueSet/$expand?url={url}"))
    found: list[str] = []
    for offset in range(0, len(whole), 5):
        page = call(site, f"/ValueSet/$expand?url={url}&offset={offset}&count=5")
        assert page["expansion"]["total"] == len(whole)
        assert page["expansion"]["offset"] == offset
        found += codes(page)
    assert found == whole
    assert codes(call(site, f"/ValueSet/$expand?url={url}&count=0")) == []


def test_a_set_that_is_known_in_part_says_so(made: Any, call: Any) -> None:
    found = call(made(), f"/ValueSet/$expand?url={VITALS}")
    assert {"url": UNCLOSED, "valueBoolean": True} in found["expansion"]["extension"]
    assert "loinc" in parameters(found)["warning"]
    assert "8867-4" in codes(found)


def test_a_set_of_which_nothing_is_known_is_not_found(made: Any, call: Any) -> None:
    problem = call(made(), "/ValueSet/$expand?url=http://hl7.org/fhir/ValueSet/condition-severity")
    assert (problem.status, problem.kind) == (404, "not-found")
    assert "snomed" in problem.text


def test_an_unknown_set_is_refused_with_the_nearest_known_one(made: Any, call: Any) -> None:
    site = made()
    near = {
        "http://hl7.org/fhir/ValueSet/administrative-gendr": GENDERS,
        "https://wrong.example.org/ValueSet/administrative-gender": GENDERS,
        f"{GENDERS}|99.0": GENDERS,
        "https://acme.example.org/ValueSet/qqqqzzzz": "",
    }
    for url, right in near.items():
        problem = call(site, f"/ValueSet/$expand?url={url}")
        assert (problem.status, problem.kind) == (404, "not-found")
        hint = f"; did you mean {right}?" if right else ""
        assert problem.text == f"the value set {url} is not known here{hint}"


def test_a_set_that_a_client_stored_is_named_as_the_nearest(made: Any, call: Any) -> None:
    site = made()
    url = "https://acme.example.org/ValueSet/shoe-colours"
    own = {"resourceType": "ValueSet", "id": "own", "url": url, "status": "active"}
    site.store.commit(own, kind="create", source="control")
    problem = call(site, "/ValueSet/$expand?url=https://acme.example.org/ValueSet/shoe-colors")
    assert problem.text.endswith(f"; did you mean {url}?")


@pytest.mark.parametrize(("text", "count"), [("blood press", 3), ("PRESSURE systolic", 1), ("zebra", 0), ("8867", 1)])
def test_a_filter_finds_words_by_their_beginnings(made: Any, call: Any, text: str, count: int) -> None:
    found = call(made(), f"/ValueSet/$expand?url={VITALS}&filter={text.replace(' ', '%20')}")
    assert found["expansion"]["total"] == count
    assert parameters(found)["filter"] in (text, int(text) if text.isdigit() else "")


def test_a_set_sent_along_is_expanded_with_its_own_names(made: Any, call: Any) -> None:
    system = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
    document = {
        "resourceType": "ValueSet", "status": "draft",
        "compose": {"include": [
            {"system": system, "concept": [
                {"code": "AMB", "display": "Walk-in", "designation": [{"language": "de", "value": "Ambulanz"}]}]},
            {"system": system, "filter": [{"property": "concept", "op": "is-a", "value": "IMP"}]}]},
    }  # fmt: skip
    site = made()
    found = call(site, "/ValueSet/$expand", document)
    assert codes(found) == ["AMB", "IMP", "ACUTE", "NONAC"]
    assert found["expansion"]["contains"][0]["display"] == "Walk-in"
    assert "designation" not in found["expansion"]["contains"][0]
    again = call(
        site, "/ValueSet/$expand", valueSet={"resource": document}, includeDesignations={"valueBoolean": True},
        displayLanguage={"valueCode": "de"}, includeDefinition={"valueBoolean": True},
    )  # fmt: skip
    assert again["expansion"]["contains"][0]["display"] == "Ambulanz"
    assert {"language": "de", "value": "Ambulanz"} in again["expansion"]["contains"][0]["designation"]
    assert again["compose"]["include"][1]["filter"] == document["compose"]["include"][1]["filter"]  # type: ignore[index]


def test_inactive_codes_can_be_left_out(made: Any, call: Any) -> None:
    site = made()
    concepts = [{"code": "new"}, {"code": "old", "property": [{"code": "status", "valueCode": "retired"}]}]
    mine = {"resourceType": "CodeSystem", "id": "s", "url": "https://example.org/s", "status": "active",
            "content": "complete", "valueSet": "https://example.org/all", "concept": concepts}  # fmt: skip
    site.store.commit(mine, kind="create", source="control")
    found = call(site, "/ValueSet/$expand?url=https://example.org/all")
    assert codes(found) == ["new", "old"]
    assert found["expansion"]["contains"][1]["inactive"] is True
    assert codes(call(site, "/ValueSet/$expand?url=https://example.org/all&activeOnly=true")) == ["new"]


def test_sets_that_include_each_other_come_to_an_end(made: Any, call: Any) -> None:
    site = made()
    for id, others in (("a", "bcb"), ("b", "aca"), ("c", "aba")):
        include = [{"valueSet": [f"https://example.org/{other}"]} for other in others] * 3
        own = {"system": "https://example.org/s", "concept": [{"code": id}]}
        document = {"resourceType": "ValueSet", "id": id, "url": f"https://example.org/{id}", "status": "active",
                    "compose": {"include": [own, *include]}}  # fmt: skip
        site.store.commit(document, kind="create", source="control")
    assert set(codes(call(site, "/ValueSet/a/$expand"))) == {"a", "b", "c"}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(url=st.sampled_from(value_sets()), data=st.data())
def test_every_listed_code_is_valid_and_looked_up(
    made: Any, call: Any, values: Any, url: str, data: st.DataObject
) -> None:
    site = made()
    found = call(site, f"/ValueSet/$expand?url={url}")
    if not isinstance(found, dict) or not found["expansion"].get("contains"):
        return
    one = data.draw(st.sampled_from(found["expansion"]["contains"]))
    coding = {key: one[key] for key in ("system", "code", "display") if key in one}
    told = call(site, f"/ValueSet/$validate-code?url={url}", coding={"valueCoding": coding})
    assert values(told, "result") == [True], told
    known = call(site, "/CodeSystem/$lookup", coding={"valueCoding": coding})
    unshipped = not isinstance(known, dict) and one["system"] == "http://unitsofmeasure.org"
    assert unshipped or values(known, "display"), coding


@pytest.mark.parametrize(
    ("query", "status", "kind"),
    [
        ("", 400, "parameter-missing"),
        ("url=https://example.org/none", 404, "not-found"),
        (f"url={GENDERS}&valueSetVersion=1", 404, "not-found"),
        (f"url={GENDERS}&count=-1", 400, "parameter-invalid"),
        (f"url={GENDERS}&offset=many", 400, "parameter-invalid"),
        (f"url={GENDERS}&count=99999999999999999999", 400, "parameter-invalid"),
        (f"url={GENDERS}&filter={'a' * 2001}", 400, "parameter-invalid"),
        (f"url={GENDERS}&url={VITALS}", 400, "parameter-conflict"),
        (f"url={GENDERS}&fliter=x", 400, "parameter-unknown"),
        (f"url={GENDERS}&force-system-version=http://hl7.org/fhir/administrative-gender|9", 422, "parameter-invalid"),
    ],
)
def test_a_call_that_cannot_be_answered_is_refused(made: Any, call: Any, query: str, status: int, kind: str) -> None:
    problem = call(made(), f"/ValueSet/$expand?{query}")
    assert (problem.status, problem.kind) == (status, kind)


def test_a_resource_of_another_type_is_refused(made: Any, call: Any) -> None:
    problem = call(made(), "/ValueSet/$expand", {"resourceType": "Patient"})
    assert problem.kind == "parameter-invalid"


def test_us_core_sets_that_draw_on_hl7s_systems_only_have_exactly_their_codes(
    made: Any, call: Any, shared_data: Any
) -> None:
    import json

    site, compared = made(), 0
    for path in sorted((shared_data / "us-core-6.1.0").glob("ValueSet-*.json")):
        document = json.loads(path.read_text("utf-8"))
        compose = document["compose"]
        parts = compose["include"]
        if "exclude" in compose or not all("concept" in part and "hl7.org/" in part["system"] for part in parts):
            continue
        wanted = [concept["code"] for part in parts for concept in part["concept"]]
        assert codes(call(site, f"/ValueSet/$expand?url={document['url']}")) == wanted, path.name
        compared += 1
    assert compared >= 3
