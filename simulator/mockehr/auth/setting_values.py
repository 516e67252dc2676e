"""Settings of an authorization server as files have them, held against what each of them may be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Final, Literal, get_args, get_origin, get_type_hints

from mockehr.auth.settings import AuthSettings
from mockehr.core.errors import ConfigError, nearest_names

_IN_WORDS: Final = ((bool, "true or false"), (int, "a whole number"), (float, "a number"), (str, "a text"))
_SIGNED: Final = frozenset({"clock_offset"})
"""The only number that may be below zero."""


def auth_settings(values: Mapping[str, Any], *, place: str = "") -> AuthSettings:
    """The settings; raises ConfigError with all that is wrong, each with the nearest right name or value.

    `place` is where they stand in a file, for people.
    """
    hints = get_type_hints(AuthSettings)
    known = [item.name for item in fields(AuthSettings)]
    wrong: list[str] = []
    found: dict[str, Any] = {}
    for name, value in values.items():
        at = f"{place}.{name}" if place else name
        if name not in hints or name not in known:
            wrong.append(f"{at} is no setting{_near(name, known)}")
            continue
        found[name] = tuple(value) if isinstance(value, list) else value
        fault = _fault(found[name], hints[name])
        if not fault and isinstance(value, (int, float)) and value < 0 and name not in _SIGNED:
            fault = f"is {value!r}; it cannot be below zero"
        if fault:
            wrong.append(f"{at} {fault}")
    if wrong:
        raise ConfigError("The authorization server cannot be set like that.", wrong)
    return AuthSettings(**found)


def _fault(value: Any, hint: Any) -> str:
    """What is wrong with a value; empty if nothing is."""
    origin = get_origin(hint)
    if origin is Literal:
        options = get_args(hint)
        if value in options and not isinstance(value, bool):
            return ""
        return f"is {value!r}, and may be {_list(options)}{_near(str(value), list(map(str, options)))}"
    if origin is tuple:
        if not isinstance(value, tuple):
            return f"is {value!r}, and must be a list"
        return next(filter(None, (_fault(one, get_args(hint)[0]) for one in value)), "")
    if origin is not None:
        return "" if isinstance(value, Mapping) else f"is {value!r}, and must be a mapping"
    return _plain(value, hint)


def _plain(value: Any, hint: Any) -> str:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if isinstance(value, hint) and not (isinstance(value, bool) and hint is not bool):
        return ""
    if hint is float and number:
        return ""
    words = next((words for kind, words in _IN_WORDS if kind is hint), str(hint))
    return f"is {value!r}, and must be {words}"


def _list(options: tuple[Any, ...]) -> str:
    return " or ".join(filter(None, (", ".join(map(str, options[:-1])), str(options[-1]))))


def _near(name: str, known: list[str]) -> str:
    close = nearest_names(name, known)
    return f" (nearest: {', '.join(close)})" if close else ""
