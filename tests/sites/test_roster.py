"""Patient searches by computation: which parameters, and the same patients as a look at every record."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from mockehr.core.exchange import Exchange
from mockehr.fhir.search import compile_query
from mockehr.personalities.load import ehr_names
from mockehr.population.criteria import Among, AnyOf, Between, Contains, Criterion, Equals, Exact, Starts
from mockehr.sites.build import build_site
from mockehr.sites.charts import Charts
from mockehr.sites.options import SiteOptions
from mockehr.sites.roster import COUNTED_UP_TO, criteria_from

SIZE = 300


def index_of(text: str) -> int | None:
    return int(text[1:]) if text[:1] == "p" else None


def mrn_of(text: str) -> str | None:
    return text.removeprefix("MRN|") if text.startswith("MRN|") else None


def asked(*parameters: tuple[str, str]) -> list[Criterion] | None:
    return criteria_from(parameters, index_of, mrn_of)


@pytest.mark.parametrize(
    ("name", "value", "criterion"),
    [
        ("_id", "p5", Among((5,))),
        ("_id", "p5,p7,nobody", Among((5, 7))),
        ("_id", "nobody", Among(())),
        ("identifier", "MRN|77", Equals("mrn", "77")),
        ("identifier", "MRN|1,MRN|2", AnyOf((Equals("mrn", "1"), Equals("mrn", "2")))),
        ("family", "Smi", Starts("family", "Smi")),
        ("family:exact", "Smith", Exact("family", "Smith")),
        ("family:contains", "mit", Contains("family", "mit")),
        ("family", "Smith,Jones", AnyOf((Starts("family", "Smith"), Starts("family", "Jones")))),
        ("family", "De la Cruz", Starts("family", "De la Cruz")),
        ("family", r"a\,b", Starts("family", "a,b")),
        ("given", "Al", Starts("given", "Al")),
        ("name", "Al", AnyOf((Starts("family", "Al"), Starts("given", "Al")))),
        ("name:exact", "Al", AnyOf((Exact("family", "Al"), Exact("given", "Al")))),
        ("gender", "male", Equals("sex", "male")),
        ("gender", "MALE", Equals("sex", "male")),
        ("address-postalcode", "606", Starts("postcode", "606")),
        ("address-city:contains", "lake", Contains("city", "lake")),
        ("phone", "312-555-0123", Equals("phone", "312-555-0123")),
        ("phone", "phone|312-555-0123", Equals("phone", "312-555-0123")),
        ("email", "A@example.org", Equals("email", "a@example.org")),
        ("birthdate", "1980-02-29", Between("birth_date", "1980-02-29", "1980-03-01")),
        ("birthdate", "eq1980-02", Between("birth_date", "1980-02-01", "1980-03-01")),
        ("birthdate", "1980-12", Between("birth_date", "1980-12-01", "1981-01-01")),
        ("birthdate", "1980", Between("birth_date", "1980-01-01", "1981-01-01")),
        ("birthdate", "ge1980-02", Between("birth_date", "1980-02-01", "")),
        ("birthdate", "gt1980-02", Between("birth_date", "1980-03-01", "")),
        ("birthdate", "le1980-02", Between("birth_date", "", "1980-03-01")),
        ("birthdate", "lt1980-02", Between("birth_date", "", "1980-02-01")),
    ],
)
def test_each_parameter_becomes_its_criterion(name: str, value: str, criterion: Criterion) -> None:
    assert asked((name, value)) == [criterion]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("_id:not", "p5"),
        ("identifier", "77"),
        ("identifier", "MRN|1,other|2"),
        ("identifier:not", "MRN|1"),
        ("identifier:of-type", "MRN|1"),
        ("family", ""),
        ("family:missing", "true"),
        ("name", "Erika Muster"),
        ("name:exact", "Erika Muster"),
        ("name:contains", "a M"),
        ("name", r"Muster\,"),
        ("phone", "phone|"),
        ("gender:not", "male"),
        ("gender:missing", "true"),
        ("phone", "fax|312-555-0123"),
        ("phone", "|312-555-0123"),
        ("birthdate", "sa1980"),
        ("birthdate", "eb1980"),
        ("birthdate", "ap1980"),
        ("birthdate", "ne1980"),
        ("birthdate", "yesterday"),
        ("birthdate", "1980-02-30"),
        ("birthdate", "1980-01-05T10:00"),
        ("birthdate", "9999"),
        ("birthdate", "9999-12"),
        ("birthdate", "le9999-12-31"),
        ("birthdate:missing", "false"),
        ("_lastUpdated", "ge2000"),
        ("address", "Lake"),
        ("general-practitioner.name", "House"),
        ("deceased", "false"),
        ("telecom", "312-555-0123"),
    ],
)
def test_what_cannot_be_computed_is_left_to_a_look_at_the_records(name: str, value: str) -> None:
    assert asked((name, value)) is None
    assert asked(("family", "Smith"), (name, value)) is None


def test_all_parameters_are_to_hold_and_none_means_everybody() -> None:
    assert asked() == []
    both = asked(("birthdate", "ge1980"), ("birthdate", "lt1990"), ("family", "S"))
    assert both == [
        Between("birth_date", "1980-01-01", ""),
        Between("birth_date", "", "1990-01-01"),
        Starts("family", "S"),
    ]


def site_charts(vendor: str = "generic", size: int = SIZE) -> Charts:
    charts = build_site(SiteOptions("a", vendor, patients=size, stepped=True)).charts
    assert charts is not None
    return charts


@pytest.fixture(scope="module")
def charts() -> Charts:
    return site_charts()


@pytest.fixture(scope="module")
def documents(charts: Charts) -> dict[str, Any]:
    """Every Patient by id."""
    records = (charts.patient(index) for index in range(SIZE))
    return {record.id: record.document for record in records}


def computed(charts: Charts, parameters: Sequence[tuple[str, str]]) -> set[str]:
    hits = charts.patients(parameters)
    assert hits is not None, parameters
    ids = [record.id for record in hits.page(0, SIZE + 1)]
    assert hits.total == len(ids) == len(set(ids))
    return set(ids)


def drawn(charts: Charts) -> list[list[tuple[str, str]]]:
    """Searches made of what a few patients really have, and of what nobody has."""
    found: list[list[tuple[str, str]]] = []
    for index in range(0, SIZE, 12):
        person = charts.population.person(index)
        family, given, born = person.family, person.given[0], person.birth_date
        found += [
            [("family", family[:2])],
            [("family", family.upper())],
            [("family:exact", family)],
            [("family:exact", family.lower())],
            [("family:contains", family[1:4])],
            [("family", f"{family},{given}")],
            [("given", given[:3])],
            [("given:exact", person.given[-1])],
            [("name", given)],
            [("given:exact", person.preferred or "Jack")],
            [("name:contains", family[-3:])],
            [("birthdate", born)],
            [("birthdate", born[:7]), ("gender", person.sex)],
            [("birthdate", f"ge{born[:4]}"), ("birthdate", f"lt{int(born[:4]) + 3}")],
            [("birthdate", f"gt{born[:7]}")],
            [("birthdate", f"le{born}")],
            [("birthdate", f"{born},{born[:4]}")],
            [("address-postalcode", person.postcode[:3])],
            [("address-city", person.city)],
            [("address-city:exact", person.city.upper())],
            [("gender", "MALE,other")],
            [("identifier", f"MRN|{person.mrn_number}")],
            [("_id", f"p{index},p{SIZE},p{index + 1}")],
            [("family", family[0]), ("given", given[0]), ("birthdate", "ge1950")],
        ]
        found += [[("phone", number)] for number in (person.phone_home, person.phone_mobile) if number]
        found += [[("email", person.email.upper())]] if person.email else []
    return [*found, [], [("family", "zzz")], [("gender", "unknown")], [("phone", "312-555")], [("email", "x")]]


def test_computation_finds_exactly_whom_a_look_at_every_record_finds(
    charts: Charts, documents: dict[str, Any]
) -> None:
    searches = drawn(charts)
    assert len(searches) > 500
    for parameters in searches:
        plain = [(n, f"{int(v[4:]):08d}" if n == "identifier" else v) for n, v in parameters]
        query = compile_query("Patient", plain, strict=True)
        assert not query.problems, parameters
        looked = {id for id, document in documents.items() if query.matches(document)}
        assert computed(charts, parameters) == looked, parameters


def test_pages_add_up_and_the_total_is_exact(charts: Charts) -> None:
    hits = charts.patients([("gender", "female")])
    assert hits is not None
    pages = [record.id for start in range(0, SIZE, 7) for record in hits.page(start, 7)]
    assert len(pages) == len(set(pages)) == hits.total
    assert 100 < len(pages) < 200


def test_a_total_that_would_want_very_many_looks_is_left_out() -> None:
    many = site_charts(size=8 * COUNTED_UP_TO)
    free, dear = many.patients([("gender", "female")]), many.patients([("gender", "female"), ("given", "")])
    assert free is not None
    assert free.total is not None
    assert free.total > COUNTED_UP_TO
    assert dear is None
    crossed = many.patients([("gender", "female"), ("address-city:contains", "e")])
    assert crossed is not None
    assert crossed.total is None
    assert len(crossed.page(0, 5)) == 5


@pytest.mark.parametrize("vendor", ehr_names())
def test_a_record_number_finds_its_bearer_without_a_look_at_any_chart(vendor: str) -> None:
    made = site_charts(vendor, 1_000_000)
    record = made.patient(54_321)
    found = set()
    for identifier in record.document["identifier"]:
        hits = made.patients([("identifier", f"{identifier.get('system', '')}|{identifier['value'].strip()}")])
        if hits is not None:
            found |= {match.id for match in hits.page(0, 5)}
    assert found == {record.id}
    assert not made._cache


@pytest.mark.parametrize("query", ["birthdate=9999", "birthdate=9999-12", "birthdate=gt9999-12-31", "_id:not=p1"])
def test_searches_at_the_edge_of_what_can_be_computed_are_answered(query: str) -> None:
    site = build_site(SiteOptions("a", patients=30, stepped=True, open_access=True))
    exchange = site.handle(Exchange("fhir", path="/Patient", query=query, base_url="http://a.example.org/fhir"))
    assert exchange.problem is None
    expected = 0 if query.startswith("birthdate") else 29
    assert len(exchange.returned) == expected
