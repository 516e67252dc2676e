"""What goes out: an event and the resources it concerns become a message in the site's dialect."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from mockehr.core.exchange import JSON
from mockehr.core.registry import Registry
from mockehr.hl7.dialect import Dialect
from mockehr.hl7.emit.outline import Emitter, Event
from mockehr.hl7.families import collect

__all__ = ["EMITTERS", "Event", "emit"]
EMITTERS: Final[Registry[Emitter]] = collect("emitted HL7 message", __name__, __path__, "EMITS")
"""By message type and trigger, such as `ADT^A01`."""


def emit(event: Event, resources: Sequence[JSON], dialect: Dialect) -> bytes:
    """The message that tells of `event`, unframed.

    `resources` are FHIR R4 resources in any order; which ones a family wants is said in its module. Raises
    UnknownName for an event that nobody emits, UsageError if a needed resource is missing.
    """
    return EMITTERS.get(event.name)(event, resources, dialect)
