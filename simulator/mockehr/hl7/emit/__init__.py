"""What goes out: an event and the resources it concerns become a message in the site's dialect."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from mockehr.core.changes import QUIET, Change
from mockehr.core.exchange import JSON
from mockehr.core.registry import Registry
from mockehr.hl7.dialect import Dialect
from mockehr.hl7.emit.mnemonics import in_mnemonics
from mockehr.hl7.emit.outline import Emitter, Event
from mockehr.hl7.families import collect
from mockehr.hl7.versions import at_least

__all__ = ["EMITTERS", "GATHERERS", "TELLERS", "Event", "Teller", "emit", "told_by"]
_BEFORE_2_4: Final = {"RDE^O11": "RDE^O01", "RDS^O13": "RDS^O01", "RAS^O17": "RAS^O01"}
Teller = Callable[[Change, Dialect], str]
"""Says which message tells of a change of its resource type: type and trigger, or nothing for none."""
EMITTERS: Final[Registry[Emitter]] = collect("emitted HL7 message", __name__, __path__, "EMITS")
"""By message type and trigger, such as `ADT^A01`."""
TELLERS: Final[Registry[Teller]] = collect("resource that HL7 messages tell of", __name__, __path__, "TELLS")
"""By resource type, such as `Appointment`."""
GATHERERS: Final[Registry[tuple[str, ...]]] = collect("gathered for an HL7 message", __name__, __path__, "GATHERS")
"""By message type and trigger: the types of which it tells all that the patient's chart has (of the visit, for what
belongs to visits), or QUIET for what quiet changes just before it changed, which it tells of as well."""


def emit(event: Event, resources: Sequence[JSON], dialect: Dialect) -> bytes:
    """The message that tells of `event`, unframed.

    `resources` are FHIR R4 resources in any order; which ones a family wants is said in its module. Raises
    UnknownName for an event that nobody emits, UsageError if a needed resource is missing.
    """
    return EMITTERS.get(event.name)(event, in_mnemonics(resources, dialect), dialect)


def told_by(change: Change, dialect: Dialect) -> str:
    """The message that tells of a change in this dialect, as type and trigger; empty if none does.

    What happened is taken from the change where it says so; else from what the document became.
    """
    if change.event == QUIET:
        return ""
    name = change.event
    if not name and change.resource_type in TELLERS:
        name = TELLERS.get(change.resource_type)(change, dialect)
    if name in _BEFORE_2_4 and not at_least(dialect.version, "2.4"):
        name = _BEFORE_2_4[name]
    name = dialect.renamed.get(name, name)
    return name if name in EMITTERS else ""
