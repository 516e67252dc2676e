"""Whole schedules of misbehaviour for Hypothesis to draw, and to shrink to the smallest that breaks a client.

@given(schedules(channels=("fhir",)))
def test_sync_survives_anything(schedule):
    site = build_site(SiteOptions("hospital", patients=20, stepped=True))
    for rule in schedule:
        site.arm(rule)
    ...
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final

import orjson
from hypothesis import strategies as st

from mockehr.core.errors import ConfigError, UsageError
from mockehr.population.corruption.base import corruptions as known_corruptions
from mockehr.quirks.rule import configured, quirks, rule_from
from mockehr.testing.strategies.settings import Choices, settings_of

Schedule = list[dict[str, Any]]
"""Rules as plain settings (`use`, and `where`, `when`, `with` where they are not empty), ready for `Site.arm`."""

LONGEST: Final = 4


def schedules(
    *,
    channels: Collection[str] = (),
    names: Collection[str] = (),
    without: Collection[str] = (),
    families: Collection[str] = (),
    resources: Collection[str] = (),
    choices: Choices = MappingProxyType({}),
    calm: bool = False,
    corruptions: bool | None = None,
    longest: int = LONGEST,
) -> st.SearchStrategy[Schedule]:
    """Schedules of up to `longest` rules, each of another quirk or corruption, as `rules` draws them.

    Shrinks to fewer rules, then to rules that apply everywhere, always and with the quirk's own settings.
    Raises UnknownName for a quirk that does not exist and UsageError if no quirk is left to draw from.
    """
    drawn = rules(
        channels=channels,
        names=names,
        without=without,
        families=families,
        resources=resources,
        choices=choices,
        calm=calm,
        corruptions=corruptions,
    )
    return st.lists(drawn, max_size=longest, unique_by=lambda rule: str(rule["use"]))


def rules(
    *,
    channels: Collection[str] = (),
    names: Collection[str] = (),
    without: Collection[str] = (),
    families: Collection[str] = (),
    resources: Collection[str] = (),
    choices: Choices = MappingProxyType({}),
    calm: bool = False,
    corruptions: bool | None = None,
) -> st.SearchStrategy[dict[str, Any]]:
    """Single rules, as plain settings for `Site.arm`.

    Only quirks of the `channels`, `names` and `families` given (none: all), never those of `without`. With channels
    given, a rule acts on these only. Rules may be narrowed to one of `resources`. `choices` replaces how single
    settings are drawn. `calm`: no rule acts for ever, so that a client which goes on trying comes through; charts
    stay as they are. `corruptions` says whether the dirt of charts is drawn too, within `names` and `without`; unless
    told it is where it is named, and where neither channels nor families are given and it is not to be calm. Sites
    need patients for it.
    """
    registry, dirt = quirks(), known_corruptions()
    for name in (*names, *without, *choices):
        if name not in dirt:
            registry.get(name)
    if corruptions is None:
        corruptions = bool(names) or not (channels or families or calm)
    drawn = [
        _rules(quirk, channels, resources, choices.get(name, {}), calm)
        for name, quirk in registry.items()
        if (not names or name in names)
        and name not in without
        and (not families or quirk.about.family in families)
        and (not channels or set(channels) & set(quirk.about.channels))
    ]
    drawn += [
        _dirt(ailment, choices.get(name, {}))
        for name, ailment in (dirt.items() if corruptions else ())
        if (not names or name in names) and name not in without
    ]
    if not drawn:
        raise UsageError(
            "No quirk is left to draw a schedule from.", remedy="Ask for more channels, families or names."
        )
    return st.one_of(drawn)


def _dirt(ailment: Any, own: Mapping[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[dict[str, Any]]:
    """Rules of one corruption: plain, or with settings of its own."""
    use = st.fixed_dictionaries({"use": st.just(ailment.about.name)})
    rich = st.fixed_dictionaries({"use": st.just(ailment.about.name), "with": settings_of(ailment, own)})
    drawn = rich if own else st.one_of(use, rich)
    return drawn.map(_written).filter(_may_dirty)


def _written(rule: dict[str, Any]) -> dict[str, Any]:
    """The rule in the order in which people write it, without what is empty."""
    return {key: rule[key] for key in ("use", "where", "when", "with") if rule.get(key)}


def _may_dirty(rule: dict[str, Any]) -> bool:
    """Whether the corruption takes these settings."""
    use = rule["use"]
    try:
        configured(known_corruptions().get(use), use, rule.get("with") or {})
    except ConfigError:
        return False
    return True


def _rules(
    quirk: Any,
    channels: Collection[str],
    resources: Collection[str],
    own: Mapping[str, st.SearchStrategy[Any]],
    calm: bool,
) -> st.SearchStrategy[dict[str, Any]]:
    use = {"use": st.just(quirk.about.name)}
    wanted = sorted(set(channels or quirk.about.channels) & set(quirk.about.channels))
    everywhere = len(wanted) == len(quirk.about.channels)
    place = {} if everywhere else {"channel": st.sampled_from(wanted)}
    parts = {
        "where": _wheres(quirk, place, wanted, resources),
        "when": _whens(calm),
        "with": settings_of(quirk, own),
    }
    rich = st.fixed_dictionaries(use | parts)
    if own or calm:
        drawn = rich
    else:
        # The plain rule is one choice and not a dozen: the shrinker takes whole rules away only if they are short.
        drawn = st.one_of(st.fixed_dictionaries(use | {"where": st.fixed_dictionaries(place)}), rich)
    return drawn.map(_written).filter(_holds)


def _wheres(
    quirk: Any, place: dict[str, st.SearchStrategy[str]], wanted: Collection[str], resources: Collection[str]
) -> st.SearchStrategy[dict[str, Any]]:
    """Everywhere, or narrowed by what the quirk is about and by the resources asked for."""
    only_fhir = wanted == ["fhir"] or (not place and "fhir" in wanted)
    optional: dict[str, st.SearchStrategy[Any]] = {}
    if resources and only_fhir:
        optional["resource"] = st.sampled_from(sorted(resources))
    if len(quirk.about.interactions) > 1 and (wanted == ["fhir"] or not place):
        optional["interaction"] = st.sampled_from(quirk.about.interactions)
    return st.fixed_dictionaries(dict(place), optional=optional)


def _whens(calm: bool) -> st.SearchStrategy[dict[str, Any]]:
    """Always, or a simple condition; with `calm` only conditions that end."""
    few = st.integers(1, 5)
    ending: tuple[st.SearchStrategy[dict[str, Any]], ...] = (
        st.fixed_dictionaries({"first": few}),
        st.fixed_dictionaries({"skip": few, "at_most": few}),
        st.fixed_dictionaries({"every": st.integers(2, 5), "at_most": few}),
    )
    lasting: tuple[st.SearchStrategy[dict[str, Any]], ...] = (
        st.just({}),
        st.fixed_dictionaries({"every": st.integers(2, 5)}),
        st.fixed_dictionaries({"skip": few}),
        st.fixed_dictionaries({"probability": st.sampled_from((0.9, 0.5, 0.1))}),
    )
    return st.one_of(*(ending if calm else (*lasting[:1], *ending, *lasting[1:])))


def _holds(rule: dict[str, Any]) -> bool:
    """Whether the settings fit together, as the quirk itself judges, and leave it anything to do."""
    return _acts(orjson.dumps(rule))


@lru_cache(maxsize=4096)
def _acts(written: bytes) -> bool:
    try:
        rule = rule_from(orjson.loads(written))
    except ConfigError:
        return False
    takes_part = getattr(rule.quirk, "takes_part", None)
    channels = [rule.where.channel] if rule.where.channel else rule.about.channels
    acts = [(channel, capability) for channel in channels for capability in rule.about.capabilities]
    return takes_part is None or any(takes_part(channel, capability) for channel, capability in acts)
