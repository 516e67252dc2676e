"""Chained parameters (FHIR R4 §3.1.1.4.13): `patient.family=Smi`, `subject:Patient.name:exact=Smith`.

A chain is followed into contained resources as well. Where a reference may lead to several types, all that have the
next parameter are tried; R4 would let a server ask for the type.
"""

from __future__ import annotations

from typing import Any

from mockehr.fhir.elements import is_resource_type
from mockehr.fhir.search.context import MOST_LINKS, Compiled, CompileRest, Context, Rest, rest_of_chain
from mockehr.fhir.search.parse import HAS, InvalidValue, Parameter
from mockehr.fhir.search.reference import split_reference
from mockehr.fhir.search.table import SearchDefinition, known_types, lookup


def compile_chain(
    parameter: Parameter, definition: SearchDefinition, context: Context, compile_rest: CompileRest
) -> Compiled:
    """Values are (resource type, its query) pairs; the test of a whole resource looks references up."""
    resolve = context.resolve
    if resolve is None:
        raise InvalidValue("chained parameters are not supported here")
    if definition.kind != "reference":
        raise InvalidValue(f"{parameter.name} is no reference, so nothing can be chained to it")
    if parameter.chain.count(".") >= MOST_LINKS:
        raise InvalidValue(f"chains of more than {MOST_LINKS} links are not supported")
    if parameter.modifier:
        _check_type(parameter, definition, context.fhir_version)
    inner = _queries(parameter, definition, context, compile_rest)
    base, extract = context.base_url, definition.extract

    def test(resource: Any) -> bool:
        for item in extract(resource):
            target = within(item, resource)
            kind = str(target.get("resourceType")) if target is not None else ""
            if target is None and (found := split_reference(item, base)) is not None and found[0] in inner:
                kind, target = found[0], resolve(*found)
            if target is not None and kind in inner and inner[kind].matches(target):
                return True
        return False

    return tuple(inner.items()), test


def within(item: Any, resource: Any) -> dict[str, Any] | None:
    """The contained resource that a reference such as `#a` leads to, or the resource that the item itself is."""
    if not isinstance(item, dict):
        return None
    if "resourceType" in item:
        return item
    text = item.get("reference")
    contained = resource.get("contained") if isinstance(resource, dict) else None
    if not isinstance(text, str) or not text.startswith("#") or not isinstance(contained, list):
        return None
    return next((one for one in contained if isinstance(one, dict) and one.get("id") == text[1:]), None)


def _check_type(parameter: Parameter, definition: SearchDefinition, version: str) -> None:
    if not is_resource_type(parameter.modifier, version):
        raise InvalidValue(f"{parameter.modifier} is no resource type, and only one may stand before a chain")
    if not definition.may_refer_to(parameter.modifier):
        raise InvalidValue(definition.never(parameter.modifier))


def _queries(
    parameter: Parameter, definition: SearchDefinition, context: Context, compile_rest: CompileRest
) -> dict[str, Rest]:
    """A query for each type that may be referred to, has the next parameter of the chain and can use the value."""
    name, version = parameter.chain.partition(".")[0].partition(":")[0], context.fhir_version
    targets = definition.targets if not definition.any_target else known_types(version)
    queries = {
        target: rest_of_chain(target, parameter.chain, parameter.raw, context, compile_rest)
        for target in ((parameter.modifier,) if parameter.modifier else targets)
        if name == HAS or lookup(target, name, version) is not None
    }
    if not queries:
        raise InvalidValue(f"{parameter.chain} is no search parameter of what {parameter.name} refers to")
    usable = {target: query for target, query in queries.items() if not query.problems}
    if not usable:
        raise InvalidValue(next(iter(queries.values())).problems[0].text)
    return usable
