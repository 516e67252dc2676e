"""Resources with dirt in them, and what was done to them: for parsers and mappers that must not fall over.

@given(dirty(resources("Patient")))
def test_my_mapper_parks_what_it_cannot_read(dirt):
    result = mapped(dirt.document)      # never an exception
    note(dirt.deeds)                    # what was done: "birthDate: dropped"
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from mockehr.core.exchange import JSON

MOST: Final = 3
"""Deeds done to one resource."""
KEPT: Final = frozenset({"resourceType"})
"""Without it a document is no resource at all, and nothing of it would be read."""
ODD_TEXTS: Final = (
    "",
    " ",
    "\u00a0",
    "\ufeffNúñez",
    "N\u00c3\u00ba\u00c3\u00b1ez",
    "Nu\u0301n\u0303ez",
    "O\u2019Brien",
    "O&apos;Brien",
    "a|b^c~d\\e&f",
    "line\r\nline",
    "nul\u0000",
    "\u202egnirts",
    "zero\u200bwidth",
    "NULL",
    "x" * 300,
)
"""Texts that come out of real systems: empty, mojibake, decomposed, entities, delimiters, controls, too long."""
WRONG: Final[tuple[Any, ...]] = ("text", 7, -1.5, True, [], {}, ["a"], {"a": 1})
"""Values in place of one of another JSON type."""

Place = tuple[str | int, ...]
"""Keys and positions from the top of the document."""


@dataclass(frozen=True, slots=True)
class Dirt:
    """A document, the clean one that it was made of, and what was done: `path: deed`, in order."""

    document: JSON
    clean: JSON
    deeds: tuple[str, ...]


def dirty(clean: SearchStrategy[JSON] | JSON, *, most: int = MOST) -> SearchStrategy[Dirt]:
    """A resource, drawn or given, to which one to `most` deeds were done; it differs from the clean one for sure.

    Deeds: `dropped`, `null`, `wrong type`, `unknown code`, `odd text`, `repeated`. Shrinks to one of them.
    """
    drawn = clean if isinstance(clean, SearchStrategy) else st.just(clean)
    return drawn.flatmap(lambda document: _dirtied(document, most)).filter(lambda dirt: dirt.document != dirt.clean)


@st.composite
def _dirtied(draw: st.DrawFn, clean: JSON, most: int) -> Dirt:
    document, deeds = copy.deepcopy(clean), []
    for _ in range(draw(st.integers(1, most))):
        places = list(_places(document))
        if not places:
            break
        place = draw(st.sampled_from(places))
        holder, last = _holder(document, place)
        fitting = [name for name, (fits, _) in _DEEDS.items() if fits(holder, last)]
        deed = draw(st.sampled_from(fitting))
        _DEEDS[deed][1](draw, holder, last)
        deeds.append(f"{_path(place)}: {deed}")
    return Dirt(document, clean, tuple(deeds))


def _places(node: Any, at: Place = ()) -> Iterator[Place]:
    if isinstance(node, dict):
        for key, value in node.items():
            if at or key not in KEPT:
                yield (*at, key)
            yield from _places(value, (*at, key))
    elif isinstance(node, list):
        for position, value in enumerate(node):
            yield (*at, position)
            yield from _places(value, (*at, position))


def _holder(document: JSON, place: Place) -> tuple[Any, Any]:
    node: Any = document
    for step in place[:-1]:
        node = node[step]
    return node, place[-1]


def _path(place: Place) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in place).removeprefix(".")


def _drop(draw: st.DrawFn, holder: Any, last: Any) -> None:
    del holder[last]


def _null(draw: st.DrawFn, holder: Any, last: Any) -> None:
    holder[last] = None


def _retype(draw: st.DrawFn, holder: Any, last: Any) -> None:
    holder[last] = copy.deepcopy(draw(st.sampled_from([one for one in WRONG if type(one) is not type(holder[last])])))


def _unknown(draw: st.DrawFn, holder: Any, last: Any) -> None:
    holder[last] = draw(st.sampled_from(("X-LOCAL", "unknown-to-all", "9999-9", "?")))


def _odd(draw: st.DrawFn, holder: Any, last: Any) -> None:
    holder[last] = draw(st.sampled_from(ODD_TEXTS))


def _repeat(draw: st.DrawFn, holder: Any, last: Any) -> None:
    holder[last].append(copy.deepcopy(holder[last][0]))


def _anything(holder: Any, last: Any) -> bool:
    return True


def _is_text(holder: Any, last: Any) -> bool:
    return isinstance(holder[last], str)


def _is_code(holder: Any, last: Any) -> bool:
    return _is_text(holder, last) and last in ("code", "status", "gender", "use", "system", "intent", "type")


def _is_list(holder: Any, last: Any) -> bool:
    return isinstance(holder[last], list) and bool(holder[last])


_DEEDS: Final[Mapping[str, tuple[Callable[[Any, Any], bool], Callable[[st.DrawFn, Any, Any], None]]]] = (
    MappingProxyType(
        {
            "dropped": (_anything, _drop),
            "null": (_anything, _null),
            "wrong type": (_anything, _retype),
            "unknown code": (_is_code, _unknown),
            "odd text": (_is_text, _odd),
            "repeated": (_is_list, _repeat),
        }
    )
)
