"""`mockehr check`: judge a client of any language by scenarios."""

from __future__ import annotations

import sys
from pathlib import Path
from shutil import get_terminal_size
from typing import TYPE_CHECKING, Any, Final

import click
import orjson

from mockehr.core.errors import EnvironmentProblem, UsageError

if TYPE_CHECKING:
    from mockehr.scenarios.scorecard import Scorecard

MIN_WIDTH: Final = 60
"""Columns of the scorecard at least, however narrow the terminal."""


@click.command(context_settings={"ignore_unknown_options": False})
@click.argument("scenarios", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--junit", type=click.Path(path_type=Path), help="Write JUnit XML to this file.")
@click.option("--html", type=click.Path(path_type=Path), help="Write a self-contained HTML page to this file.")
@click.option("--json", "as_json", is_flag=True, help="Print the scorecards as JSON.")
@click.option("--seed", type=int, default=None, help="Use this seed in place of the scenario's.")
def check(
    scenarios: tuple[Path, ...], junit: Path | None, html: Path | None, as_json: bool, seed: int | None
) -> None:
    """Judge a client: mockehr check SCENARIO... -- COMMAND

    Starts the scenario's sites, tells COMMAND by environment variables where they are and who it is (MOCKEHR_SITES,
    MOCKEHR_OUTPUT, and per site MOCKEHR_<SITE>_FHIR_URL, _TOKEN_URL, _CLIENT_ID, _PRIVATE_KEY, _SCOPES, _PERSONALITY,
    _PATIENTS; on 127.0.0.1, where a site takes HL7 messages, MOCKEHR_<SITE>_MLLP_PORT, and where COMMAND is to
    listen, _FEED_PORT for HL7 and _WEBHOOK_PORT, _WEBHOOK_PATH, _WEBHOOK_SECRET), runs it, judges it. What COMMAND
    prints goes to stderr; its own exit status is told, but not judged.

    SCENARIO is a file or the name of a shipped one (mockehr scenario list). Exit status: 0 passed, 1 the client
    failed or did not finish in time, 2 usage, 3 environment (COMMAND cannot be started; a port is taken).
    """
    files, command = _split(scenarios)
    from mockehr.cli.runs import OVERDUE, ending, run_trial
    from mockehr.scenarios.report.html import html as page
    from mockehr.scenarios.report.junit import junit as xml
    from mockehr.scenarios.report.text import text
    from mockehr.scenarios.schema import load_scenario
    from mockehr.scenarios.shipped import find_scenario
    from mockehr.scenarios.trial import Trial

    for report in (junit, html):
        if report and not report.parent.is_dir():  # before the client has run for minutes
            raise UsageError(f"The folder of the report {report} does not exist.", remedy="Make it, or name another.")
    cards: list[Scorecard] = []
    overdue = False
    width = max(MIN_WIDTH, get_terminal_size((100, 24)).columns)
    for file in files:
        path = find_scenario(file)
        scenario = load_scenario(path)
        if seed is not None:
            scenario = scenario.model_copy(update={"seed": seed})
        scorecard, status = run_trial(Trial(scenario, base=path.parent), command, quiet=as_json)
        cards.append(scorecard)
        if not as_json:
            click.echo(text(scorecard, width=width))
        overdue = overdue or status == OVERDUE
        if status and status != OVERDUE:
            click.echo(f"mockehr: the client ended with {ending(status)}.", err=True)
    if as_json:
        click.echo(orjson.dumps(_joined(cards)).decode())
    if junit:
        _write(junit, xml(*cards))
    if html:
        _write(html, page(*cards).encode())
    sys.exit(0 if all(one.passed for one in cards) and not overdue else 1)


def _joined(cards: list[Scorecard]) -> Any:
    """One scorecard as it is; of several, what they add up to, and each of them below `scorecards`."""
    if len(cards) == 1:
        return cards[0].as_json()
    found = [one.as_json() for one in cards]
    verdicts = ("pass", "fail", "not-applicable")
    return {
        "title": ", ".join(one.title for one in cards),
        "passed": all(one.passed for one in cards),
        "counts": {name: sum(one.count(name) for one in cards) for name in verdicts},
        "scorecards": found,
    }


def _write(file: Path, content: bytes) -> None:
    try:
        file.write_bytes(content)
    except OSError as error:
        raise EnvironmentProblem(
            f"The report {file} cannot be written: {error.strerror}.", remedy="Name a file that can be written."
        ) from error


def _split(given: tuple[Path, ...]) -> tuple[list[Path], list[str]]:
    """Scenario files, and the command: what click has left of `SCENARIO... -- COMMAND`."""
    words = sys.argv[sys.argv.index("--") + 1 :] if "--" in sys.argv else []
    files = list(given[: len(given) - len(words)])
    if not words or not files:
        raise click.UsageError("Write the scenario files first, then -- and the client's command.")
    return files, words
