"""Forms at a site: what is asked for, what the vendor sends unasked, errors, searches, writes."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from mockehr.core.exchange import Exchange, Reply
from mockehr.fhir.lossless import parse
from mockehr.fhir.xml import from_xml
from mockehr.sites.build import build_site
from mockehr.sites.options import SiteOptions
from mockehr.sites.site import Site

BASE = "http://a.example.org/fhir"
GOAL = (
    b'{"resourceType":"Goal","lifecycleStatus":"active","description":{"text":"x"},'
    b'"subject":{"reference":"Patient/p1"}}'
)


def open_site(vendor: str = "generic") -> Site:
    return build_site(SiteOptions("a", vendor, patients=12, stepped=True, open_access=True))


def ask(site: Site, path: str, query: str = "", accept: str = "", method: str = "GET", **more: Any) -> Reply:
    headers = {"accept": accept} if accept else {}
    headers |= more.pop("headers", {})
    exchange = Exchange("fhir", method, path, query, headers=headers, base_url=BASE, **more)
    reply = site.handle(exchange).reply
    assert reply is not None
    return reply


def document(reply: Reply) -> dict[str, Any]:
    xml = "xml" in reply.header("content-type")
    found: dict[str, Any] = from_xml(reply.body) if xml else parse(reply.body)
    return found


def patient_path(site: Site) -> str:
    assert site.charts is not None
    return f"/Patient/{site.charts.patient_id(1)}"


@pytest.mark.parametrize(
    ("vendor", "accept", "form", "content_type"),
    [
        ("generic", "", "", "application/fhir+json"),
        ("generic", "application/fhir+xml", "", "application/fhir+xml"),
        ("generic", "text/xml", "", "text/xml"),
        ("generic", "application/json", "xml", "application/fhir+xml"),
        ("generic", "application/fhir+xml", "application/json", "application/json"),
        ("generic", "application/fhir+xml; fhirVersion=4.0", "", "application/fhir+xml"),
        ("epic", "", "", "application/xml; charset=utf-8"),
        ("epic", "text/html", "", "application/xml; charset=utf-8"),
        ("epic", "application/fhir+xml", "", "application/fhir+xml; charset=utf-8"),
        ("epic", "application/json", "", "application/json; charset=utf-8"),
        ("epic", "", "json", "application/fhir+json; charset=utf-8"),
        ("oracle", "", "", "application/fhir+json"),
        ("oracle", "application/json", "", "application/json"),
    ],
)
def test_the_body_is_what_the_content_type_says(vendor: str, accept: str, form: str, content_type: str) -> None:
    site = open_site(vendor)
    path = patient_path(site)
    json = document(ask(site, path, accept="application/fhir+json"))
    reply = ask(site, path, f"_format={form}" if form else "", accept)
    assert (reply.status, reply.header("content-type")) == (200, content_type)
    assert reply.body.startswith(b"<?xml" if "xml" in content_type else b"{")
    assert document(reply) == json


@pytest.mark.parametrize(
    ("vendor", "accept", "query"),
    [
        ("generic", "text/html", ""),
        ("generic", "", "_format=html"),
        ("generic", "application/fhir+json", "_format=html"),
        ("generic", "application/fhir+json; fhirVersion=3.0", ""),
        ("oracle", "application/fhir+xml", ""),
        ("oracle", "", "_format=xml"),
    ],
)
def test_what_is_not_offered_is_not_acceptable(vendor: str, accept: str, query: str) -> None:
    site = open_site(vendor)
    reply = ask(site, patient_path(site), query, accept)
    assert reply.status == 406
    assert (reply.body == b"") is (vendor == "oracle")


def test_what_cannot_be_answered_is_not_done() -> None:
    site = open_site()
    told = {"content-type": "application/fhir+json"}
    assert ask(site, "/Goal", accept="text/html", method="POST", headers=told, body=GOAL).status == 406
    assert not site.log.changes
    done = ask(site, "/Goal", accept="application/fhir+xml", method="POST", headers=told, body=GOAL)
    assert (done.status, done.header("content-type")) == (201, "application/fhir+xml")
    assert document(done)["description"] == {"text": "x"}
    assert len(site.log.changes) == 1


@pytest.mark.parametrize("vendor", ["generic", "epic"])
@pytest.mark.parametrize(("accept", "query"), [("application/fhir+xml", ""), ("application/json", "_format=xml")])
def test_errors_come_in_the_form_that_was_asked_for(vendor: str, accept: str, query: str) -> None:
    reply = ask(open_site(vendor), "/Patient/nobody", query, accept)
    assert reply.status >= 400
    assert "xml" in reply.header("content-type")
    assert document(reply)["resourceType"] == "OperationOutcome"


def test_epic_errs_in_xml_unless_asked() -> None:
    site = open_site("epic")
    assert document(ask(site, "/Patient/nobody"))["resourceType"] == "OperationOutcome"
    assert ask(site, "/Patient/nobody").header("content-type") == "application/xml; charset=utf-8"
    assert ask(site, "/Patient/nobody", accept="application/json").body.startswith(b"{")


@pytest.mark.parametrize("vendor", ["generic", "epic"])
def test_searches_come_in_xml_with_their_links(vendor: str) -> None:
    site = open_site(vendor)
    query = f"patient={patient_path(site).rpartition('/')[2]}&category=vital-signs&_count=2"
    json = document(ask(site, "/Observation", query, "application/fhir+json"))
    xml = document(ask(site, "/Observation", query, "application/fhir+xml"))
    assert xml["entry"]
    assert [one.get("resource") for one in xml["entry"]] == [one.get("resource") for one in json["entry"]]
    assert {link["relation"] for link in xml["link"]} == {link["relation"] for link in json["link"]}


def test_a_search_by_post_may_name_the_form_in_its_body() -> None:
    told = {"content-type": "application/x-www-form-urlencoded"}
    reply = ask(open_site(), "/Patient/_search", method="POST", headers=told, body=b"family=A&_format=xml")
    assert reply.header("content-type") == "application/fhir+xml"


def test_pretty_adds_blanks_and_nothing_else() -> None:
    site = open_site()
    path = patient_path(site)
    for form in ("json", "xml"):
        plain = ask(site, path, f"_format={form}")
        pretty = ask(site, path, f"_format={form}&_pretty=true")
        assert pretty.body.count(b"\n  ") > 10
        assert plain.body.count(b"\n  ") == 0
        assert document(pretty) == document(plain)
    assert orjson.dumps(orjson.loads(pretty_json(site, path)), option=orjson.OPT_INDENT_2) == pretty_json(site, path)


def pretty_json(site: Site, path: str) -> bytes:
    return ask(site, path, "_pretty=true").body


def test_the_statement_of_capabilities_comes_in_xml_and_names_it() -> None:
    statement = document(ask(open_site(), "/metadata", "_format=xml"))
    assert {"application/fhir+xml", "application/fhir+json", "xml", "json"} <= set(statement["format"])


def test_octets_that_are_no_utf_8_reach_the_client_in_xml_too() -> None:
    site = open_site()
    site.arm({"use": "windows-1252-names", "with": {"rate": 1.0}})
    broken = 0
    for index in range(12):
        assert site.charts is not None
        reply = ask(site, f"/Patient/{site.charts.patient_id(index)}", "_format=xml")
        try:
            reply.body.decode()
        except UnicodeDecodeError:
            broken += 1
        assert reply.body.startswith(b"<?xml")
        assert b"\xef\xbf\xbd" not in reply.body
    assert broken


def test_a_body_that_a_quirk_spoiled_stays_spoiled() -> None:
    site = open_site()
    site.arm({"use": "malformed-success", "with": {"body": "cut"}})
    whole = ask(open_site(), patient_path(site), "_format=xml").body
    assert ask(site, patient_path(site), "_format=xml").body == whole[: len(whole) * 2 // 3]
