"""Changing dates and times of a record, wherever it has some."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from mockehr.core.exchange import JSON

Redate = Callable[[str], str | None]
"""Another date for one; None where it stays."""

CLINICAL: Final = (
    "effectiveDateTime", "performedDateTime", "occurrenceDateTime", "authoredOn", "onsetDateTime",
    "abatementDateTime", "recordedDate", "date", "period", "performedPeriod", "effectivePeriod", "occurrencePeriod",
)  # fmt: skip
"""Members that say when something happened or was noted, as dateTime or Period."""


def redated(resource: JSON, names: tuple[str, ...], redate: Redate) -> JSON | None:
    """The record with the dates below those members changed; None if that changes none."""
    made = {name: other for name in names if (other := _redated(resource.get(name), redate)) is not None}
    return resource | made if made else None


def _redated(value: Any, redate: Redate) -> Any:
    if isinstance(value, str):
        return redate(value)
    if not isinstance(value, dict):
        return None
    ends = {end: other for end in ("start", "end") if (other := _redated(value.get(end), redate)) is not None}
    return value | ends if ends else None
