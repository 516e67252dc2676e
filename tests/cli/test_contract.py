"""`mockehr contract`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from mockehr.cli.contract import contract
from mockehr.core.errors import UsageError, VerdictFailed
from mockehr.recording.contract.pin import load_pin
from mockehr.sites.visitor import Visitor
from mockehr.testing.world import World

FEW = ("--patients", "8", "--most", "90")


def run(*arguments: str) -> Any:
    return CliRunner().invoke(contract, list(arguments), standalone_mode=False)


def told(*arguments: str) -> list[str]:
    """The places of what has changed, with severities."""
    found = run("verify", *arguments, "--format", "json")
    return [f"{one['severity']} {one['where']}" for one in json.loads(found.stdout)["drift"]]


@pytest.fixture(scope="module")
def pinned(tmp_path_factory: pytest.TempPathFactory) -> str:
    file = tmp_path_factory.mktemp("pins") / "epic.yaml"
    done = run("pin", "north=epic", "--out", str(file), *FEW)
    assert done.exception is None
    return str(file)


def test_a_pin_has_what_clients_rely_on(pinned: str) -> None:
    pin = load_pin(pinned)
    assert pin.source == "north=epic"
    assert "search-type" in pin.statement["resources"]["Patient"]["interactions"]
    assert pin.smart["token_endpoint"].startswith("{origin}/north/")
    assert pin.observed["Patient"].elements["Patient.name.family"] == "always string"
    assert pin.answers["Patient/{patient}"] == 200


def test_a_site_against_its_own_pin_is_silent(pinned: str) -> None:
    done = run("verify", pinned, *FEW, "--fail-on", "info")
    assert done.exception is None
    assert done.stdout == "north=epic against the pin of north=epic: nothing has changed\n"


def test_an_upgrade_is_told_exactly(pinned: str) -> None:
    changed = told(pinned, *FEW, "--upgrade", "2026-Q3")
    assert [one for one in changed if not one.startswith("info")] == [
        "breaking answers.Goal?patient={patient}",
        "breaking observed.Patient.maritalStatus",
        "breaking statement.resources.Goal",
        "warning observed.Patient.civilStatus",
    ]
    assert "info statement.resources.Slot" in changed
    assert "info statement.software" in changed


def test_it_fails_from_the_severity_that_is_said_and_not_for_what_is_left_out(pinned: str) -> None:
    upgraded = (pinned, *FEW, "--upgrade", "2026-Q3")
    assert isinstance(run("verify", *upgraded).exception, VerdictFailed)
    ignored = ("--ignore", "*Goal*", "--ignore", "observed.Patient.*")
    assert run("verify", *upgraded, *ignored).exception is None
    assert isinstance(run("verify", *upgraded, *ignored, "--fail-on", "info").exception, VerdictFailed)


def test_another_vendor_is_loud(pinned: str) -> None:
    changed = told(pinned, "north=oracle", *FEW)
    breaking = [one for one in changed if one.startswith("breaking")]
    assert len(breaking) > 100
    assert "breaking smart.token_endpoint" in breaking


def test_a_report_goes_to_a_file(pinned: str, tmp_path: Path) -> None:
    report = tmp_path / "contract.xml"
    done = run("verify", pinned, *FEW, "--format", "junit", "--out", str(report))
    assert done.exception is None
    assert 'name="observed.Patient"' in report.read_text("utf-8")


def test_a_live_server_is_pinned_and_verified_with_a_token(mockehr: World, tmp_path: Path) -> None:
    site = mockehr.site("generic", patients=5, stepped=True)
    bearer = site._call(lambda: Visitor(site.site, client="contract").headers["authorization"].split()[1])
    asked = ("--bearer", bearer, "--most", "60", "--patient", site.patient_ids()[0])
    file = str(tmp_path / "live.yaml")
    assert run("pin", site.fhir_url, "--out", file, *asked).exception is None
    assert run("verify", file, *asked, "--fail-on", "info").exception is None
    site.quirk("version-drift", rename=["birthDate=dateOfBirth"])
    changed = told(file, *asked)
    assert "info observed.Patient.dateOfBirth" in changed  # of one patient: too few to be sure
    without = run("pin", site.fhir_url, "--most", "10")
    assert isinstance(without.exception, UsageError)
    assert "401" in str(without.exception)


def test_a_platform_has_nobody_to_ask_about() -> None:
    assert isinstance(run("pin", "hub=redox").exception, UsageError)
