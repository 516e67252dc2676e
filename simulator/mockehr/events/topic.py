"""What may be subscribed to by name: a topic says which changes are an event, whatever they were made by.

A topic is added by adding a file to `mockehr/events/topics` with a `Topic` at its top level.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from types import MappingProxyType
from typing import Final

from mockehr.core.changes import Change
from mockehr.core.registry import Registry

CANONICALS: Final = "https://mockehr.example.org/SubscriptionTopic/"
"""Before a topic's name: the canonical URL that it has here, beside those that others gave it."""


@dataclass(frozen=True, slots=True)
class Topic:
    """One kind of event of a hospital."""

    name: str
    title: str
    description: str
    resource: str
    """Type of the resource that the event is about (`focus`)."""
    happens: Callable[[Change], bool]
    """Whether a change is such an event."""
    filters: Mapping[str, str] = field(default_factory=dict)
    """What a subscription may be narrowed by: name → search parameter of the resource that it compares."""
    known_as: tuple[str, ...] = ()
    """Canonical URLs that other specifications have for it."""
    related: Mapping[str, str] = field(default_factory=dict)
    """What belongs to an event: type → search parameter. One of the focus (`Encounter:subject`) leads to what is told
    beside it; one of the type itself (`Observation:encounter`) only lets filters name that type."""

    def __reduce__(self) -> tuple[Callable[[str], Topic], tuple[str]]:
        """Pickled by its name: the same topic in every process."""
        return topic_named, (self.name,)

    @property
    def canonical(self) -> str:
        """Its canonical URL at this server."""
        return CANONICALS + self.name

    @property
    def canonicals(self) -> tuple[str, ...]:
        """All by which a subscription may ask for it."""
        return (self.canonical, *self.known_as)


@cache
def topics() -> Registry[Topic]:
    """All topics by name."""
    registry: Registry[Topic] = Registry("topic")
    package = f"{__name__.rpartition('.')[0]}.topics"
    for module in sorted(pkgutil.iter_modules(import_module(package).__path__), key=lambda found: found.name):
        for value in vars(import_module(f"{package}.{module.name}")).values():
            if isinstance(value, Topic):
                registry.add(value.name, value)
    return registry


def topic_named(name: str) -> Topic:
    """The topic of that name; raises UnknownName."""
    return topics().get(name)


@cache
def _by_canonical() -> Mapping[str, Topic]:
    return MappingProxyType({url: topic for _, topic in topics().items() for url in topic.canonicals})


def topic_at(canonical: str) -> Topic | None:
    """The topic with that canonical URL, with or without a version; None if there is none."""
    return _by_canonical().get(canonical.partition("|")[0])


def became(change: Change, status: str, *others: str) -> bool:
    """Whether the resource has one of those statuses since this change, and had none of them before."""
    wanted = (status, *others)
    now = str(change.document.get("status", ""))
    return change.kind != "delete" and now in wanted and change.status_before not in wanted
