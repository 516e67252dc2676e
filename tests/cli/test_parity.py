"""`mockehr parity`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from mockehr.cli.parity import parity
from mockehr.core.errors import UsageError, VerdictFailed
from mockehr.core.exchange import Exchange
from mockehr.sites.build import build_site
from mockehr.sites.options import SiteOptions

SHARED = Path(__file__).resolve().parents[2].parent / "shared"


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    """What a plain site answered of its Patients and Conditions."""
    site = build_site(SiteOptions("x", patients=4, open_access=True, stepped=True))
    for target in ("/Patient/p1", "/Condition?patient=p1", "/Condition?patient=p2", "/Patient/none"):
        path, _, query = target.partition("?")
        reply = site.handle(Exchange("fhir", "GET", path, query, base_url="http://x.example.org/fhir/R4")).reply
        assert reply is not None
        request = {"method": "GET", "url": f"http://x.example.org/fhir/R4{target}", "status": reply.status}
        body = reply.document or json.loads(reply.body)
        (tmp_path / f"{len(list(tmp_path.iterdir()))}.json").write_text(
            json.dumps({"_request": request, "body": body})
        )
    return tmp_path


def run(*arguments: str) -> Any:
    return CliRunner().invoke(parity, list(arguments), standalone_mode=False)


def test_a_site_looks_like_itself(recorded: Path) -> None:
    done = run(str(recorded), "--site", "x=generic", "--patients", "6", "--json")
    found = json.loads(done.stdout)
    assert found["recall"] > 0.95
    assert {kind["kind"] for kind in found["kinds"]} >= {"Bundle", "Patient", "OperationOutcome"}


def test_another_vendor_does_not_and_what_is_missing_is_told(recorded: Path) -> None:
    done = run(str(recorded), "--site", "x=oracle", "--patients", "6", "--missing", "500", "--recall", "0.95")
    assert isinstance(done.exception, VerdictFailed)
    assert "Patient.meta.profile" in done.stdout
    assert "foreign" in done.stdout


def test_one_system_must_be_named(recorded: Path) -> None:
    for given in ((), ("--site", "x=epic", "--url", "http://127.0.0.1:1"), ("--url", "http://127.0.0.1:1")):
        assert isinstance(run(str(recorded), *given).exception, UsageError)


@pytest.mark.parametrize("vendor", ["epic", "oracle", "meditech"])
def test_sites_look_like_recordings_of_their_vendors(vendor: str) -> None:
    folder = SHARED / "data" / "recorded" / vendor
    if not folder.is_dir():
        pytest.skip("the recordings are not beside this checkout")
    done = run(str(folder), "--site", f"x={vendor}", "--recall", "0.95", "--precision", "0.93")
    assert done.exception is None, done.stdout


def test_a_platform_without_patients_is_refused_in_words(recorded: Path) -> None:
    error = run(str(recorded), "--site", "x=redox").exception
    assert isinstance(error, UsageError)
    assert "redox has no patients of its own" in str(error)


def test_files_that_are_no_answers_are_named(recorded: Path) -> None:
    (recorded / "notes.json").write_text("hello")
    assert "left out: notes.json" in run(str(recorded), "--site", "x=generic", "--patients", "2").stderr
