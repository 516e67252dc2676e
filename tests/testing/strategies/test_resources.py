"""Drawn resources: of every type, valid, and the same after any way through the server."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from mockehr.core.errors import UnknownName
from mockehr.core.exchange import Exchange
from mockehr.fhir.elements import R4, R4B, resource_types, structure
from mockehr.fhir.validate import check_models, check_structure
from mockehr.fhir.xml import from_xml, to_xml
from mockehr.sites.build import build_site
from mockehr.sites.options import SiteOptions
from mockehr.testing.strategies import any_resource, resources
from mockehr.testing.strategies.objects import NOT_ALONE
from mockehr.testing.strategies.resources import possible

BASE = "http://a.example.org/a/fhir/R4"
DRAWING = settings(
    database=None,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
WRITABLE = sorted(set(resource_types()) - NOT_ALONE - {"Subscription"})
"""What a server stores whatever it says; of a Subscription it wants to know what to do."""
SITE = build_site(SiteOptions("a", stepped=True, open_access=True))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(any_resource(WRITABLE))
def test_what_is_drawn_survives_xml_and_a_write(resource: dict[str, Any]) -> None:
    kind = resource["resourceType"]
    assert from_xml(to_xml(resource)) == resource
    sent = SITE.handle(Exchange("fhir", "POST", f"/{kind}", body=orjson.dumps(resource), base_url=BASE))
    assert sent.reply is not None
    assert sent.reply.status == 201, sent.reply.body
    stored = orjson.loads(sent.reply.body)
    read = SITE.handle(Exchange("fhir", "GET", f"/{kind}/{stored['id']}", base_url=BASE)).reply
    assert read is not None
    assert {name: value for name, value in orjson.loads(read.body).items() if name not in ("id", "meta")} == resource


def differs(name: str, seen: frozenset[str] = frozenset()) -> bool:
    """Whether R4B, of which the models are, has something of a structure otherwise than R4, or lacks it."""
    here, there = structure(name, R4), structure(name, R4B)
    if here is None or there is None or set(here.required) != set(there.required):
        return True
    for element in here.elements.values():
        other = there.elements.get(element.name)
        if other is None or (element.type, element.many) != (other.type, other.many):
            return True
    inner = {one.type for one in here.elements.values() if not one.primitive} - seen - {name, "Resource", "Extension"}
    return any(differs(kind, seen | inner | {name}) for kind in inner)


EACH = 200 if settings.get_current_profile_name() == "mockehr-nightly" else 15
"""Examples of each type: the profile for nights looks at many."""


def several(drawn: SearchStrategy[Any], count: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []

    @settings(DRAWING, max_examples=count)
    @given(drawn)
    def collect(resource: dict[str, Any]) -> None:
        found.append(resource)

    collect()
    return found


def check_all(count: int) -> int:
    """Draws so many examples of every type, unfiltered, and has both oracles look at each."""
    looked = 0
    for kind in resource_types():
        opinions, drawn = 2 - differs(kind), several(possible(kind), count)
        for resource in drawn:
            assert [issue for issue in check_structure(resource) if issue.fails] == [], resource
            assert opinions < 2 or check_models(resource) == [], resource
        looked += opinions * len(drawn)
    return looked


def test_nothing_that_is_drawn_is_invalid_whatever_the_type() -> None:
    assert check_all(EACH) > 1.5 * EACH * len(resource_types())


def test_what_is_drawn_differs_in_types_of_choices_codes_and_counts() -> None:
    seen = several(resources("Observation"), 300)
    values = {name for resource in seen for name in resource if name.startswith("value")}
    assert len(values) >= 6
    assert len({resource["status"] for resource in seen}) >= 6
    lists = [value for resource in seen for value in resource.values() if isinstance(value, list)]
    assert {len(value) for value in lists} == {1, 2}
    assert len({str(resource) for resource in seen}) > 200


def test_an_example_costs_less_than_drawing_a_hundred_numbers() -> None:
    numbers = spent(st.tuples(*[st.integers(0, 1000)] * 100))
    for kind in ("Patient", "Observation", "Encounter", "Condition"):
        assert spent(resources(kind)) < numbers, kind


def spent(drawn: SearchStrategy[Any]) -> float:
    """Median seconds of processor time for an example."""
    marks: list[float] = []

    @settings(DRAWING, max_examples=60)
    @given(drawn)
    def note(_: Any) -> None:
        marks.append(time.process_time())

    note()
    return statistics.median(after - before for before, after in pairwise(marks[10:]))


def smallest(drawn: SearchStrategy[Any], wanted: Callable[[Any], bool]) -> dict[str, Any]:
    found: dict[str, Any] = find(drawn, wanted, settings=settings(database=None, derandomize=True, max_examples=1000))
    return found


def test_examples_shrink_to_what_is_required() -> None:
    assert smallest(resources("Patient"), lambda patient: True) == {"resourceType": "Patient"}
    found = smallest(resources("Observation"), lambda observation: "status" in observation)
    assert set(found) == {"resourceType", "status", "code"}
    assert len(orjson.dumps(found)) < 100


def test_what_an_example_is_about_stays_and_the_rest_goes() -> None:
    found = smallest(resources("Patient"), lambda patient: any("family" in name for name in patient.get("name", ())))
    assert set(found) == {"resourceType", "name"}
    assert len(orjson.dumps(found)) < 100
    found = smallest(resources("Patient"), lambda patient: len(patient.get("contact", ())) == 2)
    assert set(found) == {"resourceType", "contact"}
    assert len(orjson.dumps(found)) < 120


def test_a_type_that_there_is_not_is_told_with_the_nearest() -> None:
    with pytest.raises(UnknownName, match="Observation"):
        resources("Observatoin")
