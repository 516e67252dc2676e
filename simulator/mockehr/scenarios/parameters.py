"""Parameters of scenario files: `parameters: {patients: 100}`, and `${patients}` in any value below.

A value that is nothing but `${name}` becomes the parameter with its type; within a text it is written out. `$${`
stands for `${` itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final

from mockehr.config.document import Document, Finding, KeyPath, refusal, unknown
from mockehr.core.errors import UnknownName, UsageError

Scalar = bool | int | float | str
GIVEN_NONE: Final[Mapping[str, Any]] = MappingProxyType({})
PARAMETERS: Final = "parameters"
_USE: Final = re.compile(r"\$\$\{|\$\{([^{}$]*)\}")
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
_KINDS: Final[Mapping[type, str]] = MappingProxyType(
    {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}
)


def filled(document: Document, given: Mapping[str, Any] = GIVEN_NONE) -> Document:
    """The document with its parameters put in; `given` takes the place of defaults.

    Raises UnknownName for a given name that the file does not have, UsageError for one of another type than its
    default, and ConfigError, with line and nearest name, for what is wrong in the file.
    """
    if not isinstance(document.value, dict):
        return document
    told = document.value.get(PARAMETERS) or {}
    findings = list(_faults(told))
    if findings:
        raise refusal(document, findings)
    values: dict[str, Scalar] = {**told, **{name: _given(name, value, told) for name, value in given.items()}}
    made = {
        key: values if key == PARAMETERS else _put(item, (key,), values, findings)
        for key, item in document.value.items()
    }
    if findings:
        raise refusal(document, findings)
    return Document(document.source, made, document.lines, document.sources)


def settings_from(words: Iterator[str] | tuple[str, ...]) -> dict[str, str]:
    """`name=value` words, as on a command line; raises UsageError for one without `=`."""
    found: dict[str, str] = {}
    for word in words:
        name, sign, value = word.partition("=")
        if not sign or not name.strip():
            raise UsageError(f"{word!r} gives no parameter a value.", remedy="Write it like --set patients=50.")
        found[name.strip()] = value
    return found


def _faults(told: Any) -> Iterator[Finding]:
    if not isinstance(told, dict):
        yield Finding((PARAMETERS,), "should be a mapping of names to defaults")
        return
    for name, value in told.items():
        if not _NAME.fullmatch(name):
            yield Finding((PARAMETERS, name), "a name has letters, digits, - and _ only, and begins with a letter")
        if not isinstance(value, bool | int | float | str):
            yield Finding((PARAMETERS, name), "a default is a text, a number, true or false")


def _given(name: str, value: Any, told: Mapping[str, Scalar]) -> Scalar:
    if name not in told:
        raise UnknownName("parameter of this scenario", name, told)
    kind = type(told[name])
    made = _converted(kind, value)
    if made is None:
        raise UsageError(
            f"The parameter {name} is {_KINDS[kind]}, not {value!r}.",
            remedy=f"Write it like {name}={_written(told[name])}.",
        )
    return made


def _converted(kind: type, value: Any) -> Scalar | None:
    if kind is bool:
        return {"true": True, "false": False}.get(_written(value)) if isinstance(value, bool | str) else None
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if kind is str:
        return _written(value)
    if kind is int and isinstance(value, float):
        return None
    try:
        return int(value) if kind is int else float(value)
    except ValueError:
        return None


def _put(value: Any, path: KeyPath, values: Mapping[str, Scalar], findings: list[Finding]) -> Any:
    if isinstance(value, dict):
        return {key: _put(item, (*path, key), values, findings) for key, item in value.items()}
    if isinstance(value, list):
        return [_put(item, (*path, n), values, findings) for n, item in enumerate(value)]
    if not isinstance(value, str) or "${" not in value:
        return value

    def known(name: str) -> bool:
        if name not in values:
            findings.append(unknown(path, f"there is no parameter {name!r}", name, values))
        return name in values

    whole = _USE.fullmatch(value)
    if whole is not None and whole[1] is not None:
        return values[whole[1]] if known(whole[1]) else value

    def written(match: re.Match[str]) -> str:
        if match[1] is None:
            return "${"
        return _written(values[match[1]]) if known(match[1]) else match[0]

    return _USE.sub(written, value)


def _written(value: Scalar) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
