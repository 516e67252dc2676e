"""Method and path → interaction, for everything that is answered and much that is not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockehr.core.exchange import Exchange, Interaction
from mockehr.core.problem import Problem
from mockehr.fhir.interactions import INTERACTIONS
from mockehr.fhir.routes import ROUTES, name_interaction
from mockehr.sites.build import build_site
from mockehr.sites.options import SiteOptions


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
        ("PATCH /Patient/1", Interaction("patch", "Patient", "1")),
        ("PATCH /Patient", Interaction("patch", "Patient")),
        ("PUT /Patient", Interaction("update", "Patient")),
        ("DELETE /Patient", Interaction("delete", "Patient")),
        ("POST /", Interaction("transaction")),
        ("GET /", Interaction("search-system")),
        ("POST /_search", Interaction("search-system")),
        ("GET /Patient/1/Observation", Interaction("search-compartment", "Observation", "1", "Patient")),
        ("POST /Patient/1/Observation/_search", Interaction("search-compartment", "Observation", "1", "Patient")),
        ("GET /Patient/1/*", Interaction("search-compartment", "*", "1", "Patient")),
        ("GET /$meta", Interaction("$meta")),
        ("POST /Patient/$match", Interaction("$match", "Patient")),
        ("GET /Patient/1/$everything", Interaction("$everything", "Patient", "1")),
        ("OPTIONS /Patient/1", Interaction("options", version="GET, PUT, PATCH, DELETE")),
        ("OPTIONS /", Interaction("options", version="POST, GET")),
        ("HEAD /metadata", Interaction("capabilities")),
    ],
)
def test_a_request_is_named(request_: str, asked: Interaction) -> None:
    assert name_interaction(*request_.split(" ")) == asked


@pytest.mark.parametrize(
    ("request_", "status", "kind", "allowed"),
    [
        ("BREW /Patient/1", 405, "interaction-unknown", "GET, PUT, PATCH, DELETE"),
        ("POST /_history", 405, "interaction-unknown", "GET"),
        ("PUT /", 405, "interaction-unknown", "POST, GET"),
        ("GET /Patient/_search", 405, "interaction-unknown", "POST"),
        ("POST /metadata", 405, "interaction-unknown", "GET"),
        ("PUT /Patient/1/_history/2", 405, "interaction-unknown", "GET"),
        ("GET /Patient/1/2/3/4", 404, "interaction-unknown", ""),
        ("PUT /Patient/1/$everything", 405, "interaction-unknown", "GET, POST"),
        ("GET /patient", 404, "type-unknown", ""),
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
        assert asked.name == ("$[name]" if name == "operation" else name)
    # A batch is a transaction's Bundle that says so, and every address has its options.
    assert {name for _, _, name in ROUTES} | {"batch", "options"} == set(INTERACTIONS)


@given(method=st.sampled_from(["GET", "POST", "PUT", "DELETE", "PATCH", "x"]), path=st.text(max_size=40))
def test_any_request_is_named_or_refused(method: str, path: str) -> None:
    asked = name_interaction(method, path)
    assert isinstance(asked, Problem) or asked.name in INTERACTIONS or asked.name.startswith("$")


def test_a_misspelt_type_is_told_with_the_nearest_one() -> None:
    site = build_site(SiteOptions("main", patients=1, stepped=True, open_access=True))
    exchange = Exchange("fhir", "GET", "/Patint")
    site.fhir.name(exchange)
    assert isinstance(exchange.result, Problem)
    assert (exchange.result.status, "did you mean Patient" in exchange.result.text) == (404, True)
