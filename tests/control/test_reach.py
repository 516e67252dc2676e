"""Every operation is reachable over HTTP and from the command line, and the OpenAPI document lists them all."""

from __future__ import annotations

import re

import click
import orjson
import pytest
from starlette.testclient import TestClient

from mockehr.api.control import ControlApi, openapi
from mockehr.cli.main import cli
from mockehr.control.facade import Control, operations
from mockehr.core.errors import ConfigError, UnknownName, UsageError, VerdictFailed
from mockehr.core.exchange import Exchange
from mockehr.sites.build import build_site
from mockehr.sites.directory import Directory
from mockehr.sites.options import SiteOptions

VALUES = {
    "name": "x", "by": "1s", "use": "reset", "personality": "generic", "number": 1, "at_least": 0,
    "client_id": "c", "other": "oracle", "scopes": "system/*.rs", "url": "http://h.example.org/", "secret": "s",
    "redirect_uris": ["http://h.example.org/callback"], "username": "u", "reference": "Practitioner/d0",
    "app": "http://127.0.0.1:1/launch", "port": 1, "link": "x",
    "rate": "0", "pathway": {"name": "x", "title": "x", "steps": [{"add_person": {}}]},
    "text": "{}",
    "message": "MSH|^~\\&|A|B|C|D|20260105||ADT^A28|1|P|2.5.1\rEVN|A28\rPID|1||9^^^B^MR||Muster^Erika\r",
    "id": "cf6a9f589ccb437262ecccd02b41e424",
    "resource": {"resourceType": "Patient"}, "records": [{"resourceType": "Patient", "id": "x"}],
}  # fmt: skip

ASKED = {"events send": {"resource": "Patient/p0"}, "events replay": {"endpoint": "x", "first": 1}}
"""What operations want one of, though none of it is required."""


def served() -> Directory:
    directory = Directory()
    site = directory.add(build_site(SiteOptions("a", patients=2, stepped=True, open_access=True)))
    site.handle(Exchange("fhir", path="/metadata"))
    site.snapshots.take("x")
    return directory


def prepared(name: str) -> Directory:
    directory = served()
    if name == "bulk cancel":
        exported = {"prefer": "respond-async"}
        directory.get("a").handle(Exchange("fhir", path="/Patient/$export", headers=exported, base_url="http://x"))
    if name == "quirk disarm":
        directory.get("a").arm({"use": "reset", "name": "x"})
    if name in ("webhook remove", "webhook rotate", "webhook secret", "webhook switch"):
        Control(directory).call("webhook add", site="a", name="x", url="http://h.example.org/")
    if name == "events send":
        Control(directory).call("webhook add", site="a", name="x", url="http://h.example.org/")
    if name == "events replay":
        Control(directory).call("webhook add", site="a", name="x", url="http://h.example.org/")
        Control(directory).call("events send", site="a", resource="Patient/p0", endpoint="x")
    if name == "truth corrupted":
        directory.get("a").arm({"use": "windows-1252-names", "name": "x"})
    if name.startswith("approval") or name == "app remove":
        Control(directory).call("app add", site="a", client_id="c", redirect_uris=["http://h.example.org/callback"])
    if name == "approval remove":
        Control(directory).call("approval add", site="a", client_id="c")
    if name == "user remove":
        Control(directory).call("user add", site="a", username="u", reference="Practitioner/d0")
    if name.startswith("hl7 ") and name != "hl7 add-link":
        Control(directory).call("hl7 add-link", site="a", name="x", port=1)
    if name in ("truth watch", "truth told", "truth compare-told"):
        Control(directory).call("hl7 add-link", site="a", name="x", port=1)
        Control(directory).call("truth watch", site="a", link="x")
    if name in ("hl7 retry", "hl7 drop"):
        parked = directory.get("a").links.parking
        parked.add("out", "x", b"MSH|^~\\&|A|B", kind="ADT^A01", control_id="1", reason="refused", at=0.0)
    if name == "journal bytes":
        site = directory.get("a")
        site.journal.clear()
        site.handle(Exchange("mllp-in", body=b"MSH|^~\\&|A|B"))
    if name == "pathway stop":
        Control(directory).call("pathway start", site="a", name="chest-pain")
    if name == "site upgrade":
        upgrades = {"upgrades": {"x": {"at": "2099-01-01", "version": "next"}}}
        directory.remove("a")
        directory.add(build_site(SiteOptions("a", stepped=True, settings=upgrades, upgrade="x")))
    if name == "site remove":
        directory.add(build_site(SiteOptions("x")))
    return directory


@pytest.mark.parametrize("name", list(operations()))
def test_every_operation_answers_over_http(name: str) -> None:
    op = operations().get(name)
    path = op.full_path.replace("{site}", "a")
    shown = {"quirk show": "latency", "probe show": "truth", "pathway show": "stroke", "pathway start": "stroke"}
    shown |= {"quirk page": "latency", "quirk try": "latency"}
    shown |= {"vendor show": "epic", "vendor diff": "epic"}
    values = VALUES | ({"name": shown[name]} if name in shown else {})
    body = {p.name: values[p.name] for p in op.parameters if p.required or p.name in ("at_least", "secret")}
    body |= ASKED.get(name, {})
    for key in re.findall(r"\{(\w+)\}", path):
        path = path.replace(f"{{{key}}}", str(body.pop(key, "")))
    with TestClient(ControlApi(prepared(name))) as client:
        answer = client.request(op.verb, path, content=orjson.dumps(body) if op.verb != "GET" else b"")
    assert answer.status_code == 200, answer.text
    assert orjson.loads(answer.content.splitlines()[0])


@pytest.mark.parametrize("name", list(operations()))
def test_every_operation_is_a_command_and_in_the_openapi_document(name: str) -> None:
    first, _, rest = name.partition(" ")
    group = cli.get_command(click.Context(cli), first)  # type: ignore[attr-defined]
    assert isinstance(group, click.Group)
    assert rest in group.commands
    documented = {one["operationId"] for path in openapi()["paths"].values() for one in path.values()}
    assert name.replace(" ", "_") in documented


def test_no_two_paths_of_the_document_differ_only_in_a_name() -> None:
    shapes = [re.sub(r"\{\w+\}", "{}", path) for path in openapi()["paths"]]
    assert len(shapes) == len(set(shapes))


def test_wrong_arguments_are_all_named_with_the_nearest() -> None:
    with pytest.raises(ConfigError) as refused:
        Control(served()).call("clock advance", site="a", bye="1s")
    assert refused.value.problems == ("bye is not known; did you mean by?", "by is required")
    with pytest.raises(ConfigError, match="is no object"):
        Control(served()).call("quirk arm", site="a", use="reset", where="x")
    with pytest.raises(UnknownName):
        Control(served()).call("clock advance", site="b")


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/_mockehr/nope", b"", 404),
        ("PUT", "/_mockehr/sites", b"", 405),
        ("POST", "/_mockehr/sites/a/clock/advance", b"no json", 400),
        ("POST", "/_mockehr/sites/a/clock/advance", b"[]", 400),
        ("POST", "/_mockehr/sites/a/clock/advance", b'{"by":"x"}', 400),
        ("POST", "/_mockehr/sites/a/journal/verify", b'{"status":500}', 417),
    ],
)
def test_a_refusal_has_its_status_and_says_what(method: str, path: str, body: bytes, status: int) -> None:
    with TestClient(ControlApi(served())) as client:
        answer = client.request(method, path, content=body)
    assert (answer.status_code, bool(answer.json()["what"])) == (status, True)


def test_with_a_token_every_call_wants_it() -> None:
    with TestClient(ControlApi(served(), token="t")) as client:
        for path in ("/_mockehr/sites", "/_mockehr/openapi.json"):
            assert client.get(path).status_code == 401
            assert client.get(path, headers={"Authorization": "Bearer t"}).status_code == 200


def test_verify_names_the_nearest_entries_and_list_keeps_its_limit() -> None:
    control = Control(served())
    with pytest.raises(VerdictFailed) as refused:
        control.call("journal verify", site="a", path="/metadata", status=500)
    assert "entry 1: status: got 200, wanted 500" in refused.value.nearest
    assert control.call("journal list", site="a", limit=0)["entries"] == []


def test_patients_are_found_by_a_query_whatever_the_vendor_tells() -> None:
    directory = Directory()
    directory.add(build_site(SiteOptions("big", "epic", patients=10_000_000, stepped=True)))
    control = Control(directory)
    found = control.call("site patients", site="big", query="family=Smith", limit=2)
    assert found["total"] > 10_000
    assert len(found["ids"]) == 2
    narrowed = control.call("site patients", site="big", query="family=Smith&given=Mary&birthdate=1980")
    assert narrowed["total"] == len(narrowed["ids"])
    with pytest.raises(UsageError, match="birthdate"):
        control.call("site patients", site="big", query="birthdate=soon")
