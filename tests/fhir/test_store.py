"""The store: what was written lies over what is computed, version by version."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from mockehr.core.changes import Change, ChangeLog
from mockehr.core.clock import Clock
from mockehr.fhir.record import Record, encode
from mockehr.fhir.store import EmptyBase, ListHits, Store

BASED = {"resourceType": "Observation", "id": "b1", "subject": {"reference": "Patient/p1"}}


class SmallBase(EmptyBase):
    """One computed Observation of the patient p1, and one Location."""

    def __init__(self) -> None:
        self.record = Record("Observation", "b1", 1, 0.0, BASED, encode(BASED), "p1")
        place = {"resourceType": "Location", "id": "d0"}
        self.place = Record("Location", "d0", 1, 0.0, place, encode(place))

    def read(self, resource_type: str, id: str) -> Record | None:
        """Either of them."""
        return next((r for r in (self.record, self.place) if (r.resource_type, r.id) == (resource_type, id)), None)

    def chart(self, patient: str, resource_type: str) -> Sequence[Record]:
        """The Observation."""
        return (self.record,) if (patient, resource_type) == ("p1", "Observation") else ()

    def shared(self, resource_type: str) -> Sequence[Record]:
        """The Location."""
        return (self.place,) if resource_type == "Location" else ()


def made(base: Any = None) -> Store:
    return Store(base or SmallBase(), Clock(stepped=True, start=100.0), ChangeLog())


def value(id: str, patient: str = "p1", **more: Any) -> dict[str, Any]:
    return {"resourceType": "Observation", "id": id, "subject": {"reference": f"Patient/{patient}"}, **more}


def put(store: Store, document: dict[str, Any], kind: Any = "update") -> Record:
    return store.commit(document, kind=kind, source="control")


def test_what_is_written_hides_what_is_computed_and_counts_on_from_its_version() -> None:
    store = made()
    written = put(store, value("b1", status="final"))
    assert (written.version, written.updated, written.patient) == (2, 100.0, "p1")
    assert store.read("Observation", "b1") is written
    assert [record.version for record in store.history("Observation", "b1")] == [1, 2]
    assert store.read_version("Observation", "b1", 1) is store.base.read("Observation", "b1")
    assert store.read_version("Observation", "b1", 3) is None
    assert store.read("Observation", "zz") is None
    assert store.history("Observation", "zz") == []


def test_a_chart_has_the_computed_records_first_and_no_tombstones_nor_others_records() -> None:
    store = made()
    for document in (value("w1"), value("w2"), value("w3", patient="p2")):
        put(store, document, "create")
    assert [record.id for record in store.chart("p1", "Observation")] == ["b1", "w1", "w2"]
    put(store, value("b1"))
    assert [record.id for record in store.chart("p1", "Observation")] == ["w1", "w2", "b1"]
    put(store, value("w1"), "delete")
    put(store, value("b1"), "delete")
    assert [record.id for record in store.chart("p1", "Observation")] == ["w2"]
    assert [record.id for record in store.overlay("Observation")] == ["w1", "w2", "w3", "b1"]


def test_a_record_that_was_moved_to_another_patient_leaves_the_first_ones_chart() -> None:
    store = made()
    put(store, value("b1", patient="p2"))
    assert store.chart("p1", "Observation") == []
    assert [record.id for record in store.chart("p2", "Observation")] == ["b1"]


def test_shared_records_are_overlaid_too() -> None:
    store = made()
    put(store, {"resourceType": "Location", "id": "d0", "name": "Ward"})
    put(store, {"resourceType": "Location", "id": "x"}, "create")
    assert [(r.id, r.document.get("name")) for r in store.shared("Location")] == [("d0", "Ward"), ("x", None)]
    put(store, {"resourceType": "Location", "id": "d0"}, "delete")
    assert [record.id for record in store.shared("Location")] == ["x"]


def test_a_tombstone_is_a_version_and_writing_over_it_brings_the_record_back() -> None:
    store = made()
    gone = put(store, value("b1"), "delete")
    assert (gone.deleted, gone.version) == (True, 2)
    back = put(store, value("b1", status="final"))
    assert (back.deleted, back.version) == (False, 3)
    assert store.read("Observation", "b1") is back


def test_every_commit_is_told_in_order_with_its_patient_and_source() -> None:
    store, heard = made(), list[Change]()
    store.log.listen(heard.append)
    put(store, value("w1"), "create")
    store.commit(value("w1", patient="p9"), kind="update", source="hl7", event="A08", entry=4)
    assert [(c.number, c.kind, c.version, c.patient) for c in heard] == [
        (1, "create", 1, "p1"),
        (2, "update", 2, "p9"),
    ]
    assert (heard[1].source, heard[1].event, heard[1].entry, heard[1].at) == ("hl7", "A08", 4, 100.0)


def test_the_octets_of_an_import_are_kept_and_others_are_written() -> None:
    store = made()
    kept = store.commit(value("w1"), kind="create", source="control", body=b'{ "kept": true }')
    assert kept.body == b'{ "kept": true }'
    assert put(store, value("w2"), "create").body == encode(value("w2"))


def test_new_ids_are_those_that_nothing_has() -> None:
    store = made()
    put(store, value("w1"), "create")
    assert [store.new_id("Observation"), store.new_id("Observation"), store.new_id("Patient")] == ["w2", "w3", "w4"]


def test_keeping_and_returning_restores_records_versions_and_ids() -> None:
    store = made()
    put(store, value(store.new_id("Observation")), "create")
    kept = store.keep()
    put(store, value("w1", status="final"))
    put(store, value(store.new_id("Observation")), "create")
    store.return_to(kept)
    assert [(record.id, record.version) for record in store.written()] == [("w1", 1)]
    assert store.new_id("Observation") == "w2"
    put(store, value("w1"))
    store.return_to(kept)
    assert len(store.history("Observation", "w1")) == 1


def test_clearing_leaves_what_is_computed() -> None:
    store = made()
    put(store, value("b1", status="final"))
    store.clear()
    assert store.read("Observation", "b1") is store.base.read("Observation", "b1")
    assert list(store.written()) == []
    assert store.new_id("Observation") == "w1"


def test_a_list_of_hits_is_counted_and_sliced() -> None:
    records = [SmallBase().record] * 5
    hits = ListHits(records)
    assert hits.total == 5
    assert len(hits.page(3, 10)) == 2
    assert hits.page(5, 10) == []


@pytest.mark.parametrize("kind", ["Patient", "Observation", "Location"])
def test_an_empty_base_has_nothing_of_anything(kind: str) -> None:
    base = EmptyBase()
    store = made(base)
    assert store.read(kind, "p1") is None
    assert (list(store.chart("p1", kind)), store.shared(kind), list(base.everyone())) == ([], [], [])
    hits = base.patients([])
    assert hits is not None
    assert (hits.total, list(hits.page(0, 10))) == (0, [])
    assert not base.issues("urn:oid:1.2.3")
