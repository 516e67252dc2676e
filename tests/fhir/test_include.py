"""`_include`, `_revinclude` and `_count=0` on a computed site."""

from __future__ import annotations

from typing import Any

import orjson

from mockehr.core.exchange import Exchange
from mockehr.sites.build import build_site
from mockehr.sites.options import SiteOptions
from mockehr.sites.site import Site


def site() -> Site:
    return build_site(SiteOptions("a", patients=20, stepped=True, open_access=True))


def bundle(made: Site, path: str, query: str) -> Any:
    exchange = made.handle(Exchange("fhir", path=path, query=query, base_url="http://a.example.org/a/fhir/R4"))
    assert exchange.reply is not None
    assert exchange.reply.status == 200
    return orjson.loads(exchange.reply.body)


def modes(found: Any) -> dict[str, set[str]]:
    shown: dict[str, set[str]] = {}
    for entry in found.get("entry", []):
        shown.setdefault(entry["search"]["mode"], set()).add(entry["resource"]["resourceType"])
    return shown


def test_what_matches_refer_to_is_included_once() -> None:
    found = bundle(site(), "/Encounter", "patient=p1&_include=Encounter:patient")
    assert modes(found) == {"match": {"Encounter"}, "include": {"Patient"}}
    assert sum(entry["search"]["mode"] == "include" for entry in found["entry"]) == 1
    assert found["total"] == sum(entry["search"]["mode"] == "match" for entry in found["entry"])


def test_provenance_of_the_matches_comes_along() -> None:
    found = bundle(site(), "/DocumentReference", "patient=p1&_revinclude=Provenance:target")
    assert modes(found) == {"match": {"DocumentReference"}, "include": {"Provenance"}}


def test_a_count_of_zero_gives_the_total_and_nothing_else() -> None:
    made = site()
    total = bundle(made, "/Condition", "patient=p1")["total"]
    found = bundle(made, "/Condition", "patient=p1&_count=0")
    assert found["total"] == total > 0
    assert "entry" not in found
    assert all(link["relation"] != "next" for link in found["link"])


def keys(made: Site, path: str, query: str) -> tuple[list[str], list[str]]:
    """(matches, what was included) as `Type/id`."""
    found: dict[str, list[str]] = {"match": [], "include": []}
    for entry in bundle(made, path, query).get("entry", []):
        found[entry["search"]["mode"]].append(f"{entry['resource']['resourceType']}/{entry['resource']['id']}")
    return found["match"], found["include"]


def put(made: Site, **document: Any) -> None:
    made.store.commit(document, kind="create", source="control")


def linked() -> Site:
    """An Encounter at a ward within a hospital, an Organization above it, and what refers to all of these."""
    made = build_site(SiteOptions("a", stepped=True, open_access=True))
    put(made, resourceType="Patient", id="p", managingOrganization={"reference": "Organization/o"})
    put(made, resourceType="Organization", id="o", partOf={"reference": "Organization/above"})
    put(made, resourceType="Organization", id="above", name="Above")
    put(made, resourceType="Location", id="ward", partOf={"reference": "Location/house"})
    put(made, resourceType="Location", id="house", managingOrganization={"reference": "Organization/o"})
    put(
        made,
        resourceType="Encounter",
        id="e",
        subject={"reference": "Patient/p"},
        location=[{"location": {"reference": "Location/ward"}}],
        serviceProvider={"reference": "Organization/o"},
    )
    put(
        made,
        resourceType="Observation",
        id="x",
        subject={"reference": "Patient/p"},
        encounter={"reference": "Encounter/e"},
    )
    put(made, resourceType="Group", id="g", member=[{"entity": {"reference": "Patient/p"}}])
    return made


def test_includes_follow_one_parameter_a_target_type_or_all_references() -> None:
    made = linked()
    assert keys(made, "/Encounter", "_include=Encounter:location")[1] == ["Location/ward"]
    assert keys(made, "/Encounter", "_include=Encounter:subject:Group")[1] == []
    assert keys(made, "/Encounter", "_include=Encounter:subject:Patient")[1] == ["Patient/p"]
    every = {"Patient/p", "Location/ward", "Organization/o"}
    assert set(keys(made, "/Encounter", "_include=Encounter:*")[1]) == every
    assert set(keys(made, "/Encounter", "_include=*")[1]) == every


def test_iteration_goes_on_from_what_was_included_and_nothing_else_does() -> None:
    made = linked()
    query = "_include=Encounter:location&_include{}=Location:partof"
    assert keys(made, "/Encounter", query.format(""))[1] == ["Location/ward"]
    assert keys(made, "/Encounter", query.format(":iterate"))[1] == ["Location/ward", "Location/house"]
    chain = "_include=Encounter:subject&_include:iterate=Patient:organization&_include:iterate=Organization:partof"
    assert keys(made, "/Encounter", chain)[1] == ["Patient/p", "Organization/o", "Organization/above"]
    everything = keys(made, "/Encounter", "_include:iterate=*")[1]
    assert len(everything) == len(set(everything)) == 5


def test_what_refers_to_a_match_is_found_whatever_chart_it_is_in() -> None:
    made = linked()
    assert keys(made, "/Patient", "_id=p&_revinclude=Group:member")[1] == ["Group/g"]
    assert keys(made, "/Organization", "_id=o&_revinclude=Patient:organization")[1] == ["Patient/p"]
    assert keys(made, "/Organization", "_id=o&_revinclude=Location:organization")[1] == ["Location/house"]
    assert set(keys(made, "/Patient", "_id=p&_revinclude=*")[1]) == {"Encounter/e", "Observation/x", "Group/g"}
    both = keys(made, "/Organization", "_id=o&_revinclude=Patient:organization&_revinclude:iterate=Group:member")[1]
    assert both == ["Patient/p", "Group/g"]


def test_shared_resources_are_referred_to_from_computed_charts_within_a_bound() -> None:
    made = site()
    encounter = made.charts.chart("p1", "Encounter")[0].document
    doctor = encounter["participant"][0]["individual"]["reference"].partition("/")[2]
    found = keys(made, "/Practitioner", f"_id={doctor}&_revinclude=Encounter:practitioner")[1]
    assert f"Encounter/{encounter['id']}" in found
    everywhere = [one for number in range(20) for one in made.charts.chart(f"p{number}", "Encounter")]
    assert found == [one.key for one in everywhere if f"Practitioner/{doctor}" in one.body.decode()]
    made.fhir.settings = {**made.fhir.settings, "charts_per_page": 19}
    query = f"_id={doctor}&_revinclude=Encounter:practitioner"
    refused = made.handle(
        Exchange("fhir", path="/Practitioner", query=query, base_url="http://a.example.org/a/fhir/R4")
    )
    assert refused.problem is not None
    assert refused.problem.kind == "too-costly"


def test_reverse_chains_find_patients_by_their_charts() -> None:
    made = site()
    code = made.charts.chart("p1", "Condition")[0].document["code"]["coding"][0]["code"]
    found = keys(made, "/Patient", f"_has:Condition:patient:code={code}&_count=100")[0]
    told = [
        number
        for number in range(20)
        if code in str([one.document for one in made.charts.chart(f"p{number}", "Condition")])
    ]
    assert found == [f"Patient/p{number}" for number in told]
