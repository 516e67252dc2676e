"""Writing what HL7 messages ask for: found by business identifiers, updated, created or merged."""

from __future__ import annotations

from typing import Any

import pytest

from mockehr.core.changes import QUIET
from mockehr.core.exchange import Exchange
from mockehr.hl7.accept.intents import Accepted, Intent, Key, Merge, Upsert, reference
from mockehr.personalities.load import ehr_names
from mockehr.sites.build import build_site
from mockehr.sites.intents import apply_intents, find_by_identifier
from mockehr.sites.links import Link
from mockehr.sites.options import SiteOptions
from mockehr.sites.site import Site

MRN = "urn:oid:1.2.3"
FOREIGN = "urn:oid:9.9.9"


def made(vendor: str = "generic", patients: int = 0) -> Site:
    return build_site(SiteOptions("a", vendor, patients=patients, stepped=True, open_access=True))


def person(*identifiers: tuple[str, str], key: str = "patient", **more: Any) -> Upsert:
    listed = [{"system": system, "value": value} for system, value in identifiers]
    keys = tuple(Key(system, value) for system, value in identifiers)
    cleared, defaults = more.pop("cleared", ()), more.pop("defaults", {})
    return Upsert(key, {"resourceType": "Patient", "identifier": listed, **more}, keys, cleared, defaults)


def applied(site: Site, *intents: Intent, event: str = "ADT^A08") -> tuple[Exchange, list[Any]]:
    exchange = Exchange("mllp-in", number=5)
    return exchange, apply_intents(site, Accepted(intents, event), exchange)


def test_what_is_found_nowhere_is_created_with_its_defaults() -> None:
    site = made()
    asked = person((MRN, "1"), gender="female", defaults={"active": True})
    exchange, (record,) = applied(site, asked, event="ADT^A28")
    assert (record.id, record.version) == ("w1", 1)
    assert record.document["active"] is True
    (change,) = site.log.changes
    assert (change.kind, change.source, change.event, change.entry) == ("create", "hl7", "ADT^A28", 5)
    assert list(exchange.changes) == [change.number]


def test_what_is_found_is_updated_and_elements_that_are_not_named_stay() -> None:
    site = made()
    first = person((MRN, "1"), (FOREIGN, "x"), gender="female", birthDate="1980-01-01", maritalStatus={"text": "M"})
    applied(site, first)
    again = person((MRN, "1"), gender="male", cleared=("maritalStatus",), defaults={"active": True})
    _, (record,) = applied(site, again)
    assert (record.id, record.version) == ("w1", 2)
    document = record.document
    assert (document["gender"], document["birthDate"]) == ("male", "1980-01-01")
    assert "maritalStatus" not in document
    assert "active" not in document
    assert {(one["system"], one["value"]) for one in document["identifier"]} == {(MRN, "1"), (FOREIGN, "x")}
    assert [change.kind for change in site.log.changes] == ["create", "update"]


def test_identifiers_of_a_told_system_replace_those_of_that_system_only() -> None:
    site = made()
    applied(site, person((MRN, "1"), (FOREIGN, "old")))
    _, (record,) = applied(site, person((FOREIGN, "new"), (MRN, "1")))
    assert [(one["system"], one["value"]) for one in record.document["identifier"]] == [(FOREIGN, "new"), (MRN, "1")]
    assert record.id == "w1"


def test_the_first_key_that_leads_somewhere_wins() -> None:
    site = made()
    applied(site, person((MRN, "1")))
    applied(site, person((FOREIGN, "2")))
    found = find_by_identifier(site, "Patient", (Key(MRN, "none"), Key(FOREIGN, "2"), Key(MRN, "1")))
    assert found is not None
    assert found.id == "w2"
    assert find_by_identifier(site, "Patient", (Key(FOREIGN, "1"),)) is None
    assert find_by_identifier(site, "Encounter", (Key(MRN, "1"),)) is None


def test_what_was_deleted_is_not_found() -> None:
    site = made()
    _, (record,) = applied(site, person((MRN, "1")))
    site.store.commit(record.document, kind="delete", source="control")
    assert find_by_identifier(site, "Patient", (Key(MRN, "1"),)) is None
    _, (again,) = applied(site, person((MRN, "1")))
    assert again.id != record.id


def test_intents_of_one_message_refer_to_each_others_records() -> None:
    site = made()
    visit = Upsert("encounter", {"resourceType": "Encounter", "subject": reference("patient")}, ())
    exchange, (patient, encounter) = applied(site, person((MRN, "1")), visit)
    assert encounter.document["subject"] == {"reference": patient.key}
    assert encounter.patient == patient.id
    assert list(exchange.changes) == [1, 2]


def test_a_merge_links_both_and_retires_one() -> None:
    site = made()
    applied(site, person((MRN, "1"), active=True))
    applied(site, person((MRN, "2"), active=True))
    exchange, (loser, survivor) = applied(site, Merge((Key(MRN, "1"),), (Key(MRN, "2"),)), event="ADT^A40")
    assert (loser.id, loser.document["active"]) == ("w2", False)
    assert loser.document["link"] == [{"other": {"reference": "Patient/w1"}, "type": "replaced-by"}]
    assert (survivor.id, survivor.document["active"]) == ("w1", True)
    assert survivor.document["link"] == [{"other": {"reference": "Patient/w2"}, "type": "replaces"}]
    assert list(exchange.changes) == [3, 4]
    assert [change.event for change in site.log.changes[2:]] == [QUIET, "ADT^A40"]


def test_a_survivor_of_two_merges_keeps_both_links() -> None:
    site = made()
    for number in "123":
        applied(site, person((MRN, number)))
    for number in "23":
        applied(site, Merge((Key(MRN, "1"),), (Key(MRN, number),)))
    survivor = site.store.read("Patient", "w1")
    assert survivor is not None
    assert [one["other"]["reference"] for one in survivor.document["link"]] == ["Patient/w2", "Patient/w3"]


@pytest.mark.parametrize(("survivor", "loser"), [("1", "9"), ("9", "1"), ("1", "1")])
def test_a_merge_with_somebody_unknown_or_with_oneself_changes_nothing(survivor: str, loser: str) -> None:
    site = made()
    applied(site, person((MRN, "1")))
    exchange, records = applied(site, Merge((Key(MRN, survivor),), (Key(MRN, loser),)))
    assert (records, list(exchange.changes), len(site.log.changes)) == ([], [], 1)


@pytest.mark.parametrize("vendor", ehr_names())
def test_a_message_about_a_computed_patient_changes_that_patient(vendor: str) -> None:
    site = made(vendor, patients=40)
    assert site.charts is not None
    feed = site.links.add(Link("out", "127.0.0.1", 1))
    before = site.charts.patient(7)
    changed = {**before.document, "name": [{"use": "official", "family": "Muster", "given": ["Anders"]}]}
    site.store.commit(changed, kind="update", source="control")
    site.store.clear()
    site.log.clear()
    answered = site.handle(Exchange("mllp-in", "SEND", body=feed.ready[0].body))
    assert answered.reply is not None
    assert b"MSA|AE" not in answered.reply.body
    told = [(change.kind, change.resource_type, change.id) for change in site.log.changes]
    # of relatives whom a message names there are records, too
    assert [one for one in told if one[1] != "RelatedPerson"] == [("update", "Patient", before.id)]
    again = feed.ready[0].body.replace(b"ADT^A08|1|", b"ADT^A08|2|")
    assert b"MSA|AE" not in site.handle(Exchange("mllp-in", "SEND", body=again)).reply.body  # type: ignore[union-attr]
    assert len(site.log.changes) == len(told)
