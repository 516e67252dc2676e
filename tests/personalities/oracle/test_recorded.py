"""What was recorded of Oracle Health's refusals and statement, field by field, ids and times aside."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.personalities.conftest import House, body_of
from tests.sites.browser import Browser, document

from mockehr.core.exchange import Reply
from mockehr.sites.test_client import register_demo_client

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
HOST = re.compile(r"https://[a-z.-]+\.(com|org)")
APP = re.compile(r"client=[^&]+")


def masked(told: Any) -> Any:
    """JSON with hosts, ids and apps as signs."""
    text = UUID.sub("<id>", HOST.sub("<host>", APP.sub("client=<app>", json.dumps(told))))
    return json.loads(text)


def recording(shared_data: Path, name: str) -> Any:
    return json.loads((shared_data / "recorded" / "oracle" / name).read_text("utf-8"))


@pytest.mark.behaviour("oracle", "not-found-same-words", "details-text-only")
@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("error-404-on-nonexistent-patient-id.json", "Patient/this-id-definitely-does-not-exist-13581fed1"),
        ("error-request-unsupported-resource-type.json", "NotARealType?patient=1"),
    ],
)
def test_what_is_not_there_is_refused_as_recorded(
    house: Callable[..., House], shared_data: Path, name: str, target: str
) -> None:
    recorded = recording(shared_data, name)
    reply = house("oracle").fhir(target)
    assert reply.status == recorded["_request"]["status"]
    assert list(body_of(reply)) == list(recorded["body"])
    assert body_of(reply) == recorded["body"]


@pytest.mark.behaviour("oracle", "token-error-uri", "v1-refused")
def test_the_refusal_of_a_v1_scope_is_the_recorded_one_in_every_field(shared_data: Path) -> None:
    recorded = recording(shared_data, "error-token-empty-scopes-v1-syntax-2026-05-02.json")
    told, asked = recorded["response"], recorded["probe"]["request_body"]
    oracle = Browser("oracle")
    register_demo_client(oracle.site, "system", "system/Patient.rs", secret="x")
    basic = {"authorization": "Basic " + base64.b64encode(b"system:x").decode()}
    sent = oracle.post(oracle.where.token, asked, **basic)
    found = document(sent, told["status_code"])
    assert list(found) == list(told["body_parsed"])
    assert masked(found) == masked(told["body_parsed"])
    reply = sent.reply
    assert isinstance(reply, Reply)
    mine = {name.lower(): value for name, value in reply.headers}
    instance = re.search(r"/instances/([^?]+)", found["error_uri"])
    assert instance is not None
    assert mine["cerner-correlation-id"] == instance[1]
    transport = {
        "date",
        "content-length",
        "connection",
        "keep-alive",
        "strict-transport-security",
        "content-encoding",
    }
    for name, value in told["headers"].items():
        if name.lower() not in transport | {"cerner-correlation-id"} and not name.lower().startswith("x-"):
            assert mine.get(name.lower(), "").replace(" ", "").startswith(value.replace(" ", "")), name


@pytest.mark.behaviour("oracle", "types-told", "interactions")
def test_the_statement_tells_the_recorded_types_and_what_can_be_done(
    house: Callable[..., House], shared_data: Path
) -> None:
    recorded = recording(shared_data, "CapabilityStatement-2026-04-26.json")
    recorded = recorded.get("body", recorded)
    told = {one["type"]: one for one in recorded["rest"][0]["resource"]}
    mine = {one["type"]: one for one in house("oracle").read("metadata")["rest"][0]["resource"]}
    assert set(mine) - set(told) == {"Basic"}  # which hosts with tokens tell besides
    assert set(told) <= set(mine)
    for kind, one in told.items():
        wanted = {interaction["code"] for interaction in one.get("interaction", ())} & {"read", "search-type"}
        found = {interaction["code"] for interaction in mine[kind].get("interaction", ())}
        assert wanted <= found, kind
    codes = {kind: {step["code"] for step in one.get("interaction", ())} for kind, one in mine.items()}
    assert {kind for kind, found in codes.items() if "delete" in found} == {"Coverage"}
    assert codes["Basic"] == {"create"}
    assert codes["Slot"] == {"read", "search-type", "patch"}
    assert codes["Observation"] == {"read", "search-type", "create", "update"}
    assert codes["Procedure"] == {"read", "search-type", "create"}
