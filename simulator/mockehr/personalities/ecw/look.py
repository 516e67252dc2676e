"""What the shapes of eClinicalWorks share: practice numbers, shares, references, midnight. Sources: notes.md."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from mockehr.core.exchange import JSON
from mockehr.personalities.dates import moment
from mockehr.personalities.dresser import Dresser

HL7: Final = "http://terminology.hl7.org/CodeSystem/"
ABSENT: Final = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
_DATE_TIMES: Final = frozenset(
    {
        *("authored", "authoredOn", "created", "creation", "dateAsserted", "lastOccurrence", "receivedTime"),
        *("recordedDate", "started", "whenHandedOver", "whenPrepared"),
    }
)
"""Elements of type dateTime whose names do not end with that."""
_INSTANTS: Final = frozenset({"issued", "lastUpdated", "recorded"})


@dataclass(frozen=True, slots=True)
class Look:
    """One chart as eClinicalWorks sees it. `systems` has the identifier systems `record_number` and `shared`."""

    dresser: Dresser
    tables: Mapping[str, Any]
    systems: Mapping[str, Any]
    zone: str
    """The practice's offset from UTC, such as `-05:00`."""

    def falls(self, table: str, *names: str) -> bool:
        """Whether something is among the share of `shape.tables`; the same names always are or never."""
        share = float(self.tables[table])
        return share > 0 and self.dresser.stream("ecw", table, *names).random() < share

    def number(self, what: str, *names: str) -> str:
        """A number of this practice's for something."""
        return str(1_000 + self.dresser.stream("ecw", what, *names).below(900_000))


def refer(reference: JSON) -> JSON:
    """Relative with its type; nobody's name."""
    where = str(reference.get("reference", ""))
    kind, slash, _ = where.partition("/")
    made = {name: value for name, value in reference.items() if name not in ("display", "type")}
    return {**made, "type": kind} if slash and kind[:1].isupper() else made


def absent(reason: str) -> JSON:
    """What stands in place of a value."""
    return {"extension": [{"url": ABSENT, "valueCode": reason}]}


def at_midnight(node: Any, zone: str, *, instants: bool = False) -> None:
    """Set all dateTimes in a node to the first second of their day in that zone, in place.

    `instants`: `start` and `end` here are instants, as in an Appointment.
    """
    if isinstance(node, list):
        for one in node:
            at_midnight(one, zone)
        return
    if not isinstance(node, dict):
        return
    for name, value in node.items():
        if isinstance(value, (dict, list)):
            at_midnight(value, zone)
        elif isinstance(value, str) and _is_date_time(name, instants=instants):
            node[name] = midnight(value, zone)


def midnight(text: str, zone: str) -> str:
    """The first second of the day of a date or dateTime, in that zone; what is less precise stays as it is."""
    if len(text) < 10 or not text[:4].isdigit():
        return text
    day = moment(text, zone)[:10] if len(text) > 10 else text
    return f"{day}T00:00:00{zone}"


def _is_date_time(name: str, *, instants: bool) -> bool:
    if name in ("start", "end"):
        return not instants
    return name in _DATE_TIMES or (name.endswith("DateTime") and name not in _INSTANTS)
