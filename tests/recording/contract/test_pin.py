"""Pins in files."""

from __future__ import annotations

from pathlib import Path

import pytest

from mockehr.core.errors import ConfigError, EnvironmentProblem
from mockehr.recording.contract.observed import Kind
from mockehr.recording.contract.pin import Pin, load_pin, save_pin

PIN = Pin(
    "north=epic",
    "http://x/fhir",
    ["1", "p-2"],
    {"fhirVersion": "4.0.1", "resources": {"Patient": {"parameters": {"_id": "token"}}}},
    {"scopes_supported": ["a", "on"]},
    {"Patient/{patient}": 200},
    {"Patient": Kind(3, {"Patient.id": "always string"}, {"Patient.id~digits": "33%"})},
)


@pytest.mark.parametrize("name", ["pin.yaml", "folder/pin.json"])
def test_a_pin_comes_back_as_it_was_written(name: str, tmp_path: Path) -> None:
    save_pin(PIN, tmp_path / name)
    assert load_pin(tmp_path / name) == PIN


def test_an_element_is_a_line_to_read(tmp_path: Path) -> None:
    save_pin(PIN, tmp_path / "pin.yaml")
    assert "      Patient.id: always string\n" in (tmp_path / "pin.yaml").read_text("utf-8")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1", "no pin"),
        ("contract: 2", "version 2"),
        ("contract: 1", "statement is missing"),
        ("contract: 1\nx: 1", "x is not known"),
    ],
)
def test_what_is_no_pin_is_refused(text: str, said: str, tmp_path: Path) -> None:
    file = tmp_path / "pin.yaml"
    file.write_text(text, "utf-8")
    with pytest.raises(ConfigError, match=said):
        load_pin(file)


def test_a_pin_with_a_part_of_another_form_is_refused(tmp_path: Path) -> None:
    save_pin(PIN, tmp_path / "pin.yaml")
    text = (tmp_path / "pin.yaml").read_text("utf-8").replace("seen: 3", "seen: some")
    (tmp_path / "pin.yaml").write_text(text, "utf-8")
    with pytest.raises(ConfigError, match="not as it was written"):
        load_pin(tmp_path / "pin.yaml")


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentProblem):
        load_pin(tmp_path / "none.yaml")
