"""Drawn resources: of every type, valid, and the same after any way through the server."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, Phase, find, given, settings

from mockehr.core.errors import UnknownName
from mockehr.core.exchange import Exchange
from mockehr.fhir.elements import resource_types
from mockehr.fhir.validate import check_body
from mockehr.fhir.xml import from_xml, to_xml
from mockehr.sites.build import build_site
from mockehr.sites.options import SiteOptions
from mockehr.testing.strategies import any_resource, resources
from mockehr.testing.strategies.resources import NOT_ALONE

BASE = "http://a.example.org/a/fhir/R4"
SITE = build_site(SiteOptions("a", stepped=True, open_access=True))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(any_resource())
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


@settings(max_examples=300, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@given(any_resource())
def test_every_type_can_be_drawn_and_is_valid(resource: dict[str, Any]) -> None:
    assert check_body(resource, resource["resourceType"]) == []


def test_the_types_that_can_be_drawn_are_those_of_the_standard() -> None:
    for kind in set(resource_types()) - NOT_ALONE:
        assert resources(kind) is not None


def test_examples_shrink_to_what_is_required() -> None:
    found = find(resources("Observation"), lambda resource: "status" in resource, settings=settings(database=None))
    assert set(found) == {"resourceType", "status", "code"}


def test_a_type_that_there_is_not_is_told_with_the_nearest() -> None:
    with pytest.raises(UnknownName, match="Observation"):
        resources("Observatoin")
