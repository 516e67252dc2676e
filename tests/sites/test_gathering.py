"""What messages may tell of: beside the changed resource, what its message wants of the chart."""

from __future__ import annotations

from typing import Any

from mockehr.core.changes import QUIET, Change
from mockehr.hl7.emit import Event, emit
from mockehr.sites.build import build_site
from mockehr.sites.gathering import gather
from mockehr.sites.options import SiteOptions
from mockehr.sites.site import Site

SUBJECT = {"reference": "Patient/p"}


def made() -> Site:
    site = build_site(SiteOptions("a", stepped=True, open_access=True))
    write(site, "Patient", "p")
    return site


def write(site: Site, kind: str, id: str, event: str = "", deed: Any = "create", **more: Any) -> None:
    site.store.commit({"resourceType": kind, "id": id, **more}, kind=deed, source="control", event=event)


def gathered(site: Site) -> list[str]:
    """What is gathered for the latest change."""
    return [f"{one['resourceType']}/{one['id']}" for one in gather(site, site.log.changes[-1])]


def test_an_admission_gathers_the_lists_of_the_chart_and_what_belongs_to_its_visit() -> None:
    site = made()
    for number, visit in enumerate(("v", "other"), 1):
        write(site, "Condition", f"c{number}", subject=SUBJECT, encounter={"reference": f"Encounter/{visit}"})
    write(site, "AllergyIntolerance", "a", patient=SUBJECT)
    write(site, "AllergyIntolerance", "gone", patient=SUBJECT)
    write(site, "AllergyIntolerance", "gone", deed="delete", patient=SUBJECT)
    write(site, "Coverage", "i", beneficiary=SUBJECT)
    write(site, "Observation", "o", subject=SUBJECT)
    write(site, "Encounter", "v", "ADT^A01", subject=SUBJECT)
    assert sorted(gathered(site)) == [
        "AllergyIntolerance/a", "Condition/c1", "Coverage/i", "Encounter/v", "Patient/p",
    ]  # fmt: skip


def test_an_update_of_the_person_gathers_nothing_of_the_chart() -> None:
    site = made()
    write(site, "AllergyIntolerance", "a", patient=SUBJECT)
    write(site, "Patient", "p", deed="update", gender="male")
    assert gathered(site) == ["Patient/p"]


def test_who_was_linked_before_is_gathered_too_and_what_was_deleted_as_it_was() -> None:
    site = made()
    link = {"type": "replaced-by", "other": {"reference": "Patient/p"}}
    write(site, "Patient", "q", gender="male", link=[link])
    write(site, "Patient", "q", deed="update", gender="male")
    assert gathered(site) == ["Patient/q", "Patient/p"]
    write(site, "Patient", "q", deed="delete")
    assert gather(site, site.log.changes[-1])[0]["gender"] == "male"


def test_a_swap_gathers_what_the_quiet_change_before_it_changed() -> None:
    site = made()
    write(site, "Patient", "q")
    write(site, "Encounter", "loud", "ADT^A01", subject=SUBJECT)
    write(site, "Encounter", "w", QUIET, subject={"reference": "Patient/q"})
    write(site, "Patient", "q", QUIET, deed="update")
    write(site, "Encounter", "v", "ADT^A17", subject=SUBJECT)
    assert gathered(site) == ["Encounter/v", "Encounter/w", "Patient/q", "Patient/p"]
    write(site, "Encounter", "v", "ADT^A02", deed="update", subject=SUBJECT)
    assert gathered(site) == ["Encounter/v", "Patient/p"]


def test_messages_tell_of_records_with_nulls_and_of_people_by_the_names_that_they_bear() -> None:
    site = build_site(SiteOptions("a", patients=4, stepped=True, open_access=True))
    site.arm({"use": "nulls", "with": {"rate": 1.0, "share": 1.0}})
    site.arm({"use": "unicode-names", "with": {"rate": 1.0, "kind": "right-to-left"}})
    charts = site.charts
    assert charts is not None
    for resource_type, kind in (("Patient", "ADT^A28"), ("DiagnosticReport", "ORU^R01")):
        record = charts.chart("p0", resource_type)[0]
        assert None in record.document.values()
        change = Change(1, "create", resource_type, record.id, 1, 0.0, "control", record.document, "p0", event=kind)
        told = gather(site, change)
        assert all(value is not None for one in told for value in one.values())
        message = emit(Event(kind, 0.0, 1, occurred=0.0, action="create"), told, site.dialect)
        assert charts.person(0).family.encode() in message
