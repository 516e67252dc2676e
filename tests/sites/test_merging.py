"""Merges and what undoes them: who is found by which number, what the links say, what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from mockehr.core.changes import QUIET
from mockehr.core.exchange import Exchange
from mockehr.hl7.accept.intents import (
    Accepted,
    Account,
    Associate,
    Intent,
    Key,
    Merge,
    Remove,
    Renumber,
    Unmerge,
    Upsert,
)
from mockehr.hl7.faults import Fault, Rejection
from mockehr.sites.build import build_site
from mockehr.sites.finding import carriers, find_by_identifier, successor
from mockehr.sites.intents import apply_intents
from mockehr.sites.options import SiteOptions
from mockehr.sites.site import Site

MRN = "urn:oid:1.2.3"
ACCOUNTS = "urn:oid:4.5.6"
MERGED = "ADT^A40"


def key(value: str, system: str = MRN) -> tuple[Key, ...]:
    return (Key(system, value),)


def number(value: str, system: str = MRN, **more: str) -> dict[str, Any]:
    return {"system": system, "value": value, **more}


def made(*patients: str) -> Site:
    """A site with patients of these numbers, called w1, w2 and so on."""
    site = build_site(SiteOptions("a", stepped=True, open_access=True))
    for value in patients:
        applied(site, person(value))
    return site


def person(value: str, *, within: tuple[Key, ...] = (), **more: Any) -> Upsert:
    body = {"resourceType": "Patient", "identifier": [number(value)], **more}
    return Upsert("patient", body, key(value), defaults={"active": True}, within=within, quiet=True)


def applied(site: Site, *intents: Intent, event: str = MERGED) -> list[Fault]:
    warnings: list[Fault] = []
    apply_intents(site, Accepted(intents, event, "Patient"), Exchange("mllp-in", number=5), warnings)
    return warnings


def state(site: Site) -> dict[str, tuple[bool, list[str]]]:
    """Every patient: whether active, and its links."""
    return {
        record.id: (
            record.document["active"],
            [f"{link['type']} {link['other']['reference'][8:]}" for link in record.document.get("link", [])],
        )
        for record in sorted(site.store.overlay("Patient"), key=lambda one: one.id)
    }


def who(site: Site, value: str) -> str:
    found = find_by_identifier(site, "Patient", key(value))
    return found.id if found is not None else ""


def test_a_chain_of_merges_leads_every_number_to_who_is_left() -> None:
    site = made("A", "B", "C")
    assert applied(site, Merge(key("B"), key("A"))) == []
    assert [who(site, value) for value in "ABC"] == ["w2", "w2", "w3"]
    assert applied(site, Merge(key("C"), key("B"))) == []
    assert [who(site, value) for value in "ABC"] == ["w3", "w3", "w3"]
    assert state(site) == {
        "w1": (False, ["replaced-by w2"]),
        "w2": (False, ["replaces w1", "replaced-by w3"]),
        "w3": (True, ["replaces w2"]),
    }


def test_a_link_of_a_chain_is_undone_alone() -> None:
    site = made("A", "B", "C")
    applied(site, Merge(key("B"), key("A")))
    applied(site, Merge(key("C"), key("B")))
    assert applied(site, Unmerge(key("B"), key("C")), event="ADT^A37") == []
    assert state(site) == {
        "w1": (False, ["replaced-by w2"]),
        "w2": (True, ["replaces w1"]),
        "w3": (True, []),
    }
    assert [who(site, value) for value in "ABC"] == ["w2", "w2", "w3"]
    assert [change.event for change in site.log.changes[-2:]] == [QUIET, "ADT^A37"]


def test_the_same_merge_again_changes_nothing() -> None:
    site = made("A", "B")
    applied(site, Merge(key("B"), key("A")))
    before = len(site.log.changes)
    assert applied(site, Merge(key("B"), key("A"))) == []
    assert len(site.log.changes) == before


def test_a_merge_the_other_way_round_turns_the_first_one() -> None:
    site = made("A", "B")
    for day, (survivor, loser) in enumerate(("BA", "AB", "BA", "AB"), 1):
        told = person(survivor, within=key(loser), birthDate=f"1980-01-0{day}")
        applied(site, told, Merge(key(survivor), key(loser)))
        kept, gone = ("w1", "w2") if survivor == "A" else ("w2", "w1")
        record = site.store.read("Patient", kept)
        assert record is not None
        assert record.document["birthDate"] == f"1980-01-0{day}"
        assert state(site)[kept] == (True, [f"replaces {gone}"])
        assert state(site)[gone] == (False, [f"replaced-by {kept}"])
        assert {who(site, "A"), who(site, "B")} == {kept}


def test_who_is_merged_anew_belongs_to_the_latest_survivor() -> None:
    site = made("A", "B", "C")
    applied(site, Merge(key("B"), key("A")))
    applied(site, Merge(key("C"), key("A")))
    assert state(site) == {"w1": (False, ["replaced-by w3"]), "w2": (True, []), "w3": (True, ["replaces w1"])}


def test_several_numbers_are_several_patients() -> None:
    site = made("A", "B", "C")
    assert applied(site, Merge(key("A"), key("B") + key("C"))) == []
    assert state(site)["w1"] == (True, ["replaces w2", "replaces w3"])
    assert [change.event for change in site.log.changes[-4:]] == [QUIET, MERGED, QUIET, MERGED]


def test_both_of_a_chain_may_be_merged_at_once() -> None:
    site = made("A", "B", "C")
    applied(site, Merge(key("B"), key("A")))
    applied(site, Merge(key("C"), key("A") + key("B")))
    assert state(site) == {
        "w1": (False, ["replaced-by w3"]),
        "w2": (False, ["replaced-by w3"]),
        "w3": (True, ["replaces w1", "replaces w2"]),
    }


def test_traffic_for_a_merged_number_is_about_the_survivor_who_keeps_its_own_number() -> None:
    site = made("A", "B")
    applied(site, Merge(key("B"), key("A")))
    applied(site, person("A", birthDate="1980-03-04"), event="ADT^A08")
    survivor = site.store.read("Patient", "w2")
    assert survivor is not None
    assert survivor.document["birthDate"] == "1980-03-04"
    assert survivor.document["identifier"] == [number("B")]
    body = {"resourceType": "Patient", "identifier": [number("B"), number("A")]}
    applied(site, Upsert("patient", body, key("B") + key("A")), event="ADT^A08")
    again = site.store.read("Patient", "w2")
    assert again is not None
    assert again.document["identifier"] == [number("B")]


@pytest.mark.parametrize(("survivor", "loser", "code"), [("A", "X", 204), ("X", "A", 204), ("A", "A", 205)])
def test_a_merge_that_cannot_be_is_a_warning(survivor: str, loser: str, code: int) -> None:
    site = made("A")
    before = len(site.log.changes)
    (warning,) = applied(site, Merge(key(survivor), key(loser)))
    assert (warning.code, warning.severity) == (code, "W")
    assert len(site.log.changes) == before


@pytest.mark.parametrize(
    "intent",
    [
        Merge(key("A"), key("X"), True),
        Unmerge(key("A"), key("B"), True),
        Unmerge(key("A"), key("X"), True),
        Associate(key("A"), key("X"), True),
        Renumber("Patient", key("X"), (number("Y"),), Fault(204, "MRG", 1, 1), True),
        Account(key("A"), key("X"), number("Y"), True),
        Remove("Patient", key("X"), Fault(204, "PID", 1, 3), True),
    ],
)
def test_what_is_strict_is_refused_and_what_is_not_is_a_warning(intent: Any) -> None:
    site = made("A", "B")
    before = len(site.log.changes)
    with pytest.raises(Rejection) as caught:
        applied(site, intent)
    assert [(fault.code, fault.severity) for fault in caught.value.faults] == [(204, "E")]
    lenient = type(intent)(
        **{name: getattr(intent, name) for name in intent.__slots__ if name != "strict"}, strict=False
    )
    assert [(fault.code, fault.severity) for fault in applied(site, lenient)] == [(204, "W")]
    assert len(site.log.changes) == before


def test_links_go_both_ways_and_leave_both_active() -> None:
    site = made("A", "B")
    assert applied(site, Associate(key("A"), key("B")), event="ADT^A24") == []
    assert state(site) == {"w1": (True, ["seealso w2"]), "w2": (True, ["seealso w1"])}
    before = len(site.log.changes)
    applied(site, Associate(key("A"), key("B")), event="ADT^A24")
    assert len(site.log.changes) == before
    applied(site, Unmerge(key("A"), key("B")), event="ADT^A37")
    assert state(site) == {"w1": (True, []), "w2": (True, [])}


def test_another_number_is_added_and_the_old_one_still_finds() -> None:
    site = made("A", "B")
    renumber = Renumber("Patient", key("A"), (number("N"),), Fault(204, "MRG", 1, 1))
    assert applied(site, renumber, event="ADT^A47") == []
    record = site.store.read("Patient", "w1")
    assert record is not None
    assert record.document["identifier"] == [number("N"), number("A", use="old")]
    assert (who(site, "N"), who(site, "A")) == ("w1", "w1")
    before = len(site.log.changes)
    applied(site, person("A", gender="male"), event="ADT^A08")
    again = site.store.read("Patient", "w1")
    assert again is not None
    assert again.document["identifier"] == record.document["identifier"]
    assert len(site.log.changes) == before + 1
    applied(site, Upsert("p", {"resourceType": "Patient", "identifier": [number("A"), number("Z")]}, key("A")))
    last = site.store.read("Patient", "w1")
    assert last is not None
    assert last.document["identifier"] == [number("Z"), number("A", use="old")]
    with pytest.raises(Rejection, match="another record"):
        applied(site, Renumber("Patient", key("Z"), (number("B"),), Fault(204, "MRG", 1, 1)))


def test_a_number_is_rather_that_of_who_has_it_than_of_who_had_it() -> None:
    site = made("A", "B")
    applied(site, Renumber("Patient", key("A"), (number("N"),), Fault(204, "MRG", 1, 1)))
    record = site.store.read("Patient", "w2")
    assert record is not None
    site.store.commit({**record.document, "identifier": [number("A")]}, kind="update", source="fhir")
    assert [found.id for found in carriers(site, "Patient", key("A"))] == ["w2", "w1"]


def visit(site: Site, value: str, **more: Any) -> None:
    body = {
        "resourceType": "Encounter", "identifier": [number(value, ACCOUNTS)], "subject": {"reference": "Patient/w1"},
        **more,
    }  # fmt: skip
    applied(site, Upsert("visit", body, key(value, ACCOUNTS)), event="ADT^A01")


def encounters(site: Site) -> list[dict[str, Any]]:
    return sorted((record.document for record in site.store.chart("w1", "Encounter")), key=lambda one: str(one["id"]))


def test_visits_go_with_their_account() -> None:
    site = made("A")
    visit(site, "V1", account=[{"identifier": number("OLD", ACCOUNTS)}])
    visit(site, "V2", account=[{"identifier": number("OTHER", ACCOUNTS)}])
    assert applied(site, Account(key("A"), key("OLD", ACCOUNTS), number("NEW", ACCOUNTS)), event="ADT^A41") == []
    accounts = [one["account"][0]["identifier"]["value"] for one in encounters(site)]
    assert accounts == ["NEW", "OTHER"]


def test_a_visit_known_by_its_account_gets_the_new_number_or_becomes_part_of_the_other() -> None:
    site = made("A")
    visit(site, "F1")
    applied(site, Account(key("A"), key("F1", ACCOUNTS), number("F2", ACCOUNTS)), event="ADT^A35")
    (one,) = encounters(site)
    assert [(item["value"], item.get("use")) for item in one["identifier"]] == [("F2", None), ("F1", "old")]
    visit(site, "F3")
    applied(site, Account(key("A"), key("F2", ACCOUNTS), number("F3", ACCOUNTS)), event="ADT^A35")
    first, second = encounters(site)
    assert first["partOf"] == {"reference": f"Encounter/{second['id']}"}
    assert "partOf" not in second


def test_what_is_removed_is_told_with_the_patient_whose_it_was() -> None:
    site = made("A")
    visit(site, "V1")
    applied(site, Remove("Encounter", key("V1", ACCOUNTS), Fault(204, "PV1", 1, 19)), event="ADT^A23")
    change = site.log.changes[-1]
    assert (change.kind, change.patient, change.event) == ("delete", "w1", "ADT^A23")
    assert change.before is not None
    assert change.before["identifier"][0]["value"] == "V1"
    assert encounters(site) == []


def test_a_circle_of_links_ends() -> None:
    site = made("A", "B")
    for id, other in (("w1", "w2"), ("w2", "w1")):
        record = site.store.read("Patient", id)
        assert record is not None
        link = {"other": {"reference": f"Patient/{other}"}, "type": "replaced-by"}
        site.store.commit({**record.document, "link": [link]}, kind="update", source="control")
    first = next(carriers(site, "Patient", key("A")))
    assert successor(site, first).id == "w2"


def test_a_survivor_that_was_deleted_does_not_count() -> None:
    site = made("A", "B")
    applied(site, Merge(key("B"), key("A")))
    record = site.store.read("Patient", "w2")
    assert record is not None
    site.store.commit(record.document, kind="delete", source="control")
    assert who(site, "A") == "w1"
