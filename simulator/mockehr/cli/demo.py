"""`mockehr demo`: the main job in about a minute."""

from __future__ import annotations

import sys
from pathlib import Path

import click
import orjson

CLIENTS = ("careless", "careful")


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print the scorecards as JSON.")
@click.option("--html", type=click.Path(path_type=Path), help="Write the scorecards as a page to this file.")
def demo(as_json: bool, html: Path | None) -> None:
    """Play flaky-friday at two hospitals against two small sync clients, a careless one and a careful one.

    Exit status 0 if the careful client passes and the careless one fails, as they should.
    """
    from mockehr.cli.runs import run_trial
    from mockehr.scenarios.report.html import html as page
    from mockehr.scenarios.report.text import text
    from mockehr.scenarios.schema import load_scenario
    from mockehr.scenarios.scorecard import Scorecard
    from mockehr.scenarios.shipped import find_scenario
    from mockehr.scenarios.trial import Trial

    scenario = load_scenario(find_scenario("flaky-friday"))
    if not as_json:
        click.echo(f"{scenario.title}\n{scenario.story.strip()}\n")
        for site in scenario.sites:
            armed = ", ".join(rule.use for rule in site.quirks)
            click.echo(f"  {site.name}: {site.personality}, {site.patients} patients, armed: {armed}")
        click.echo("")
    cards: dict[str, Scorecard] = {}
    for name in CLIENTS:
        command = [sys.executable, "-m", f"mockehr.examples.{name}"]
        trial = Trial(scenario, title=f"{scenario.title}: the {name} client")
        cards[name], _ = run_trial(trial, command, quiet=as_json, mute=True, label=f"the {name} client")
        if not as_json:
            click.echo(text(cards[name]))
    as_wanted = cards["careful"].passed and not cards["careless"].passed
    if as_json:
        click.echo(orjson.dumps({name: card.as_json() for name, card in cards.items()}).decode())
    else:
        click.echo("The same with your own client, in any language:")
        click.echo("  mockehr check scenarios/flaky-friday.scenario.yaml -- COMMAND")
        click.echo("  mockehr check --help   says which environment variables tell it where the hospitals are.")
    if html:
        joined = Scorecard(tuple(c for one in cards.values() for c in one.cards), scenario.title, str(scenario.seed))
        html.write_text(page(joined), "utf-8")
    sys.exit(0 if as_wanted else 1)
