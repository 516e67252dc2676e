"""A second opinion: the R4B models of fhir.resources, which agree with R4 for most types.

For strict servers, and as an oracle in tests. The models are imported on first use. They know no bindings and no
invariants.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from mockehr.fhir.validation.issue import Issue


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
