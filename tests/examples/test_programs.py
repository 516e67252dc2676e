"""The example clients as programs: what they read from the environment, and that they stand alone."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest

from mockehr.examples import careful, careless

PROGRAMS = ("careful", "careless")


@pytest.mark.parametrize("program", [careful, careless])
def test_a_client_stands_for_its_readers_own_code_and_imports_nothing_of_ours(program: object) -> None:
    source = Path(str(getattr(program, "__file__", ""))).read_text("utf-8")
    imports = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Import | ast.ImportFrom)]
    names = [getattr(node, "module", None) or node.names[0].name for node in imports]
    assert "httpx2" in names
    assert not [name for name in names if name.startswith("mockehr")]


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_missing_variable_is_a_usage_error_that_names_it(program: str) -> None:
    bare = {key: value for key, value in os.environ.items() if not key.startswith("MOCKEHR_")}
    done = subprocess.run(
        [sys.executable, "-m", f"mockehr.examples.{program}"], env=bare, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 2
    assert "MOCKEHR_OUTPUT" in done.stderr


def test_settings_are_those_of_the_site_named(tmp_path: Path) -> None:
    environment = {"MOCKEHR_NORTH_FHIR_URL": "n", "MOCKEHR_SOUTH_WING_FHIR_URL": "s", "MOCKEHR_SITES": "north"}
    for program in (careful, careless):
        assert program.settings_of("north", environment) == {"FHIR_URL": "n"}
        assert program.settings_of("south-wing", environment) == {"FHIR_URL": "s"}


def test_a_roster_is_a_list_or_a_file_of_any_length(tmp_path: Path) -> None:
    file = tmp_path / "roster.txt"
    file.write_text("a\nb\n\nc")
    many = ",".join(f"patient-{n}" for n in range(2000))
    for program in (careful, careless):
        assert program.roster("a, b,c") == ["a", "b", "c"] == program.roster(str(file))
        assert len(program.roster(many)) == 2000


@pytest.mark.parametrize(
    ("octets", "text"),
    [
        ('"Núñez"'.encode(), "Núñez"),
        ('"Núñez"'.encode("cp1252"), "Núñez"),
        ('"Ł Núñez’s "'.encode()[:-1] + "é\x81".encode("latin-1") + b'"', "Ł Núñez’s é\x81"),
        ('\ufeff"a"'.encode(), "a"),
        (b'"\\ud800"', "\ud800"),
    ],
)
def test_bytes_are_read_as_utf_8_and_single_strays_as_windows_1252(octets: bytes, text: str) -> None:
    assert careful.decode(octets) == text


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": "Mon, 05 Jan 2026 12:00:30 GMT", "Date": "Mon, 05 Jan 2026 12:00:00 GMT"}, 30.0),
        ({"Retry-After": "soon"}, None),
        ({}, None),
    ],
)
def test_the_wait_is_read_in_every_form(headers: dict[str, str], seconds: float | None) -> None:
    assert careful.told(httpx2.Response(429, headers=headers)) == seconds


@pytest.mark.parametrize(
    ("scopes", "may"),
    [
        ("system/Observation.read", "s"),
        ("system/Observation.rs?category=laboratory", "s"),
        ("system/Observation.cs", "cs"),
        ("system/*.*", "cs"),
        ("system/Observation.write", "c"),
        ("system/Condition.read openid", ""),
        ("", "cs"),
    ],
)
def test_scopes_are_read_in_both_dialects(scopes: str, may: str) -> None:
    settings = {"FHIR_URL": "http://h", "SCOPES": scopes}
    with httpx2.Client() as http:
        site = careful.Site(settings, http, lambda seconds: None)
    assert "".join(letter for letter in "cs" if site.may("Observation", letter)) == may


def test_a_circle_of_merged_records_ends_where_it_began() -> None:
    def answer(request: httpx2.Request) -> httpx2.Response:
        id = request.url.path.rpartition("/")[2]
        other = {"a": "b", "b": "a"}[id]
        link = [{"type": "replaced-by", "other": {"reference": f"Patient/{other}"}}]
        return httpx2.Response(200, json={"resourceType": "Patient", "id": id, "link": link})

    with httpx2.Client(transport=httpx2.MockTransport(answer)) as http:
        site = careful.Site({"FHIR_URL": "http://h"}, http, lambda seconds: None)
        site.token = "t"
        assert site.person("a")["id"] == "a"


def test_the_token_is_not_carried_to_another_host() -> None:
    asked: list[str] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(request.url.host)
        links = [{"relation": "next", "url": "http://elsewhere.example.com/next"}]
        return httpx2.Response(200, json={"resourceType": "Bundle", "link": links})

    with httpx2.Client(transport=httpx2.MockTransport(answer)) as http:
        site = careful.Site({"FHIR_URL": "http://h"}, http, lambda seconds: None)
        site.token = "t"
        with pytest.raises(careful.Failed, match="elsewhere"):
            site.search("Condition", patient="1")
    assert asked == ["h"]
