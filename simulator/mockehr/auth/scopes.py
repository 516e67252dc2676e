"""SMART scopes as immutable sets: parsing, what they allow, and what one set leaves of another.

Sources: SMART App Launch 2.2, "Scopes and Launch Context" (v2 syntax, v1 equivalents, finer-grained constraints);
RFC 6749 section 3.3 (scope text is case-sensitive, its order carries no meaning).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from types import MappingProxyType
from typing import Final, Literal
from urllib.parse import parse_qsl

Context = Literal["", "patient", "user", "system"]
Dialect = Literal["v1", "v2", "plain"]
Action = Literal["create", "read", "update", "delete", "search"]
Query = tuple[tuple[str, str], ...]

ACTIONS: Final[dict[str, Action]] = {"c": "create", "r": "read", "u": "update", "d": "delete", "s": "search"}
"""The letters of a v2 permission, in the only order in which the standard allows them."""

ACTION_OF_INTERACTION: Final = MappingProxyType(
    {
        "create": "create",
        "read": "read",
        "vread": "read",
        "history-instance": "read",
        "update": "update",
        "patch": "update",
        "delete": "delete",
        "search": "search",
        "search-type": "search",
        "search-system": "search",
        "history-type": "search",
        "history-system": "search",
    }
)
"""Which permission a FHIR interaction wants (SMART 2.2, "Scopes for requesting FHIR Resources")."""

_V1_LETTERS: Final = MappingProxyType({"read": "rs", "write": "cud", "*": "cruds"})
_V1_WORD: Final = MappingProxyType({letters: word for word, letters in _V1_LETTERS.items()})
_LONGEST_KEPT: Final = 2048
_MET_KEPT: Final = 64
_SYNTAX: Final = re.compile(
    r"(patient|user|system)/(\*|[A-Z][A-Za-z]*)\.(?:(read|write|\*)|(?=[cruds])(c?r?u?d?s?)(?:\?(\S+))?)"
)


@dataclass(frozen=True, slots=True)
class Scope:
    """One scope. `actions` are letters of `cruds` in that order; empty for scopes that are not about resources."""

    text: str
    context: Context = ""
    resource_type: str = ""
    actions: str = ""
    query: Query = ()
    """The finer-grained constraint, as (parameter, value) pairs; all must hold."""
    dialect: Dialect = "plain"

    @classmethod
    def parse(cls, text: str) -> Scope:
        """The scope written as `text`; what is not of SMART's resource syntax becomes a `plain` scope."""
        match = _SYNTAX.fullmatch(text)
        if match is None:
            return cls(text)
        resource_type, word, letters, query = match.groups()[1:]
        context: Context = match[1]  # type: ignore[assignment]  # the expression admits no other
        pairs = tuple(parse_qsl(query, keep_blank_values=True)) if query else ()
        if query and not pairs:
            return cls(text)
        actions = _V1_LETTERS[word] if word else letters
        return cls(text, context, resource_type, actions, pairs, "v1" if word else "v2")


class Scopes:
    """An immutable set of scopes that keeps the order in which it was written.

    Equality ignores order. `allows` costs two lookups; everything else is computed on first use.
    """

    def __init__(self, scopes: Iterable[Scope] = ()) -> None:
        self._scopes = tuple({scope.text: scope for scope in scopes}.values())
        by_type: dict[str, set[str]] = {}
        for scope in self._scopes:
            if scope.actions:
                by_type.setdefault(scope.resource_type, set()).update(ACTIONS[letter] for letter in scope.actions)
        self.narrow = any(s.actions and (s.query or s.context in ("patient", "user")) for s in self._scopes)
        """Whether any of them may give less than whole types: by a constraint, or by its context. Hot path."""
        self._any = frozenset(by_type.pop("*", ()))
        self._by_type = {name: self._any | actions for name, actions in by_type.items()}

    @classmethod
    def parse(cls, text: str) -> Scopes:
        """The set written as `text`, scopes parted by blanks."""
        return _parsed(text) if len(text) <= _LONGEST_KEPT else _read(text)

    @cached_property
    def text(self) -> str:
        """The set as the `scope` parameter writes it."""
        return " ".join(scope.text for scope in self._scopes)

    def allows(self, resource_type: str, action: str) -> bool:
        """Whether any scope, of whatever context and constraint, gives `action` on that type.

        `narrow` tells whether more must be enforced, `alternatives` what. Hot path.
        """
        return action in self._by_type.get(resource_type, self._any)

    def alternatives(self, resource_type: str, action: str) -> tuple[tuple[Context, Query], ...]:
        """(context, constraint) of all that give the action: a resource has to satisfy both of any one of them.

        Left out is what another covers: a constraint where the same context, or `system/`, gives the whole type.
        """
        found = dict.fromkeys((scope.context, scope.query) for scope in self._giving(resource_type, action))
        if ("system", ()) in found:
            return (("system", ()),)
        return tuple(one for one in found if not one[1] or (one[0], ()) not in found)

    def intersect(self, registered: Scopes) -> Scopes:
        """What of this (requested) set the `registered` set covers; never more than either.

        A scope that is covered whole is echoed as written. A wildcard request shrinks to the registered types; a
        wider request than a constrained registration inherits the constraint; two constraints of which neither
        contains the other have nothing in common.
        """
        met = registered._met
        found = met.get(self.text)
        if found is None:
            if len(met) >= _MET_KEPT:
                met.clear()
            found = met[self.text] = self._intersected(registered)
        return found

    def _intersected(self, registered: Scopes) -> Scopes:
        held_plain = {scope.text for scope in registered if not scope.actions}
        granted: list[Scope] = []
        for wanted in self._scopes:
            if wanted.actions:
                granted += _cover(wanted, registered)
            elif wanted.text in held_plain:
                granted.append(wanted)
        return Scopes(granted)

    def near(self, scope: Scope) -> list[Scope]:
        """The resource scopes of the same context that share a type with `scope`, in order."""
        if scope.resource_type == "*":
            return [held for held in self._scopes if held.actions and held.context == scope.context]
        return [held for name in (scope.resource_type, "*") for held in self._by_place.get((scope.context, name), ())]

    @cached_property
    def _met(self) -> dict[str, Scopes]:
        """What was found to be left of requests, by their text: clients ask for the same at every token."""
        return {}

    def __reduce__(self) -> tuple[type[Scopes], tuple[tuple[Scope, ...]]]:
        return Scopes, (self._scopes,)  # without what was computed

    @cached_property
    def _by_place(self) -> dict[tuple[Context, str], list[Scope]]:
        places: dict[tuple[Context, str], list[Scope]] = {}
        for scope in self._scopes:
            if scope.actions:
                places.setdefault((scope.context, scope.resource_type), []).append(scope)
        return places

    def keep(self, wanted: Callable[[Scope], bool]) -> Scopes:
        """The scopes for which `wanted` is true; this set itself if that is all of them."""
        kept = [scope for scope in self._scopes if wanted(scope)]
        return self if len(kept) == len(self._scopes) else Scopes(kept)

    def _giving(self, resource_type: str, action: str) -> list[Scope]:
        letter = next((letter for letter, name in ACTIONS.items() if name == action), "-")
        return [s for s in self._scopes if letter in s.actions and s.resource_type in (resource_type, "*")]

    def __iter__(self) -> Iterator[Scope]:
        return iter(self._scopes)

    def __len__(self) -> int:
        return len(self._scopes)

    def __contains__(self, text: str) -> bool:
        return any(scope.text == text for scope in self._scopes)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Scopes) and set(self._scopes) == set(other._scopes)

    def __hash__(self) -> int:
        return hash(frozenset(self._scopes))

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"Scopes.parse({self.text!r})"


def _read(text: str) -> Scopes:
    return Scopes(Scope.parse(part) for part in text.split())


@lru_cache(maxsize=256)
def _parsed(text: str) -> Scopes:
    """The set written as `text`, kept: clients ask for the same scopes at every token, and a set never changes."""
    return _read(text)


def about_nothing(scope: Scope, types: Sequence[str]) -> bool:
    """Whether a scope is for a resource type that is none of `types`; never if those are not told."""
    return bool(types) and scope.resource_type not in ("", "*") and scope.resource_type not in types


def _common(wanted: Scope, held: Scope) -> tuple[str, Scope] | None:
    """The type that both near scopes name, and whichever is constrained more; None if neither contains the other."""
    resource_type = held.resource_type if wanted.resource_type == "*" else wanted.resource_type
    if set(held.query) <= set(wanted.query):
        return resource_type, wanted
    if set(wanted.query) <= set(held.query):
        return resource_type, held
    return None


def _cover(wanted: Scope, registered: Scopes) -> list[Scope]:
    pieces: dict[tuple[str, frozenset[tuple[str, str]]], tuple[Scope, set[str]]] = {}
    for held in registered.near(wanted):
        common = _common(wanted, held)
        if common:
            resource_type, narrower = common
            _, actions = pieces.setdefault((resource_type, frozenset(narrower.query)), (narrower, set()))
            actions.update(set(wanted.actions) & set(held.actions))
    granted = []
    for (resource_type, query), (narrower, actions) in pieces.items():
        rest = set(actions)
        for (other_type, other_query), (_, other_actions) in pieces.items():
            wider = other_type in (resource_type, "*") and other_query <= query
            if wider and (other_type, other_query) != (resource_type, query):
                rest -= other_actions
        if rest == set(wanted.actions) and resource_type == wanted.resource_type and narrower is wanted:
            granted.append(wanted)
        elif rest:
            granted.append(_written(wanted, resource_type, narrower, rest))
    return granted


def _written(wanted: Scope, resource_type: str, narrower: Scope, actions: set[str]) -> Scope:
    """The scope for one piece, in the dialect that was asked in wherever that dialect can say it."""
    letters = "".join(letter for letter in ACTIONS if letter in actions)
    _, mark, query = narrower.text.partition("?")
    word = _V1_WORD.get(letters, "") if wanted.dialect == "v1" and not query else ""
    return Scope.parse(f"{wanted.context}/{resource_type}.{word or letters}{mark}{query}")
