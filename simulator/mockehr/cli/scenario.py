"""`mockehr scenario`: what scenarios there are, what they plan, whether a file holds, a run by hand, the schema."""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import shorten
from typing import Any, Final

import click
import orjson

INCIDENT: Final = 100
"""Characters of an incident in a list."""
_settings = click.option(
    "--set",
    "given",
    multiple=True,
    metavar="NAME=VALUE",
    help="Give a parameter of the scenario a value; repeatable.",
)


@click.group()
def scenario() -> None:
    """List, show, check and run scenario files."""


@scenario.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print them as JSON.")
def listed(as_json: bool) -> None:
    """The scenarios that come with mockehr; their names can be used wherever a file is wanted."""
    from mockehr.scenarios.schema import load_scenario
    from mockehr.scenarios.shipped import shipped_scenarios

    rows: list[dict[str, Any]] = []
    for name, path in shipped_scenarios().items():
        found = load_scenario(path)
        row: dict[str, Any] = {"name": name, "title": found.title, "kind": found.client.kind}
        row["sites"] = [site.name for site in found.sites]
        rows.append(row | {"incident": found.incident, "phases": [phase.name for phase in found.phases]})
    if as_json:
        click.echo(orjson.dumps({"scenarios": rows}).decode())
        return
    for row in rows:
        click.echo(f"{row['name']:24} {row['title']} ({row['kind']}; {', '.join(row['sites'])})")
        if row["incident"]:
            click.echo(f"{'':24} {shorten(str(row['incident']), INCIDENT, placeholder=' …')}")


@scenario.command()
@click.argument("file", type=click.Path(path_type=Path))
@_settings
@click.option("--json", "as_json", is_flag=True, help="Print the whole scenario as JSON, everything included.")
def show(file: Path, given: tuple[str, ...], as_json: bool) -> None:
    """What a scenario plans: its phases in order, when each begins and ends, what is armed and done in it."""
    from mockehr.scenarios.parameters import settings_from
    from mockehr.scenarios.schema import load_scenario
    from mockehr.scenarios.shipped import find_scenario
    from mockehr.scenarios.timeline import planned

    found = load_scenario(find_scenario(file), settings_from(given))
    if as_json:
        click.echo(orjson.dumps(found.plain()).decode())
        return
    for line in planned(found):
        click.echo(line)


@scenario.command()
@click.argument("file", type=click.Path(path_type=Path))
@_settings
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Port of all sites; any free one unless told.")
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    default=None,
    help="Folder for what the client ends up with (MOCKEHR_OUTPUT); without it records are not judged.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the scorecard as JSON.")
def run(file: Path, given: tuple[str, ...], port: int, output: Path | None, as_json: bool) -> None:
    """Serve a scenario's sites with its phases until interrupted, for any client; then print the scorecard.

    What a client has to know is printed as `export` lines, phases as they begin and end: on stderr with --json.
    Exit status: 0 if the client passed, 1 if not, 2 usage, 3 environment (a port is taken).
    """
    from mockehr.cli.staging import serve_trial
    from mockehr.scenarios.parameters import settings_from
    from mockehr.scenarios.report.text import text
    from mockehr.scenarios.schema import load_scenario
    from mockehr.scenarios.shipped import find_scenario
    from mockehr.scenarios.trial import Trial

    path = find_scenario(file)
    trial = Trial(load_scenario(path, settings_from(given)), base=path.parent)
    with TemporaryDirectory(prefix="mockehr-") as folder:
        wanted = output or Path(folder)
        wanted.mkdir(parents=True, exist_ok=True)
        card = serve_trial(trial, wanted, port=port, say=lambda line: click.echo(line, err=as_json))
    click.echo(orjson.dumps(card.as_json()).decode() if as_json else text(card))
    sys.exit(0 if card.passed else 1)


@scenario.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@_settings
def check(files: tuple[Path, ...], given: tuple[str, ...]) -> None:
    """Read scenario files and build their sites without serving them; all problems are told.

    Exit status: 0 if every file holds, 2 if one does not, 3 if one cannot be read.
    """
    from mockehr.core.errors import MockehrError
    from mockehr.scenarios.parameters import settings_from
    from mockehr.scenarios.schema import load_scenario
    from mockehr.scenarios.shipped import find_scenario
    from mockehr.scenarios.trial import Trial

    worst, settings = 0, settings_from(given)
    for file in files:
        try:
            path = find_scenario(file)
            trial = Trial(load_scenario(path, settings), base=path.parent)
            launches = sum(1 for _ in trial.launches())  # as planned: whether their users and patients are there
        except MockehrError as error:
            worst = max(worst, error.exit_code)
            click.echo(f"{file}: {error}", err=True)
        else:
            rules = sum(len(trial.rules_at(site)) for site in trial.sites)
            rules += sum(len(site.charts.infections) for site in trial.sites if site.charts is not None)
            told = [_counted(len(trial.sites), "site"), _counted(rules, "rule")]
            phases = len(trial.scenario.phases)
            told += [_counted(phases, "phase")] if phases else []
            told += [_counted(launches, "launch", "launches")] if launches else []
            click.echo(f"{file}: holds; {', '.join(told)}")
    sys.exit(worst)


def _counted(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or f'{one}s'}"


@scenario.command()
def schema() -> None:
    """Print the JSON Schema of scenario files, as `scenario.schema.json` beside the shipped ones.

    An editor with a YAML language server finds it by the first line of a file:
    # yaml-language-server: $schema=scenario.schema.json
    """
    from mockehr.scenarios.schema import scenario_schema

    click.echo(scenario_schema(), nl=False)
