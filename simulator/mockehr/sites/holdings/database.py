"""Records in a database, by any SQLAlchemy URL, read by a mapping. Wants the extra `mockehr[sql]`."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import Any, Final

from mockehr.core.errors import ConfigError, EnvironmentProblem, UsageError
from mockehr.sites.holdings.cells import row_of
from mockehr.sites.holdings.mapping import Mapped, Table
from mockehr.sites.holdings.model import Holding

AT_ONCE: Final = 1000
"""Rows that are fetched at once."""


class SqlRecords:
    """The rows of the tables of a mapping in a database; its queries are asked as they stand.

    Raises EnvironmentProblem for a database that cannot be asked or without SQLAlchemy, UsageError for a URL that is
    none, ConfigError for a table without `table` or `query`, and for columns that are not there.
    """

    def __init__(self, url: str, mapping: Mapped) -> None:
        self._mapping = mapping
        self._sql = _sqlalchemy()
        try:
            self._engine = self._sql.create_engine(url)
        except self._sql.exc.ArgumentError as error:
            raise UsageError(
                "The address of the database is none that SQLAlchemy takes.",
                remedy="Write it like sqlite:///copy.db or postgresql+psycopg://user:password@host/name.",
            ) from error
        except ImportError as error:
            raise EnvironmentProblem(
                f"The driver for that database is not installed: {error}.", remedy="Install what the error names."
            ) from error

    def __iter__(self) -> Iterator[Holding]:
        try:
            with self._engine.connect() as connection:
                for table in self._mapping.tables:
                    yield from self._rows(connection, table)
        except self._sql.exc.SQLAlchemyError as error:
            told = str(getattr(error, "orig", None) or error).splitlines()[0]
            raise EnvironmentProblem(
                f"The database cannot be asked: {told}.", remedy="Look at its address, and at table and query."
            ) from error
        finally:
            self._engine.dispose()

    def _rows(self, connection: Any, table: Table) -> Iterator[Holding]:
        answer = connection.execution_options(stream_results=True, yield_per=AT_ONCE).execute(self._question(table))
        known, place = list(answer.keys()), table.said.table or f"tables[{table.position}]"
        self._mapping.refuse_columns(table, known, place)
        for number, row in enumerate(answer, 1):
            yield row_of(table, dict(zip(known, row, strict=True)), f"{place} row {number}")

    def _question(self, table: Table) -> Any:
        if table.said.query:
            return self._sql.text(table.said.query)
        if not table.said.table:
            place = self._mapping.document.place(("tables", table.position))
            raise ConfigError("A table of a database needs a name.", [f"{place}: say table, or query"])
        schema, _, name = table.said.table.rpartition(".")
        return self._sql.select(self._sql.text("*")).select_from(self._sql.table(name, schema=schema or None))


def _sqlalchemy() -> Any:
    try:
        return importlib.import_module("sqlalchemy")
    except ImportError as error:
        raise EnvironmentProblem(
            "Records in a database need SQLAlchemy, which is not installed.",
            remedy="Install the extra: pip install 'mockehr[sql]'.",
        ) from error
