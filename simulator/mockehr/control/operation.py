"""How a control operation is declared: once, as a function. The control API, the command line and the fixture derive
from the declaration."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Literal, TypeVar, get_origin, get_type_hints

from mockehr.core.errors import ConfigError, nearest_names

F = TypeVar("F", bound=Callable[..., Any])
Verb = Literal["GET", "POST", "DELETE"]
REQUIRED = inspect.Parameter.empty
Document = Mapping[str, Any]
"""The type of an argument that is a JSON object; a Parameter shows it as `dict`.

A JSON list is written `Sequence[Any]` and shown as `list`; names separated by commas will do for it as well, so that
it fits into a query.
"""
NOTHING: Final[Document] = MappingProxyType({})
"""Default of an object that need not be given."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One argument of an operation; `default` is REQUIRED if there is none."""

    name: str
    type: type
    default: Any

    @property
    def required(self) -> bool:
        """Whether the caller must give it."""
        return self.default is REQUIRED


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing that may be asked of a site or of the whole server.

    `path` is below `/_mockehr/sites/{site}` for scope `site`, below `/_mockehr` for scope `server`; `{name}` parts
    are parameters. `name` is what the command line says: `clock advance`.
    """

    name: str
    scope: Literal["site", "server"]
    verb: Verb
    path: str
    run: Callable[..., Any]
    parameters: tuple[Parameter, ...]
    summary: str
    offline: bool = False
    """Whether it can be answered without a running server (it only looks things up)."""
    details: str = ""
    """What else its callers should know of its arguments."""

    @property
    def full_path(self) -> str:
        """The path on the control API."""
        return ("/_mockehr/sites/{site}" if self.scope == "site" else "/_mockehr") + self.path

    def call(self, target: Any, arguments: Mapping[str, Any]) -> Any:
        """Run on a site or server with checked arguments; raises ConfigError naming every wrong one."""
        known = {parameter.name: parameter for parameter in self.parameters}
        problems, values = [], {}
        for name, value in arguments.items():
            if name not in known:
                near = nearest_names(name, known)
                problems.append(f"{name} is not known" + (f"; did you mean {near[0]}?" if near else ""))
                continue
            try:
                values[name] = _converted(known[name].type, value)
            except (TypeError, ValueError) as error:
                problems.append(f"{name}: {error}")
        problems += [f"{p.name} is required" for p in self.parameters if p.required and p.name not in arguments]
        if problems:
            offered = ", ".join(known) or "none"
            raise ConfigError(f"{self.name} cannot be done like that.", problems, remedy=f"Arguments: {offered}.")
        return self.run(target, **values)


def operation(
    name: str, verb: Verb, path: str, *, scope: Literal["site", "server"] = "site", offline: bool = False
) -> Callable[[F], F]:
    """Declare a function `(target, **arguments)` as an operation; its docstring's first line is the summary,
    the rest its details: callers read both."""

    def declare(function: F) -> F:
        hints = get_type_hints(function)
        given = list(inspect.signature(function).parameters.values())[1:]
        parameters = tuple(Parameter(p.name, _plain(hints.get(p.name, str)), p.default) for p in given)
        summary, _, details = (inspect.getdoc(function) or "").partition("\n")
        function.operation = Operation(  # type: ignore[attr-defined]
            name, scope, verb, path, function, parameters, summary, offline, details.strip()
        )
        return function

    return declare


def _plain(hint: Any) -> type:
    plain: type = {Mapping: dict, Sequence: list}.get(get_origin(hint), hint)
    return plain


def _converted(wanted: Any, value: Any) -> Any:
    if wanted is bool:
        if isinstance(value, bool):
            return value
        if str(value).lower() in ("true", "1", "yes", "false", "0", "no"):
            return str(value).lower() in ("true", "1", "yes")
        raise TypeError(f"{value!r} is neither true nor false")
    if wanted is int:
        if isinstance(value, bool | float):
            raise TypeError(f"{value!r} is no whole number")
        return int(value)
    if wanted is float:
        return float(value)
    if wanted is str:
        if not isinstance(value, str | int | float):
            raise TypeError(f"{value!r} is no text")
        return str(value)
    if wanted is list and isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    if wanted is list and not isinstance(value, list | tuple):
        raise TypeError(f"{value!r} is no list")
    if wanted is dict and not isinstance(value, Mapping):
        raise TypeError(f"{value!r} is no object")
    return value
