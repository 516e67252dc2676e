"""`mockehr check`: judge a client of any language by scenarios."""

from __future__ import annotations

import sys
from pathlib import Path

import click
import orjson


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
    _PATIENTS, and, where a site takes HL7 messages, MOCKEHR_<SITE>_MLLP_PORT on 127.0.0.1), runs it, judges it. Exit
    status: 0 passed, 1 the client failed, 2 usage, 3 environment.
    """
    files, command = _split(scenarios)
    from mockehr.cli.runs import run_trial
    from mockehr.scenarios.report.html import html as page
    from mockehr.scenarios.report.junit import junit as xml
    from mockehr.scenarios.report.text import text
    from mockehr.scenarios.schema import load_scenario
    from mockehr.scenarios.scorecard import Scorecard
    from mockehr.scenarios.shipped import find_scenario
    from mockehr.scenarios.trial import Trial

    cards = []
    for file in files:
        path = find_scenario(file)
        scenario = load_scenario(path)
        if seed is not None:
            scenario = scenario.model_copy(update={"seed": seed})
        scorecard, status = run_trial(Trial(scenario, base=path.parent), command, quiet=as_json)
        cards.append(scorecard)
        if not as_json:
            click.echo(text(scorecard))
        if status:
            click.echo(f"mockehr: the client ended with status {status}.", err=True)
    joined = Scorecard(tuple(card for one in cards for card in one.cards), cards[0].title, cards[0].seed)
    if as_json:
        click.echo(orjson.dumps(joined.as_json()).decode())
    if junit:
        junit.write_bytes(xml(joined))
    if html:
        html.write_text(page(joined), "utf-8")
    sys.exit(0 if all(one.passed for one in cards) else 1)


def _split(given: tuple[Path, ...]) -> tuple[list[Path], list[str]]:
    """Scenario files, and the command: what click has left of `SCENARIO... -- COMMAND`."""
    words = sys.argv[sys.argv.index("--") + 1 :] if "--" in sys.argv else []
    files = list(given[: len(given) - len(words)])
    if not words or not files:
        raise click.UsageError("Write the scenario files first, then -- and the client's command.")
    return files, words
