"""Field types that configuration files share: durations, moments, ports, one-or-many lists."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from mockehr.core.clock import duration


def _seconds(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError("a duration is a number of seconds or a text such as 30s or 2d12h")
    try:
        return duration(value)
    except ValueError as error:
        told = str(error) if "duration" in str(error) else f"{value!r} is no duration: write it like 30s or 2d12h"
        raise ValueError(told) from error


def _moment(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError("a moment is a text such as 2026-01-05T12:00:00Z, or seconds since 1970")
    if not isinstance(value, str):
        return float(value)
    try:
        moment = datetime.fromisoformat(value)
    except ValueError as error:
        raise ValueError(f"{value!r} is no moment: write it like 2026-01-05T12:00:00Z") from error
    if moment.tzinfo is None:
        raise ValueError(f"{value!r} names no time zone: end it with Z or an offset such as -06:00")
    return moment.timestamp()


def _not_negative(value: float) -> float:
    if value < 0:
        raise ValueError("a duration cannot be negative")
    return value


def listed(value: Any) -> Any:
    """A text as the list of its parts between commas; anything else as it is."""
    return [part.strip() for part in value.split(",")] if isinstance(value, str) else value


def _spaced(value: Any) -> Any:
    return value.split() if isinstance(value, str) else value


_DURATION_SCHEMA: Final[dict[str, Any]] = {
    "anyOf": [{"type": "number", "minimum": 0}, {"type": "string", "pattern": r"^\s*[0-9.]"}],
    "description": "Seconds, or a text such as 250ms, 30s, 1.5h, 2d12h.",
}
_MOMENT_SCHEMA: Final[dict[str, Any]] = {
    "anyOf": [{"type": "number"}, {"type": "string", "format": "date-time"}],
    "description": "2026-01-05T12:00:00Z, or seconds since 1970 UTC.",
}

Duration = Annotated[
    float, BeforeValidator(_seconds), AfterValidator(_not_negative), WithJsonSchema(_DURATION_SCHEMA)
]
"""Seconds, written as a number or as `30s`, `1.5h`, `2d12h`."""

Moment = Annotated[float, BeforeValidator(_moment), WithJsonSchema(_MOMENT_SCHEMA)]
"""Seconds since 1970 UTC, written as ISO 8601 with a time zone."""

Names = Annotated[list[str], BeforeValidator(listed, json_schema_input_type=str | list[str])]
"""One name, several separated by commas, or a list."""

Words = Annotated[list[str], BeforeValidator(_spaced, json_schema_input_type=str | list[str])]
"""Words separated by spaces, or a list: the form of an OAuth scope string."""

Port = Annotated[int, Field(ge=0, le=65535)]
"""A TCP port; 0 lets the system choose one."""

Count = Annotated[int, Field(ge=0)]
"""A whole number from 0."""

Share = Annotated[float, Field(ge=0, le=1)]
"""A probability."""
