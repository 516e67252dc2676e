"""The example clients of bulk exports as programs: they stand alone, and say which variable is missing."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest

from mockehr.examples import careful_export, careless_export
from mockehr.examples.careful_export import decode, parse, passing, told

PROGRAMS = (careful_export, careless_export)


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_client_stands_for_its_readers_own_code_and_imports_nothing_of_ours(program: object) -> None:
    source = Path(str(getattr(program, "__file__", ""))).read_text("utf-8")
    imports = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Import | ast.ImportFrom)]
    names = [getattr(node, "module", None) or node.names[0].name for node in imports]
    assert "httpx2" in names
    assert not [name for name in names if name.startswith("mockehr")]


@pytest.mark.parametrize("program", ["careful_export", "careless_export"])
def test_a_missing_variable_is_a_usage_error_that_names_it(program: str) -> None:
    bare = {key: value for key, value in os.environ.items() if not key.startswith("MOCKEHR_")}
    done = subprocess.run(
        [sys.executable, "-m", f"mockehr.examples.{program}"], env=bare, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 2
    assert "MOCKEHR_OUTPUT" in done.stderr


def test_settings_are_those_of_the_site_named() -> None:
    environment = {"MOCKEHR_NORTH_FHIR_URL": "n", "MOCKEHR_SOUTH_WING_GROUP": "g", "MOCKEHR_SITES": "north"}
    for program in PROGRAMS:
        assert program.settings_of("north", environment) == {"FHIR_URL": "n"}
        assert program.settings_of("south-wing", environment) == {"GROUP": "g"}


def test_lines_that_are_no_records_are_numbered_and_blank_ones_are_nothing() -> None:
    octets = b'{"resourceType":"Patient"}\n\n{"resourceType":\nnull\n{"a":1}\n \n{"resourceType":"Basic"}'
    assert parse(octets) == ([{"resourceType": "Patient"}, {"resourceType": "Basic"}], [3, 4, 5])


def test_what_is_no_utf_8_is_read_as_windows_1252() -> None:
    assert [decode("Zoë’s".encode(code)) for code in ("utf-8", "utf-8-sig", "cp1252")] == ["Zoë’s"] * 3


@pytest.mark.parametrize(
    ("status", "body", "headers", "goes_on"),
    [
        (404, b"", {}, False),
        (500, b'{"issue":[{"code":"exception"}]}', {}, False),
        (500, b'{"issue":[{"code":"exception"}]}', {"Retry-After": "5"}, True),
        (500, b'{"issue":[{"code":"transient"}]}', {}, True),
        (502, b"<html>", {}, True),
    ],
)
def test_a_5xx_is_about_the_export_unless_it_says_otherwise(
    status: int, body: bytes, headers: dict[str, str], goes_on: bool
) -> None:
    assert passing(httpx2.Response(status, content=body, headers=headers)) is goes_on


def test_a_wait_is_told_in_seconds_or_as_a_date() -> None:
    date = {"Date": "Mon, 05 Jan 2026 12:00:00 GMT"}
    for value, seconds in (("7", 7.0), ("Mon, 05 Jan 2026 12:01:00 GMT", 60.0), ("soon", None), ("", None)):
        assert told(httpx2.Response(429, headers={**date, "Retry-After": value})) == seconds
