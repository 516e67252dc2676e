"""Values for a quirk's settings, from the fields of its dataclass."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields
from functools import cache
from types import MappingProxyType
from typing import Any, Final, Literal, get_args, get_origin, get_type_hints

from hypothesis import strategies as st

from mockehr.quirks.rule import Seconds

Choices = Mapping[str, Mapping[str, st.SearchStrategy[Any]]]
"""Quirk → setting → strategy, to draw that setting from in place of our own."""

SECONDS: Final = (0.0, 1.0, 5.0, 30.0, 60.0, 600.0)
COUNTS: Final = 5
"""Whole numbers are drawn up to this one: a budget or a number of copies that a short test can use up."""

_OWN: Final = MappingProxyType(
    {
        # Settings whose form does not say what they may be.
        ("reset", "at"): st.sampled_from(("before", "midway")),
        ("rate-limit", "status"): st.sampled_from((429, 503)),
        ("rate-limit", "per"): st.sampled_from((1.0, 60.0)),
        ("token-endpoint-throttled", "status"): st.sampled_from((429, 503)),
        ("token-endpoint-throttled", "per"): st.sampled_from((1.0, 60.0)),
    }
)


def settings_of(quirk: Any, own: Mapping[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[dict[str, Any]]:
    """Settings for `with`: any of those that can be drawn, each left out in the simplest case.

    `own` are strategies of the caller's for some of them; these are always drawn.
    """
    hints = get_type_hints(quirk)
    required: dict[str, st.SearchStrategy[Any]] = dict(own)
    optional: dict[str, st.SearchStrategy[Any]] = {}
    for item in fields(quirk):
        if item.name in own:
            continue
        drawn = _OWN.get((quirk.about.name, item.name))
        if drawn is None:
            drawn = _values(quirk, item, hints[item.name])
        if drawn is not None:
            lacks = item.default is MISSING and item.default_factory is MISSING
            (required if lacks else optional)[item.name] = drawn
    return st.fixed_dictionaries(required, optional=optional)


def _values(quirk: Any, item: Field[Any], hint: Any) -> st.SearchStrategy[Any] | None:
    """Values of one setting; None if its form does not say which there are."""
    if hint is bool:
        return st.booleans()
    if hint is Seconds:
        return st.sampled_from(SECONDS)
    if hint is int:
        return st.integers(0, COUNTS)
    if hint is float:
        return st.sampled_from((0.0, 0.25, 0.5, 0.75, 1.0))
    if get_origin(hint) is Literal:
        return st.sampled_from(get_args(hint))
    words = _words_beside(quirk, item.default) if hint is str else ()
    return st.sampled_from(words) if words else None


@cache
def _words_beside(quirk: Any, default: str) -> tuple[str, ...]:
    """The constant of the quirk's module that lists what a text may be: the tuple of texts that has the default."""
    for name, value in vars(sys.modules[quirk.__module__]).items():
        if name.isupper() and isinstance(value, tuple | frozenset) and default in value:
            words = tuple(value) if isinstance(value, tuple) else tuple(sorted(value))
            if all(isinstance(word, str) for word in words):
                return (default, *(word for word in words if word != default))
    return ()
