"""Where things lie that are handed out by a name and asked for by it later: codes, refresh tokens, launches.

A drawer keeps things until a time of the site's clock. Where several processes are one site, drawers of theirs lie in
a file (`mockehr.auth.shelf.SqliteDrawer`); what is put in must therefore be picklable.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Protocol

KEPT: Final = 10_000
"""Things in one drawer; beyond it the oldest is forgotten."""
FOR_EVER: Final = 1e12
"""A time that no site's clock reaches."""
LASTING: Final = frozenset({"approvals"})
"""Drawers whose things are settings rather than traffic."""


class Drawer(Protocol):
    """Things by name, each until a site time."""

    def next_number(self) -> int:
        """A number that no other thing of this drawer was given, from 1."""

    def put(self, name: str, thing: Any, until: float) -> None:
        """Keep a thing, in the place of one with that name."""

    def get(self, name: str, now: float) -> Any:
        """The thing of that name, or None."""

    def take(self, name: str, now: float) -> Any:
        """The thing of that name, which is gone then: of several who ask for it at once only one gets it."""

    def every(self, now: float) -> list[Any]:
        """All that is in it, oldest first."""

    def items(self) -> list[tuple[str, Any]]:
        """All that is in it with its name, whatever the time."""

    def clear(self) -> None:
        """Empty it and count from 1 again."""


class MemoryDrawer:
    """A drawer of one process."""

    def __init__(self) -> None:
        self._things: dict[str, tuple[float, Any]] = {}
        self._number = 0

    def next_number(self) -> int:
        """See Drawer."""
        self._number += 1
        return self._number

    def put(self, name: str, thing: Any, until: float) -> None:
        """See Drawer."""
        self._things.pop(name, None)
        while len(self._things) >= KEPT:
            del self._things[next(iter(self._things))]
        self._things[name] = (until, thing)

    def get(self, name: str, now: float) -> Any:
        """See Drawer."""
        until, thing = self._things.get(name, (0.0, None))
        return thing if now < until else None

    def take(self, name: str, now: float) -> Any:
        """See Drawer."""
        until, thing = self._things.pop(name, (0.0, None))
        return thing if now < until else None

    def items(self) -> list[tuple[str, Any]]:
        """See Drawer."""
        return [(name, thing) for name, (_, thing) in self._things.items()]

    def every(self, now: float) -> list[Any]:
        """See Drawer."""
        return [thing for until, thing in self._things.values() if now < until]

    def clear(self) -> None:
        """See Drawer."""
        self._things.clear()
        self._number = 0


class Drawers:
    """The drawers of one authorization server, by name; each is made when it is first opened."""

    def __init__(self) -> None:
        self._make: Callable[[str], Drawer] = lambda name: MemoryDrawer()
        self._drawers: dict[str, Drawer] = {}

    def __getitem__(self, name: str) -> Drawer:
        """The drawer of that name."""
        found = self._drawers.get(name)
        if found is None:
            found = self._drawers[name] = self._make(name)
        return found

    def share(self, make: Callable[[str], Drawer]) -> None:
        """Have drawers made like that from now on; what was to last in the present ones is laid into them."""
        self._make = make
        lasting = {name: self._drawers[name] for name in LASTING if name in self._drawers}
        self._drawers.clear()
        for name, drawer in lasting.items():
            for key, thing in drawer.items():
                self[name].put(key, thing, FOR_EVER)

    def clear(self) -> None:
        """Empty those that were opened, and so all that hold something of this process, but for what is to last."""
        for name, drawer in self._drawers.items():
            if name not in LASTING:
                drawer.clear()
