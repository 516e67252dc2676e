"""Reading one resource, in its present or an earlier version."""

from __future__ import annotations

from typing import Any

import pytest

PATIENT = {"resourceType": "Patient", "name": [{"family": "Muster"}]}


def test_a_read_gives_the_octets_that_the_record_holds(made: Any, ask: Any) -> None:
    site = made(patients=5)
    exchange = ask(site, "GET /Patient/p3")
    assert exchange.reply.status == 200
    assert exchange.reply.body == site.charts.patient(3).body
    assert list(exchange.returned) == ["Patient/p3"]


@pytest.mark.parametrize("id", ["nobody", "p5", "P1", "p01"])
def test_an_id_that_was_never_given_out_is_404(made: Any, ask: Any, id: str) -> None:
    exchange = ask(made(patients=5), f"GET /Patient/{id}")
    assert (exchange.reply.status, exchange.problem.kind) == (404, "not-found")


def test_a_deleted_resource_is_410_and_its_earlier_version_stays(made: Any, ask: Any) -> None:
    site = made()
    ask(site, "POST /Patient", PATIENT)
    record = site.store.read("Patient", "w1")
    site.store.commit(record.document, kind="delete", source="control")
    assert ask(site, "GET /Patient/w1").reply.status == 410
    assert ask(site, "GET /Patient/w1/_history/1").reply.status == 200
    assert ask(site, "GET /Patient/w1/_history/2").reply.status == 410
    assert ask(site, "GET /Patient/w1/_history/3").reply.status == 404


def test_a_head_request_is_answered_as_a_read(made: Any, ask: Any) -> None:
    assert ask(made(patients=5), "HEAD /Patient/p3").reply.status == 200


@pytest.mark.parametrize("vendor", ["generic", "epic", "oracle"])
def test_each_version_is_read_under_the_name_that_the_vendor_gives_it(
    made: Any, ask: Any, all_of_patient: Any, vendor: str
) -> None:
    site = made(vendor, settings=all_of_patient)
    for number, family in enumerate(("One", "Two", "Three"), 1):
        document = {"resourceType": "Patient", "id": "x", "name": [{"family": family}]}
        site.store.commit(document, kind="create" if number == 1 else "update", source="control")
    for number, family in enumerate(("One", "Two", "Three"), 1):
        found = ask(site, f"GET /Patient/x/_history/{site.personality.version_text(number)}")
        assert found.result.document["name"][0]["family"] == family
    for version in ("99", "", "one", "-1"):
        assert ask(site, f"GET /Patient/x/_history/{version}").reply.status in (404, 405)


def test_a_computed_record_is_the_first_version_of_what_is_written_over_it(made: Any, ask: Any) -> None:
    site = made(patients=5)
    clean = ask(site, "GET /Patient/p3").reply.body
    ask(site, "PUT /Patient/p3", {**PATIENT, "id": "p3"})
    assert ask(site, "GET /Patient/p3/_history/1").reply.body == clean
    assert b"Muster" in ask(site, "GET /Patient/p3/_history/2").reply.body
