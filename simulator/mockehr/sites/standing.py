"""How a site stands apart from what is stored: its clock's pace, rules, clients, receivers and snapshots.

For another process that is to be the same site: it builds the site from the same options and makes it stand like
that. What rules counted is left out, since each process counts for itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from mockehr.auth.clients import Client
from mockehr.auth.people import User
from mockehr.core.clock import Pace
from mockehr.events import Hook
from mockehr.population.corruption.base import Infection
from mockehr.quirks.rule import Rule
from mockehr.sites.site import Site
from mockehr.sites.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Standing:
    """It can be pickled, and means the same in every process."""

    pace: Pace
    rules: tuple[Rule, ...]
    ailments: Mapping[str, Any]
    """Corruptions by the names under which they are armed."""
    clients: tuple[Client, ...]
    users: tuple[User, ...]
    """Those that were registered besides the site's own."""
    struck_off: frozenset[str]
    """Usernames of the site's own that are no more."""
    hooks: tuple[Hook, ...]
    snapshots: Mapping[str, Snapshot]


def standing_of(site: Site) -> Standing:
    """How a site stands at present."""
    infections = site.charts.infections if site.charts is not None else {}
    return Standing(
        site.clock.pace(),
        tuple(_uncounted(rule) for rule in site.rules),
        {name: infection.ailment for name, infection in infections.items()},
        tuple(replace(one, jwks=None if one.jwks is None else dict(one.jwks)) for one in site.auth.clients),
        tuple(site.auth.users.added.values()),
        frozenset(site.auth.users.gone),
        tuple(hook for hook in site.outbox.hooks.values() if not hook.subscription),
        site.snapshots.kept(),
    )


def stand(site: Site, standing: Standing) -> None:
    """Make a site that was just built stand like that."""
    site.clock.keep(standing.pace)
    site.mischief.clear()
    for rule in standing.rules:
        site.mischief.arm(_uncounted(rule)).armed_at = rule.armed_at
    _infect(site, standing.ailments)
    registry = site.auth.clients
    for client in registry:
        registry.remove(client.client_id)
    for client in standing.clients:
        registry.add(client)
    for user in tuple(site.auth.users.added.values()):
        site.auth.users.remove(user.username)
    for user in standing.users:
        site.auth.users.add(user)
    for username in standing.struck_off & {user.username for user in site.auth.users}:
        site.auth.users.remove(username)
    wanted = {hook.name: hook for hook in standing.hooks}
    for name, hook in site.outbox.hooks.items():
        if name not in wanted and not hook.subscription:  # those of Subscriptions follow from what is stored
            site.outbox.remove(name)
    for name, hook in wanted.items():
        if name in site.outbox.lanes:
            site.outbox.change(hook)  # to remove it would forget what other processes still have to tell it
        else:
            site.outbox.add(hook)
    site.snapshots.adopt(standing.snapshots)


def _infect(site: Site, ailments: Mapping[str, Any]) -> None:
    if site.charts is None:
        return
    for name in tuple(site.charts.infections):
        site.charts.cure(name)
    population = site.charts.population
    for name, ailment in ailments.items():
        site.charts.infect(Infection(name, ailment, site.chance, population.size, population.person))


def _uncounted(rule: Rule) -> Rule:
    return replace(rule, seen=0, fired=0, memory={}, occurrences={}, skips={})
