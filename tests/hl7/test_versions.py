"""What each version of HL7 v2 knows, held against hl7apy's tables."""

from __future__ import annotations

import importlib.util
from importlib import import_module
from pathlib import Path

import pytest

from mockehr.hl7.versions import (
    UNBOUNDED,
    VERSIONS,
    Slot,
    at_least,
    components_of,
    fields_of,
    is_standard,
    known_version,
    knows_datatype,
)

CORPUS = Path(__file__).resolve().parents[2] / "corpora" / "hl7"


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("2.5.1", "2.5.1"),
        ("2.5.1^USA^", "2.5.1"),
        (" 2.3 ", "2.3"),
        ("2.2b", "2.2"),
        ("2.7.1", "2.7"),
        ("2.9", "2.8.2"),
        ("2.10", "2.8.2"),
        ("3", "2.8.2"),
        ("2.3.2", "2.3.1"),
        ("2", "2.1"),
        ("1.0", "2.1"),
        ("", "2.8.2"),
        ("D", "2.8.2"),
    ],
)
def test_a_version_is_read_as_the_nearest_lower_one(text: str, version: str) -> None:
    assert known_version(text) == version


def test_versions_are_compared_by_number() -> None:
    assert at_least("2.5.1", "2.5")
    assert at_least("2.10", "2.8.2")
    assert not at_least("2.3.1", "2.4")


def test_a_field_says_its_type_whether_it_is_required_how_often_it_stands_and_its_table() -> None:
    assert fields_of("2.5.1", "PID")[2] == Slot("CX", required=True, limit=UNBOUNDED)
    assert fields_of("2.3", "PID")[4] == Slot("XPN", required=True)
    assert fields_of("2.5.1", "PID")[7] == Slot("IS", table="0001")
    assert fields_of("2.3", "MSH")[11].datatype == "ID"
    assert fields_of("2.4", "MSH")[11].datatype == "VID"


def test_what_a_version_withdrew_is_empty() -> None:
    assert fields_of("2.7", "PID")[1] == Slot("")
    assert components_of("2.7", "XTN")[0] == Slot("")
    assert not fields_of("2.7", "QRD")
    assert fields_of("2.6", "QRD")
    assert knows_datatype("2.5.1", "TS")
    assert not knows_datatype("2.7", "TS")


def test_what_a_version_does_not_have_yet_is_empty() -> None:
    assert not fields_of("2.4", "SPM")
    assert fields_of("2.5", "SPM")
    assert not knows_datatype("2.2", "CX")
    assert components_of("2.3", "CX")
    assert is_standard("SPM")
    assert not is_standard("ZPD")


def test_a_type_without_components_is_known_and_has_none() -> None:
    assert knows_datatype("2.5", "DTM")
    assert components_of("2.5", "DTM") == ()


@pytest.mark.parametrize("version", VERSIONS)
def test_the_table_says_what_hl7apy_says(version: str) -> None:
    oracle = import_module("hl7apy.v" + version.replace(".", "_"))
    checked = 0
    for segment_id, table in oracle.SEGMENTS.items():
        if table[0] != "sequence" or len(table) != 2:
            continue
        for name, reference, (low, high), _ in table[1]:
            place = int(name.rpartition("_")[2]) - 1
            mine = fields_of(version, segment_id)
            if high == 0:
                assert place >= len(mine) or not mine[place].datatype, name
            elif isinstance(reference[2], str) and reference[2].upper() != "WD":
                expected = (reference[2], low > 0, UNBOUNDED if high == -1 else high)
                assert (mine[place].datatype, mine[place].required, mine[place].limit) == expected, name
                checked += 1
    assert checked > 400


def test_the_shipped_table_is_what_its_program_derives() -> None:
    spec = importlib.util.spec_from_file_location("derive_versions", CORPUS / "derive_versions.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.derive() == (CORPUS / "versions.json").read_text(encoding="utf-8")
    assert module.VERSIONS == VERSIONS
