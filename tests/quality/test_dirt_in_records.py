"""Each corruption of codes, doubles, old records, units, size and wrong patients tells two readers apart.

The careless reader is what people write first; the careful one copes as the corruption's documentation says.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from mockehr.core.exchange import Exchange
from mockehr.population.chart.codes import CVX, ICD10, LOINC, RXNORM, SNOMED, table
from mockehr.sites.build import build_site
from mockehr.sites.charts import Charts
from mockehr.sites.exceptions import Parked
from mockehr.sites.expected import everybody, truth_of
from mockehr.sites.options import SiteOptions
from mockehr.sites.site import Site
from mockehr.sites.truth import TruthReport

BASE = "http://a.example.org/fhir"
Record = dict[str, Any]


@dataclass
class Store:
    """What a reader ends up with."""

    site: Site
    kept: list[Record] = field(default_factory=list)
    parked: list[Parked] = field(default_factory=list)

    def fetch(self, path: str, query: str = "") -> Record | None:
        headers = {"accept": "application/fhir+json"}
        reply = self.site.handle(Exchange("fhir", path=path, query=query, headers=headers, base_url=BASE)).reply
        assert reply is not None
        return json.loads(reply.body) if reply.status == 200 else None

    def search(self, kind: str, query: str = "") -> Iterator[Record]:
        query = f"{query}&_count=200" if query else "_count=200"
        while query:
            page = self.fetch(f"/{kind}", query)
            assert page is not None
            yield from (entry["resource"] for entry in page.get("entry", ()) if entry["search"]["mode"] == "match")
            following = [link["url"] for link in page["link"] if link["relation"] == "next"]
            query = following[0].partition("?")[2] if following else ""

    def park(self, record: Record) -> None:
        self.parked.append(Parked(f"{record['resourceType']}/{record['id']}", "set aside"))


Reader = Callable[[Store, Record], None]


def keep(store: Store, record: Record) -> None:
    store.kept.append(record)


def coded(name: str, *systems: str) -> Reader:
    """Keeps what is coded in one of the systems that it knows."""

    def read(store: Store, record: Record) -> None:
        if any(one.get("system") in systems for one in record.get(name, {}).get("coding", ())):
            keep(store, record)

    return read


def only_known_vaccines(store: Store, record: Record) -> None:
    if any(one["system"] == CVX and one["code"] in table("cvx") for one in record["vaccineCode"]["coding"]):
        keep(store, record)


def with_drug(store: Store, record: Record) -> None:
    if "medicationReference" in record:
        keep(store, record)
    else:
        coded("medicationCodeableConcept", RXNORM)(store, record)


def checked_systems(store: Store, record: Record) -> None:
    codings = [
        one | {"system": ICD10} if one["system"] == SNOMED and not one["code"].isdigit() else one
        for one in record["code"]["coding"]
    ]
    keep(store, record | {"code": record["code"] | {"coding": codings}})


def strict_contained(store: Store, record: Record) -> None:
    if all(isinstance(one["id"], str) and "resourceType" in one for one in record.get("contained", ())):
        keep(store, record)


def resolving(store: Store, record: Record) -> None:
    named = record.get("encounter") or record.get("recorder") or (record.get("performer") or [None])[0]
    if named is None or store.fetch(f"/{named['reference']}") is not None:
        keep(store, record)


def known_status(store: Store, record: Record) -> None:
    if record.get("status") in ("registered", "preliminary", "final", "amended", "corrected", "cancelled", "unknown"):
        keep(store, record)


def ucum_only(store: Store, record: Record) -> None:
    if "code" in record.get("valueQuantity", {"code": ""}):
        keep(store, record)


def metric_only(store: Store, record: Record) -> None:
    if record.get("valueQuantity", {}).get("code") not in ("[lb_av]", "[in_i]", "[degF]"):
        keep(store, record)


def with_units(store: Store, record: Record) -> None:
    if record.get("valueQuantity", {"unit": ""}).keys() & {"unit", "code"}:
        keep(store, record)
    else:
        store.park(record)


def numbers_only(store: Store, record: Record) -> None:
    if "valueString" not in record:
        keep(store, record)


def bare_bounds(store: Store, record: Record) -> None:
    """Takes `<5 mg/dL` for 5."""
    text = record.get("valueString", "")
    digits = "".join(letter for letter in text if letter in "0123456789.")
    if not digits:
        keep(store, record)
        return
    made = {name: value for name, value in record.items() if name != "valueString"}
    keep(store, made | {"valueQuantity": {"value": float(digits)}})


def bounds_of_normal(store: Store, record: Record) -> None:
    if all("low" in one or "high" in one for one in record.get("referenceRange", ())):
        keep(store, record)


def shallow(store: Store, record: Record) -> None:
    def walk(node: Any, depth: int) -> bool:
        if depth > 60:
            return False
        parts = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
        return all(walk(part, depth + 1) for part in parts)

    if walk(record, 0):
        keep(store, record)


def same_patient(store: Store, record: Record) -> None:
    visit = store.fetch(f"/{record['encounter']['reference']}") if "encounter" in record else None
    if visit is None or visit["subject"]["reference"] == record["subject"]["reference"]:
        keep(store, record)
    else:
        store.park(record)


def once(store: Store, record: Record) -> None:
    def said(one: Record) -> Any:
        return {name: value for name, value in one.items() if name not in ("id", "meta", "text")}

    if not any(said(one) == said(record) for one in store.kept):
        keep(store, record)


def no_replaced(store: Store, record: Record) -> None:
    if not any(link["type"] == "replaced-by" for link in record.get("link", ())):
        keep(store, record)


def without_circles(store: Store, record: Record) -> None:
    """Follows links with a memory, and forgets those that lead back."""
    seen, now = [record["id"]], record
    while now is not None and (links := now.get("link")):
        id = links[0]["other"]["reference"].partition("/")[2]
        if id in seen:
            keep(store, {name: value for name, value in record.items() if name != "link"})
            return
        seen.append(id)
        now = store.fetch(f"/Patient/{id}") or {}
    keep(store, record)


def one_person(store: Store, record: Record) -> None:
    """Keeps who has a chart of those who look like one person."""

    def looks(one: Record) -> Any:
        return one["name"][0]["family"], one["birthDate"], one["gender"], one["address"][0]["line"]

    if not any(store.search("Encounter", f"patient={record['id']}")):
        others = store.search("Patient", f"family={record['name'][0]['family']}&birthdate={record['birthDate']}")
        if any(one["id"] != record["id"] and looks(one) == looks(record) for one in others):
            return
    keep(store, record)


CASES: list[tuple[str, str, Reader, Reader]] = [
    # corruption, type, careless, careful
    ("icd-9-beside-icd-10", "Condition", coded("code", ICD10), keep),
    ("drug-codes", "MedicationRequest", with_drug, keep),
    ("codes-without-loinc", "Observation", coded("code", LOINC), keep),
    ("retired-codes", "Immunization", only_known_vaccines, keep),
    ("wrong-system", "Condition", keep, checked_systems),
    ("duplicate-patients", "Patient", keep, one_person),
    ("links-in-circles", "Patient", no_replaced, without_circles),
    ("duplicate-results", "Observation", keep, once),
    ("contained-junk", "Condition", strict_contained, keep),
    ("dangling-references", "Condition", resolving, keep),
    ("wrong-reference-types", "Condition", resolving, keep),
    ("status-out-of-range", "Observation", known_status, keep),
    ("free-text-units", "Observation", ucum_only, keep),
    ("mixed-units", "Observation", metric_only, keep),
    ("missing-units", "Observation", keep, with_units),
    ("comparator-in-text", "Observation", numbers_only, keep),
    ("comparator-in-text", "Observation", bare_bounds, keep),
    ("ranges-in-strings", "Observation", bounds_of_normal, keep),
    ("deep-nesting", "Condition", shallow, keep),
    ("wrong-patient", "Observation", keep, same_patient),
]


def made(corruption: str = "") -> Site:
    site = build_site(SiteOptions("a", patients=6, stepped=True, open_access=True))
    if corruption:
        site.arm({"use": corruption, "with": {"rate": 1.0}})
    return site


def judged(site: Site, kind: str, reader: Reader) -> TruthReport:
    store = Store(site)
    for record in store.search(kind):
        reader(store, record)
    return truth_of(site, everybody(site), {kind: ""}, store.kept, store.parked)


@pytest.mark.parametrize(("corruption", "kind", "careless", "careful"), CASES)
def test_a_careful_reader_passes_and_a_careless_one_fails(
    corruption: str, kind: str, careless: Reader, careful: Reader
) -> None:
    site = made(corruption)
    assert judged(site, kind, careful).ok, judged(site, kind, careful).text()
    assert not judged(site, kind, careless).ok


@pytest.mark.parametrize(("kind", "careless"), sorted({(one[1], one[2]) for one in CASES}, key=str))
def test_of_clean_records_the_same_careless_readers_are_right(kind: str, careless: Reader) -> None:
    assert judged(made(), kind, careless).ok


def test_whoever_takes_the_first_page_for_all_is_found_out_by_a_long_chart() -> None:
    site = made()
    site.arm({"use": "long-charts", "with": {"rate": 0.2, "observations": 900}})
    charts = site.charts
    assert isinstance(charts, Charts)
    patient = charts.patient_id(next(iter(charts.infections["long-charts"].patients())))
    store = Store(site)
    everything = list(store.search("Observation", f"patient={patient}"))
    page = store.fetch("/Observation", f"patient={patient}&_count=500") or {}
    first = [entry["resource"] for entry in page["entry"]]
    assert len(everything) > 900
    assert truth_of(site, [patient], {"Observation": ""}, everything).ok
    assert len(truth_of(site, [patient], {"Observation": ""}, first).lost) == len(everything) - len(first) > 0


def test_whoever_bounds_documents_silently_is_found_out_by_a_large_one() -> None:
    site = made()
    site.arm({"use": "large-documents", "with": {"rate": 1.0, "megabytes": 2}})
    assert judged(site, "Binary", keep).ok

    def bounded(store: Store, record: Record) -> None:
        if len(record["data"]) < 1_000_000:
            keep(store, record)

    assert judged(site, "Binary", bounded).lost
