"""Every shipped pathway is played to its end, and leaves the hospital as its story says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from mockehr.fhir.validate import validate_document
from mockehr.pathways.shipped import shipped_files, shipped_pathway
from mockehr.sites.build import build_site
from mockehr.sites.options import SiteOptions
from mockehr.sites.site import Site

RUNS = 12
YEAR = 366 * 86400.0


def played(name: str, vendor: str = "generic", runs: int = RUNS) -> Site:
    site = build_site(SiteOptions("a", vendor, patients=300, stepped=True))
    site.pathways.add(shipped_pathway(name))
    for _ in range(runs):
        site.pathways.start(name)
    site.clock.advance(YEAR)
    return site


def all_of(site: Site, kind: str) -> list[dict[str, Any]]:
    return [record.document for record in site.store.overlay(kind)]


def statuses(site: Site, kind: str) -> Counter[str]:
    return Counter(str(one.get("status")) for one in all_of(site, kind))


def told(site: Site) -> Counter[str]:
    return Counter(change.event for change in site.log.changes)


def _surgery(site: Site) -> bool:
    one_each = told(site)["ADT^A05"] == told(site)["ADT^A01"] == RUNS
    return one_each and statuses(site, "Procedure") == {"completed": RUNS}


def _birth(site: Site) -> bool:
    children = [one for one in all_of(site, "Patient") if one["birthDate"] >= "2026"]
    return len(children) == len(all_of(site, "RelatedPerson")) == RUNS and told(site)["VXU^V04"] == RUNS


def _sepsis(site: Site) -> bool:
    cultures = [one for one in all_of(site, "DiagnosticReport") if "Culture" in one["code"]["text"]]
    versions = {record.version for record in site.store.overlay("DiagnosticReport") if "Culture" in str(record.body)}
    return len(cultures) == 2 * RUNS and versions == {2} and all(one["status"] == "final" for one in cultures)


def _corrections(site: Site) -> bool:
    want = {"corrected": RUNS, "amended": RUNS, "entered-in-error": RUNS, "final": RUNS}
    return statuses(site, "DiagnosticReport") == want


def _merged(site: Site) -> bool:
    inactive = [one for one in all_of(site, "Patient") if not one["active"]]
    replaced = [one["link"][0]["type"] for one in inactive]
    return (
        len(inactive) == RUNS - told(site)["ADT^A37"]
        and set(replaced) == {"replaced-by"}
        and told(site)["ADT^A40"] == RUNS
    )


def _swapped(site: Site) -> bool:
    names = [[place["location"]["display"] for place in one["location"]] for one in all_of(site, "Encounter")]
    return told(site)["ADT^A17"] == RUNS and all(len(places) >= 2 for places in names)


def _dead(site: Site) -> bool:
    dead = [one for one in all_of(site, "Patient") if "deceasedDateTime" in one]
    ways = {one["hospitalization"]["dischargeDisposition"]["coding"][0]["code"] for one in all_of(site, "Encounter")}
    return len(dead) == RUNS and ways == {"exp"} and statuses(site, "Flag") == {"active": RUNS}


ENDS: Mapping[str, Callable[[Site], bool]] = {
    "bed-swap": _swapped,
    "birth": _birth,
    "chest-pain": lambda site: (
        0 < told(site)["ADT^A06"] < RUNS and statuses(site, "ServiceRequest").keys() == {"completed"}
    ),
    "child-vaccination": lambda site: told(site)["VXU^V04"] >= 6 * RUNS,
    "copd-exacerbation": lambda site: told(site)["ADT^A06"] == RUNS and told(site)["RAS^O17"] > 10 * RUNS,
    "death-in-hospital": _dead,
    "diabetes-clinic": lambda site: statuses(site, "Appointment").total() == 2 * RUNS,
    "dialysis-day-case": lambda site: 5 * RUNS < statuses(site, "Encounter")["finished"] <= 6 * RUNS,
    "discharge-cancelled": lambda site: told(site)["ADT^A03"] == 2 * told(site)["ADT^A13"] > 0,
    "elective-surgery": _surgery,
    "hip-fracture": lambda site: statuses(site, "Procedure") == {"completed": RUNS},
    "lab-corrections": _corrections,
    "merged-duplicates": _merged,
    "no-show-clinic": lambda site: (
        len(statuses(site, "Appointment")) >= 3 and not statuses(site, "Appointment")["booked"]
    ),
    "oncology-day-case": lambda site: statuses(site, "Appointment") == {"fulfilled": 4 * RUNS, "cancelled": RUNS},
    "outpatient-imaging": lambda site: (
        statuses(site, "DiagnosticReport").total() == RUNS and told(site)["DFT^P03"] == RUNS
    ),
    "psychiatric-observation": lambda site: told(site)["ADT^A21"] == told(site)["ADT^A22"] == RUNS,
    "sepsis": _sepsis,
    "stroke": lambda site: told(site)["ADT^A06"] == RUNS and statuses(site, "DiagnosticReport").keys() == {"final"},
    "transfer-in-error": lambda site: told(site)["ADT^A12"] == RUNS,
}


def test_every_shipped_pathway_has_an_end_here() -> None:
    assert set(ENDS) == set(shipped_files())


@pytest.mark.parametrize("name", ENDS)
def test_a_shipped_pathway_ends_as_its_story_says(name: str) -> None:
    site = played(name)
    assert site.pathways.counts == {"done": RUNS}, site.pathways.over
    assert ENDS[name](site), (told(site), statuses(site, "Encounter"))
    assert site.pathways.hospital.beds.taken == {}
    assert set(statuses(site, "Encounter")) <= {"finished", "cancelled"}
    assert site.pathways.hospital.busy <= {one["id"] for one in all_of(site, "Patient")} | {
        f"p{n}" for n in range(300)
    }


@pytest.mark.parametrize("vendor", ["generic", "epic", "oracle"])
def test_all_that_shipped_pathways_write_is_valid_in_every_vendors_dress(vendor: str) -> None:
    wrong: Counter[str] = Counter()
    for name in shipped_files():
        site = played(name, vendor, runs=2)
        assert site.pathways.counts == {"done": 2}, site.pathways.over
        for change in site.log.changes:
            wrong.update(
                f"{name}: {one.expression}: {one.text}"
                for one in validate_document(change.document)
                if one.fails and "'FIN NBR'" not in one.text  # a system of Oracle Health's, documented so
            )
    assert wrong == {}
