"""Whatever holds what was written, a store behaves as a plain list of versions would."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from mockehr.core.changes import Change, ChangeLog
from mockehr.core.clock import Clock
from mockehr.fhir.overlay import Kept, MemoryOverlay, Overlay, Overtaken, SqliteOverlay
from mockehr.fhir.record import Record, encode
from mockehr.fhir.store import EmptyBase, Store

KINDS = ("Observation", "Location")
IDS = ("b1", "x", "y", "w2", "ü/\udcff")
PATIENTS = ("", "p1", "p2", "\udce9")
SYSTEM = "urn:oid:1.2"
VALUES = ("1", "2", "\udcff3")
BASED = {"resourceType": "Observation", "id": "b1", "subject": {"reference": "Patient/p1"}}

Shown = tuple[str, str, int, float, bool, str, str]
Write = tuple[str, str, str, tuple[str, ...], bool]
"""(type, id, patient, identifier values, whether it is a delete)."""
writes = st.tuples(
    st.sampled_from(KINDS),
    st.sampled_from(IDS),
    st.sampled_from(PATIENTS),
    st.lists(st.sampled_from(VALUES), max_size=3).map(tuple),
    st.booleans(),
)


class OneRecord(EmptyBase):
    """One computed Observation of the patient p1."""

    record = Record("Observation", "b1", 1, 0.0, BASED, encode(BASED), "p1")

    def read(self, resource_type: str, id: str) -> Record | None:
        """The Observation."""
        return self.record if (resource_type, id) == ("Observation", "b1") else None

    def chart(self, patient: str, resource_type: str) -> Sequence[Record]:
        """The Observation."""
        return (self.record,) if (patient, resource_type) == ("p1", "Observation") else ()


def document_of(write: Write) -> dict[str, Any]:
    kind, id, patient, values, _ = write
    document: dict[str, Any] = {"resourceType": kind, "id": id}
    if patient:
        document["subject"] = {"reference": f"Patient/{patient}"}
    if values:
        document["identifier"] = [{"system": SYSTEM, "value": value} for value in values]
    return document


def shown(record: Record) -> Shown:
    key = (record.resource_type, record.id, record.version)
    return (*key, record.updated, record.deleted, record.patient, repr(record.document))


@dataclass
class Model:
    """All versions in order. Every question is answered by looking through them."""

    log: list[Shown] = field(default_factory=list)
    values: list[tuple[str, ...]] = field(default_factory=list)
    serial: int = 0

    def put(self, write: Write, at: float) -> None:
        kind, id, patient, values, delete = write
        version = len(self.history(kind, id)) + 1
        self.log.append((kind, id, version, at, delete, patient, repr(document_of(write))))
        self.values.append(values)

    def history(self, kind: str, id: str) -> list[Shown]:
        base = [shown(OneRecord.record)] if (kind, id) == ("Observation", "b1") else []
        return base + [row for row in self.log if row[:2] == (kind, id)]

    def current(self) -> list[int]:
        """Places in the log of all current versions, by their last writing."""
        return sorted({row[:2]: place for place, row in enumerate(self.log)}.values())

    def of_type(self, kind: str) -> list[Shown]:
        firsts = list(dict.fromkeys(row[:2] for row in self.log if row[0] == kind))
        return [self.history(*key)[-1] for key in firsts]

    def chart(self, kind: str, patient: str) -> list[Shown]:
        base = shown(OneRecord.record)
        hidden = any(row[:2] == base[:2] for row in self.log)
        first = [base] if (kind, patient) == ("Observation", "p1") and not hidden else []
        rows = (self.log[place] for place in self.current())
        return first + [row for row in rows if row[0] == kind and row[5] == patient and not row[4]]

    def with_value(self, kind: str, value: str) -> list[Shown]:
        places = [place for place in self.current() if value in self.values[place]]
        return [self.log[place] for place in places if self.log[place][0] == kind and not self.log[place][4]]

    def copy(self) -> Model:
        return Model(self.log[:], self.values[:], self.serial)


class Undone(Exception):
    """What a transaction of a test fails with."""


class Conformance(RuleBasedStateMachine):
    """A store against the model; what kind of overlay is the subclass's business."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock(stepped=True, start=1000.0)
        self.model = Model()
        self.kept: list[tuple[Kept, Model]] = []
        self.start()

    def make_overlay(self) -> Overlay:
        return MemoryOverlay()

    def start(self) -> None:
        self.store = Store(OneRecord(), self.clock, ChangeLog(), overlay=self.make_overlay())
        self.numbers: list[int] = []
        self.heard: list[Change] = []
        self.store.log.listen(self.heard.append)

    def put(self, store: Store, model: Model, write: Write) -> None:
        *_, patient, _, delete = write
        model.put(write, self.clock.now())
        kind: Any = "delete" if delete else "update"
        record = store.commit(document_of(write), kind=kind, source="control", patient=patient)
        assert shown(record) == model.log[-1]

    @rule(write=writes, seconds=st.integers(0, 3))
    def write(self, write: Write, seconds: int) -> None:
        self.clock.advance(seconds)
        self.put(self.store, self.model, write)
        self.numbers.append(len(self.model.log))

    @rule(kind=st.sampled_from(KINDS))
    def make_an_id(self, kind: str) -> None:
        self.next_id(self.model, kind)

    def next_id(self, model: Model, kind: str) -> None:
        model.serial += 1
        while model.history(kind, f"w{model.serial}"):
            model.serial += 1
        assert self.store.new_id(kind) == f"w{model.serial}"

    @rule(before=st.lists(writes, max_size=3), inner=st.lists(writes, max_size=3), after=st.lists(writes, max_size=2),
          inner_fails=st.booleans(), fails=st.booleans())  # fmt: skip
    def write_together(
        self, before: list[Write], inner: list[Write], after: list[Write], inner_fails: bool, fails: bool
    ) -> None:
        model, heard = self.model.copy(), len(self.heard)
        try:
            with self.store.transaction():
                for write in before:
                    self.put(self.store, model, write)
                self.next_id(model, "Location")
                model = self.write_within(model, inner, inner_fails)
                for write in after:
                    self.put(self.store, model, write)
                self.compare(model)
                assert len(self.heard) == heard
                if fails:
                    raise Undone
        except Undone:
            return
        self.numbers += range(len(self.model.log) + 1, len(model.log) + 1)
        self.model = model

    def write_within(self, model: Model, inner: list[Write], fails: bool) -> Model:
        trial = model.copy()
        try:
            with self.store.transaction():
                for write in inner:
                    self.put(self.store, trial, write)
                self.next_id(trial, "Observation")
                if fails:
                    raise Undone
        except Undone:
            self.compare(model)
            return model
        return trial

    @rule()
    def keep(self) -> None:
        self.kept.append((self.store.keep(), self.model.copy()))

    @precondition(lambda self: self.kept)
    @rule(data=st.data())
    def return_to_what_was_kept(self, data: st.DataObject) -> None:
        kept, model = data.draw(st.sampled_from(self.kept), label="kept")
        self.store.return_to(kept)
        self.model = model.copy()
        self.begin_log_anew()

    @rule()
    def clear(self) -> None:
        self.store.clear()
        self.model = Model()
        self.begin_log_anew()

    def begin_log_anew(self) -> None:
        self.store.log.clear()
        self.store.log.go_on_after(self.store.last)
        self.numbers.clear()
        self.heard.clear()

    @rule(write=writes, wrong=st.sampled_from((-1, 1, 7)))
    def write_over_another_version(self, write: Write, wrong: int) -> None:
        current = len(self.model.history(*write[:2]))
        with pytest.raises(Overtaken) as refused:
            self.store.commit(document_of(write), kind="update", source="control", over=current + wrong)
        assert (refused.value.meant, refused.value.current) == (current + wrong, current)

    @invariant()
    def holds_what_the_model_holds(self) -> None:
        self.compare(self.model)
        assert [change.number for change in self.heard] == self.numbers
        assert [change.number for change in self.store.log.changes] == self.numbers

    def compare(self, model: Model) -> None:
        store = self.store
        assert store.last == len(model.log)
        for kind in KINDS:
            assert list(map(shown, store.overlay(kind))) == model.of_type(kind)
            for id in IDS:
                history = model.history(kind, id)
                assert list(map(shown, store.history(kind, id))) == history
                found = store.read(kind, id)
                assert (shown(found) if found else None) == (history[-1] if history else None)
            for patient in PATIENTS:
                assert list(map(shown, store.chart(patient, kind))) == model.chart(kind, patient)
            for value in VALUES:
                assert list(map(shown, store.written_with(kind, SYSTEM, value))) == model.with_value(kind, value)
        types = list(dict.fromkeys(row[0] for row in model.log))
        assert list(map(shown, store.written())) == [row for kind in types for row in model.of_type(kind)]
        for kind in ("", *KINDS):
            for since in (-inf, 1001.0):
                rows = [row for row in reversed(model.log) if kind in ("", row[0]) and row[3] >= since]
                hits = store.versions(kind, since=since)
                assert hits.total == len(rows)
                pages = [shown(r) for offset in range(0, len(rows) + 1, 2) for r in hits.page(offset, 2)]
                assert pages == rows

    def teardown(self) -> None:
        self.store.close()


class SqliteConformance(Conformance):
    """The same on a file, which may be closed and opened, and written by others meanwhile."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="mockehr-"))
        super().__init__()

    def make_overlay(self) -> Overlay:
        return SqliteOverlay(self.folder / "a.sqlite", {"site": "a"})

    @rule()
    def reopen(self) -> None:
        self.store.close()
        self.start()

    @rule(given=st.lists(writes, min_size=1, max_size=3), together=st.booleans())
    def others_write(self, given: list[Write], together: bool) -> None:
        other = Store(OneRecord(), self.clock, ChangeLog(), overlay=self.make_overlay())
        try:
            if together:
                with other.transaction():
                    for write in given:
                        self.put(other, self.model, write)
            else:
                for write in given:
                    self.put(other, self.model, write)
        finally:
            other.close()

    def teardown(self) -> None:
        super().teardown()
        shutil.rmtree(self.folder)


@pytest.mark.parametrize("machine", [Conformance, SqliteConformance])
def test_a_store_behaves_as_a_plain_list_of_versions_would(machine: Callable[[], Conformance]) -> None:
    from hypothesis.stateful import run_state_machine_as_test

    chosen = settings(max_examples=30, stateful_step_count=15, deadline=None)
    run_state_machine_as_test(machine, settings=chosen)  # type: ignore[no-untyped-call]
