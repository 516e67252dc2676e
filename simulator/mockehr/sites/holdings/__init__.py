"""What a client holds, from wherever it keeps it: files, tables, a database, a function. One reader a module."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from mockehr.core.errors import EnvironmentProblem, UsageError
from mockehr.fhir.intake import LINES, files_at
from mockehr.sites.holdings.bundle import BundleRecords
from mockehr.sites.holdings.database import SqlRecords
from mockehr.sites.holdings.delimited import CsvRecords
from mockehr.sites.holdings.given import GivenRecords
from mockehr.sites.holdings.mapping import Mapped, load_mapping
from mockehr.sites.holdings.model import Holding, Records, Row, Unreadable
from mockehr.sites.holdings.ndjson import NdjsonRecords

__all__ = ["Holding", "Records", "Row", "Source", "Unreadable", "records_from", "row_from"]

Source = str | Path | Callable[[], Iterable[Any]] | Iterable[Any]
"""A file, a folder, a database's URL, a function, or the records themselves."""
_TABLES: Final = (".csv", ".tsv", ".txt")
_DELIMITED: Final = "Give --mapping, or mapping=: a YAML file that says which column is which element."


def records_from(source: Source, mapping: str | Path | None = None) -> Records:
    """The reader of what a client holds.

    A file of NDJSON or JSON (also .gz), a folder of them; with a `mapping` a CSV file, a folder of such, or the URL
    of a database. A text is a path or a URL. Raises EnvironmentProblem for what is not there, UsageError for a table
    without a mapping, ConfigError for a mapping that does not hold.
    """
    if not isinstance(source, str | Path):
        return GivenRecords(source)
    made = load_mapping(Path(mapping)) if mapping is not None else None
    if isinstance(source, str) and "://" in source:
        return SqlRecords(source, _needed(made, "A database"))
    path = Path(source)
    if not path.exists():
        raise EnvironmentProblem(f"There are no records at {path}.", remedy="Name a file, a folder or a database.")
    if made is not None:
        return CsvRecords(path, made)
    if path.suffix.lower() in _TABLES:
        _needed(made, path.name)
    return _Files(path)


class _Files:
    """The resources in all files of NDJSON and JSON at a path, in the order of their names."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __iter__(self) -> Iterator[Holding]:
        for file in files_at(self._path):
            yield from NdjsonRecords(file) if file.name.endswith(LINES) else BundleRecords(file)


def row_from(document: Any) -> Holding:
    """A row as `Row.as_json` writes it; an Unreadable for what is none, or says in `unreadable` why it is not."""
    if isinstance(document, Mapping):
        kind, id, elements = (document.get(name) for name in ("resourceType", "id", "elements"))
        if isinstance(kind, str) and isinstance(id, str) and isinstance(elements, Mapping):
            return Row(kind, id, dict(elements))
        if isinstance(document.get("unreadable"), str):
            return Unreadable("", document["unreadable"])
    return Unreadable("", "no row: it has resourceType, id and elements by path")


def _needed(mapping: Mapped | None, what: str) -> Mapped:
    if mapping is None:
        raise UsageError(f"{what} is a table, and nothing says what its columns mean.", remedy=_DELIMITED)
    return mapping
