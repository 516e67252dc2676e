"""Application replies that say more than an ACK: what was ordered (ORR, ORL), what was asked for (RSP)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mockehr.core.exchange import JSON
from mockehr.hl7.ack import Code
from mockehr.hl7.dialect import Dialect
from mockehr.hl7.faults import Fault
from mockehr.hl7.header import Header


@dataclass(frozen=True, slots=True)
class Question:
    """What a query wants to have looked up: FHIR search parameters of one resource type, at most `limit` answers.

    `start` skips that many (continuation). `key` names one to find by any of its identifiers in place of a search:
    (system, value) pairs, an empty system for any.
    """

    resource_type: str
    criteria: tuple[tuple[str, str], ...] = ()
    keys: tuple[tuple[str, str], ...] = ()
    limit: int = 50
    start: int = 0
    beside: tuple[str, ...] = ()
    """Types of resources that come along where one patient alone is found: all of that patient's."""


@dataclass(frozen=True, slots=True)
class Situation:
    """All that a reply may say. `resources` are those written or found, in order; `total` how many there are."""

    header: Header
    """MSH of the message that is answered."""
    code: Code
    at: float
    """Site seconds."""
    control_id: str
    """MSH-10 of the reply."""
    dialect: Dialect
    resources: Sequence[JSON] = ()
    total: int = 0
    text: str = ""
    faults: tuple[Fault, ...] = ()


Respond = Callable[[Situation], bytes]
"""Builds the reply, unframed: its MSH, MSA and what follows."""
