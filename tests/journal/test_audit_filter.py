from __future__ import annotations

import pytest

from mockehr.journal.audit import Access
from mockehr.journal.audit_filter import AccessFilter

SEARCH = Access(
    entry=1,
    at=10.0,
    channel="fhir",
    direction="in",
    what="search",
    detail="search",
    method="GET",
    path="/Observation",
    query="patient=p1",
    resource_type="Observation",
    resources=("Observation/o1", "Device/d1"),
    patients=("p1",),
    client="app",
    user="",
    peer="",
    status=200,
    outcome="success",
)


@pytest.mark.parametrize(
    ("wanted", "fits"),
    [
        (AccessFilter(), True),
        (AccessFilter(patient="p1", client="app", what="search", channel="fhir", outcome="success"), True),
        (AccessFilter(resource="Observation"), True),
        (AccessFilter(resource="Device"), True),
        (AccessFilter(resource="Device/d1"), True),
        (AccessFilter(since=10.0, until=10.0), True),
        (AccessFilter(resource="Dev"), False),
        (AccessFilter(resource="Device/d2"), False),
        (AccessFilter(patient="p2"), False),
        (AccessFilter(client="other"), False),
        (AccessFilter(user="Practitioner/d0"), False),
        (AccessFilter(outcome="refused"), False),
        (AccessFilter(since=10.5), False),
        (AccessFilter(until=9.5), False),
    ],
)
def test_a_filter_lets_through_what_fits_in_everything(wanted: AccessFilter, fits: bool) -> None:
    assert wanted.matches(SEARCH) is fits


def test_a_filter_without_a_field_asks_for_less() -> None:
    assert AccessFilter(patient="p", client="c").without("client") == AccessFilter(patient="p")
