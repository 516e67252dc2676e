"""The hospital that pathways run in: who comes, what is written, and how others' writes are respected."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from mockehr.config.load import load_text
from mockehr.core.changes import QUIET
from mockehr.core.exchange import Exchange
from mockehr.pathways.person import PersonConfig
from mockehr.pathways.schema import pathway_from
from mockehr.sites.build import build_site
from mockehr.sites.hospital import POINTS, SiteHospital
from mockehr.sites.links import Link
from mockehr.sites.options import SiteOptions
from mockehr.sites.site import Site


def made(vendor: str = "generic", patients: int = 200) -> Site:
    return build_site(SiteOptions("a", vendor, patients=patients, stepped=True, open_access=True))


def hospital(site: Site) -> SiteHospital:
    return site.pathways.hospital


def wish(**told: object) -> PersonConfig:
    return PersonConfig.model_validate(told)


def test_somebody_of_the_population_is_found_by_age_and_sex() -> None:
    here = hospital(made())
    for number in range(20):
        found = here.find_patient(wish(age={"from": 40, "to": 60}, sex="female"), here.stream("a", number))
        assert found is not None
        assert found["gender"] == "female"
        assert "1964" < found["birthDate"] < "1987"


def test_nobody_is_in_two_pathways_at_once() -> None:
    here = hospital(made(patients=8))
    found = [here.find_patient(wish(), here.stream("a", number)) for number in range(40)]
    ids = [one["id"] for one in found if one is not None]
    assert len(ids) == len(set(ids)) <= 8
    here.dismiss({"id": ids[0]})
    assert ids[0] not in here.busy


def test_a_new_patient_is_as_wished_and_has_a_number_that_nobody_has() -> None:
    here = hospital(made())
    one = here.new_patient(wish(family="Quill", given="Ada Bea", age=33, mrn="X77"), here.stream("a"))
    assert one["name"][0]["text"] == "Ada Bea Quill"
    assert one["birthDate"][:4] in ("1991", "1992", "1993")
    assert one["identifier"][0]["value"] == "X77"
    two = here.new_patient(wish(), here.stream("b"))
    assert int(two["identifier"][0]["value"]) > 60_000_000


def test_a_site_without_a_population_has_new_patients_and_staff_without_records() -> None:
    site = made(patients=0)
    site.pathways.start("chest-pain")
    site.clock.advance(20 * 86400)
    assert site.pathways.counts == {"done": 1}
    visit = site.store.overlay("Encounter")[0].document
    assert "reference" not in visit["participant"][0]["individual"]
    assert visit["participant"][0]["individual"]["display"]


def test_beds_are_locations_that_are_part_of_their_ward() -> None:
    site = made()
    here = hospital(site)
    bed = here.beds.claim("ED", "x")
    assert bed is not None
    reference = here.location(bed)
    assert here.location(bed) == reference
    record = site.store.read("Location", reference["reference"].partition("/")[2])
    assert record is not None
    assert record.document["identifier"] == [{"system": POINTS, "value": "ED^01^1"}]
    ward = record.document["partOf"]["reference"].partition("/")[2]
    assert site.store.read("Location", ward) is not None
    assert {change.event for change in site.log.changes} == {QUIET}


def test_what_a_client_changed_meanwhile_stays() -> None:
    site = made()
    text = "name: p\ntitle: t\nsteps: [{admit: MED}, {delay: 1h}, {discharge: }]"
    site.pathways.add(pathway_from(load_text(text)))
    site.pathways.start("p")
    visit = site.store.overlay("Encounter")[0].document
    changed = {**visit, "priority": {"text": "soon"}, "type": [{"text": "by hand"}]}
    site.store.commit(changed, kind="update", source="fhir")
    site.clock.advance(7200)
    after = site.store.overlay("Encounter")[0].document
    assert (after["status"], after["priority"]) == ("finished", {"text": "soon"})
    assert after["type"] == [{"text": "by hand"}]


def test_what_a_client_deleted_comes_back_with_the_next_step() -> None:
    site = made()
    text = "name: p\ntitle: t\nsteps: [{admit: MED}, {delay: 1h}, {discharge: }]"
    site.pathways.add(pathway_from(load_text(text)))
    site.pathways.start("p")
    visit = site.store.overlay("Encounter")[0]
    site.store.commit(visit.document, kind="delete", source="fhir")
    site.clock.advance(7200)
    assert site.store.overlay("Encounter")[0].document["status"] == "finished"
    assert not site.store.overlay("Encounter")[0].deleted


def test_everything_is_found_by_fhir_search_in_each_vendors_dress() -> None:
    for vendor in ("generic", "epic", "oracle"):
        site = made(vendor)
        site.pathways.start("hip-fracture")
        site.clock.advance(30 * 86400)
        (patient,) = site.pathways.over[-1].patients
        found = Counter()
        for kind in ("Encounter", "DiagnosticReport", "Observation", "Condition", "MedicationRequest", "Procedure"):
            written = {record.id for record in site.store.overlay(kind)}
            extra = "&category=laboratory" if kind == "Observation" else ""
            path = (site.fhir_path.rstrip("/") and f"/{kind}") or f"/{kind}"
            exchange = site.handle(Exchange("fhir", path=path, query=f"patient={patient}{extra}&_count=200"))
            assert exchange.reply is not None
            found[kind] = sum(id in written for _, id, *_ in exchange.result.entries)
        assert found["Encounter"] == 1, (vendor, found)
        assert found["DiagnosticReport"] == 6, (vendor, found)
        assert min(found.values()) >= 1, (vendor, found)


def test_a_message_is_posted_as_it_stands_on_links_that_carry_it() -> None:
    site = made()
    wanted = site.links.add(Link("one", "127.0.0.1", 1, messages=("ZZZ^Z01",)))
    other = site.links.add(Link("two", "127.0.0.1", 2, messages=("ADT^*",)))
    text = r"""
name: p
title: t
steps:
  - message: |
      MSH|^~\&|X|Y|||{now}||ZZZ^Z01|{number}|P|2.3
      PID|1||{mrn}^^^X^MR||{family}^{given}||{born}|{sex}
"""
    site.pathways.add(pathway_from(load_text(text)))
    site.pathways.start("p")
    assert len(other.ready) == 0
    (sent,) = wanted.ready
    segments = sent.body.decode().split("\r")
    assert segments[0] == r"MSH|^~\&|X|Y|||20260105120000||ZZZ^Z01|1-1|P|2.3"
    assert "{" not in segments[1]
    assert site.log.changes == []


def test_years_after_the_first_day_newborns_are_found_still() -> None:
    here = hospital(made())
    here.site.clock.advance(500 * 86400)
    born = here.new_patient(wish(age={"from": 0.14, "to": 0.17}), here.stream("a"))["birthDate"]
    days = (here.now() - datetime.fromisoformat(born + "T00:00:00Z").timestamp()) / 86400
    assert 50 <= days <= 64
