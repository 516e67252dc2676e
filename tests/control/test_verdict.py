"""Truth and scorecards over control."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from starlette.testclient import TestClient

from mockehr.api.control import ControlApi, openapi
from mockehr.cli.operations import argument_of
from mockehr.control.facade import Control, operations
from mockehr.core.errors import ConfigError, EnvironmentProblem, UnknownName, UsageError
from mockehr.core.exchange import JSON, Exchange
from mockehr.sites.build import build_site
from mockehr.sites.directory import Directory
from mockehr.sites.options import SiteOptions


def served() -> Directory:
    directory = Directory()
    directory.add(build_site(SiteOptions("a", patients=3, stepped=True, open_access=True)))
    return directory


def patients(directory: Directory) -> list[JSON]:
    charts = directory.get("a").charts
    assert charts is not None
    return [orjson.loads(charts.patient(index).body) for index in range(charts.size)]


def test_what_a_client_lacks_of_all_patients_is_told_over_http() -> None:
    directory = served()
    held = patients(directory)
    with TestClient(ControlApi(directory)) as client:
        same = client.post("/_mockehr/sites/a/truth", json={"records": held})
        held[0]["birthDate"] = "1900-01-01"
        other = client.post("/_mockehr/sites/a/truth", json={"records": held[:2]}).json()
    assert (same.status_code, same.json()["ok"], same.json()["expected"]) == (200, True, 3)
    assert (other["ok"], other["lost"]) == (False, [f"Patient/{patients(directory)[2]['id']}"])
    assert other["altered"][0]["path"] == "birthDate"


def test_rows_and_what_was_parked_are_compared_over_http() -> None:
    directory = served()
    site = directory.get("a")
    one, *others = patients(directory)
    site.arm({"use": "windows-1252-names", "with": {"rate": 1.0}})
    assert site.charts is not None
    dirty = {key for index in range(3) for key in site.charts.corrupted(index)}
    rows = [
        {"resourceType": "Patient", "id": other["id"], "elements": {"gender": other["gender"]}} for other in others
    ]
    parked = [{"reference": f"Patient/{one['id']}", "type": "encoding", "reason": "?"}, {"type": "unit"}]
    with TestClient(ControlApi(directory)) as client:
        told = client.post("/_mockehr/sites/a/truth", json={"rows": [*rows, {"id": 5}], "parked": parked}).json()
    assert (told["lost"], told["altered"]) == ([], [])
    assert [row["why"].partition(":")[0] for row in told["unreadable"]] == ["no row", "parked 2"]
    assert bool(told["parked_in_vain"]) is (f"Patient/{one['id']}" not in dirty)
    assert "unreadable: 2" in told["text"]


def test_patients_and_types_narrow_the_truth() -> None:
    directory = served()
    one = patients(directory)[1]
    control = Control(directory)
    assert control.call("truth compare", site="a", records=[one], patients=one["id"])["ok"]
    wide = control.call("truth compare", site="a", records=[one], patients=[one["id"]], types={"Condition": ""})
    assert wide["foreign"] == (f"Patient/{one['id']}",)
    with pytest.raises(ConfigError, match="nearest: Patient"):
        control.call("truth compare", site="a", records=[], types={"Patint": ""})
    with pytest.raises(ConfigError, match="is no list"):
        control.call("truth compare", site="a", records=5)


def test_a_scorecard_tells_how_clients_coped_by_the_probes_that_are_named() -> None:
    directory = served()
    site = directory.get("a")
    site.handle(Exchange("fhir", path=f"/Patient/{patients(directory)[0]['id']}", client="c"))
    with TestClient(ControlApi(directory)) as asking:
        answer = asking.get("/_mockehr/sites/a/scorecard?probes=truth,no-blind-repeat")
    card = answer.json()
    assert (answer.status_code, card["title"], card["seed"], card["passed"]) == (200, "a", "7", False)
    (client,) = card["cards"]
    assert client["client"] == "c"
    assert [finding["probe"] for finding in client["findings"]] == ["truth", "no-blind-repeat"]
    assert {finding["verdict"] for finding in client["findings"]} == {"not-applicable"}
    every = Control(directory).call("scorecard show", site="a")
    assert len(every["cards"][0]["findings"]) > 2
    with pytest.raises(UnknownName, match="no-blind-repeat"):
        Control(directory).call("scorecard show", site="a", probes=["no-blind-repeet"])


def test_lists_are_arrays_in_the_openapi_document() -> None:
    paths = openapi()["paths"]
    body = paths["/_mockehr/sites/{site}/truth"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert {name: part["type"] for name, part in body["properties"].items()} == {
        "records": "array",
        "patients": "array",
        "types": "object",
        "rows": "array",
        "parked": "array",
    }
    assert body["required"] == []


def test_the_command_line_takes_lists_as_names_as_json_and_from_files(tmp_path: Path) -> None:
    op = operations().get("truth compare")
    lines, whole, bad = tmp_path / "a.ndjson", tmp_path / "a.json", tmp_path / "b.json"
    lines.write_text('{"id": 1}\n\n{"id": 2}\n')
    whole.write_text('{"id": 1}')
    bad.write_text("{")
    assert argument_of(op, "patients", "a,b") == "a,b"
    assert argument_of(op, "records", '[{"id": 1}]') == [{"id": 1}]
    assert argument_of(op, "records", f"@{lines}") == [{"id": 1}, {"id": 2}]
    assert argument_of(op, "records", f"@{whole}") == [{"id": 1}]
    assert argument_of(op, "types", f"@{whole}") == {"id": 1}
    with pytest.raises(UsageError, match="is no JSON"):
        argument_of(op, "records", f"@{bad}")
    with pytest.raises(UsageError, match="is no JSON"):
        argument_of(op, "records", "[")
    with pytest.raises(EnvironmentProblem, match="cannot be read"):
        argument_of(op, "records", f"@{tmp_path / 'c.json'}")


def test_whom_a_corruption_touches_is_told_exactly() -> None:
    directory = Directory()
    site = directory.add(build_site(SiteOptions("a", patients=400, stepped=True)))
    site.arm({"use": "windows-1252-names", "with": {"rate": 0.5}})
    control = Control(directory)
    ids = control.call("truth corrupted", site="a", name="windows-1252-names")["ids"]
    assert site.charts is not None
    infection = site.charts.infections["windows-1252-names"]
    assert set(ids) == {site.charts.patient_id(index) for index in range(400) if infection.touches(index)}
    assert ids
    assert control.call("truth corrupted", site="a", name="windows-1252-names", offset=1, limit=2)["ids"] == ids[1:3]
    with pytest.raises(UnknownName, match="windows-1252-names"):
        control.call("truth corrupted", site="a", name="windows-1252-name")
