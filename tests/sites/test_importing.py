"""What an import may be asked for, by whom, and what is said to those who may not."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.sites.exporter import Exporter, site_of

from mockehr.core.errors import ConfigError
from mockehr.core.exchange import Reply
from mockehr.sites.build import build_site
from mockehr.sites.options import SiteOptions

FILE = "http://127.0.0.1:9/patients.ndjson"


def ask(
    exporter: Exporter, *inputs: tuple[str, str], prefer: str = "respond-async", method: str = "POST", **more: str
) -> Reply:
    """Kick off an import of (type, URL) pairs; `more` are further parameters."""
    parts = [
        {"name": "input", "part": [{"name": "type", "valueCode": kind}, {"name": "url", "valueUri": url}]}
        for kind, url in inputs
    ]
    told = [{"name": name, "valueString": value} for name, value in more.items()]
    body = json.dumps({"resourceType": "Parameters", "parameter": told + parts}).encode()
    headers = {"prefer": prefer, "content-type": "application/fhir+json"}
    return exporter.send(method, f"{exporter.base}/$import", headers, body)


def said(reply: Reply) -> str:
    issue: dict[str, Any] = json.loads(reply.body)["issue"][0]
    return str(issue.get("diagnostics") or issue["details"]["text"])


def test_an_import_that_is_asked_for_well_is_accepted_and_told_of() -> None:
    client = Exporter(site_of(), scopes="system/*.cruds")
    reply = ask(client, ("Patient", FILE), inputFormat="application/fhir+ndjson", inputSource="https://h.example.org")
    assert reply.status == 202
    place = reply.header("Content-Location")
    answer = client.send("GET", place)
    assert (answer.status, answer.header("X-Progress"), answer.header("Retry-After")) == (202, "0 of 1 files", "5")
    assert client.send("POST", place).status == 405
    assert client.send("DELETE", place).status == 202
    assert client.send("GET", place).status == 404


@pytest.mark.parametrize(
    ("inputs", "more", "words"),
    [
        ((), {}, "0 input"),
        ((("Pateint", FILE),), {}, "Patient"),
        ((("Patient", "ftp://127.0.0.1/x"),), {}, "no http or https address"),
        ((("Patient", "http://[::1/x"),), {}, "no address"),
        ((("Patient", "http://files.example.org/x"),), {}, "import.hosts"),
        ((("Patient", "http://127.0.0.1.example.org/x"),), {}, "import.hosts"),
        ((("Patient", FILE + "x" * 8192),), {}, "8192 are allowed"),
        ((("Patient", FILE),), {"inputFormat": "text/csv"}, "text/csv"),
        ((("Patient", FILE),), {"inputFromat": "ndjson"}, "inputFormat"),
    ],
)
def test_what_is_wrong_with_a_request_is_said(
    inputs: tuple[tuple[str, str], ...], more: dict[str, str], words: str
) -> None:
    reply = ask(Exporter(site_of(), scopes="system/*.cruds"), *inputs, **more)
    assert reply.status == 400
    assert words in said(reply)


def test_files_of_a_host_that_was_told_are_fetched() -> None:
    told = {"import": {"hosts": ["Files.example.org"]}}
    site = build_site(SiteOptions("a", patients=2, stepped=True, settings=told))
    client = Exporter(site, scopes="system/*.cruds")
    assert ask(client, ("Patient", "https://files.example.org:8443/x")).status == 202
    assert ask(client, ("Patient", "https://other.example.org/x")).status == 400


def test_an_import_wants_to_be_asked_for_asynchronously_and_by_post() -> None:
    client = Exporter(site_of(), scopes="system/*.cruds")
    refused = ask(client, ("Patient", FILE), prefer="")
    assert (refused.status, "respond-async" in said(refused)) == (400, True)
    assert ask(client, ("Patient", FILE), method="GET").status == 405


@pytest.mark.parametrize(
    ("scopes", "status"),
    [
        ("system/Patient.cu", 202),
        ("system/Patient.write", 202),
        ("system/Patient.c", 403),
        ("system/Patient.u", 403),
        ("system/Condition.cruds", 403),
        ("user/Patient.cruds", 403),
        ("system/Patient.cruds?gender=female", 403),
    ],
)
def test_a_token_has_to_cover_every_write_of_the_type(scopes: str, status: int) -> None:
    assert ask(Exporter(site_of(), scopes=scopes), ("Patient", FILE)).status == status


def test_a_token_with_a_patient_imports_nothing() -> None:
    site = site_of()
    client = Exporter(site, scopes="system/*.cruds", patient="p0")
    assert ask(client, ("Patient", FILE)).status == 403


def test_who_does_not_import_has_nothing_at_its_addresses() -> None:
    site = site_of("epic")
    assert not site.endpoints.bulk.serves("/bulk/imports/x")
    assert ask(Exporter(site, scopes="system/*.cruds"), ("Patient", FILE)).status == 404


def test_settings_that_mean_nothing_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"import\.atomic has 'lines'") as wrong:
        build_site(SiteOptions("a", settings={"import": {"atomic": "lines"}}))
    assert wrong.value.nearest == "line"
    with pytest.raises(ConfigError, match=r"import\.most_files is 0"):
        build_site(SiteOptions("a", settings={"import": {"most_files": 0}}))


def test_what_is_due_waits_for_its_files() -> None:
    site = site_of()
    client = Exporter(site, scopes="system/*.cruds")
    place = ask(client, ("Patient", FILE), ("Condition", FILE)).header("Content-Location")
    (job,) = site.imports.take_orders()
    site.clock.advance(600)
    line = json.dumps({"resourceType": "Patient", "id": "one"}).encode()
    assert len(list(site.imports.store(job, 0, line))) >= 1
    assert client.send("GET", place).header("X-Progress") == "1 of 2 files"
    site.imports.fail(job, 1, "nobody is there")
    manifest = json.loads(client.send("GET", place).body)
    assert [one["count"] for one in manifest["output"]] == [1, 0]
    assert "nobody is there" in client.send("GET", manifest["error"][0]["url"]).body.decode()
    missing = manifest["error"][0]["url"].replace("/1.ndjson", "/0.ndjson")
    assert client.send("GET", missing).status == 404
    site.clock.advance(90_000)
    assert client.send("GET", place).status == 404


def test_what_is_imported_is_a_change_like_any_other() -> None:
    site = site_of()
    ask(Exporter(site, scopes="system/*.cruds"), ("Patient", FILE))
    (job,) = site.imports.take_orders()
    lines = b"\n".join(json.dumps({"resourceType": "Patient", "id": id}).encode() for id in ("p0", "x"))
    list(site.imports.store(job, 0, lines))
    told = [(change.kind, change.id, change.entry) for change in site.log.changes]
    assert told == [("update", "p0", job.entry), ("create", "x", job.entry)]
    assert job.entry == 1


def test_imports_end_when_the_site_goes_back_to_a_snapshot() -> None:
    client = Exporter(site_of(), scopes="system/*.cruds")
    client.site.snapshots.take("before")
    place = ask(client, ("Patient", FILE)).header("Content-Location")
    client.site.snapshots.restore("before")
    assert client.send("GET", place).status == 404
    assert client.site.imports.take_orders() == []
    assert ask(client, ("Patient", FILE)).header("Content-Location") != place
