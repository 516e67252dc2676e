"""What all messages that go out have in common: MSH, the order of segments, the site's own segments."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from mockehr.core.errors import UsageError
from mockehr.core.exchange import JSON
from mockehr.hl7.delimiters import DEFAULT, translate
from mockehr.hl7.dialect import Dialect
from mockehr.hl7.fitting import fit
from mockehr.hl7.stamps import from_fhir, stamp
from mockehr.hl7.structures import structure
from mockehr.hl7.write import Field, Writer


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened and is to be told.

    `name` is message type and trigger (`ADT^A01`), `at` site seconds when it is told, `number` the count of messages
    on this link (it feeds MSH-10), `occurred` when it happened if that was earlier.
    """

    name: str
    at: float
    number: int
    occurred: float | None = None
    operator: str = ""
    """EVN-5, who entered it."""
    action: str = ""
    """`create`, `update` or `delete`: what was done to the resource; empty if nobody says."""
    status_before: str = ""
    """The `status` that the resource had before, if it was there."""

    @property
    def trigger(self) -> str:
        """The part after the `^`."""
        return self.name.partition("^")[2]


Emitter = Callable[[Event, Sequence[JSON], Dialect], bytes]


class Outline:
    """One message being written: segments in order, in one dialect."""

    __slots__ = ("_lines", "_writer", "dialect", "event")

    def __init__(self, event: Event, dialect: Dialect) -> None:
        self.event = event
        self.dialect = dialect
        self._writer = Writer(dialect.delimiters, dialect.codec)
        self._lines: list[bytes] = []
        self._own("", self._header())

    def add(self, segment_id: str, fields: Mapping[int, Field]) -> None:
        """Add one segment as the dialect's version knows it, and the site's own segments that follow it.

        A segment that the version does not have is left out.
        """
        fitted = fit(segment_id, fields, self.dialect.version)
        if fitted:
            self._own(segment_id, self._writer.segment(segment_id, fitted))

    def time(self, fhir: str) -> str:
        """A FHIR time as this dialect writes it."""
        return from_fhir(fhir, self.dialect.precision, self.dialect.offset)

    def now(self) -> str:
        """When what is told happened, as this dialect writes it."""
        at = self.event.occurred if self.event.occurred is not None else self.event.at
        return stamp(at, self.dialect.precision, self.dialect.offset)

    def finish(self) -> bytes:
        """The message: every segment ended by CR."""
        return b"\r".join(self._lines) + b"\r"

    def _own(self, segment_id: str, line: bytes) -> None:
        first = not any(present.startswith(line[:3]) for present in self._lines)
        self._lines.append(line)
        for own in self.dialect.z_segments:
            if first and own.after == (segment_id or "MSH"):
                raw = own.text.encode(self.dialect.codec, "replace")
                self._lines.append(translate(raw, DEFAULT, self.dialect.delimiters))

    def _header(self) -> bytes:
        event, dialect = self.event, self.dialect
        kind = event.name.split("^")
        if dialect.structure and dialect.modern:
            kind.append(structure(event.name, dialect.version))
        sent = stamp(event.at, dialect.sent_precision or dialect.precision, dialect.offset)
        number = dialect.control_id.format(number=event.number, seconds=int(event.at), stamp=sent)
        fields: dict[int, Field] = {
            3: dialect.sending_application.split("^"),
            4: dialect.sending_facility.split("^"),
            5: dialect.receiving_application.split("^"),
            6: dialect.receiving_facility.split("^"),
            7: sent,
            8: dialect.security,
            9: kind,
            10: number,
            11: dialect.processing_id,
            12: dialect.version,
            15: dialect.accept_condition,
            16: dialect.application_condition,
            18: dialect.charset,
            21: dialect.profiles.get(event.name, "").split("^"),
        }
        return self._writer.header(fit("MSH", fields, dialect.version))


def first(resources: Iterable[JSON], resource_type: str) -> JSON | None:
    """The first resource of that type, or None."""
    return next((resource for resource in resources if resource.get("resourceType") == resource_type), None)


def needed(resources: Iterable[JSON], resource_type: str, event: Event) -> JSON:
    """The first resource of that type; raises UsageError if there is none."""
    found = first(resources, resource_type)
    if found is None:
        raise UsageError(
            f"{event.name} cannot be written without a {resource_type}.",
            remedy=f"Give the {resource_type} among the resources.",
        )
    return found


def referred(resources: Iterable[JSON], reference: JSON | None) -> JSON | None:
    """The resource among `resources` that a FHIR reference names, or None."""
    name = (reference or {}).get("reference", "")
    kind, _, identity = name.rpartition("/")
    kind = kind.rpartition("/")[2]
    if not identity:
        return None
    return next((one for one in resources if one.get("resourceType") == kind and one.get("id") == identity), None)
