"""Method and path → interaction, for everything that is answered and much that is not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockehr.core.exchange import Interaction
from mockehr.core.problem import Problem
from mockehr.fhir.interactions import INTERACTIONS
from mockehr.fhir.routes import ROUTES, name_interaction


@pytest.mark.parametrize(
    ("request_", "asked"),
    [
        ("GET /metadata", Interaction("capabilities")),
        ("GET /metadata/", Interaction("capabilities")),
        ("GET /Patient", Interaction("search", "Patient")),
        ("GET /Patient/", Interaction("search", "Patient")),
        ("POST /Patient/_search", Interaction("search", "Patient")),
        ("POST /Patient", Interaction("create", "Patient")),
        ("GET /Patient/a.B-1", Interaction("read", "Patient", "a.B-1")),
        ("PUT /Patient/1", Interaction("update", "Patient", "1")),
        ("GET /Patient/1/_history/2", Interaction("vread", "Patient", "1", "2")),
        ("DELETE /Patient/1", Interaction("delete", "Patient", "1")),
        ("GET /Patient/1/_history", Interaction("history-instance", "Patient", "1")),
        ("GET /Patient/_history", Interaction("history-type", "Patient")),
        ("GET /_history", Interaction("history-system")),
        ("HEAD /Patient/1", Interaction("read", "Patient", "1")),
        ("HEAD /metadata", Interaction("capabilities")),
    ],
)
def test_a_request_is_named(request_: str, asked: Interaction) -> None:
    assert name_interaction(*request_.split(" ")) == asked


@pytest.mark.parametrize(
    ("request_", "status", "kind", "allowed"),
    [
        ("PATCH /Patient/1", 405, "interaction-unknown", "GET, PUT, DELETE"),
        ("POST /_history", 405, "interaction-unknown", "GET"),
        ("PUT /Patient", 405, "interaction-unknown", "GET, POST"),
        ("GET /Patient/_search", 405, "interaction-unknown", "POST"),
        ("POST /metadata", 405, "interaction-unknown", "GET"),
        ("PUT /Patient/1/_history/2", 405, "interaction-unknown", "GET"),
        ("GET /Patient/1/2/3/4", 404, "interaction-unknown", ""),
        ("GET /Patient/1/$everything", 404, "interaction-unknown", ""),
        ("GET /", 404, "type-unknown", ""),
        ("GET /patient", 404, "type-unknown", ""),
        ("POST /", 404, "type-unknown", ""),
    ],
)
def test_what_is_not_offered_is_refused_with_what_is(request_: str, status: int, kind: str, allowed: str) -> None:
    problem = name_interaction(*request_.split(" "))
    assert isinstance(problem, Problem)
    assert (problem.status, problem.kind, problem.where) == (status, kind, allowed)


def test_every_route_leads_to_an_interaction_that_exists_and_every_interaction_has_a_route() -> None:
    shapes = {"[type]": "Patient", "[id]": "1", "[vid]": "2"}
    for method, shape, name in ROUTES:
        path = "/".join(shapes.get(part, part) for part in shape.split("/"))
        asked = name_interaction(method, path)
        assert isinstance(asked, Interaction)
        assert asked.name == name
    assert {name for _, _, name in ROUTES} == set(INTERACTIONS)


@given(method=st.sampled_from(["GET", "POST", "PUT", "DELETE", "PATCH", "x"]), path=st.text(max_size=40))
def test_any_request_is_named_or_refused(method: str, path: str) -> None:
    asked = name_interaction(method, path)
    assert isinstance(asked, Problem) or asked.name in INTERACTIONS
