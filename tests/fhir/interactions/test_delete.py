"""Deleting: tombstones, what was never there, If-Match, and coming back."""

from __future__ import annotations

from typing import Any

import pytest

PATIENT = {"resourceType": "Patient", "name": [{"family": "Muster"}]}


def test_what_was_deleted_is_gone_but_its_versions_stay(made: Any, ask: Any) -> None:
    site = made(patients=5)
    deleted = ask(site, "DELETE /Patient/p3")
    assert (deleted.reply.status, deleted.reply.body, deleted.reply.header("etag")) == (204, b"", 'W/"2"')
    assert ask(site, "GET /Patient/p3").reply.status == 410
    assert ask(site, "GET /Patient?_id=p3").result.entries == []
    assert ask(site, "GET /Patient/p3/_history/1").reply.status == 200
    assert ask(site, "GET /Patient/p3/_history/2").reply.status in (404, 410)
    assert [change.kind for change in site.log.changes] == ["delete"]


def test_a_deleted_record_is_no_longer_in_its_patients_chart(made: Any, ask: Any) -> None:
    site = made(patients=5)
    before = ask(site, "GET /Condition?patient=p3").result.entries
    kind, id = before[0][:2]
    ask(site, f"DELETE /{kind}/{id}")
    after = ask(site, "GET /Condition?patient=p3").result.entries
    assert [entry[1] for entry in after] == [entry[1] for entry in before if entry[1] != id]
    assert site.log.changes[-1].patient == "p3"


def test_deleting_what_is_not_there_is_what_the_client_wants(made: Any, ask: Any) -> None:
    site = made(patients=5)
    assert ask(site, "DELETE /Patient/nobody").reply.status == 204
    ask(site, "DELETE /Patient/p3")
    assert ask(site, "DELETE /Patient/p3").reply.status == 204
    assert len(site.log.changes) == 1


@pytest.mark.parametrize(("match", "status"), [('W/"1"', 204), ("*", 204), ('W/"7"', 412)])
def test_if_match_guards_a_delete(made: Any, ask: Any, match: str, status: int) -> None:
    site = made(patients=5)
    assert ask(site, "DELETE /Patient/p3", if_match=match).reply.status == status
    assert len(site.log.changes) == (status == 204)


def test_an_update_brings_a_deleted_record_back_as_new(made: Any, ask: Any) -> None:
    site = made(patients=5)
    ask(site, "DELETE /Patient/p3")
    back = ask(site, "PUT /Patient/p3", {**PATIENT, "id": "p3"})
    assert (back.reply.status, back.result.record.version) == (201, 3)
    assert ask(site, "GET /Patient/p3").reply.status == 200


def test_vendors_that_do_not_delete_say_so(made: Any, ask: Any) -> None:
    for vendor in ("epic", "oracle"):
        assert ask(made(vendor), "DELETE /Patient/x").problem.status == 405
