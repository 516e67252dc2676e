"""The store as it was: what was written since is undone, and the order of what was there stays."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from mockehr.core.changes import ChangeLog
from mockehr.core.clock import Clock
from mockehr.fhir.bulk.past import Past
from mockehr.fhir.record import Record, encode
from mockehr.fhir.store import EmptyBase, Store

KIND = "Observation"


def document(id: str, value: int) -> dict[str, object]:
    return {"resourceType": KIND, "id": id, "subject": {"reference": "Patient/p"}, "valueInteger": value}


class Base(EmptyBase):
    """Three computed records of one patient."""

    def __init__(self) -> None:
        self.records = [
            Record(KIND, id, 1, 0.0, document(id, 0), encode(document(id, 0)), "p") for id in ("c1", "c2", "c3")
        ]

    def read(self, resource_type: str, id: str) -> Record | None:
        return next((one for one in self.records if (one.resource_type, one.id) == (resource_type, id)), None)

    def chart(self, patient: str, resource_type: str) -> list[Record]:
        return self.records if patient == "p" else []


WRITES = st.lists(
    st.tuples(st.sampled_from(["c1", "c2", "w1", "w2"]), st.sampled_from(["update", "delete"]), st.integers(0, 9)),
    max_size=6,
)


@settings(deadline=None, max_examples=150)
@given(WRITES, WRITES, st.booleans())
def test_a_chart_is_the_same_whatever_was_written_since(
    before: list[tuple[str, str, int]], after: list[tuple[str, str, int]], looked: bool
) -> None:
    base, clock = Base(), Clock(stepped=True)
    store = Store(base, clock, ChangeLog())

    def write(writes: list[tuple[str, str, int]]) -> None:
        for id, kind, value in writes:
            clock.advance(1)
            store.commit(document(id, value), kind=kind, source="control", patient="p")  # type: ignore[arg-type]

    write(before)
    past = Past(store, store.last)
    then = [record.body for record in past.chart("p", KIND, base.records)]
    assert sorted(then) == sorted(record.body for record in store.chart("p", KIND))
    written = [(record.key, record.version) for record in past.of_type(KIND)]
    later = past if looked else Past(store, store.last)
    for one in after:
        write([one])
        assert [record.body for record in later.chart("p", KIND, base.records)] == then
    assert [(record.key, record.version) for record in later.of_type(KIND)] == written
