"""Write intents: what a message asks for, in FHIR R4 resources and without any store in mind.

Resources of one message refer to one another by intent key, as `urn:mockehr:intent:patient`; `resolve` puts the real
references in once the writer knows them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from mockehr.core.exchange import JSON
from mockehr.hl7.answers import Question, Respond
from mockehr.hl7.dialect import GENERIC, Dialect
from mockehr.hl7.faults import Fault
from mockehr.hl7.message import Message

INTENT: Final = "urn:mockehr:intent:"


@dataclass(frozen=True, slots=True)
class Key:
    """A business identifier: (system, value)."""

    system: str
    value: str


@dataclass(frozen=True, slots=True)
class Upsert:
    """Write a resource: into the one that has any of the identifiers `match` (first found wins), else as a new one.

    Each top-level element of `resource` replaces that of the stored one, elements not named stay, those in `cleared`
    are removed. `defaults` are added only if the resource is new. An empty `match` always creates.
    """

    key: str
    resource: JSON
    match: tuple[Key, ...] = ()
    cleared: tuple[str, ...] = ()
    defaults: JSON = field(default_factory=dict)

    @property
    def resource_type(self) -> str:
        """The type of the resource."""
        return str(self.resource["resourceType"])


@dataclass(frozen=True, slots=True)
class Merge:
    """Two patients are one: what `loser` identifies is replaced by what `survivor` identifies."""

    survivor: tuple[Key, ...]
    loser: tuple[Key, ...]


@dataclass(frozen=True, slots=True)
class Unmerge:
    """Two patients are two again: the links between what `one` and `other` identify are taken away."""

    one: tuple[Key, ...]
    other: tuple[Key, ...]


@dataclass(frozen=True, slots=True)
class Known:
    """A resource that must be there, or the message cannot be applied: `fault` says so (an order to cancel)."""

    resource_type: str
    match: tuple[Key, ...]
    fault: Fault


Intent = Upsert | Merge | Unmerge | Known


@dataclass(frozen=True, slots=True)
class Accepted:
    """All that one message asks for, in the order in which it must be written.

    `event` is what happened, as type and trigger (`ADT^A01`), `subject` the type of the resource that it is about:
    its change carries the event, those of the others are quiet. `respond` builds an application reply that is more
    than an ACK; `question` is what a query wants to have looked up.
    """

    intents: tuple[Intent, ...]
    event: str
    subject: str = ""
    respond: Respond | None = None
    question: Question | None = None


@dataclass(frozen=True, slots=True)
class Context:
    """What the receiving site knows. `at` is site seconds; `dialect` is how the peer writes."""

    at: float
    dialect: Dialect = GENERIC
    versions: frozenset[str] = frozenset()
    """Values of MSH-12 that are taken; empty takes all."""
    processing_ids: frozenset[str] = frozenset()
    """Values of MSH-11 that are taken; empty takes all."""


Acceptor = Callable[[Message, Context], Accepted]


def reference(key: str) -> JSON:
    """A reference to the resource of another intent of the same message."""
    return {"reference": INTENT + key}


def resolve(node: Any, references: Mapping[str, str]) -> Any:
    """A copy of `node` in which every reference to an intent key has become the one in `references`."""
    if isinstance(node, dict):
        return {name: resolve(value, references) for name, value in node.items()}
    if isinstance(node, list):
        return [resolve(item, references) for item in node]
    if isinstance(node, str) and node.startswith(INTENT):
        return references[node.removeprefix(INTENT)]
    return node
