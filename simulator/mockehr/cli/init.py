"""`mockehr init`: a scenario to begin with, and the lines that let CI play it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click
import orjson

from mockehr.core.errors import EnvironmentProblem, UnknownName, UsageError

COMMANDS: Final = {
    "python": "python my_sync.py",
    "node": "node my-sync.mjs",
    "java": "java MySync.java",
    "other": "./my-sync",
}
"""The client's command by language."""
SCENARIO: Final = "first-night.scenario.yaml"
TYPES: Final = ("Patient", "Condition")
PROBES: Final = ("renews-token-after-401", "keeps-retry-after", "truth")
SCHEMA: Final = "scenario.schema.json"
WORKFLOWS: Final = {"github": Path(".github/workflows/mockehr.yml"), "gitlab": Path("mockehr.gitlab-ci.yml")}
SETUPS: Final = {
    "python": "",
    "node": "      - uses: actions/setup-node@v4\n        with: {node-version: 22}\n",
    "java": "      - uses: actions/setup-java@v4\n        with: {distribution: temurin, java-version: 21}\n",
    "other": "",
}
IMAGES: Final = {"python": "", "node": "nodejs", "java": "default-jdk-headless", "other": ""}
"""What the image of Python lacks, as a Debian package."""

_SCENARIO: Final = """\
# yaml-language-server: $schema={schema}
version: 1
title: First night
incident: The first night after go-live.
story: |
  Tokens die in the middle of the sync, and the rate limit comes earlier than the contract says. A client that copes
  renews its token, waits as long as it is told, and ends up with every record once.
seed: 7
client:
  client_id: sync
  scopes: {scopes}
roster:
  size: 6  # so many patients are named in MOCKEHR_NORTH_PATIENTS
truth:
  types:  # what has to be in north.ndjson of the folder MOCKEHR_OUTPUT in the end
{types}
sites:
  - name: north
    personality: {personality}
    patients: 100
{settings}    quirks:  # mockehr quirk list
      - use: token-expiry
        with: {{uses: 5}}
      - use: rate-limit
        with: {{budget: 8, per: 1s}}
        when: {{at_most: 3}}
verdict:
  probes: [{probes}]  # mockehr probe list
  required: [{probes}]
timeout: 2m
"""

_GITHUB: Final = """\
name: mockehr
on: [push, pull_request]
permissions:
  contents: read
jobs:
  mockehr:
    runs-on: ubuntu-latest
    timeout-minutes: 15
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-python@v5
        with: {{python-version: "3.12"}}
{setup}      - run: pip install mockehr
      - run: mkdir -p reports
      - run: >-
          mockehr check {scenario} --junit reports/mockehr.xml --html reports/mockehr.html
          --sarif reports/mockehr.sarif -- {command}
      - uses: actions/upload-artifact@v4
        if: always()
        with: {{name: mockehr, path: reports}}
"""

_GITLAB: Final = """\
# In .gitlab-ci.yml:  include: mockehr.gitlab-ci.yml
mockehr:
  image: python:3.12
  script:
{setup}    - pip install mockehr
    - mkdir -p reports
    - mockehr check {scenario} --junit reports/mockehr.xml --html reports/mockehr.html -- {command}
  artifacts:
    when: always
    paths: [reports]
    reports:
      junit: reports/mockehr.xml
"""


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default=Path())
@click.option("--personality", default="generic", metavar="NAME", help="Whose product the hospital resembles.")
@click.option(
    "--language", type=click.Choice(tuple(COMMANDS)), default="python", help="What your client is written in."
)
@click.option(
    "--ci", type=click.Choice(["github", "gitlab", "none"]), default="github", help="Whose CI to write for."
)
@click.option("--force", is_flag=True, help="Write over files that are there.")
def init(folder: Path, personality: str, language: str, ci: str, force: bool) -> None:
    """Write a scenario to begin with, its schema for editors, and the lines that let CI play it, to FOLDER.

    Nothing is asked. Where one of the files is there already nothing is written, unless --force is given.
    """
    wanted = {folder / name: text for name, text in starter(personality, language, ci).items()}
    there = [str(path) for path in wanted if path.exists()]
    if there and not force:
        raise UsageError(
            f"There is already {', '.join(there)}.", remedy="Name another folder, or write over with --force."
        )
    for path, text in wanted.items():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
        except OSError as error:
            raise EnvironmentProblem(
                f"{path} cannot be written: {error.strerror}.", remedy="Name a folder that can be written to."
            ) from error
        click.echo(f"wrote {path}")
    click.echo(f"\nNext:\n  mockehr check --variables {folder / SCENARIO}")
    click.echo(f"  mockehr check {folder / SCENARIO} -- {COMMANDS[language]}")


def starter(personality: str, language: str, ci: str) -> dict[str, str]:
    """The files of a start by their paths; raises UnknownName, and UsageError for a vendor that cannot play it."""
    from mockehr.scenarios.schema import scenario_schema

    files = {SCENARIO: _scenario(personality), SCHEMA: scenario_schema()}
    told = {"scenario": SCENARIO, "command": COMMANDS[language]}
    if ci == "github":
        files[str(WORKFLOWS[ci])] = _GITHUB.format(setup=SETUPS[language], **told)
    elif ci == "gitlab":
        more = IMAGES[language]
        setup = f"    - apt-get update -qq && apt-get install -y -qq {more}\n" if more else ""
        files[str(WORKFLOWS[ci])] = _GITLAB.format(setup=setup, **told)
    return files


def _scenario(personality: str) -> str:
    """The scenario at a hospital of that vendor, with what it has: types, probes that see something there, keys."""
    from mockehr.cli.demo import letting_in, without_occasion
    from mockehr.personalities.load import load_personality, personality_names

    if personality not in personality_names():
        raise UnknownName("personality", personality, personality_names())
    vendor = load_personality(personality)
    types = [kind for kind in TYPES if {"read", "search"} <= vendor.offers(kind)]
    if "Patient" not in types:
        raise UsageError(f"{personality} has no patients of its own over FHIR.", remedy="Name another personality.")
    needless = set(without_occasion(vendor))
    settings = letting_in(vendor)
    return _SCENARIO.format(
        schema=SCHEMA,
        personality=personality,
        scopes=" ".join(f"system/{kind}.rs" for kind in types),
        types="\n".join(f'    {kind}: ""' for kind in types),
        settings=f"    settings: {orjson.dumps(settings).decode()}\n" if settings else "",
        probes=", ".join(probe for probe in PROBES if probe not in needless),
    )
