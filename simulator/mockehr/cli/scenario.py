"""`mockehr scenario`: what scenarios there are, whether a file holds, and the schema that editors complete from."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click
import orjson


@click.group()
def scenario() -> None:
    """List, check and describe scenario files."""


@scenario.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print them as JSON.")
def listed(as_json: bool) -> None:
    """The scenarios that come with mockehr; their names can be used wherever a file is wanted."""
    from mockehr.scenarios.schema import load_scenario
    from mockehr.scenarios.shipped import shipped_scenarios

    rows: list[dict[str, Any]] = []
    for name, path in shipped_scenarios().items():
        found = load_scenario(path)
        rows.append({"name": name, "title": found.title, "sites": [site.name for site in found.sites]})
    if as_json:
        click.echo(orjson.dumps({"scenarios": rows}).decode())
        return
    for row in rows:
        click.echo(f"{row['name']:24} {row['title']} ({', '.join(row['sites'])})")


@scenario.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
def check(files: tuple[Path, ...]) -> None:
    """Read scenario files and build their sites without serving them; all problems are told.

    Exit status: 0 if every file holds, 2 if one does not, 3 if one cannot be read.
    """
    from mockehr.core.errors import MockehrError
    from mockehr.scenarios.schema import load_scenario
    from mockehr.scenarios.shipped import find_scenario
    from mockehr.scenarios.trial import Trial

    worst = 0
    for file in files:
        try:
            path = find_scenario(file)
            trial = Trial(load_scenario(path), base=path.parent)
            launches = sum(1 for _ in trial.launches())  # as planned: whether their users and patients are there
        except MockehrError as error:
            worst = max(worst, error.exit_code)
            click.echo(f"{file}: {error}", err=True)
        else:
            rules = sum(len(site.quirks) for site in trial.scenario.sites)
            told = [_counted(len(trial.sites), "site"), _counted(rules, "rule")]
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
