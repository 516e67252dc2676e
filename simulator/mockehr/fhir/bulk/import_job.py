"""An import as plain values: what was asked for and what became of it; how a site imports (section `import`).

The operation is that of the SMART bulk import draft (github.com/smart-on-fhir/bulk-import): files of NDJSON that the
server fetches. Times are seconds of the site's clock unless said otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Final, Self

from mockehr.core.errors import ConfigError, nearest_names

ATOMIC: Final = ("line", "file")
_LEAST: Final[Mapping[str, float]] = {
    "at_least": 0, "retry_after": 0, "kept": 1, "most_files": 1, "file_octets": 1, "patience": 0.1,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ImportSettings:
    """`generic/personality.yaml` says what each setting does."""

    hosts: tuple[str, ...]
    atomic: str
    keep_meta: bool
    status_url: str
    file_url: str
    progress: str
    retry_after: int
    at_least: float
    kept: float
    most_files: int
    file_octets: int
    patience: float
    """Wall seconds."""

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Self:
        """The settings of a section; raises ConfigError for a value that means nothing."""
        if told["atomic"] not in ATOMIC:
            near = ", ".join(nearest_names(str(told["atomic"]), ATOMIC))
            text = f"The setting import.atomic has {told['atomic']!r}."
            raise ConfigError(text, nearest=near, remedy=f"Use {', '.join(ATOMIC)}.")
        for name, least in _LEAST.items():
            if told[name] < least:
                raise ConfigError(f"The setting import.{name} is {told[name]}.", remedy=f"Give it at least {least}.")
        values = {field.name: told[field.name] for field in fields(cls)}
        return cls(**values | {"hosts": tuple(str(host).lower() for host in told["hosts"])})


@dataclass(frozen=True, slots=True)
class ImportFile:
    """One file to be fetched, and the type of all that is in it."""

    kind: str
    url: str


@dataclass(frozen=True, slots=True)
class ImportJob:
    """One import, as decided at kick-off."""

    id: str
    number: int
    client: str
    request: str
    """The whole URL of the kick-off."""
    base_url: str
    entry: int
    """Number of the kick-off in the journal: what is written is its work."""
    kicked_off: float
    due: float
    expires: float
    files: tuple[ImportFile, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one file."""

    created: int
    updated: int
    refused: int
    """Lines that were refused (1 for a file that could not be fetched)."""
    told: bytes
    """One OperationOutcome a line, for what was refused; in gzip. Empty if nothing was."""

    @property
    def stored(self) -> int:
        """Resources that were stored."""
        return self.created + self.updated
