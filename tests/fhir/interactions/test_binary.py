"""A Binary is its content, unless a form of FHIR is asked for (FHIR R4 binary.html#rest)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import pytest

from mockehr.core.exchange import Exchange
from mockehr.sites.site import Site

Ask = Callable[..., Exchange]
NOTE = "Grüße".encode("iso-8859-1")


@pytest.fixture
def site(made: Callable[..., Site], ask: Ask) -> Site:
    one = made()
    exchange = ask(
        one, "PUT /Binary/n", NOTE, content_type="text/plain; charset=iso-8859-1", accept="application/fhir+json"
    )
    assert exchange.reply is not None
    assert exchange.reply.status == 201
    return one


@pytest.mark.parametrize("accept", ["", "*/*", "text/plain", "text/*;q=0.5, image/png"])
def test_the_content_comes_in_its_own_type(site: Site, ask: Ask, accept: str) -> None:
    reply = ask(site, "GET /Binary/n", **({"accept": accept} if accept else {})).reply
    assert reply is not None
    assert (reply.status, reply.body) == (200, NOTE)
    assert reply.header("Content-Type") == "text/plain; charset=iso-8859-1"


@pytest.mark.parametrize("request_", ["GET /Binary/n?_format=json", "GET /Binary/n"])
def test_the_resource_comes_to_who_asks_for_fhir(site: Site, ask: Ask, request_: str) -> None:
    reply = ask(site, request_, accept="application/fhir+json, */*;q=0.1").reply
    assert reply is not None
    found = orjson.loads(reply.body)
    assert (found["resourceType"], found["contentType"]) == ("Binary", "text/plain; charset=iso-8859-1")


def test_another_type_than_the_contents_is_not_acceptable(site: Site, ask: Ask) -> None:
    reply = ask(site, "GET /Binary/n", accept="image/png").reply
    assert reply is not None
    assert reply.status == 406


def test_a_resource_is_written_as_one_and_says_whose_rights_it_has(made: Callable[..., Site], ask: Ask) -> None:
    site = made()
    resource: dict[str, Any] = {"resourceType": "Binary", "id": "r", "contentType": "text/plain", "data": "QUJD"}
    ask(site, "PUT /Binary/r", resource)
    ask(site, "PUT /Binary/c", b"ABC", content_type="text/plain", x_security_context="Patient/1")
    written, content = site.store.read("Binary", "r"), site.store.read("Binary", "c")
    assert written is not None
    assert content is not None
    assert written.document["data"] == content.document["data"] == "QUJD"
    assert content.document["securityContext"] == {"reference": "Patient/1"}


def test_a_type_that_is_no_header_stays_inside_the_resource(made: Callable[..., Site], ask: Ask) -> None:
    site = made()
    odd = {"resourceType": "Binary", "id": "o", "contentType": "text/plain\r\nX: y", "data": "QUJD"}
    site.store.commit(odd, kind="create", source="control")
    reply = ask(site, "GET /Binary/o").reply
    assert reply is not None
    assert orjson.loads(reply.body)["resourceType"] == "Binary"
