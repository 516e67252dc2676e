"""The file of a SQLite overlay: its tables, opening it, and whose it is.

In WAL mode readers never wait, and one writer at a time is let in by the database itself, whatever process it is in.
`synchronous=NORMAL`: what was committed survives the end of the process, however sudden; when the machine itself
loses power the newest transactions may be missing, and the file is still whole (sqlite.org/wal.html).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from mockehr.core.errors import EnvironmentProblem

FORMAT: Final = 1
"""Of the tables below; a file of another is refused."""
OURS: Final = 0x6D6F636B
"""`PRAGMA application_id` of our files: `mock`."""
PATIENCE: Final = 10.0
"""Seconds of wall time that a writer waits for another process to finish."""
ATTEMPTS: Final = 100
"""At switching a new file to WAL, while others open it too."""
TABLES: Final = (
    "CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    "CREATE TABLE serial (value INTEGER NOT NULL)",
    "INSERT INTO serial VALUES (0)",
    # `document` is null where reading the body gives it; ids and the like are octets where they are no valid text.
    """CREATE TABLE versions (
        number INTEGER PRIMARY KEY, type TEXT NOT NULL, id TEXT NOT NULL, version INTEGER NOT NULL,
        updated REAL NOT NULL, patient TEXT NOT NULL, deleted INTEGER NOT NULL, body BLOB NOT NULL, document TEXT,
        UNIQUE (type, id, version))""",
    "CREATE INDEX versions_of_type ON versions (type, number, updated)",
    # `first` is the number of the first version, `number` that of the current one.
    """CREATE TABLE current (
        type TEXT NOT NULL, id TEXT NOT NULL, number INTEGER NOT NULL, first INTEGER NOT NULL,
        patient TEXT NOT NULL, deleted INTEGER NOT NULL, PRIMARY KEY (type, id)) WITHOUT ROWID""",
    "CREATE INDEX current_of_type ON current (type, first, number)",
    "CREATE INDEX current_of_patient ON current (type, patient, deleted, number)",
    """CREATE TABLE identifiers (
        type TEXT NOT NULL, system TEXT NOT NULL, value TEXT NOT NULL, number INTEGER NOT NULL,
        PRIMARY KEY (type, system, value, number)) WITHOUT ROWID""",
    "CREATE INDEX identifiers_of_version ON identifiers (number)",
)


def open_file(path: Path, identity: Mapping[str, str]) -> sqlite3.Connection:
    """A connection to the file, which is made with its folder if it is not there.

    `identity` says whose it is (name, seed …). Raises EnvironmentProblem if it is another's, of another format, no
    such file at all, or cannot be read and written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Sites are single-threaded but not bound to one thread: a site is built in one and served in another.
        connection = sqlite3.connect(path, timeout=PATIENCE, isolation_level=None, check_same_thread=False)
    except (OSError, sqlite3.Error) as error:
        raise _unusable(path, error) from error
    try:
        connection.execute("PRAGMA synchronous = NORMAL")
        _prepare(connection, path, identity)
    except sqlite3.Error as error:
        connection.close()
        raise _unusable(path, error) from error
    except EnvironmentProblem:
        connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection, path: Path, identity: Mapping[str, str]) -> None:
    """Make the tables, or see whose they are; one process at a time."""
    connection.execute("BEGIN EXCLUSIVE")
    try:
        if connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,):
            connection.execute(f"PRAGMA application_id = {OURS}")
            for statement in TABLES:
                connection.execute(statement)
            told = {"format": str(FORMAT), **identity}
            connection.executemany("INSERT INTO meta VALUES (?, ?)", told.items())
        elif connection.execute("PRAGMA application_id").fetchone() != (OURS,):
            raise EnvironmentProblem(
                f"{path} is a database of something else.", remedy="Name another folder for what a site holds."
            )
        _compare(path, dict(connection.execute("SELECT name, value FROM meta").fetchall()), identity)
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")
    _write_ahead(connection)


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Switch the file to WAL, which it then stays in. Wants to be alone, and does not wait for that by itself."""
    for _ in range(ATTEMPTS):
        try:
            if connection.execute("PRAGMA journal_mode = WAL").fetchone() == ("wal",):
                return
        except sqlite3.OperationalError:
            pass  # another process opens the file at this very moment
        connection.execute("BEGIN IMMEDIATE")  # this waits for it
        connection.execute("COMMIT")
    raise sqlite3.OperationalError("it cannot be switched to write-ahead logging")


def _compare(path: Path, found: Mapping[str, str], identity: Mapping[str, str]) -> None:
    if found.get("format") != str(FORMAT):
        raise EnvironmentProblem(
            f"{path} has format {found.get('format')}, and this version of mockehr reads {FORMAT}.",
            remedy="Use the version that wrote it, or remove the file to begin anew.",
        )
    differing = [name for name in identity if found.get(name) != identity[name]]
    if differing:
        told = "; ".join(f"{name} {found.get(name)!r} there, {identity[name]!r} here" for name in differing)
        raise EnvironmentProblem(
            f"{path} holds what was written at another site: {told}.",
            remedy="Start the site as it was then, name another folder, or remove the file to begin anew.",
        )


def _unusable(path: Path, error: Exception) -> EnvironmentProblem:
    return EnvironmentProblem(
        f"{path} cannot be used to hold what is written: {error}.",
        remedy="Name a folder on a local disk that can be written; sqlite:FOLDER.",
    )
