"""Updating: versions, If-Match, and ids that nothing has."""

from __future__ import annotations

from typing import Any

import pytest


def patient(family: str, id: str = "w1") -> dict[str, Any]:
    return {"resourceType": "Patient", "id": id, "name": [{"family": family}]}


def test_an_update_makes_the_next_version_of_a_written_or_a_computed_record(made: Any, ask: Any) -> None:
    site = made(patients=5)
    ask(site, "POST /Patient", patient("One"))
    for id, version in (("w1", 2), ("p3", 2), ("p3", 3)):
        exchange = ask(site, f"PUT /Patient/{id}", patient("Two", id))
        assert exchange.reply.status == 200
        assert exchange.result.record.version == version
        assert exchange.result.record.document["meta"]["versionId"] == str(version)
        assert exchange.reply.header("etag") == f'W/"{version}"'
    assert [change.kind for change in site.log.changes] == ["create", "update", "update", "update"]
    assert ask(site, "GET /Patient/p3").result.document["name"] == [{"family": "Two"}]


@pytest.mark.parametrize("vendor", ["generic", "epic", "oracle"])
@pytest.mark.parametrize("form", ['W/"{}"', '"{}"', "{}"])
def test_if_match_names_the_current_version_in_the_vendors_words(
    made: Any, ask: Any, all_of_patient: Any, vendor: str, form: str
) -> None:
    site = made(vendor, settings=all_of_patient)
    site.store.commit(patient("One"), kind="create", source="control")
    current, other = site.personality.version_text(1), site.personality.version_text(2)
    refused = ask(site, "PUT /Patient/w1", patient("Two"), if_match=form.format(other))
    assert (refused.problem.status, refused.problem.kind) == (412, "precondition-failed")
    assert refused.reply.status == (409 if vendor == "oracle" else 412)
    assert len(site.log.changes) == 1
    taken = ask(site, "PUT /Patient/w1", patient("Two"), if_match=form.format(current))
    assert taken.problem is None
    stale = ask(site, "PUT /Patient/w1", patient("Three"), if_match=form.format(current))
    assert stale.problem.status == 412
    assert site.store.read("Patient", "w1").document["name"] == [{"family": "Two"}]


def test_where_if_match_is_required_its_absence_is_told(made: Any, ask: Any) -> None:
    site = made(settings={"write": {"if_match_required": True}})
    site.store.commit(patient("One"), kind="create", source="control")
    refused = ask(site, "PUT /Patient/w1", patient("Two"))
    assert refused.problem.kind == "precondition-required"
    assert ask(site, "PUT /Patient/w1", patient("Two"), if_match='W/"1"').reply.status == 200


def test_an_id_that_nothing_has_is_404_unless_clients_may_choose_ids(made: Any, ask: Any) -> None:
    strict = made(settings={"write": {"update_create": False}})
    assert ask(strict, "PUT /Patient/mine", patient("One", "mine")).reply.status == 404
    site = made()
    exchange = ask(site, "PUT /Patient/mine", patient("One", "mine"))
    assert (exchange.reply.status, exchange.result.created) == (201, True)
    assert [change.kind for change in site.log.changes] == ["create"]
    assert ask(site, "PUT /Patient/mine", patient("Two", "mine")).reply.status == 200


@pytest.mark.parametrize(
    "body", [patient("Two", "other"), {"resourceType": "Patient"}, {"resourceType": "Group"}, []]
)
def test_a_body_for_another_resource_is_refused(made: Any, ask: Any, body: Any) -> None:
    site = made()
    site.store.commit(patient("One"), kind="create", source="control")
    exchange = ask(site, "PUT /Patient/w1", body)
    assert exchange.problem.kind == "body-invalid"
    assert 400 <= exchange.reply.status < 500
    assert len(site.log.changes) == 1
