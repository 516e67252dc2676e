"""`mockehr truth`: a client's records, from wherever it keeps them, against what is true of a running site."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click
import orjson

from mockehr.cli.operations import DEFAULT_SERVER, argument_of, ask, operation_group
from mockehr.control.facade import operations
from mockehr.core.errors import EnvironmentProblem, UsageError
from mockehr.scenarios.handed_back import read_parked
from mockehr.sites.holdings import Row, Unreadable, records_from

truth = operation_group("truth", "Compare a client's records with what is true.")


@truth.command("compare")
@click.argument("site")
@click.argument("records", required=False, metavar="[JSON|@FILE]")
@click.option("--from", "source", metavar="FILE|FOLDER|URL", help="Where the client keeps its records.")
@click.option(
    "--mapping", type=click.Path(path_type=Path), help="Which column is which element, for CSV and databases."
)
@click.option("--parked", type=click.Path(path_type=Path), help="What the client set aside, a JSON object a line.")
@click.option(
    "--patients", default=None, metavar="NAMES|JSON|@FILE", help="Whom it looked after; everybody, if left out."
)
@click.option(
    "--types", default=None, metavar="KEY=VALUE,…|JSON|@FILE", help="What it synced; Patients, if left out."
)
@click.option("--json", "as_json", is_flag=True, help="The whole report as JSON.")
@click.option("--server", default=DEFAULT_SERVER, show_default=True, help="Address of the server.")
@click.option("--token", default="", help="Token of the control API.")
def compare(
    site: str,
    records: str | None,
    source: str | None,
    mapping: Path | None,
    parked: Path | None,
    patients: str | None,
    types: str | None,
    as_json: bool,
    server: str,
    token: str,
) -> None:
    """Compare a client's records with the clean charts of SITE: what is lost, doubled, altered, wrongly merged …

    Records are files of NDJSON, Bundles, folders of them; with --mapping CSV files and databases
    (--from sqlite:///copy.db). --types Patient=,Observation=category=laboratory says what was synced.

    Exit status: 0 if they are the same, 1 if not, 2 for a mapping that does not hold, 3 if something cannot be read.
    """
    op = operations().get("truth compare")
    told: dict[str, Any] = {"site": site}
    given = {"records": records, "patients": patients, "types": types}
    told |= {name: argument_of(op, name, value) for name, value in given.items() if value is not None}
    if (source is None) == (records is None):
        raise UsageError("What is to be compared?", remedy="Give records, or a place of them with --from.")
    if source is not None:
        told |= _read(source, mapping)
    if parked is not None:
        told["parked"] = _aside(parked)
    answer = ask(op, server, token, told)
    text = answer.pop("text")
    click.echo(orjson.dumps(answer, option=orjson.OPT_INDENT_2).decode() if as_json else text)
    sys.exit(0 if answer["ok"] else 1)


def _read(source: str, mapping: Path | None) -> dict[str, Any]:
    """Records and rows; what is no record at all is sent as it was told, so that it is held against the client."""
    records: list[Any] = []
    rows: list[Any] = []
    for one in records_from(source, mapping):
        if isinstance(one, Row):
            rows.append(one.as_json())
        elif isinstance(one, Unreadable):
            rows.append({"unreadable": str(one)})
        else:
            records.append(one)
    return {"records": records, "rows": rows}


def _aside(path: Path) -> list[Any]:
    if not path.is_file():
        raise EnvironmentProblem(f"There is no file {path}.", remedy="Give what was parked, a JSON object a line.")
    parked, wrong = read_parked(path)
    lines = [{"reference": one.key, "type": one.failure, "reason": one.reason} for one in parked]
    return [*lines, *({"unreadable": str(one)} for one in wrong)]
