"""Which message tells of a Patient or an Encounter written over FHIR, by what changed about it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from mockehr.core.changes import Change
from mockehr.hl7.dialect import GENERIC, Dialect
from mockehr.hl7.emit import told_by

WARD, ICU = ({"location": {"display": name}, "status": "active"} for name in ("3 West", "ICU"))
LEFT = {**WARD, "status": "completed"}


def told(before: dict[str, Any] | None, now: dict[str, Any] | None, dialect: Dialect = GENERIC) -> str:
    document = now or before or {}
    kind: Any = "create" if before is None else "delete" if now is None else "update"
    change = Change(
        1, kind, document["resourceType"], "a", 1, 0.0, "fhir", now or {"resourceType": "x"}, before=before
    )
    return told_by(change, dialect).removeprefix("ADT^")


def visit(status: str, code: str = "IMP", *places: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {"resourceType": "Encounter", "status": status, "class": {"code": code}}
    return found | ({"location": list(places)} if places else {})


@pytest.mark.parametrize(
    ("status", "code", "message"),
    [
        ("planned", "IMP", "A05"), ("arrived", "AMB", "A04"), ("triaged", "EMER", "A04"),
        ("in-progress", "IMP", "A01"), ("in-progress", "ACUTE", "A01"), ("in-progress", "EMER", "A04"),
        ("in-progress", "AMB", "A04"), ("finished", "AMB", "A03"), ("cancelled", "AMB", "A11"),
        ("entered-in-error", "AMB", ""), ("unknown", "AMB", ""),
    ],
)  # fmt: skip
def test_a_visit_that_is_new_is_told_by_its_status(status: str, code: str, message: str) -> None:
    assert told(None, visit(status, code)) == message


@pytest.mark.parametrize(
    ("was", "status", "message"),
    [
        ("planned", "arrived", "A04"), ("planned", "in-progress", "A01"), ("planned", "cancelled", "A38"),
        ("arrived", "in-progress", "A01"), ("in-progress", "onleave", "A21"), ("onleave", "in-progress", "A22"),
        ("in-progress", "finished", "A03"), ("finished", "in-progress", "A13"), ("in-progress", "cancelled", "A11"),
        ("in-progress", "planned", "A11"), ("cancelled", "in-progress", "A01"), ("cancelled", "planned", "A05"),
        ("in-progress", "in-progress", "A08"), ("in-progress", "entered-in-error", "A23"),
        ("onleave", "finished", "A03"),
    ],
)  # fmt: skip
def test_a_status_that_changes_is_told(was: str, status: str, message: str) -> None:
    assert told(visit(was), visit(status)) == message


@pytest.mark.parametrize(
    ("before", "now", "message"),
    [
        (visit("in-progress", "AMB"), visit("in-progress", "IMP"), "A06"),
        (visit("arrived", "EMER"), visit("in-progress", "IMP"), "A06"),
        (visit("in-progress", "IMP"), visit("in-progress", "AMB"), "A07"),
        (visit("in-progress", "AMB"), visit("in-progress", "EMER"), "A08"),
        (visit("in-progress", "IMP"), visit("in-progress", "ACUTE"), "A08"),
        (visit("arrived", "AMB"), visit("in-progress", "AMB"), "A08"),
        (visit("planned", "AMB"), visit("planned", "IMP"), "A08"),
        (visit("finished", "AMB"), visit("finished", "IMP"), "A08"),
        (visit("in-progress", "IMP", WARD), visit("in-progress", "IMP", LEFT, ICU), "A02"),
        (visit("in-progress", "IMP", WARD), visit("in-progress", "IMP", ICU), "A02"),
        (visit("in-progress", "IMP", LEFT, ICU), visit("in-progress", "IMP", WARD), "A12"),
        (visit("in-progress", "IMP"), visit("in-progress", "IMP", WARD), "A08"),
        (visit("in-progress", "IMP", WARD), visit("in-progress", "IMP", WARD), "A08"),
        (visit("finished", "IMP", WARD), visit("finished", "IMP", ICU), "A08"),
        (visit("in-progress", "AMB", WARD), visit("in-progress", "IMP", ICU), "A06"),
        (visit("in-progress"), None, "A23"),
    ],
)
def test_class_and_place_are_told(before: dict[str, Any], now: dict[str, Any] | None, message: str) -> None:
    assert told(before, now) == message


def patient(*links: tuple[str, str], **more: Any) -> dict[str, Any]:
    linked = [{"type": kind, "other": {"reference": other}} for kind, other in links]
    return {"resourceType": "Patient", **more} | ({"link": linked} if linked else {})


MERGED, SEEN = ("replaced-by", "Patient/b"), ("seealso", "Patient/b")


@pytest.mark.parametrize(
    ("before", "now", "message"),
    [
        (None, patient(), "A28"),
        (None, patient(MERGED), "A40"),
        (patient(), patient(gender="male"), "A08"),
        (patient(), patient(MERGED), "A40"),
        (patient(MERGED), patient(MERGED, gender="male"), "A08"),
        (patient(MERGED), patient(("replaced-by", "Patient/c")), "A40"),
        (patient(MERGED), patient(), "A37"),
        (patient(), patient(SEEN), "A24"),
        (patient(SEEN), patient(), "A37"),
        (patient(), patient(("replaces", "Patient/b")), "A08"),
        (patient(), patient(("seealso", "RelatedPerson/b")), "A08"),
        (patient(), None, "A29"),
    ],
)
def test_a_person_is_told_by_links_first(before: Any, now: Any, message: str) -> None:
    assert told(before, now) == message


def test_a_dialect_has_its_own_update_for_persons() -> None:
    assert told(patient(), patient(gender="male"), replace(GENERIC, person_update="A31")) == "A31"
    assert told(None, patient(), replace(GENERIC, renamed={"ADT^A28": "ADT^A04"})) == "A04"
