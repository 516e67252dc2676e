"""A scenario's phases as text: what is planned, in order, with every reason to begin and to end."""

from __future__ import annotations

from collections.abc import Iterator

from mockehr.config.settings import RuleConfig
from mockehr.scenarios.phases import ConditionSection, CountSection, PhaseSection
from mockehr.scenarios.schema import Scenario
from mockehr.scenarios.steady import SteadySection


def planned(scenario: Scenario) -> Iterator[str]:
    """The story line by line: sites, phases in order, steady state, verdict."""
    yield scenario.title
    if scenario.incident:
        yield f"incident: {scenario.incident}"
    yield from scenario.story.strip().splitlines()
    yield ""
    for name, value in scenario.parameters.items():
        yield f"--set {name}={str(value).lower() if isinstance(value, bool) else value}"
    for site in scenario.sites:
        rules = ", ".join(_rule(rule) for rule in site.quirks)
        yield f"site {site.name} ({site.personality}, {site.patients} patients)" + (f": {rules}" if rules else "")
    for position, phase in enumerate(scenario.phases):
        yield from _phase(phase, scenario.phases[position - 1].name if position else "")
    for told in scenario.steady:
        yield f"steady: {_steady(told)}"
    if scenario.verdict.required:
        yield f"required: {', '.join(scenario.verdict.required)}"


def _phase(phase: PhaseSection, before: str) -> Iterator[str]:
    where = f" at {', '.join(phase.sites)}" if phase.sites else ""
    yield f"phase {phase.name}{where}: from {_start(phase, before)} {_end(phase)}"
    if phase.story:
        yield f"    {' '.join(phase.story.split())}"
    for site, rules in phase.rules.items():
        yield f"    arms{'' if site == '*' else f' at {site}'}: {', '.join(_rule(rule) for rule in rules)}"
    for deed in phase.do:
        told = " ".join(f"{name}={value}" for name, value in deed.settings.items())
        yield f"    does: {deed.use} {told}".rstrip() + (f" at {deed.site}" if deed.site else "")
    for begun in phase.begin:
        yield f"    begins: {begun.use}, {begun.times} times" + (f" at {begun.site}" if begun.site else "")
    for load in phase.load:
        yield f"    load: {load.readers} × {load.what} every {load.every:g} s as {load.name}"
    if phase.rollback:
        which = "any steady condition" if phase.rollback is True else " or ".join(phase.rollback.when)
        yield f"    broken off when {which} breaks"


def _start(phase: PhaseSection, before: str) -> str:
    start, told = phase.start, _condition(phase.start)
    if start.after:
        told.insert(0, f"{start.wait:g} s after {start.after}" if start.wait else f"the end of {start.after}")
    return " and ".join(told) or (f"the end of {before}" if before else "the beginning")


def _end(phase: PhaseSection) -> str:
    told = [f"for {phase.lasts:g} s"] if phase.lasts is not None else []
    if phase.until is not None:
        told.append(f"until {' and '.join(_condition(phase.until))}")
    return ", or ".join(told) or "on"


def _condition(told: ConditionSection) -> list[str]:
    found = [f"{told.at:g} s"] if told.at is not None else []
    found += [_count(told.count)] if told.count is not None else []
    found += [told.event] if told.event else []
    found += [f"{told.probe} says {told.verdict}"] if told.probe else []
    return found


def _count(told: CountSection) -> str:
    like = [*told.interaction, *told.resource, *told.status, told.channel or "", told.path or "", told.message or ""]
    what = " ".join(word for word in like if word)
    return f"{told.n} exchanges" + (f" ({what})" if what else "") + (f" at {told.site}" if told.site else "")


def _rule(rule: RuleConfig) -> str:
    return rule.use if rule.name in (None, rule.use) else f"{rule.name} ({rule.use})"


def _steady(told: SteadySection) -> str:
    bounds = [f"at most {told.at_most:g}"] if told.at_most is not None else []
    bounds += [f"at least {told.at_least:g}"] if told.at_least is not None else []
    when = f", {', '.join(told.during)}" if told.during else ""
    return f"{told.called} {' and '.join(bounds) or 'does not fail'}{when}"
