"""What the receiver of a feed must end up with, whatever the rules did to its messages."""

from __future__ import annotations

from typing import Any

import pytest

from mockehr.core.errors import UnknownName, UsageError
from mockehr.core.exchange import JSON
from mockehr.sites.build import build_site
from mockehr.sites.links import Link
from mockehr.sites.options import SiteOptions
from mockehr.sites.site import Site
from mockehr.sites.told import told_of, watch, witness_of

ERIKA = {
    "resourceType": "Patient",
    "id": "a",
    "identifier": [{"system": "urn:oid:1.2.3", "value": "42"}],
    "name": [{"family": "Müller", "given": ["Erika"]}],
    "birthDate": "1980-03-04",
    "gender": "female",
}
MAX = {
    "resourceType": "Patient",
    "id": "b",
    "identifier": [{"system": "urn:oid:1.2.3", "value": "43"}],
    "name": [{"family": "Muster", "given": ["Max"]}],
}


def world(*rules: dict[str, Any]) -> tuple[Site, Link]:
    site = build_site(SiteOptions("a", stepped=True, open_access=True))
    feed = site.links.add(Link("lab", "127.0.0.1", 1))
    watch(site, feed)
    for rule in rules:
        site.arm(rule)
    for document in (ERIKA, MAX, {**ERIKA, "gender": "other"}):
        kind: Any = "update" if site.store.read("Patient", document["id"]) else "create"
        site.store.commit(document, kind=kind, source="control")
    return site, feed


def truth(site: Site, *kinds: str) -> list[JSON]:
    return [dict(one) for one in witness_of(site, "lab").records(kinds or ("Message", "Person", "Visit", "Result"))]


def test_who_gives_back_what_was_told_has_the_truth() -> None:
    site, _ = world()
    report = told_of(site, "lab", truth(site))
    assert (report.ok, report.expected, report.given) == (True, 5, 5)
    assert [one["id"] for one in truth(site, "Person")] == ["42", "43"]
    assert truth(site, "Person")[0]["sex"] == "O"


def test_the_truth_is_of_what_was_meant_and_not_of_what_was_sent() -> None:
    odd = {"use": "name-forms", "with": {"form": "family-only"}}
    site, feed = world(odd, {"use": "lost-message", "when": {"first": 1}}, {"use": "reordered-message"})
    assert b"M\xc3\xbcller^Erika" not in b"".join(exchange.body for exchange in feed.ready)
    assert truth(site, "Person")[0]["given"] == "Erika"
    assert [one["id"] for one in truth(site, "Message")] == ["1", "2", "3"]


def test_each_way_to_go_wrong_has_its_name() -> None:
    site, _ = world()
    records = truth(site)
    erika = next(one for one in records if one["id"] == "42")
    assert told_of(site, "lab", [one for one in records if one is not erika]).lost == ("Person/42",)
    assert [one.key for one in told_of(site, "lab", [*records, records[0]]).duplicated] == ["Message/1"]
    assert told_of(site, "lab", [*records, {**erika, "id": "99", "family": "Nobody"}]).foreign == ("Person/99",)
    erika["family"] = "MÃ¼ller"
    (wrong,) = told_of(site, "lab", records).misdecoded
    assert (wrong.path, wrong.expected) == ("family", "Müller")
    erika["family"] = "Meier"
    assert [one.path for one in told_of(site, "lab", records).altered] == ["family"]


def test_what_the_truth_does_not_know_is_not_looked_at() -> None:
    site, _ = world()
    records = [{**one, "receivedAt": "noon"} for one in truth(site)] + [{"resourceType": "Note", "id": "1"}]
    assert told_of(site, "lab", records).ok
    assert told_of(site, "lab", truth(site, "Person"), ["Person"]).ok


def test_a_person_who_was_merged_is_to_be_one() -> None:
    site, _ = world()
    apart = truth(site, "Person")
    link = {"other": {"reference": "Patient/b"}, "type": "replaces"}
    back = {"other": {"reference": "Patient/a"}, "type": "replaced-by"}
    site.store.commit({**MAX, "active": False, "link": [back]}, kind="update", source="control", event="-")
    site.store.commit({**ERIKA, "link": [link]}, kind="update", source="control", event="ADT^A40")
    report = told_of(site, "lab", apart, ["Person"])
    assert [one.key for one in report.unmerged] == ["Person/43"]
    assert told_of(site, "lab", truth(site, "Person"), ["Person"]).ok


def test_updates_that_a_rule_adds_are_sent_and_are_no_part_of_the_truth() -> None:
    site, feed = world({"use": "update-storm", "with": {"times": 3}, "when": {"first": 1}})
    assert [exchange.body.split(b"|")[9] for exchange in feed.ready] == [b"1", b"1U1", b"1U2", b"1U3", b"5", b"6"]
    assert [one["id"] for one in truth(site, "Message")] == ["1", "5", "6"]
    added = [{"resourceType": "Message", "id": f"1U{number}"} for number in (1, 1, 2)]
    assert told_of(site, "lab", truth(site) + added).ok


def test_a_reset_begins_a_new_truth() -> None:
    site, _ = world()
    site.reset()
    assert truth(site) == []


def test_what_cannot_be_answered_is_refused() -> None:
    site, _ = world()
    site.links.add(Link("archive", "127.0.0.1", 2))
    with pytest.raises(UnknownName):
        witness_of(site, "labb")
    with pytest.raises(UsageError, match="Nobody watched"):
        witness_of(site, "archive")
    with pytest.raises(UnknownName):
        told_of(site, "lab", [], ["Persons"])
