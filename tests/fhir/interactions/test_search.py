"""Searching: what is looked at and what is not, paging, and refusals of what would cost too much."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from mockehr.fhir.interactions.search import LOOKED_AT
from mockehr.fhir.store import EmptyBase

OWN = "https://sync.example.org/ids"
MILLIONS = 5_000_000
JSON = "application/fhir+json"
VENDORS = ["generic", "epic", "oracle"]


class ManyEmptyCharts(EmptyBase):
    """More patients than may be looked through, whose charts have nothing in them and cost nothing."""

    def patients(self, parameters: Any) -> None:
        """Nothing can be computed."""

    def everyone(self) -> Iterator[str]:
        """One more than may be looked at."""
        return (f"p{number}" for number in range(LOOKED_AT + 1))

    def issues(self, system: str) -> bool:
        """Any system."""
        return True


def written(site: Any, id: str, number: str, **more: Any) -> None:
    document = {"resourceType": "Patient", "id": id, "identifier": [{"system": OWN, "value": number}], **more}
    site.store.commit(document, kind="create", source="control")


def ids(exchange: Any) -> list[str]:
    return [key.partition("/")[2] for key in exchange.returned]


def everything(ask: Any, site: Any, request: str) -> list[str]:
    """Ids of all pages."""
    exchange, found = ask(site, request), []
    path = request.partition("?")[0]
    while True:
        assert exchange.problem is None
        found += ids(exchange)
        if not exchange.result.next_token:
            return found
        exchange = ask(site, f"{path}?{site.fhir.restrictions.page_parameter}={exchange.result.next_token}")


@pytest.mark.parametrize("vendor", VENDORS)
@pytest.mark.parametrize("values", [f"{OWN}|1", f"{OWN}|1,https://other.example.org|1", f"{OWN}|"])
def test_an_identifier_of_a_foreign_system_is_looked_for_among_written_records_only(
    made: Any, ask: Any, vendor: str, values: str
) -> None:
    site = made(vendor, patients=MILLIONS)
    assert ids(ask(site, f"GET /Patient?identifier={values}")) == []
    written(site, "x", "1")
    written(site, "y", "2")
    found = ask(site, f"GET /Patient?identifier={values}")
    assert found.problem is None
    assert ids(found) == (["x"] if values[-1] == "1" else ["x", "y"])
    assert not site.charts._cache
    assert not site.charts._patients


def test_a_foreign_identifier_beside_one_of_the_sites_own_does_not_hide_the_latter(made: Any, ask: Any) -> None:
    site = made(patients=20)
    own = site.charts.patient(3).document["identifier"][0]
    found = ask(site, f"GET /Patient?identifier={OWN}|1,{own['system']}|{own['value']}")
    assert ids(found) == ["p3"]


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_total_that_would_look_through_too_many_charts_is_refused_in_the_vendors_words(
    made: Any, ask: Any, vendor: str
) -> None:
    site = made(vendor)
    site.store.base = ManyEmptyCharts()
    query = "code=1&category=laboratory&date=ge2020&status=final&_total=accurate"
    refused = ask(site, f"GET /Observation?{query}", accept=JSON)
    if refused.problem.kind == "parameter-missing":  # this vendor wants a patient before it looks at all
        query = "_lastUpdated=ge2000&birthdate=ge1900-01-01&family=x&given=y&gender=male&_total=accurate"
        refused = ask(site, f"GET /Patient?{query}", accept=JSON)
    assert (refused.problem.status, refused.problem.kind) == (403, "too-costly")
    assert refused.reply.status == (422 if vendor == "oracle" else 403)
    expected = site.personality.refuse(refused.problem, "http://a.example.org/a/fhir/R4", JSON)
    assert orjson.loads(refused.reply.body) == expected.document
    assert refused.reply.content_type == expected.content_type
    ask(site, "POST /Patient", {"resourceType": "Patient", "name": [{"family": "Muster"}]})
    assert len(site.store.overlay("Patient")) == 1


def test_a_site_goes_on_working_after_a_search_that_cost_too_much(made: Any, ask: Any) -> None:
    site = made(patients=MILLIONS)
    refused = ask(site, "GET /Patient?_lastUpdated=lt1900&_total=accurate")
    assert (refused.reply.status, refused.problem.kind) == (403, "too-costly")
    assert not site.charts._cache
    assert ask(site, "GET /Patient/p77").reply.status == 200
    assert ask(site, "GET /Patient?family=smith&_count=3").result.total > 1000
    assert ask(site, "GET /Patient?_lastUpdated=ge1900&_count=3").reply.status == 200


def test_a_conditional_create_that_cost_too_much_is_refused_and_nothing_stored(made: Any, ask: Any) -> None:
    site = made()
    site.store.base = ManyEmptyCharts()
    exchange = ask(site, "POST /Patient", {"resourceType": "Patient"}, if_none_exist="active=true")
    assert (exchange.reply.status, exchange.problem.kind) == (403, "too-costly")
    assert not site.log.changes


@pytest.mark.parametrize("size", [1, 3, 7, 50])
@pytest.mark.parametrize("query", ["gender=female", "gender:not=male", "_lastUpdated=ge1900", "birthdate=ge1960"])
def test_pages_of_any_size_add_up_to_the_same_matches(made: Any, ask: Any, query: str, size: int) -> None:
    site = made(patients=40)
    whole = everything(ask, site, f"GET /Patient?{query}")
    assert 0 < len(whole) == len(set(whole))
    assert everything(ask, site, f"GET /Patient?{query}&_count={size}") == whole


def test_what_is_written_comes_first_and_what_it_replaces_not_again(made: Any, ask: Any) -> None:
    site = made(patients=10)
    written(site, "x", "1", gender="male")
    before = everything(ask, site, "GET /Patient?_count=4")
    assert before == ["x", *(f"p{number}" for number in range(10))]
    site.store.commit({"resourceType": "Patient", "id": "p4", "gender": "other"}, kind="update", source="control")
    after = everything(ask, site, "GET /Patient?_count=4")
    assert sorted(after) == sorted(before)
    assert everything(ask, site, "GET /Patient?gender=other") == ["p4"]
    site.store.commit({"resourceType": "Patient", "id": "p5"}, kind="delete", source="control")
    assert "p5" not in everything(ask, site, "GET /Patient?_count=4")


def test_a_search_by_post_takes_parameters_from_the_body_and_the_url(made: Any, ask: Any) -> None:
    site = made(patients=30)
    plain = ask(site, "GET /Patient?gender=female&birthdate=ge1980")
    posted = ask(site, "POST /Patient/_search?birthdate=ge1980", b"gender=female")
    assert ids(posted) == ids(plain) != []


def test_a_page_belongs_to_the_type_that_was_searched(made: Any, ask: Any) -> None:
    site = made(patients=30)
    token = ask(site, "GET /Patient?_count=5").result.next_token
    name = site.fhir.restrictions.page_parameter
    for request in (f"GET /Condition?{name}={token}", f"GET /Patient?{name}=invented"):
        gone = ask(site, request)
        assert (gone.reply.status, gone.problem.kind) == (410, "page-expired")
    assert len(ids(ask(site, f"GET /Patient?{name}={token}"))) == 5


def test_a_chart_is_searched_by_its_patient_in_every_way_of_naming_one(made: Any, ask: Any) -> None:
    site = made(patients=10)
    expected = [record.id for record in site.charts.chart("p3", "Condition")]
    for named in ("patient=p3", "patient=Patient/p3", "subject=Patient/p3", "patient:Patient=p3"):
        assert everything(ask, site, f"GET /Condition?{named}") == expected
    both = everything(ask, site, "GET /Condition?patient=p3,p4")
    assert both == expected + [record.id for record in site.charts.chart("p4", "Condition")]
    assert everything(ask, site, "GET /Condition?patient=nobody") == []


def test_an_id_leads_to_the_record_only_if_all_else_fits(made: Any, ask: Any) -> None:
    site = made(patients=10)
    sex = site.charts.patient(3).document["gender"]
    other = "male" if sex == "female" else "female"
    assert ids(ask(site, f"GET /Patient?_id=p3,nobody&gender={sex}")) == ["p3"]
    assert ids(ask(site, f"GET /Patient?_id=p3&gender={other}")) == []


def test_unknown_parameters_are_noted_or_refused_as_the_client_prefers(made: Any, ask: Any) -> None:
    site = made(patients=10)
    lenient = ask(site, "GET /Patient?nonsense=1&gender=female")
    assert [note.parameter for note in lenient.result.notes] == ["nonsense"]
    strict = ask(site, "GET /Patient?nonsense=1&gender=female", prefer="handling=strict")
    assert strict.problem.kind == "parameter-unknown"


def test_what_was_written_is_found_by_its_subject_whatever_that_is(made: Any, ask: Any) -> None:
    site = made(patients=3)
    device = {"resourceType": "Device", "id": "d", "patient": {"reference": "Patient/p1"}}
    site.store.commit(device, kind="create", source="control")
    for id, subject in (("of-device", "Device/d"), ("of-patient", "Patient/p1"), ("of-nobody", "Group/g")):
        document = {"resourceType": "Observation", "id": id, "subject": {"reference": subject}}
        site.store.commit(document, kind="create", source="control")
    assert ids(ask(site, "GET /Observation?subject=Device/d")) == ["of-device"]
    assert ids(ask(site, "GET /Observation?subject=d")) == ["of-device"]
    assert ids(ask(site, "GET /Observation?subject=Group/g&_count=500")) == ["of-nobody"]
    for named in ("patient=p1", "subject=Patient/p1", "subject=p1", "subject:Patient=p1"):
        assert everything(ask, site, f"GET /Observation?{named}&_count=500")[-1] == "of-patient"
    assert "of-device" in ids(ask(site, "GET /Observation?subject=Patient/p1,Device/d&_count=500"))


def test_a_reference_may_be_written_in_every_way(made: Any, ask: Any) -> None:
    site = made()
    base = "http://a.example.org/a/fhir/R4"
    written(site, "p", "1")
    told = {"plain": "Patient/p", "whole": f"{base}/Patient/p", "version": "Patient/p/_history/1"}
    for id, reference in {**told, "elsewhere": "http://other.example.org/fhir/Patient/p"}.items():
        subject = {"reference": reference, "identifier": {"system": OWN, "value": id}}
        document = {"resourceType": "Flag", "id": id, "status": "active", "subject": subject}
        site.store.commit(document, kind="create", source="control")
    for named in ("p", "Patient/p", f"{base}/Patient/p"):
        assert ids(ask(site, f"GET /Flag?subject={named}&_sort=_id")) == ["plain", "version", "whole"]
    assert ids(ask(site, "GET /Flag?subject=http://other.example.org/fhir/Patient/p")) == ["elsewhere"]
    assert ids(ask(site, f"GET /Flag?subject:identifier={OWN}|whole")) == ["whole"]
    assert ids(ask(site, f"GET /Flag?subject.identifier={OWN}|1&_sort=_id")) == ["plain", "version", "whole"]
