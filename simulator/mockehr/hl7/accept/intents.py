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
_NODES: Final = (dict, list)
Revise = Callable[[JSON | None, JSON], JSON | None]
"""(the stored document or None, what the message says) → what is to be written; an element that is None goes. None
in place of all: the stored document stays as it is."""


@dataclass(frozen=True, slots=True)
class Key:
    """A business identifier: (system, value)."""

    system: str
    value: str


@dataclass(frozen=True, slots=True)
class Upsert:
    """Write a resource: into the one that has any of the identifiers `match` (first found wins), else as a new one.

    Each top-level element of `resource` replaces that of the stored one, elements not named stay, those in `cleared`
    are removed. `defaults` are added only if the resource is new. An empty `match` always creates. With `creates`
    False nothing is written unless it is there already.
    """

    key: str
    resource: JSON
    match: tuple[Key, ...] = ()
    cleared: tuple[str, ...] = ()
    defaults: JSON = field(default_factory=dict)
    creates: bool = True
    revise: Revise | None = None
    """What becomes of `resource` in the light of what is stored."""
    within: tuple[Key, ...] = ()
    """Identifiers of a patient into whom this one may have been merged before, which shall not count (A40 turned
    round)."""
    quiet: bool = False
    """Not what the message's event is about, whatever its type."""
    numbered: JSON | None = None
    """An Identifier without a value that a new resource gets beside its own; the value is the id of the resource."""
    warnings: tuple[Fault, ...] = ()
    """What was tolerated in reading it."""

    @property
    def resource_type(self) -> str:
        """The type of the resource."""
        return str(self.resource["resourceType"])


@dataclass(frozen=True, slots=True)
class Listing:
    """All that a message says of one kind of thing about a patient (its AL1, its IN1).

    Each item is merged into the stored resource of that patient that is the `same` (stored, item), else it is new.
    What is stored `within` the list's reach and not listed is `retired`: the list is a snapshot (chapter 2.10.4).
    Items are referred to by `key-1`, `key-2` and so on.
    """

    resource_type: str
    patient: str
    """Key of the patient's intent."""
    items: tuple[JSON, ...]
    same: Callable[[JSON, JSON], bool]
    merged: Callable[[JSON, JSON], JSON]
    within: Callable[[JSON], bool]
    retired: Callable[[JSON], JSON] | None = None
    """None: what is not listed stays as it is."""
    key: str = ""
    encounter: str = ""
    """Key of the visit's intent, where the list is that of a visit."""


@dataclass(frozen=True, slots=True)
class Merge:
    """Two patients are one: whom `loser` identifies (one or several) is replaced by whom `survivor` identifies."""

    survivor: tuple[Key, ...]
    loser: tuple[Key, ...]
    strict: bool = False
    """Refuse the message if anybody is unknown; else the answer has a warning."""
    sequence: int = field(default=1, compare=False)
    """The how manieth PID and MRG of the message say so."""


@dataclass(frozen=True, slots=True)
class Unmerge:
    """Two patients are two again: all links between what `one` and `other` identify are taken away."""

    one: tuple[Key, ...]
    other: tuple[Key, ...]
    strict: bool = False


@dataclass(frozen=True, slots=True)
class Associate:
    """Two records speak of one patient, and both go on (link type `seealso`)."""

    one: tuple[Key, ...]
    other: tuple[Key, ...]
    strict: bool = False


@dataclass(frozen=True, slots=True)
class Renumber:
    """A resource found by `old` identifiers gets `new` ones (FHIR Identifiers); the old stay, marked as such.

    `place` says where the old ones were told. Refused if another one has the new ones already.
    """

    resource_type: str
    old: tuple[Key, ...]
    new: tuple[JSON, ...]
    place: Fault
    strict: bool = False


@dataclass(frozen=True, slots=True)
class Account:
    """Visits of a patient under the account `old` are now under `new` (an Identifier)."""

    patient: tuple[Key, ...]
    old: tuple[Key, ...]
    new: JSON
    strict: bool = False


@dataclass(frozen=True, slots=True)
class Remove:
    """A resource is deleted; `place` says where its identifiers were told."""

    resource_type: str
    match: tuple[Key, ...]
    place: Fault
    strict: bool = False


@dataclass(frozen=True, slots=True)
class Known:
    """A resource that must be there, or the message cannot be applied: `fault` says so (an order to cancel).

    A fault of severity W or I is only told with the acceptance. `key` is what others refer to it by.
    """

    resource_type: str
    match: tuple[Key, ...]
    fault: Fault
    key: str = ""
    patient: str = ""
    """Key of the patient's intent, if it may be in the chart from the beginning."""


Intent = Upsert | Listing | Merge | Unmerge | Associate | Renumber | Account | Remove | Known


@dataclass(frozen=True, slots=True)
class Accepted:
    """All that one message asks for, in the order in which it must be written.

    `event` is what happened, as type and trigger (`ADT^A01`), `subject` the type of the resource that it is about:
    its change carries the event, those of the others are quiet. `respond` builds an application reply that is more
    than an ACK; `question` is what a query wants to have looked up. `warnings` (severity W or I) are told beside AA.
    """

    intents: tuple[Intent, ...]
    event: str
    subject: str = ""
    respond: Respond | None = None
    question: Question | None = None
    warnings: tuple[Fault, ...] = ()


@dataclass(frozen=True, slots=True)
class Context:
    """What the receiving site knows. `at` is site seconds; `dialect` is how the peer writes."""

    at: float
    dialect: Dialect = GENERIC
    versions: frozenset[str] = frozenset()
    """Values of MSH-12 that are taken; empty takes all."""
    processing_ids: frozenset[str] = frozenset()
    """Values of MSH-11 that are taken; empty takes all."""
    strict: bool = False
    """Refuse what would be tolerated with a warning: codes outside of HL7's tables, merges of unknown patients."""


Acceptor = Callable[[Message, Context], Accepted]


def reference(key: str) -> JSON:
    """A reference to the resource of another intent of the same message."""
    return {"reference": INTENT + key}


def resolve(node: Any, references: Mapping[str, str]) -> Any:
    """A copy of `node` in which every reference to an intent key has become the one in `references`.

    Where that is empty (what is not there), the element is left out: its identifier, if it has one, must do.
    """
    if isinstance(node, dict):
        made = {}
        for name, value in node.items():
            if isinstance(value, str):
                if value.startswith(INTENT):
                    value = references[value.removeprefix(INTENT)]
                    if not value:
                        continue
            elif isinstance(value, _NODES):
                value = resolve(value, references)
            made[name] = value
        return made
    if isinstance(node, list):
        return [resolve(item, references) for item in node]
    if isinstance(node, str) and node.startswith(INTENT):
        return references[node.removeprefix(INTENT)]
    return node
