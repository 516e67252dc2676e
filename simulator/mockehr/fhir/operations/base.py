"""What an operation is, what it is given, and how the operations of this folder are found."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Literal
from urllib.parse import parse_qsl

from mockehr.core.exchange import JSON, Exchange
from mockehr.core.problem import Problem
from mockehr.fhir.body import parse_resource
from mockehr.fhir.elements import R4
from mockehr.fhir.lossless import Unreadable
from mockehr.fhir.validate import DEEPEST, too_deep
from mockehr.fhir.writes import BODY_LIMIT

if TYPE_CHECKING:
    from mockehr.fhir.server import FhirServer

LONGEST_FORM: Final = 65_536
"""Octets of parameters in a form."""
Level = Literal["system", "type", "instance"]


class Input:
    """The parameters of one call: from the query, and from the Parameters (or the resource itself) of a POST.

    Values are plain Python as JSON has them; texts from a query stay texts.
    """

    def __init__(self, values: Mapping[str, list[Any]], resource: JSON | None = None) -> None:
        self._values = values
        self.resource = resource
        """The body, if it was a resource of its own and no Parameters."""

    def all(self, name: str) -> list[Any]:
        """Every value of that name, in order; resources and `part` lists among them."""
        return self._values.get(name, [])

    def text(self, name: str, default: str = "") -> str:
        """The first value of that name if it is a text (or a number, as text)."""
        found = next(iter(self.all(name)), default)
        if isinstance(found, bool):
            return "true" if found else "false"
        return str(found) if isinstance(found, (str, int, float)) else default

    def flag(self, name: str) -> bool:
        """Whether the first value of that name is true."""
        return self.text(name) == "true"

    def object(self, name: str) -> JSON | None:
        """The first value of that name that is an object: a Coding, a resource …"""
        return next((value for value in self.all(name) if isinstance(value, dict)), None)

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation. `run` gives a document, a Record, a SearchPage, a Reply or a Problem."""

    name: str
    """Without the `$`."""
    definition: str
    """Canonical URL of its OperationDefinition."""
    run: Callable[[FhirServer, Exchange, Input], Any]
    levels: frozenset[Level]
    types: frozenset[str] | None = None
    """The resource types that have it (at levels `type` and `instance`); None for all."""
    affects_state: bool = False
    """Then it is called by POST only (operations.html#executing)."""
    action: Literal["read", "search", "update", "delete", "create"] | None = "read"
    """The permission that a token needs on the type; None: it looks for itself what the token covers."""
    type_levels: frozenset[tuple[str, Level]] | None = None
    """(type, level) pairs, where a type does not have it at both levels; None for no such bounds."""
    proprietary: bool = False
    """One vendor's own: it is offered only where the vendor names it."""
    definitions: tuple[tuple[str, str], ...] = ()
    """(type, canonical URL), where a type has a definition of its own."""

    def defined_for(self, resource_type: str) -> str:
        """The canonical URL of its definition for a type; empty for the server as a whole."""
        return dict(self.definitions).get(resource_type, self.definition)

    def fits(self, resource_type: str, id: str) -> bool:
        """Whether it can be called there."""
        level: Level = "instance" if id else "type" if resource_type else "system"
        if level not in self.levels or (resource_type and self.types is not None and resource_type not in self.types):
            return False
        return not resource_type or self.type_levels is None or (resource_type, level) in self.type_levels


@cache
def operations() -> Mapping[str, Operation]:
    """Name → operation: everything that the modules beside this one hold."""
    found: dict[str, Operation] = {}
    package = __name__.rpartition(".")[0]
    for module in pkgutil.iter_modules(import_module(package).__path__, f"{package}."):
        for value in vars(import_module(module.name)).values():
            if isinstance(value, Operation):
                found[value.name] = value
    return MappingProxyType(dict(sorted(found.items())))


def read_input(exchange: Exchange, fhir_version: str = R4) -> Input | Problem:
    """What a call is given; a Problem if its body cannot be read."""
    values: dict[str, list[Any]] = {}
    for name, value in parse_qsl(exchange.query, keep_blank_values=True):
        values.setdefault(name, []).append(value)
    if exchange.method != "POST" or not exchange.body.strip():
        return Input(values)
    if len(exchange.body) > BODY_LIMIT:
        return Problem(413, "body-invalid", f"the body has {len(exchange.body)} octets; {BODY_LIMIT} are allowed")
    media = exchange.headers.get("content-type", "application/fhir+json")
    if media.startswith("application/x-www-form-urlencoded"):
        if len(exchange.body) > LONGEST_FORM:
            text = f"the parameters in the body have {len(exchange.body)} octets; {LONGEST_FORM} are allowed"
            return Problem(413, "bad-request", text)
        for name, value in parse_qsl(exchange.body.decode("utf-8", "replace"), keep_blank_values=True):
            values.setdefault(name, []).append(value)
        return Input(values)
    try:
        body = parse_resource(exchange.body, media, fhir_version)
    except Unreadable as error:
        return Problem(400, "body-invalid", f"the body cannot be read: {error}")
    if isinstance(body, Problem):
        return body
    if too_deep(body):
        return Problem(422, "body-invalid", f"the body is nested more than {DEEPEST} levels deep")
    if body.get("resourceType") != "Parameters":
        return Input(values, body)
    for part in body.get("parameter", ()) if isinstance(body.get("parameter"), list) else ():
        if isinstance(part, dict) and isinstance(part.get("name"), str):
            values.setdefault(part["name"], []).append(value_of(part))
    return Input(values)


def value_of(part: JSON) -> Any:
    """The value of one Parameters.parameter: `value[x]`, its resource, or the list of its parts."""
    for key, value in part.items():
        if key.startswith("value") or key in ("resource", "part"):
            return value
    return None
