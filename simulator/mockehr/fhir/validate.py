"""Is the body of a create or update a resource of the right type and shape? Nothing here changes the body.

Two depths. The light check reads a table of top-level elements (`corpora/fhir/elements.json`): required elements,
lists and single values, the form of primitives. It costs microseconds. The strict check runs the R4B models of
fhir.resources as well, which agree with R4 for every type of the table; they are imported on first use.
Neither looks at value sets, profiles or invariants.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from types import MappingProxyType
from typing import Any, Final, Literal

from mockehr.fhir.search.date import interval
from mockehr.fhir.search.table import read_table

ID_FORM: Final = re.compile(r"[A-Za-z0-9\-.]{1,64}")
"""FHIR R4 datatypes.html#id."""
DEEPEST: Final = 100
"""Levels of objects and lists in one resource; what is written has to fit into other documents as well."""
_CODE_FORM = re.compile(r"\S+( \S+)*")
_DATE_FORM = re.compile(r"[0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?")
_ZONED_TIME = r"T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})"
_DATE_TIME_FORM = re.compile(rf"[0-9]{{4}}(-[0-9]{{2}}(-[0-9]{{2}}({_ZONED_TIME})?)?)?")
_INSTANT_FORM = re.compile(rf"[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}{_ZONED_TIME}")
_TIME_FORM = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]:([0-5][0-9]|60)(\.[0-9]+)?")
_BASE64_FORM = re.compile(r"[0-9A-Za-z+/=\s]*")


@dataclass(frozen=True, slots=True)
class Issue:
    """One thing that is wrong with a body. `code` is from the R4 value set issue-type."""

    code: Literal["structure", "required", "value", "invalid", "not-supported"]
    text: str
    expression: str
    """FHIRPath of the element concerned: `Observation.category[0].coding`."""
    severity: Literal["error"] = "error"


def check_body(document: object, resource_type: str, id: str = "", *, strict: bool = False) -> list[Issue]:
    """What is wrong with `document` as the body of a write to `/resource_type[/id]`; empty if nothing is.

    On an update (`id` given) the body has to carry that id; on a create its id does not matter (R4 http.html#create:
    the server ignores it). Never raises.
    """
    issues = _check_envelope(document, resource_type, id)
    if issues or not isinstance(document, dict):
        return issues
    issues = check_elements(document)
    if strict:
        body = document if id else {key: value for key, value in document.items() if key != "id"}
        known = {issue.expression for issue in issues}
        issues += [issue for issue in check_models(body) if issue.expression not in known]
    return issues


def _check_envelope(document: object, resource_type: str, id: str) -> list[Issue]:
    if not isinstance(document, dict):
        return [Issue("structure", f"a resource is a JSON object, not {_shape(document)}", resource_type)]
    if too_deep(document):
        return [Issue("structure", f"nested more than {DEEPEST} levels deep", resource_type)]
    given = document.get("resourceType")
    if not isinstance(given, str) or not given:
        return [Issue("required", "resourceType is missing", f"{resource_type}.resourceType")]
    if given != resource_type:
        text = f"the body is a {given}, the address is of {resource_type}"
        return [Issue("invalid", text, f"{resource_type}.resourceType")]
    if not id:
        return []
    at = f"{resource_type}.id"
    if not ID_FORM.fullmatch(id):
        return [Issue("value", f"{id!r} is no id: up to 64 letters, digits, hyphens and dots", at)]
    if "id" not in document:
        return [Issue("required", f"an update carries the id of its address, {id}", at)]
    if document["id"] != id:
        return [Issue("invalid", f"the body's id is {document['id']!r}, the address says {id}", at)]
    return []


def too_deep(document: object) -> bool:
    """Whether a parsed document has more than DEEPEST levels of objects and lists. Never recurses."""
    layer = [document]
    for _ in range(DEEPEST):
        layer = [
            item
            for node in layer
            for item in (node.values() if isinstance(node, dict) else node if isinstance(node, list) else ())
            if isinstance(item, dict | list)
        ]
        if not layer:
            return False
    return True


@cache
def _elements(resource_type: str) -> Mapping[str, str]:
    """Top-level element → type, `*` if it is a list, `!` if required; empty for a type beyond the table."""
    return MappingProxyType(read_table("elements.json").get(resource_type, {}))


def check_elements(document: Mapping[str, Any]) -> list[Issue]:
    """The light check of the top-level elements; a type beyond the table passes."""
    resource_type = document["resourceType"]
    table = _elements(resource_type)
    issues = [
        Issue("required", f"{name} is missing", f"{resource_type}.{name}") for name in _missing(document, table)
    ]
    for name, value in document.items():
        row = table.get(name)
        if row is not None and name != "id":
            issues += _check_element(value, row.rstrip("!"), f"{resource_type}.{name}")
    return issues


def _missing(document: Mapping[str, Any], table: Mapping[str, str]) -> Iterator[str]:
    for name, row in table.items():
        if not row.endswith("!"):
            continue
        if name.endswith("[x]"):
            start = name[:-3]
            present = any(key.lstrip("_").startswith(start) and key.lstrip("_") in table for key in document)
        else:
            present = name in document or f"_{name}" in document  # an extension may stand for a primitive
        if not present:
            yield name


def _check_element(value: Any, row: str, at: str) -> Iterator[Issue]:
    if not row.endswith("*"):
        yield from _check_value(value, row, at)
    elif not isinstance(value, list):
        yield Issue("structure", f"a list is expected, not {_shape(value)}", at)
    elif not value:
        yield Issue("structure", "a list is never empty", at)
    else:
        kind = row[:-1]
        for position, item in enumerate(value):
            if item is not None or kind not in _PRIMITIVES:  # null holds the place of an extension
                yield from _check_value(item, kind, f"{at}[{position}]")


def _check_value(value: Any, kind: str, at: str) -> Iterator[Issue]:
    form = _PRIMITIVES.get(kind)
    if form is None:
        if not isinstance(value, dict):
            yield Issue("structure", f"an object ({kind}) is expected, not {_shape(value)}", at)
        elif not value:
            yield Issue("structure", "an object is never empty", at)
    elif not form(value):
        shown = _shape(value) if isinstance(value, (dict, list)) or value is None else repr(value)[:60]
        yield Issue("value", f"{shown} is no {kind}", at)


def _shape(value: object) -> str:
    names = {dict: "an object", list: "a list", str: "a string", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number")


def check_models(document: Mapping[str, Any]) -> list[Issue]:
    """The full structural check by the R4B models of fhir.resources; works on a copy."""
    from copy import deepcopy

    from fhir.resources.R4B import get_fhir_model_class
    from fhir.resources.R4B.resource import Resource
    from pydantic import ValidationError

    resource_type = document["resourceType"]
    try:
        model = get_fhir_model_class(resource_type)
        if not issubclass(model, Resource):
            return [Issue("not-supported", f"{resource_type} is no resource type of R4", resource_type)]
        model.model_validate(deepcopy(dict(document)))
    except ValidationError as error:
        return [
            Issue(_issue_code(fault["type"]), _plain(fault["msg"]), _expression(resource_type, fault["loc"]))
            for fault in error.errors(include_url=False, include_context=False, include_input=False)
        ]
    except (KeyError, TypeError) as error:  # a resource inside is of a type that the models do not have, or of none
        name = str(error.args[0]).removeprefix("R4.").removesuffix("Type") if isinstance(error, KeyError) else None
        text = "the resourceType is no text" if name is None else f"{name!r} is no resource type of R4"
        return [Issue("not-supported", text, next(_places(document, name, resource_type), resource_type))]
    except ValueError as error:
        return [Issue("structure", str(error), resource_type)]
    except RecursionError:
        return [Issue("structure", "the body is nested too deeply", resource_type)]
    return []


def _issue_code(kind: str) -> Literal["structure", "required", "value"]:
    if kind.endswith("missing"):
        return "required"
    return "structure" if kind in ("extra_forbidden", "list_type", "model_type") else "value"


def _plain(text: str) -> str:
    return text.removeprefix("Value error, ")


def _expression(resource_type: str, location: tuple[int | str, ...]) -> str:
    steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in location)
    return resource_type + "".join(steps)


def _places(node: Any, resource_type: str | None, at: str) -> Iterator[str]:
    """Where resources of that type (None: of one that is no text) stand inside `node`, however deep."""
    waiting = [(node, at)]
    while waiting:
        inner, place = waiting.pop()
        if isinstance(inner, dict):
            given = inner.get("resourceType", "")
            if given == resource_type or (resource_type is None and not isinstance(given, str)):
                yield place
            waiting += [(value, f"{place}.{key}") for key, value in inner.items()]
        elif isinstance(inner, list):
            waiting += [(item, f"{place}[{position}]") for position, item in enumerate(inner)]


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and value.strip() != ""


def _is_whole(lowest: int) -> Callable[[Any], bool]:
    return lambda value: type(value) is int and lowest <= value <= 2**31 - 1


def _has_form(form: re.Pattern[str], *, dated: bool = False) -> Callable[[Any], bool]:
    def test(value: Any) -> bool:
        return isinstance(value, str) and bool(form.fullmatch(value)) and (not dated or interval(value) is not None)

    return test


def _is_uri(value: Any) -> bool:
    return isinstance(value, str) and value != "" and not any(letter.isspace() for letter in value)


_PRIMITIVES: Mapping[str, Callable[[Any], bool]] = MappingProxyType(
    {
        "boolean": lambda value: isinstance(value, bool),
        "integer": _is_whole(-(2**31)),
        "unsignedInt": _is_whole(0),
        "positiveInt": _is_whole(1),
        "decimal": lambda value: isinstance(value, (int, float, Decimal)) and not isinstance(value, bool),
        "string": _is_text,
        "markdown": _is_text,
        "code": _has_form(_CODE_FORM),
        "id": _has_form(ID_FORM),
        "uri": _is_uri,
        "url": _is_uri,
        "canonical": _is_uri,
        "date": _has_form(_DATE_FORM, dated=True),
        "dateTime": _has_form(_DATE_TIME_FORM, dated=True),
        "instant": _has_form(_INSTANT_FORM, dated=True),
        "time": _has_form(_TIME_FORM),
        "base64Binary": _has_form(_BASE64_FORM),
    }
)
