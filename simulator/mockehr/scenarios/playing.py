"""Whether a site can play what a scenario's phases say: asked when it is built, so that nothing is refused midway."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mockehr.control.facade import operations
from mockehr.core.errors import ConfigError, MockehrError, nearest_names
from mockehr.pathways.shipped import shipped_files
from mockehr.quirks.rule import rule_from
from mockehr.scenarios.awaiting import event_fault
from mockehr.scenarios.phases import BeginSection, PhaseSection
from mockehr.sites.site import Site


def begins_at(site: Site, told: BeginSection, place: str = "begin") -> None:
    """Raises ConfigError for a pathway that the site does not know."""
    known = {**site.pathways.pathways, **dict.fromkeys(shipped_files())}
    if told.site in ("", site.name) and told.use not in known:
        near = nearest_names(told.use, known, limit=1)
        problem = f"{place}: there is no pathway {told.use!r}" + (f"; nearest: {near[0]}" if near else "")
        raise ConfigError(f"The scenario cannot begin at {site.name}.", [problem])


def refuse_phases(site: Site, phases: Sequence[PhaseSection]) -> None:
    """Raises ConfigError with every problem for what the site cannot do in its phases."""
    problems = [problem for phase in phases if phase.at(site.name) for problem in _problems(site, phase)]
    if problems:
        raise ConfigError(f"The phases cannot be played at {site.name}.", problems)


def _problems(site: Site, phase: PhaseSection) -> Iterator[str]:
    place = f"phases.{phase.name}"
    for part, told in (("start", phase.start), ("until", phase.until)):
        wrong = event_fault(told.event, site.fhir.types) if told is not None and told.event else ""
        if wrong:
            yield f"{place}.{part}.event: {wrong}"
    for rule in phase.rules_at(site.name):
        try:
            rule_from(rule.plain())
        except MockehrError as error:
            told_so = error.problems if isinstance(error, ConfigError) and error.problems else (error.what,)
            yield from (f"{place}.rules: {problem}" for problem in told_so)
    for begun in phase.begin:
        try:
            begins_at(site, begun, f"{place}.begin")
        except ConfigError as error:
            yield from error.problems
    for deed in phase.do:
        missing = [one.name for one in operations().get(deed.use).parameters if one.required]
        for name in missing:
            if name not in deed.settings and deed.site in ("", site.name):
                yield f"{place}.do: {deed.use} wants {name}"
