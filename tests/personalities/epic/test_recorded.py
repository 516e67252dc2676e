"""Answers of a site of ours against recorded ones of Epic's sandbox, field by field, ids, OIDs and times apart."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mockehr.auth.clients import Client
from mockehr.auth.scopes import Scopes

Json = dict[str, Any]
OID = re.compile(r"(1\.2\.840\.114350\.1\.13)\.\d+\.\d+")


@pytest.fixture(scope="module")
def folder(shared_data: Path) -> Path:
    found = shared_data / "recorded" / "epic"
    if not found.is_dir():
        pytest.skip("the recordings are not beside this checkout")
    return found


@pytest.fixture(scope="module")
def site(house: Callable[..., Any]) -> Any:
    return house("epic", patients=12)


def masked(node: Any) -> Any:
    """The same without what is a site's own."""
    text = OID.sub(r"\1.*.*", json.dumps(node))
    text = re.sub(r"urn:uuid:[0-9a-f-]{36}", "urn:uuid:*", text)
    text = re.sub(r"https://[^\"]*?/R4/", "*/", text)
    return json.loads(re.sub(r"\be[A-Za-z0-9.-]{22}3\b", "*", text))


def recorded(folder: Path, name: str) -> Json:
    return dict(json.loads(min(folder.glob(name)).read_text("utf-8")))


@pytest.mark.behaviour("epic", "unknown-id", "unknown-first", "envelope", "code-words")
@pytest.mark.parametrize(
    "name", ["error-404-on-nonexistent-patient-id.json", "error-search-with-unsupported-param.json"]
)
def test_errors_are_as_recorded(folder: Path, site: Any, name: str) -> None:
    theirs = recorded(folder, name)
    reply = site.fhir(theirs["_request"]["url"].partition("/R4/")[2])
    assert reply.status == theirs["_request"]["status"]
    assert masked(json.loads(reply.body)) == masked(theirs["body"])
    assert json.dumps(masked(json.loads(reply.body))) == json.dumps(masked(theirs["body"]))


@pytest.mark.behaviour("epic", "web-servers-404")
def test_an_unknown_type_is_the_web_servers_matter(folder: Path, site: Any) -> None:
    theirs = recorded(folder, "error-request-unsupported-resource-type.json")
    reply = site.fhir(theirs["_request"]["url"].partition("/R4/")[2])
    assert (reply.status, reply.content_type) == (theirs["_request"]["status"], "text/html")
    title = "<title>404 - File or directory not found.</title>"
    assert title in theirs["body"]["_non_json_body"]
    assert title.encode() in reply.body


@pytest.mark.behaviour("epic", "no-results", "suppressed", "suppressed-by-category", "self-ordered")
@pytest.mark.parametrize("name", ["condition-health-concern.json", "observation-lab.json"])
def test_empty_answers_are_as_recorded(folder: Path, site: Any, name: str) -> None:
    theirs = recorded(folder, name)
    assert theirs["body"]["total"] == 0
    target = theirs["_request"]["url"].partition("/R4/")[2]
    people = [site.patient(index) for index in range(12)]
    answers = [site.read(re.sub(r"patient=[^&]*", f"patient={one}", target)) for one in people]
    empty = next(one for one in answers if not one["total"])
    assert json.dumps(masked(empty)) == json.dumps(masked(theirs["body"]))


@pytest.mark.behaviour("epic", "suppressed", "outcome-uncounted")
@pytest.mark.parametrize(
    "name",
    ["allergyintolerance.json", "encounter.json", "medicationrequest.json", "observation-vitals.json",
     "immunization-*.json", "documentreference-*.json", "diagnosticreport-lab-*.json", "condition-problems.json"],
)  # fmt: skip
def test_answers_carry_the_remarks_that_were_recorded(folder: Path, site: Any, name: str) -> None:
    def remarks(bundle: Json) -> list[Any]:
        return [one for one in bundle["entry"] if one["search"]["mode"] == "outcome"]

    theirs = recorded(folder, name)
    target = theirs["_request"]["url"].partition("/R4/")[2].partition("&_count")[0]
    answers = (site.read(re.sub(r"patient=[^&]*", f"patient={site.patient(n)}", target)) for n in range(12))
    ours = next(one for one in answers if one["total"])
    assert masked(remarks(ours)) == masked(remarks(theirs["body"]))
    assert ours["total"] == len(ours["entry"]) - len(remarks(ours))


@pytest.mark.behaviour("epic", "split-scopes", "all-registered")
def test_the_scope_response_is_as_recorded(folder: Path, house: Callable[..., Any]) -> None:
    lines = (folder / "scope-response-2026-04-26T210211Z.txt").read_text("utf-8").splitlines()
    theirs = [one for one in lines if one.startswith("system/")]
    site = house("epic", patients=1, settings={}, open_access=False)
    site.site.auth.clients.add(Client("sandbox", Scopes.parse(" ".join(theirs)), secret="s3cret"))
    form = {"grant_type": "client_credentials", "client_id": "sandbox", "client_secret": "s3cret"}
    reply = site.ask("POST", site.site.token_path, form)
    told = json.loads(reply.body)["scope"].split()
    together = {one: [one] for one in theirs} | {"system/Claim.cu": ["system/Claim.c", "system/Claim.u"]}
    assert sorted(told) == sorted(part for one in theirs for part in together[one])


@pytest.mark.behaviour("epic", "statement-types", "statement-parameters", "statement-profiles", "statement-words")
def test_the_statement_is_as_recorded(folder: Path, site: Any) -> None:
    theirs = recorded(folder, "CapabilityStatement-2026-04-26.json")
    theirs = theirs.get("body", theirs)
    ours = site.read("metadata")
    assert list(ours) == list(theirs)
    assert list(ours["rest"][0]) == list(theirs["rest"][0])
    for name in ("experimental", "kind", "copyright", "instantiates", "fhirVersion", "format"):
        assert ours[name] == theirs[name]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", ours["date"])
    mine = {one["type"]: one for one in ours["rest"][0]["resource"]}
    assert [one["type"] for one in theirs["rest"][0]["resource"]] == list(mine)
    for their in theirs["rest"][0]["resource"]:
        my = mine[their["type"]]
        parameters = [one["name"] for one in my.get("searchParam", ())]
        assert parameters == [one["name"] for one in their.get("searchParam", ())], their["type"]
        kinds = {one["name"]: one["type"] for one in their.get("searchParam", ())}
        assert {one["name"]: one["type"] for one in my.get("searchParam", ())} == kinds, their["type"]
        left = {name: value for name, value in their.items() if name not in ("searchParam", "operation")}
        assert {name: value for name, value in my.items() if name not in ("searchParam", "operation")} == left
    writes = {"create": [], "update": []}
    for kind, one in mine.items():
        for interaction in one["interaction"]:
            writes.setdefault(interaction["code"], []).append(kind)
    assert (len(writes["create"]), len(writes["update"])) == (11, 7)
