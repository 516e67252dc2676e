"""Named things. A duplicate is refused, naming both places; a miss says what is nearest."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from mockehr.core.errors import DuplicateName, UnknownName

T = TypeVar("T")


class Registry(Generic[T]):
    """A read-mostly mapping from name to thing, filled once at start.

    `kind` is the singular word used in messages ("quirk", "personality").
    """

    def __init__(self, kind: str, *, reference: str = "") -> None:
        self.kind = kind
        self._reference = reference
        self._things: dict[str, T] = {}

    def add(self, name: str, thing: T) -> T:
        """Register `thing`; raises DuplicateName if the name is taken by another thing."""
        present = self._things.get(name)
        if present is not None and present is not thing:
            raise DuplicateName(self.kind, name, _place(present), _place(thing))
        self._things[name] = thing
        return thing

    def named(self, name: str) -> Callable[[T], T]:
        """Decorator form of `add`."""

        def register(thing: T) -> T:
            return self.add(name, thing)

        return register

    def get(self, name: str) -> T:
        """The thing called `name`; raises UnknownName with the nearest names."""
        try:
            return self._things[name]
        except KeyError:
            raise UnknownName(self.kind, name, self._things, reference=self._reference) from None

    def __contains__(self, name: str) -> bool:
        return name in self._things

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._things))

    def __len__(self) -> int:
        return len(self._things)

    def items(self) -> Iterator[tuple[str, T]]:
        """(name, thing) pairs, sorted by name."""
        return iter(sorted(self._things.items()))


def _place(thing: object) -> str:
    module = getattr(thing, "__module__", type(thing).__module__)
    return f"{module}.{getattr(thing, '__qualname__', type(thing).__qualname__)}"
