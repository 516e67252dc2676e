"""Records in CSV files (RFC 4180) with a header line, read by a mapping."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from mockehr.core.errors import ConfigError, EnvironmentProblem, UsageError
from mockehr.sites.holdings.cells import row_of
from mockehr.sites.holdings.mapping import Mapped, Table
from mockehr.sites.holdings.model import Holding, Unreadable


class CsvRecords:
    """The rows of the tables of a mapping: `path` is the file of those that name none, and lies beside the others.

    Raises EnvironmentProblem for a file that cannot be read, ConfigError for columns that it does not have,
    UsageError for one that is not in the mapping's encoding or has no header.
    """

    def __init__(self, path: Path, mapping: Mapped) -> None:
        self._path = path
        self._mapping = mapping

    def __iter__(self) -> Iterator[Holding]:
        for table in self._mapping.tables:
            yield from self._rows(table, self._file(table))

    def _file(self, table: Table) -> Path:
        folder = self._path if self._path.is_dir() else self._path.parent
        if table.said.file:
            return folder / table.said.file
        if self._path.is_dir():
            place = self._mapping.document.place(("tables", table.position))
            raise ConfigError(f"{self._path} is a folder.", [f"{place}: say which file of it"])
        return self._path

    def _rows(self, table: Table, path: Path) -> Iterator[Holding]:
        encoding = self._mapping.said.encoding
        encoding = "utf-8-sig" if encoding.lower().replace("_", "-") in ("utf-8", "utf8") else encoding
        try:
            with path.open(encoding=encoding, newline="") as file:
                yield from self._read(table, path, file)
        except OSError as error:
            raise EnvironmentProblem(
                f"{path} cannot be read: {error.strerror}.", remedy="Give a CSV file."
            ) from error
        except UnicodeDecodeError as error:
            raise UsageError(
                f"{path} is not in {self._mapping.said.encoding}: {error.reason} ({_octet(error)}).",
                remedy="Say in the mapping what it is in, as in encoding: windows-1252.",
            ) from error

    def _read(self, table: Table, path: Path, file: TextIO) -> Iterator[Holding]:
        reader = csv.reader(file, delimiter=self._mapping.said.delimiter, strict=True)
        absent = frozenset(self._mapping.said.absent)
        try:
            header = next(reader, None)
            if not header:
                raise UsageError(f"{path} is empty.", remedy="Its first line has the names of the columns.")
            self._mapping.refuse_columns(table, header, path.name)
            start = reader.line_num + 1
            for cells in reader:
                place, start = f"{path.name}:{start}", reader.line_num + 1
                if len(cells) != len(header):
                    if cells:
                        yield Unreadable(place, f"{len(cells)} cells, where the header has {len(header)}")
                    continue
                found = {name: None if cell in absent else cell for name, cell in zip(header, cells, strict=True)}
                yield row_of(table, found, place)
        except csv.Error as error:
            yield Unreadable(f"{path.name}:{reader.line_num}", f"no CSV: {error}; the rest was not read")


def _octet(error: UnicodeDecodeError) -> str:
    return f"octet 0x{error.object[error.start]:02x}"
