"""Changing some of the records of a dressed chart, and leaving the others as they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime

from mockehr.core.chance import Stream
from mockehr.core.exchange import JSON

Change = Callable[[JSON, Stream], JSON | None]
"""Makes a changed copy of a record; None where it has nothing that could be changed."""


def reworked(
    chart: Sequence[JSON], kinds: Sequence[str], change: Change, dice: Stream, share: float = 1.0
) -> list[JSON]:
    """The chart with a share of its records of those types changed, at least the first that can be."""
    made = list(chart)
    spared: tuple[int, JSON] | None = None
    changed = False
    for position, resource in enumerate(chart):
        if resource["resourceType"] not in kinds:
            continue
        other = change(resource, dice)
        if other is None:
            continue
        if dice.chance(share):
            made[position] = other
            changed = True
        elif spared is None:
            spared = position, other
    if spared is not None and not changed:
        made[spared[0]] = spared[1]
    return made


def codings(concept: object) -> Iterator[JSON]:
    """The codings of a CodeableConcept; nothing where there is none."""
    for one in concept.get("coding", ()) if isinstance(concept, dict) else ():
        if isinstance(one, dict):
            yield one


def is_laboratory(resource: JSON) -> bool:
    """Whether an Observation says that it is of the laboratory."""
    return any(one.get("code") == "laboratory" for kind in resource.get("category", ()) for one in codings(kind))


def plain_number(value: float) -> str:
    """A value as people write it: no exponent, no trailing zeros."""
    text = f"{value:.6f}".rstrip("0").rstrip(".")
    return text or "0"


def seconds_of(text: str) -> float:
    """A FHIR instant, dateTime or date of day precision in seconds since 1970; without a zone it is UTC."""
    at = datetime.fromisoformat(text)
    return (at if at.tzinfo is not None else at.replace(tzinfo=UTC)).timestamp()
