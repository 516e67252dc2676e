"""What several processes that serve one site have in common besides its store: numbers, tokens, paging sessions.

It lies in a folder that is made for one run and goes with it, apart from the store: there it would make every
process forget the records that it read whenever a token is issued. Needs a system with `fcntl` (not Windows).
"""

from __future__ import annotations

import sqlite3
from functools import partial
from mmap import mmap
from pathlib import Path
from typing import Final

from mockehr.auth.shelf import TABLES as TOKEN_TABLES
from mockehr.auth.shelf import SharedReplays, SqliteDrawer, SqliteShelf
from mockehr.core.errors import EnvironmentProblem
from mockehr.fhir.shared_pages import TABLES as PAGE_TABLES
from mockehr.fhir.shared_pages import SqlitePages
from mockehr.sites.site import Site

ENTRIES, TOKENS, DELIVERIES = range(3)
"""Which word counts what."""
_COUNTS: Final = 3
_OCTETS: Final = 8
PATIENCE: Final = 10.0
"""Seconds of wall time that a process waits for another to write."""


class Words:
    """Numbers in memory that processes share: read without asking, counted up by one process at a time.

    Whoever dies while it counts lets the others in: the system takes its lock away.
    """

    def __init__(self, path: Path, count: int) -> None:
        """Map the file of that many words, made if it is not there. Raises OSError."""
        self._file = path.open("a+b")
        if path.stat().st_size < count * _OCTETS:
            self._file.truncate(count * _OCTETS)
        self._map = mmap(self._file.fileno(), count * _OCTETS)
        self._words = memoryview(self._map).cast("Q")  # aligned, so that each is read and written whole

    def read(self, which: int) -> int:
        """What a word is now."""
        return int(self._words[which])

    def change(self, which: int, *, to: int | None = None) -> int:
        """Set a word, or count it up by one; what it is then."""
        from fcntl import LOCK_EX, LOCK_UN, lockf

        lockf(self._file, LOCK_EX, _OCTETS, which * _OCTETS)
        try:
            value = int(self._words[which]) + 1 if to is None else to
            self._words[which] = value
        finally:
            lockf(self._file, LOCK_UN, _OCTETS, which * _OCTETS)
        return value

    def close(self) -> None:
        """Let go of the file."""
        self._words.release()
        self._map.close()
        self._file.close()


class Count:
    """One of the words: a `mockehr.journal.ring.Numbers` and a `mockehr.auth.shelf.Word`."""

    def __init__(self, words: Words, which: int) -> None:
        self._words = words
        self._which = which

    def read(self) -> int:
        """What it is now."""
        return self._words.read(self._which)

    def next(self) -> int:
        """Count it up by one; what it is then."""
        return self._words.change(self._which)

    def restart(self) -> None:
        """Count from 1 again."""
        self._words.change(self._which, to=0)


class Connections:
    """How many connections each process has: a `mockehr.edge.accepting.Load`."""

    def __init__(self, folder: Path, place: int, places: int) -> None:
        """`place` of `places` is that of this process. Raises OSError."""
        self._words = Words(folder / "connections", places)
        self._place = place
        self._places = range(places)

    def tell(self, connections: int) -> None:
        """This process has that many."""
        self._words.change(self._place, to=connections)

    def least(self) -> int:
        """How many the one with the fewest has."""
        return min(map(self._words.read, self._places))

    def close(self) -> None:
        """Let go of the file."""
        self._words.close()


class Commons:
    """One process's hold on what a site's processes have in common."""

    def __init__(self, site: Site, folder: Path) -> None:
        """Let a site that was just built have it there, with all processes that do the same with the same folder.

        Raises EnvironmentProblem if the folder cannot be used.
        """
        try:
            self._words = Words(folder / f"{site.name}.words", _COUNTS)
            self._connection = _opened(folder / f"{site.name}.sqlite")
        except (OSError, sqlite3.Error) as error:
            raise EnvironmentProblem(
                f"{folder} cannot be used to share what workers have in common: {error}.",
                remedy="Let the folder for temporary files (TMPDIR) be on a local disk with room.",
            ) from error
        site.journal.share(Count(self._words, ENTRIES))
        kept = site.auth.settings.remembered_tokens
        site.auth.tokens.share(SqliteShelf(self._connection, Count(self._words, TOKENS), kept=kept))
        site.auth.assertions.memory = SharedReplays(self._connection)
        site.auth.drawers.share(partial(SqliteDrawer, self._connection))
        pages = SqlitePages(self._connection, site.fhir)
        site.fhir.pages.share(pages)
        site.journal.listen(pages.settle)
        # A receiver that knows deliveries by their number must not be told two by one number. After a reset of the
        # site they go on: what was delivered before may still be under way from another process.
        site.outbox.next_number = Count(self._words, DELIVERIES).next
        site.outbox.share_numbers()
        site.links.share_numbers()

    def close(self) -> None:
        """Let go of the files. The site cannot be asked afterwards."""
        self._connection.close()
        self._words.close()


def _opened(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=PATIENCE, isolation_level=None, check_same_thread=False)
    # Nothing of it is wanted after a crash of the machine.
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("BEGIN EXCLUSIVE")
    for table in (*TOKEN_TABLES, *PAGE_TABLES):
        connection.execute(table)
    connection.execute("COMMIT")
    return connection


def prepare(site: Site, folder: Path) -> None:
    """Make what `Commons` finds, before there is any other process. Raises EnvironmentProblem."""
    path = folder / f"{site.name}.sqlite"
    try:
        connection = _opened(path)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.close()
    except sqlite3.Error as error:
        raise EnvironmentProblem(f"{path} cannot be made: {error}.", remedy="Is the disk full?") from error
