"""What a scenario's sections must agree on, told with the place of each fault: sites, phases, conditions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from mockehr.config.document import Finding, KeyPath, unknown
from mockehr.population.corruption.base import corruptions
from mockehr.quirks.rule import quirks
from mockehr.scenarios.phases import EVERYWHERE, OUTSIDE, PhaseSection
from mockehr.scenarios.steady import LOAD

if TYPE_CHECKING:
    from mockehr.scenarios.schema import Scenario


def faults(scenario: Scenario) -> Iterator[Finding]:
    """Everything that is wrong between phases, steady conditions and sites."""
    sites = [site.name for site in scenario.sites]
    names = [phase.name for phase in scenario.phases]
    for position, phase in enumerate(scenario.phases):
        place: KeyPath = ("phases", position)
        if phase.name in names[:position]:
            yield Finding((*place, "name"), f"a second phase is called {phase.name}")
        yield from _sites(phase, place, sites)
        yield from _order(scenario.phases, position)
        yield from _rules(phase, place, scenario)
        yield from _loads(phase, place, scenario)
        yield from _rollback(phase, place, scenario)
    yield from _when(scenario, names)
    yield from _steady(scenario, names, sites)


def _named(place: KeyPath, kind: str, name: str, known: Sequence[str]) -> Iterator[Finding]:
    if name and name not in known:
        yield unknown(place, f"there is no {kind} {name!r}", name, known)


def _sites(phase: PhaseSection, place: KeyPath, sites: Sequence[str]) -> Iterator[Finding]:
    for name in phase.sites:
        yield from _named((*place, "sites"), "site", name, sites)
    for name in phase.rules:
        yield from _named((*place, "rules", name), "site", name, [*sites, EVERYWHERE])
    for part in ("begin", "do", "load"):
        for position, one in enumerate(getattr(phase, part)):
            yield from _named((*place, part, position, "site"), "site", one.site, sites)
    for part, told in (("start", phase.start), ("until", phase.until)):
        if told is not None and told.count is not None:
            yield from _named((*place, part, "count", "site"), "site", told.count.site, sites)


def _order(phases: Sequence[PhaseSection], position: int) -> Iterator[Finding]:
    """Phases follow one another: each must be able to begin."""
    phase, before = phases[position], phases[:position]
    place: KeyPath = ("phases", position, "start")
    if phase.start.after:
        yield from _named((*place, "after"), "earlier phase", phase.start.after, [one.name for one in before])
    follows = phase.start.after or (before[-1].name if before and phase.start.empty else "")
    earlier = next((one for one in before if one.name == follows), None)
    if earlier is not None and not earlier.ends and before[-1] is earlier:
        wrong = f"{follows} never ends, so this would never begin: give it for or until, or let this start by itself"
        yield Finding((*place, "after") if phase.start.after else ("phases", position), wrong)


def _rules(phase: PhaseSection, place: KeyPath, scenario: Scenario) -> Iterator[Finding]:
    own = {site.name: {rule.name or rule.use for rule in site.quirks} for site in scenario.sites}
    for key, rules in phase.rules.items():
        for position, rule in enumerate(rules):
            spot = (*place, "rules", key, position)
            if rule.use in corruptions() and rule.use not in quirks():
                wrong = f"{rule.use} is a corruption, which is of the data and not of a time: let the site have it"
                yield Finding((*spot, "use"), wrong)
            if rule.when.phase not in (None, phase.name):
                yield Finding((*spot, "when", "phase"), f"this rule is armed in {phase.name} only")
    for name in own:
        told = [str(rule.name) for rule in phase.rules_at(name)]
        for twice in [one for one, times in Counter(told).items() if times > 1 or one in own[name]]:
            yield Finding((*place, "rules"), f"two rules at {name} are called {twice}: give one a name of its own")


def _loads(phase: PhaseSection, place: KeyPath, scenario: Scenario) -> Iterator[Finding]:
    for position, load in enumerate(phase.load):
        taken = {client.client_id for site in scenario.sites for client in site.clients}
        if load.name in taken | {scenario.client.client_id}:
            spot = (*place, LOAD, position, "name")
            yield Finding(spot, f"{load.name} is a client already: give the load another name")


def _rollback(phase: PhaseSection, place: KeyPath, scenario: Scenario) -> Iterator[Finding]:
    called = [one.called for one in scenario.steady]
    if phase.rollback and not scenario.steady:
        yield Finding((*place, "rollback"), "there is no steady condition that could break")
    elif not isinstance(phase.rollback, bool):
        for name in phase.rollback.when:
            yield from _named((*place, "rollback", "when"), "steady condition", name, called)


def _when(scenario: Scenario, names: Sequence[str]) -> Iterator[Finding]:
    for position, site in enumerate(scenario.sites):
        for number, rule in enumerate(site.quirks):
            place = ("sites", position, "quirks", number, "when", "phase")
            yield from _named(place, "phase", rule.when.phase or "", names)


def _steady(scenario: Scenario, names: Sequence[str], sites: Sequence[str]) -> Iterator[Finding]:
    for position, told in enumerate(scenario.steady):
        place: KeyPath = ("steady", position)
        if told.called in [one.called for one in scenario.steady[:position]]:
            yield Finding(place, f"a second condition is called {told.called}: give it a name of its own")
        for name in told.during:
            yield from _named((*place, "during"), "phase", name, [*names, *OUTSIDE])
        yield from _named((*place, "of", "site"), "site", told.of.site, sites)
