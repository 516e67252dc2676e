"""Where Oracle Health's sites answer, and to whom not. Sources: simulator/mockehr/personalities/oracle/notes.md."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from tests.personalities.conftest import ROOT, House, body_of

from mockehr.sites.build import build_site
from mockehr.sites.options import SiteOptions

PATCH = "application/json-patch+json"


@pytest.mark.behaviour("oracle", "other-tenant-403")
def test_another_tenant_is_forbidden_and_not_unknown(house: Callable[..., House]) -> None:
    for path in ("/r4/ec2458f2-1e24-41c8-b71b-0e701af7583d/Patient/1", "/r4/none/metadata"):
        reply = house("oracle").ask("GET", path)
        assert reply.status == 403
        [issue] = body_of(reply)["issue"]
        assert issue["details"] == {"text": "Tenant not valid or accessible"}


@pytest.mark.behaviour("oracle", "open-without-discovery")
def test_the_open_host_has_no_discovery(house: Callable[..., House]) -> None:
    found = house("oracle", patients=1, settings={"capability": {"open": True}})
    assert found.fhir(".well-known/smart-configuration").status == 404
    assert found.fhir("metadata").status == 200
    assert house("oracle").fhir(".well-known/smart-configuration").status == 200


@pytest.mark.behaviour("oracle", "keys-at-jwk")
def test_keys_are_of_three_kinds_and_generations(house: Callable[..., House]) -> None:
    keys = body_of(house("oracle").ask("GET", "/jwk"))["keys"]
    kinds = {one["kid"].partition(".")[2].partition(".")[2] for one in keys}
    assert kinds == {"ec.es256", "ec.es384", "rsa"}
    assert len(keys) == 9
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\.[a-z0-9.]+", one["kid"]) for one in keys)


@pytest.mark.behaviour("oracle", "tenants-apart")
def test_an_id_is_somebody_else_or_nobody_in_another_tenant(house: Callable[..., House]) -> None:
    one = house("oracle")
    other = House(build_site(SiteOptions("south", "oracle", patients=12, seed=3, stepped=True, open_access=True)))
    assert one.base != other.base
    mine = {one.patient(index) for index in range(12)}
    assert mine != {other.patient(index) for index in range(12)}
    names = one.read(f"Patient/{one.patient()}")["name"]
    there = other.read(f"Patient/{one.patient()}")
    assert there["resourceType"] == "OperationOutcome" or there["name"] != names


@pytest.mark.behaviour("oracle", "constant-headers")
def test_answers_are_for_every_origin_and_not_to_be_kept(house: Callable[..., House]) -> None:
    reply = house("oracle").fhir("Organization")
    assert reply.header("Access-Control-Allow-Origin") == "*"
    assert reply.header("Access-Control-Max-Age") == "0"
    assert reply.header("Vary") == "Origin"
    assert reply.header("Cache-Control") == "no-cache"
    exposed = reply.header("Access-Control-Expose-Headers")
    assert exposed == "ETag, Content-Location, Location, X-Request-Id, WWW-Authenticate, Date"
    methods = reply.header("Access-Control-Allow-Methods")
    assert methods == "DELETE, GET, POST, PUT, PATCH, OPTIONS, HEAD"


@pytest.mark.behaviour("oracle", "method-override")
def test_a_post_may_be_meant_as_a_patch(house: Callable[..., House]) -> None:
    found = house("oracle", fresh=1)
    patient = found.patient(3)
    change = [{"op": "replace", "path": "/gender", "value": "unknown"}]
    told = {"content_type": PATCH, "if_match": 'W/"0"'}
    assert found.fhir(f"Patient/{patient}", "POST", change, **told).status >= 400
    changed = found.fhir(f"Patient/{patient}", "POST", change, x_http_method_override="patch", **told)
    assert changed.status == 200
    assert found.read(f"Patient/{patient}")["gender"] == "unknown"
    change[0]["value"] = "other"
    again = found.fhir(f"Patient/{patient}?_method=patch", "POST", change, **{**told, "if_match": 'W/"1"'})
    assert again.status == 200
    assert found.read(f"Patient/{patient}")["gender"] == "other"
    assert ROOT in found.base
