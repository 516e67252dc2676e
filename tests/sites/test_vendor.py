"""A site that is pinned to R4B, and one that is not."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from mockehr.core.errors import ConfigError
from mockehr.core.exchange import Exchange, Reply
from mockehr.fhir.xml import from_xml
from mockehr.sites.build import build_site
from mockehr.sites.options import SiteOptions
from mockehr.sites.site import Site

BASE = "http://a.example.org/fhir/R4"
PRODUCT = {"resourceType": "NutritionProduct", "status": "active", "code": {"text": "oats"}}


def pinned(vendor: str = "generic", version: str = "4.3.0") -> Site:
    settings = {"fhir_version": version}
    return build_site(SiteOptions("a", vendor, patients=3, stepped=True, open_access=True, settings=settings))


def ask(site: Site, request: str, body: Any = None, **headers: str) -> Reply:
    method, _, target = request.partition(" ")
    path, _, query = target.partition("?")
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    octets = body if isinstance(body, bytes) else orjson.dumps(body) if body is not None else b""
    reply = site.handle(Exchange("fhir", method, path, query, told, octets, base_url=BASE)).reply
    assert reply is not None
    return reply


def test_the_statement_tells_the_version_its_types_and_their_parameters() -> None:
    for version, there, gone in (
        ("4.3.0", "Ingredient", "SubstanceProtein"),
        ("4.0.1", "SubstanceProtein", "Ingredient"),
    ):
        document = orjson.loads(ask(pinned(version=version), "GET /metadata").body)
        types = {one["type"]: one for one in document["rest"][0]["resource"]}
        assert document["fhirVersion"] == version
        assert there in types
        assert gone not in types
    own = orjson.loads(ask(pinned(), "GET /metadata").body)["rest"][0]["resource"]
    ingredient = next(one for one in own if one["type"] == "Ingredient")
    assert {"role", "substance-code"} <= {one["name"] for one in ingredient["searchParam"]}


@pytest.mark.parametrize(("media", "status"), [("4.3", 200), ("4.3.0", 200), ("4.0", 406), ("4.0.1", 406)])
def test_only_its_own_version_is_spoken(media: str, status: int) -> None:
    site = pinned()
    assert ask(site, "GET /Patient", accept=f"application/fhir+json; fhirVersion={media}").status == status
    sent = ask(site, "POST /NutritionProduct", PRODUCT, content_type=f"application/fhir+json; fhirVersion={media}")
    assert sent.status == {200: 201, 406: 415}[status]


def test_a_new_type_is_written_found_and_read_in_both_forms() -> None:
    site = pinned()
    location = ask(site, "POST /NutritionProduct", PRODUCT).header("Location")
    path = location.removeprefix(BASE).partition("/_history")[0]
    assert orjson.loads(ask(site, "GET /NutritionProduct?status=active").body)["total"] == 1
    told = from_xml(ask(site, f"GET {path}", accept="application/fhir+xml").body, "4.3.0")
    assert told["code"] == PRODUCT["code"]
    again = ask(site, f"GET {path}", accept="application/fhir+xml").body
    assert ask(site, f"PUT {path}", again, content_type="application/fhir+xml").status == 200


def test_what_the_version_does_not_have_is_refused() -> None:
    assert ask(pinned(), "POST /SubstanceProtein", {"resourceType": "SubstanceProtein"}).status == 404
    assert ask(pinned(version="4.0.1"), "POST /NutritionProduct", PRODUCT).status == 404
    assert ask(pinned(), "POST /NutritionProduct", PRODUCT | {"colour": "green"}).status == 422
    about = {
        "resourceType": "Observation",
        "status": "final",
        "code": {"text": "x"},
        "subject": {"reference": "Medication/m"},
    }
    assert ask(pinned(), "POST /Observation", about).status == 201
    assert ask(pinned(version="4.0.1"), "POST /Observation", about).status == 422


def test_validation_is_of_the_version() -> None:
    for version, severity in (("4.3.0", "information"), ("4.0.1", "error")):
        observation = {"resourceType": "Observation", "status": "final", "code": {"text": "x"}}
        about = observation | {"subject": {"reference": "Medication/m"}}
        outcome = orjson.loads(ask(pinned(version=version), "POST /Observation/$validate", about).body)
        assert outcome["issue"][0]["severity"] == severity


def test_charts_are_good_in_both_versions() -> None:
    ours, theirs = pinned(), pinned(version="4.0.1")
    assert ask(ours, "GET /Patient").body == ask(theirs, "GET /Patient").body


@pytest.mark.parametrize("vendor", ["epic", "oracle"])
def test_a_vendor_can_be_pinned_too(vendor: str) -> None:
    assert orjson.loads(ask(pinned(vendor), "GET /metadata?_format=json").body)["fhirVersion"] == "4.3.0"


def test_a_version_that_is_none_is_refused_with_those_that_are() -> None:
    with pytest.raises(ConfigError, match=r"4\.3\.0") as caught:
        pinned(version="4.3.1")
    assert "fhir_version" in caught.value.what
