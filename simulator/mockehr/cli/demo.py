"""`mockehr demo`: the main job in about a minute."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import orjson

from mockehr.core.errors import UnknownName, UsageError
from mockehr.core.problem import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mockehr.personalities.model import Personality
    from mockehr.scenarios.report.run import Run
    from mockehr.scenarios.schema import Scenario
    from mockehr.scenarios.scorecard import Scorecard

CLIENTS = ("careless", "careful")


@click.command()
@click.option(
    "--personality",
    "personalities",
    multiple=True,
    metavar="NAME",
    help="At hospitals of these vendors in place of the two; may be repeated.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the scorecards as JSON.")
@click.option("--html", type=click.Path(path_type=Path), help="Write the scorecards as a page to this file.")
def demo(personalities: tuple[str, ...], as_json: bool, html: Path | None) -> None:
    """Play flaky-friday at two hospitals against two small sync clients, a careless one and a careful one.

    Exit status 0 if the careful client passes and the careless one fails, as they should.
    """
    from mockehr.cli.runs import run_trial
    from mockehr.scenarios.report.html import html as page
    from mockehr.scenarios.report.run import run_of
    from mockehr.scenarios.report.text import text
    from mockehr.scenarios.schema import load_scenario
    from mockehr.scenarios.shipped import find_scenario
    from mockehr.scenarios.trial import Trial

    scenario = at_hospitals_of(load_scenario(find_scenario("flaky-friday")), personalities)
    if not as_json:
        click.echo(f"{scenario.title}\n{scenario.story.strip()}\n")
        for site in scenario.sites:
            armed = ", ".join(rule.use for rule in site.quirks)
            click.echo(f"  {site.name}: {site.personality}, {site.patients} patients, armed: {armed}")
        click.echo("")
    cards: dict[str, Scorecard] = {}
    runs: list[Run] = []
    for name in CLIENTS:
        command = [sys.executable, "-m", f"mockehr.examples.{name}"]
        trial = Trial(scenario, title=f"{scenario.title}: the {name} client")
        cards[name], status = run_trial(trial, command, quiet=as_json, mute=True, label=f"the {name} client")
        runs.append(run_of(trial, cards[name], status, exchanges=html is not None))
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
        html.write_text(page(*runs), "utf-8")
    sys.exit(0 if as_wanted else 1)


def at_hospitals_of(scenario: Scenario, personalities: tuple[str, ...]) -> Scenario:
    """The scenario played at one hospital of each of these vendors, with what its first site has armed.

    What a vendor does not have (a resource type, creates) is left out of what the client should have in the end.
    Where a vendor takes no keys of clients, this hospital does. Raises UnknownName for a personality that there is
    none of, UsageError for one without FHIR of its own.
    """
    from mockehr.personalities.behind import Platform
    from mockehr.personalities.load import load_personality, personality_names

    offered = frozenset(scenario.truth.types)
    for name in personalities:
        if name not in personality_names():
            raise UnknownName("personality", name, personality_names())
        vendor = load_personality(name)
        if isinstance(vendor, Platform):
            remedy = "Name a record system; mockehr vendor list has them."
            raise UsageError(f"{name} stands in front of other sites and has no patients of its own.", remedy=remedy)
        offered &= {kind for kind in offered if {"read", "search"} <= vendor.offers(kind)}
        if "Patient" not in offered:
            raise UsageError(f"{name} has no patients of its own over FHIR.", remedy="Name another personality.")
    if not personalities:
        return scenario
    first = scenario.sites[0]
    sites = [
        first.model_copy(
            update={
                "name": name.replace("_", "-"),
                "personality": name,
                "settings": first.settings | letting_in(load_personality(name)),
            }
        )
        for name in personalities
    ]
    types = {kind: query for kind, query in scenario.truth.types.items() if kind in offered}
    truth = scenario.truth.model_copy(update={"types": types})
    needless = {probe for name in personalities for probe in without_occasion(load_personality(name))}
    required = [one for one in scenario.verdict.required if one not in needless]
    verdict = scenario.verdict.model_copy(update={"required": required})
    return scenario.model_copy(update={"sites": sites, "truth": truth, "verdict": verdict})


def without_occasion(vendor: Personality) -> Iterator[str]:
    """Probes that can see nothing at a vendor: nothing can be written there, or too many requests are not told of."""
    if "create" not in vendor.offers("Observation"):
        yield "no-blind-repeat"
    told = vendor.refuse(Problem(429, "rate-limited", "Too many requests", retry_after="1"), "", "application/json")
    if told.status != 429:
        yield "keeps-retry-after"


def letting_in(vendor: Personality) -> dict[str, Any]:
    """Settings by which a site takes keys of clients, and nothing besides, whose vendor does not; none for others."""
    server = vendor.settings["token"]["server"]
    changed: dict[str, Any] = {}
    methods = server.get("auth_methods", ["private_key_jwt"])
    if "private_key_jwt" not in methods:
        more: dict[str, list[str]] = {
            "auth_methods": ["private_key_jwt"],
            "grants": ["client_credentials"],
            "assertion_algs": ["RS384", "ES384"],
        }
        changed |= {name: [*server.get(name, ()), *texts] for name, texts in more.items()}
    if "system_parameters" in server:
        changed["system_parameters"] = dict.fromkeys(server["system_parameters"])
    return {"token": {"server": changed}} if changed else {}
