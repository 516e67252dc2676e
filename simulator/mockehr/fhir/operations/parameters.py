"""What the parameters of an operation have to look like, checked before it runs (OperationDefinition.parameter)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from mockehr.core.errors import nearest_names
from mockehr.core.exchange import JSON
from mockehr.core.problem import Problem
from mockehr.fhir.operations.base import Input
from mockehr.fhir.search.date import interval

Kind = Literal["text", "flag", "count", "date", "coding", "concept", "resource", "parts"]
Spec = Mapping[str, str]
"""Name → kind; with `*` behind it, it may come more than once."""
LONGEST: Final = 2000
"""Letters of a text that are looked at; longer ones are refused."""
_WORDS: Final[Mapping[str, str]] = {
    "text": "a text",
    "flag": "true or false",
    "count": "a whole number from 0 up",
    "date": "a date or date and time",
    "coding": "a Coding with a code (POST a Parameters resource)",
    "concept": "a CodeableConcept with codings (POST a Parameters resource)",
    "resource": "a resource (POST a Parameters resource)",
    "parts": "parts (POST a Parameters resource)",
}


def check(given: Input, spec: Spec) -> Problem | None:
    """The first thing that is wrong with the parameters, or None.

    Wrong are an unknown name (but for `_format` and the like), a second value where one is allowed, and a value of
    another kind than `spec` says.
    """
    for name in given:
        told = spec.get(name)
        if told is None:
            if name.startswith("_"):
                continue
            close = nearest_names(name, spec)
            hint = f"; did you mean {' or '.join(close)}?" if close else f"; there are {', '.join(spec)}"
            return Problem(400, "parameter-unknown", f"there is no parameter {name}{hint}", parameter=name)
        values = given.all(name)
        kind, many = told.removesuffix("*"), told.endswith("*")
        if len(values) > 1 and not many:
            return Problem(
                400, "parameter-conflict", f"the parameter {name} was given more than once", parameter=name
            )
        if not all(_is(kind, value) for value in values):
            return Problem(400, "parameter-invalid", f"the parameter {name} has to be {_WORDS[kind]}", parameter=name)
    return None


def _is(kind: str, value: Any) -> bool:
    match kind:
        case "text":
            return isinstance(value, str) and 0 < len(value) <= LONGEST
        case "flag":
            return value in (True, False) if isinstance(value, bool) else value in ("true", "false")
        case "count":
            return not isinstance(value, bool) and _whole(value)
        case "date":
            return isinstance(value, str) and interval(value) is not None
        case "coding":
            return is_coding(value)
        case "concept":
            return isinstance(value, dict) and any(map(is_coding, as_list(value.get("coding"))))
        case "resource":
            return isinstance(value, dict) and isinstance(value.get("resourceType"), str)
    return isinstance(value, list)


def _whole(value: Any) -> bool:
    text = str(value)
    return isinstance(value, (int, str)) and text.isascii() and text.isdigit() and len(text) < 10


def as_list(value: Any) -> list[Any]:
    """The value if it is a list, else an empty one."""
    return value if isinstance(value, list) else []


def is_coding(value: Any) -> bool:
    """Whether that is a Coding with a code and, if any, a system in text."""
    if not isinstance(value, dict) or not isinstance(value.get("code"), str) or not value["code"]:
        return False
    return all(isinstance(value.get(name, ""), str) for name in ("system", "version", "display"))


def count(given: Input, name: str) -> int | None:
    """A checked whole number, or None if it was not given."""
    return int(given.text(name)) if given.all(name) else None


def missing(name: str, text: str) -> Problem:
    """The refusal of a call without a parameter."""
    return Problem(400, "parameter-missing", text, parameter=name)


def conflict(name: str, text: str) -> Problem:
    """The refusal of parameters that cannot go together."""
    return Problem(400, "parameter-conflict", text, parameter=name)


def unknown(what: str, url: str, near: Sequence[str] = ()) -> Problem:
    """404 for a canonical URL that leads to nothing here; `near` are known ones like it, best first."""
    hint = f"; did you mean {near[0]}?" if near else ""
    return Problem(404, "not-found", f"the {what} {url} is not known here{hint}", value=url)


def resource_given(given: Input, name: str, resource_type: str) -> JSON | Problem | None:
    """A resource that came as that parameter, or as the whole body; a Problem if it is of another type."""
    found = given.object(name) or given.resource
    if found is not None and found.get("resourceType") != resource_type:
        text = f"{name} has to be a {resource_type}, not {found.get('resourceType')}"
        return Problem(400, "parameter-invalid", text, parameter=name)
    return found


def answer(**values: Any) -> JSON:
    """A Parameters resource; each value under the `value[x]` of its Python type, a None left out."""
    return {
        "resourceType": "Parameters",
        "parameter": [named(name, v) for name, v in values.items() if v is not None],
    }


def named(name: str, value: Any, kind: str = "") -> JSON:
    """One parameter. A list becomes its parts, an object a Coding, unless `kind` says under which `value[x]`."""
    if kind:
        return {"name": name, f"value{kind}": value}
    if isinstance(value, list):
        return {"name": name, "part": value}
    if isinstance(value, bool):
        return {"name": name, "valueBoolean": value}
    return {"name": name, "valueCoding" if isinstance(value, dict) else "valueString": value}
