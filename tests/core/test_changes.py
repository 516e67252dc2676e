from __future__ import annotations

from mockehr.core.changes import Change, ChangeLog


def test_changes_are_numbered_told_in_order_and_given_since_a_number() -> None:
    log, heard = ChangeLog(), []
    log.listen(lambda change: heard.append(("one", change.number)))
    log.listen(lambda change: heard.append(("two", change.number)))
    for _ in range(2):
        log.commit(Change(log.next_number(), "create", "Patient", "1", 1, 0.0, "fhir", {}))
    assert heard == [("one", 1), ("two", 1), ("one", 2), ("two", 2)]
    assert [change.number for change in log.since(1)] == [2]
    log.clear()
    assert (log.next_number(), log.changes) == (1, [])
