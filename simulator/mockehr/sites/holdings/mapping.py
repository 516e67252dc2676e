"""Mapping files: which column of a client's table is which element of FHIR, and how it is written there."""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import tzinfo
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, Field, field_validator, model_validator

from mockehr.config.document import Document, Finding, refusal
from mockehr.config.explain import validate
from mockehr.config.load import load_file
from mockehr.config.settings import Section
from mockehr.core.errors import UsageError, nearest_names
from mockehr.fhir.elements import PRIMITIVES, is_resource_type, resource_types
from mockehr.sites.holdings.element_path import kind_at

Scalar = str | int | float | bool


class ColumnSection(Section):
    """How one column is written."""

    path: str
    """The element that it holds, as in `name[0].family` or `identifier.where(system='urn:x').value`."""
    format: str = ""
    """How dates are written, in the letters of strptime: `%d.%m.%Y`."""
    zone: str = "UTC"
    """The time zone of times that name none, as in `America/Chicago`."""
    codes: dict[str, Scalar] = Field(default_factory=dict)
    """What the client writes, to what FHIR has: `{M: male}`. What is not named stays as it is."""
    prefix: str = ""
    """What is to be put before each value, as `Patient/` before a bare id."""
    split: str = ""
    """What parts several values in one cell; the element then means all of them."""

    @field_validator("zone")
    @classmethod
    def _zone_is_there(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, OSError, ValueError) as error:
            raise ValueError(f"there is no time zone {value!r}; write it like America/Chicago") from error
        return value


def _column(value: object) -> object:
    return {"path": value} if isinstance(value, str) else value


class TableSection(Section):
    """One table: records of one resource type, one a row."""

    type: str
    """The resource type."""
    id: str
    """The column with the record's id, with or without its type before it."""
    file: str = ""
    """The file, beside the one that was given; that one itself unless told."""
    table: str = ""
    """In a database: the table, or with its schema `schema.table`."""
    query: str = ""
    """In a database: what to ask in place of a table."""
    columns: dict[str, Annotated[ColumnSection, BeforeValidator(_column, json_schema_input_type=str | ColumnSection)]]
    """By column: an element path, or a path with how it is written."""
    constants: dict[str, Scalar] = Field(default_factory=dict)
    """Elements that are the same in all rows, by path."""

    @model_validator(mode="after")
    def _table_or_query(self) -> Self:
        if self.table and self.query:
            raise ValueError("table, query: say one of them")
        return self


class MappingFile(Section):
    """A mapping file."""

    version: Literal[1] = 1
    encoding: str = "utf-8"
    """Of files: `windows-1252`, `latin-1` …"""
    delimiter: str = Field(",", min_length=1, max_length=1)
    absent: list[str] = Field(default_factory=lambda: [""])
    """Texts in files that mean that there is nothing."""
    tables: list[TableSection] = Field(min_length=1)

    @field_validator("encoding")
    @classmethod
    def _encoding_is_there(cls, value: str) -> str:
        try:
            codecs.lookup(value)
        except LookupError as error:
            raise ValueError(f"there is no encoding {value!r}; write it like windows-1252") from error
        return value

    @field_validator("tables", mode="before")
    @classmethod
    def _tables_are_a_list(cls, value: object) -> object:
        if not isinstance(value, list):
            raise ValueError("is a list of tables: write it like [{type: Patient, id: mrn, columns: {…}}]")
        return value


@dataclass(frozen=True, slots=True)
class Column:
    """One column, ready for reading. `kind` is the FHIR type of its element."""

    name: str
    path: str
    kind: str
    format: str = ""
    zone: tzinfo = field(default_factory=lambda: ZoneInfo("UTC"))
    codes: Mapping[str, Scalar] = field(default_factory=lambda: MappingProxyType({}))
    prefix: str = ""
    split: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """One table, ready for reading. `position` is its place in the file."""

    position: int
    said: TableSection
    columns: tuple[Column, ...]


@dataclass(frozen=True, slots=True)
class Mapped:
    """A mapping that was read and checked."""

    document: Document
    said: MappingFile
    tables: tuple[Table, ...]

    def refuse_columns(self, table: Table, known: list[str], place: str) -> None:
        """Raise ConfigError naming each column of the mapping that a table does not have."""
        findings = [
            Finding(("tables", table.position, *path), f"{place} has no column {name!r}", _nearest(name, known))
            for path, name in [
                (("id",), table.said.id),
                *((("columns", one.name), one.name) for one in table.columns),
            ]
            if name not in known
        ]
        if findings:
            raise refusal(self.document, findings)


def load_mapping(path: Path) -> Mapped:
    """Read and check a mapping file.

    Raises EnvironmentProblem if it cannot be read, ConfigError with file, line and nearest name of all that is wrong.
    """
    document = load_file(path)
    said = validate(MappingFile, document)
    found = [one for position, table in enumerate(said.tables) for one in _faults(position, table)]
    if found:
        raise refusal(document, found)
    return Mapped(document, said, tuple(_table(position, table) for position, table in enumerate(said.tables)))


def _table(position: int, said: TableSection) -> Table:
    columns = [
        Column(
            name,
            one.path,
            kind_at(said.type, one.path),
            one.format,
            ZoneInfo(one.zone),
            MappingProxyType(one.codes),
            one.prefix,
            one.split,
        )
        for name, one in said.columns.items()
    ]
    return Table(position, said, tuple(columns))


def _faults(position: int, table: TableSection) -> Iterator[Finding]:
    place = ("tables", position)
    if not is_resource_type(table.type):
        yield Finding((*place, "type"), f"there is no resource type {table.type!r}", _nearest(table.type, types()))
        return
    for name, one in table.columns.items():
        yield from _path_faults(table.type, one.path, (*place, "columns", name))
    for path in table.constants:
        yield from _path_faults(table.type, path, (*place, "constants", path))


def _path_faults(kind: str, path: str, place: tuple[str | int, ...]) -> Iterator[Finding]:
    try:
        found = kind_at(kind, path)
    except UsageError as error:
        yield Finding(place, error.what.rstrip("."), error.nearest)
        return
    if found and found not in PRIMITIVES:
        yield Finding(place, f"{path!r} is a {found}, which is no single value; name one of its elements")


def types() -> tuple[str, ...]:
    """The resource types that a mapping may name."""
    return resource_types()


def _nearest(name: str, known: Any) -> str:
    return next(iter(nearest_names(name, known, limit=1)), "")
