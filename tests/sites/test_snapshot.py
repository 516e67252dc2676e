"""Named snapshots of what was written at a site."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from mockehr.core.errors import UnknownName
from mockehr.core.exchange import Exchange
from mockehr.events import Hook
from mockehr.fhir.record import Record
from mockehr.sites.build import build_site
from mockehr.sites.options import SiteOptions
from mockehr.sites.site import Site


def made(patients: int = 12) -> Site:
    return build_site(SiteOptions("a", patients=patients, stepped=True, open_access=True))


def ask(site: Site, path: str, query: str = "", method: str = "GET", document: Any = None) -> Exchange:
    body = b"" if document is None else orjson.dumps(document)
    return site.handle(Exchange("fhir", method, path, query, body=body, base_url="http://a.example.org/fhir"))


def create(site: Site, family: str) -> str:
    body = {"resourceType": "Patient", "name": [{"family": family}]}
    return str(ask(site, "/Patient", method="POST", document=body).result.record.id)


def rename(site: Site, id: str, family: str) -> Exchange:
    body = {"resourceType": "Patient", "id": id, "name": [{"family": family}]}
    return ask(site, f"/Patient/{id}", method="PUT", document=body)


def shown(site: Site, id: str) -> Any:
    result = ask(site, f"/Patient/{id}").result
    return result.document["name"][0]["family"] if isinstance(result, Record) else result.kind


def test_restoring_undoes_creates_updates_and_the_counting_of_ids() -> None:
    site = made()
    kept = create(site, "Kept")
    computed = shown(site, "p3")
    assert site.snapshots.take("before") == 1
    gone = create(site, "Gone")
    rename(site, kept, "Renamed")
    rename(site, "p3", "Overlaid")
    assert [shown(site, id) for id in (kept, gone, "p3")] == ["Renamed", "Gone", "Overlaid"]
    assert site.snapshots.restore("before") == 1
    assert [shown(site, id) for id in (kept, gone, "p3")] == ["Kept", "not-found", computed]
    assert [(change.kind, change.id) for change in site.log.changes] == [("create", kept)]
    assert create(site, "Next") == gone
    assert site.log.changes[-1].number == 2


def test_versions_go_on_from_the_restored_one() -> None:
    site = made()
    id = create(site, "One")
    rename(site, id, "Two")
    site.snapshots.take("two")
    rename(site, id, "Three")
    site.snapshots.restore("two")
    assert [record.version for record in site.store.history("Patient", id)] == [1, 2]
    assert rename(site, id, "Again").result.record.version == 3


def test_a_snapshot_can_be_restored_any_number_of_times() -> None:
    site = made()
    site.snapshots.take("empty")
    for _ in range(3):
        create(site, "Muster")
        assert len(site.store.overlay("Patient")) == 1
        assert site.snapshots.restore("empty") == 0
        assert not site.store.overlay("Patient")


def test_a_name_taken_again_replaces_what_was_kept_there() -> None:
    site = made()
    site.snapshots.take("here")
    id = create(site, "Muster")
    site.snapshots.take("here")
    rename(site, id, "Changed")
    site.snapshots.restore("here")
    assert shown(site, id) == "Muster"
    assert site.snapshots.names() == ["here"]


def test_paging_ends_while_journal_and_clock_go_on() -> None:
    site = made()
    site.snapshots.take("start")
    site.clock.advance(60)
    token = ask(site, "/Patient", "_count=5").result.next_token
    page = f"{site.fhir.restrictions.page_parameter}={token}"
    assert ask(site, "/Patient", page).problem is None
    now, entries = site.clock.now(), len(list(site.journal))
    site.snapshots.restore("start")
    problem = ask(site, "/Patient", page).problem
    assert problem is not None
    assert problem.kind == "page-expired"
    assert (site.clock.now(), len(list(site.journal))) == (now, entries + 1)


def test_an_unknown_snapshot_is_refused_with_the_nearest() -> None:
    site = made()
    site.snapshots.take("clean")
    with pytest.raises(UnknownName) as refused:
        site.snapshots.restore("claen")
    assert "clean" in refused.value.nearest


def test_restoring_tells_no_listener() -> None:
    site = made()
    heard: list[int] = []
    site.snapshots.take("empty")
    create(site, "Muster")
    site.log.listen(lambda change: heard.append(change.number))
    site.snapshots.restore("empty")
    assert heard == []
    create(site, "Muster")
    assert heard == [1]


def test_a_receiver_that_knows_events_by_their_ids_is_told_of_what_happens_after_restoring() -> None:
    site = made()
    site.outbox.add(Hook("app", "http://app.example.org/hook"))
    site.snapshots.take("empty")
    for _ in range(3):
        create(site, "Muster")
        site.snapshots.restore("empty")
    ids = [orjson.loads(delivery.exchange.body)["id"] for delivery in site.outbox.ready]
    assert ids == ["evt-1", "evt-1.1", "evt-2.1"]
