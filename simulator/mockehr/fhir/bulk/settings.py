"""How one vendor exports: what may be asked, how long it takes, where things are (section `bulk` of settings)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Final, Self

from mockehr.core.errors import ConfigError, nearest_names
from mockehr.core.exchange import JSON

LEVELS: Final = ("system", "patient", "group")
ID_FORMS: Final = ("plain", "hex", "uuid")
_CHOICES: Final[Mapping[str, tuple[str, ...]]] = {
    "ids": (*ID_FORMS[1:], "number"),
    "file_ids": ID_FORMS,
    "files": ("direct", "redirect"),
}
_LEAST: Final[Mapping[str, int]] = {
    "chunk": 1, "large_chunk": 1, "file_resources": 1, "cache_octets": 0, "at_least": 0, "per_patient": 0, "kept": 1,
    "signed_for": 1, "retry_after": 0, "once_in": 0, "running": 0, "counted_up_to": 0,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class BulkSettings:
    """Times are seconds of the site's clock. `generic/personality.yaml` says what each setting does."""

    levels: tuple[str, ...]
    parameters: tuple[str, ...]
    types: tuple[str, ...]
    """Empty for all."""
    on_request: frozenset[str]
    shared_types: frozenset[str]
    unfiltered_types: frozenset[str]
    accompanied_types: frozenset[str]
    filters_per_type: int
    type_filter_status: int
    prefer_required: bool
    headers: JSON
    group_scope: bool
    kickoff_status: int
    kickoff_body: JSON
    ids: str
    file_ids: str
    status_url: str
    file_url: str
    stored_url: str
    files: str
    file_status: int
    signed_for: float
    ranges: bool
    progress: str
    status_body: JSON
    retry_after: int
    too_often: bool
    requires_access_token: bool
    token_as_text: bool
    at_least: float
    per_patient: float
    kept: float
    once_in: float
    once_status: int
    once_text: str
    running: int
    running_alike: int
    running_status: int
    running_text: str
    chunk: int
    large_chunk: int
    counted_up_to: int
    file_resources: int
    cache_octets: int

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Self:
        """The settings of a section; raises ConfigError for a value that means nothing."""
        values = {field.name: _value(field.type, told[field.name]) for field in fields(cls)}
        for name in told["levels"]:
            if name not in LEVELS:
                raise _wrong("levels", name, LEVELS)
        for name, choices in _CHOICES.items():
            if told[name] not in choices:
                raise _wrong(name, str(told[name]), choices)
        for name, least in _LEAST.items():
            if told[name] < least:
                raise ConfigError(f"The setting bulk.{name} is {told[name]}.", remedy=f"Give it at least {least}.")
        return cls(**values)


def _value(kind: Any, told: Any) -> Any:
    if str(kind).startswith("frozenset"):
        return frozenset(told)
    if str(kind).startswith("tuple"):
        return () if told == "all" else tuple(told)
    return dict(told) if isinstance(told, Mapping) else told


def _wrong(name: str, value: str, choices: tuple[str, ...]) -> ConfigError:
    near = ", ".join(nearest_names(value, choices))
    return ConfigError(f"The setting bulk.{name} has {value!r}.", nearest=near, remedy=f"Use {', '.join(choices)}.")
