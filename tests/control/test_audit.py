"""The audit trail by control operations and from the command line."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from click.testing import CliRunner
from starlette.testclient import TestClient

from mockehr.api.control import ControlApi
from mockehr.api.reach import reach_of
from mockehr.cli.brief import in_brief
from mockehr.cli.main import cli
from mockehr.control.facade import Control, operations
from mockehr.core.errors import UnknownName, UsageError
from mockehr.core.exchange import Exchange
from mockehr.sites.build import build_site
from mockehr.sites.directory import Directory
from mockehr.sites.options import SiteOptions
from mockehr.testing.world import World


@pytest.fixture
def directory() -> Directory:
    directory = Directory()
    site = directory.add(build_site(SiteOptions("a", patients=5, stepped=True, open_access=True)))
    for path, query in (("/Patient/p0", ""), ("/Condition", "patient=p1"), ("/Patient/nope", "")):
        site.handle(Exchange("fhir", path=path, query=query, base_url="http://h.example.org/a", peer="192.0.2.1"))
        site.clock.advance(86_400)
    site.handle(Exchange("mllp-in", "SEND", body=b"no message", peer="192.0.2.2"))
    return directory


def entries(directory: Directory, **wanted: Any) -> list[int]:
    answer = Control(directory).call("audit list", site="a", **wanted)
    assert orjson.dumps(answer)
    return [one["entry"] for one in answer["accesses"]]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({}, [1, 2, 3, 4]),
        ({"limit": 2}, [3, 4]),
        ({"limit": 0}, []),
        ({"patient": "p1"}, [2]),
        ({"patient": "Patient/p0"}, [1]),
        ({"resource": "Condition"}, [2]),
        ({"resource": "Patient/p0"}, [1]),
        ({"what": "search"}, [2]),
        ({"channel": "mllp-in"}, [4]),
        ({"outcome": "refused"}, [3, 4]),
        ({"client": "app"}, []),
        ({"since": "2026-01-06"}, [2, 3, 4]),
        ({"until": "2026-01-06"}, [1, 2]),
        ({"since": "2026-01-06T12:00:00Z", "until": "2026-01-06T14:00:00+02:00"}, [2]),
        ({"since": "2026-01-06T12:00:01Z", "until": "2026-01-07"}, [3]),
    ],
)
def test_accesses_are_listed_by_what_is_asked_for(
    directory: Directory, wanted: dict[str, Any], found: list[int]
) -> None:
    assert entries(directory, **wanted) == found


def test_the_total_counts_what_the_limit_leaves_out(directory: Directory) -> None:
    assert Control(directory).call("audit list", site="a", limit=1)["total"] == 4


@pytest.mark.parametrize(
    ("wanted", "named"),
    [
        ({"outcome": "refsued"}, "refused"),
        ({"channel": "mlpp-in"}, "mllp-in"),
        ({"what": "serach"}, "search"),
    ],
)
def test_a_word_that_nothing_has_is_refused_with_the_nearest(
    directory: Directory, wanted: dict[str, str], named: str
) -> None:
    with pytest.raises(UnknownName) as refused:
        entries(directory, **wanted)
    assert named in refused.value.nearest


def test_what_is_no_time_or_no_format_is_refused(directory: Directory) -> None:
    with pytest.raises(UsageError, match="since: 'soon' is no time"):
        entries(directory, since="soon")
    with pytest.raises(UnknownName, match="'xml'"):
        Control(directory).call("audit export", site="a", format="xml")


def test_an_export_has_all_that_fits_a_line_each_in_either_form(directory: Directory) -> None:
    with TestClient(ControlApi(directory)) as client:
        fhir = client.get("/_mockehr/sites/a/audit/export", params={"outcome": "success"}).json()
        plain = client.get("/_mockehr/sites/a/audit/export", params={"format": "ndjson", "limit": 1}).json()
    events = [orjson.loads(line) for line in fhir["lines"].splitlines()]
    assert [event["id"] for event in events] == ["access-1", "access-2"]
    assert {event["resourceType"] for event in events} == {"AuditEvent"}
    assert (fhir["count"], plain["count"]) == (2, 1)
    assert orjson.loads(plain["lines"])["reason"].startswith("A message must begin with MSH")


def test_brief_lines_say_who_what_whose_and_why_not(directory: Directory) -> None:
    answer = Control(directory).call("audit list", site="a")
    told = in_brief("audit list", answer).splitlines()
    assert "search        Condition of p1: success" in told[1]
    assert told[2].endswith("read          Patient of nope: refused, not-found: Patient/nope is not known")
    assert told[-1] == "4 of 4 accesses"


def test_several_processes_are_asked_together() -> None:
    assert [reach_of(operations().get(f"audit {name}")) for name in ("list", "export")] == ["journals", "journals"]


@pytest.mark.mockehr(lenient=True)
def test_the_command_line_prints_lines_that_can_be_kept_as_they_are(mockehr: World) -> None:
    site = mockehr.site("generic", patients=2, name="north")
    site._call(site.site.handle, Exchange("fhir", path="/Patient/p0"))
    server = ["--server", mockehr.url]
    exported = CliRunner().invoke(cli, ["audit", "export", "north", *server])
    assert [orjson.loads(line)["outcome"] for line in exported.output.splitlines()] == ["4"]
    nothing = CliRunner().invoke(cli, ["audit", "export", "north", "--patient", "p1", *server])
    assert (nothing.exit_code, nothing.output) == (0, "")
    listed = CliRunner().invoke(cli, ["audit", "list", "north", "--patient", "p0", "--brief", *server])
    assert "refused, no-token" in listed.output
