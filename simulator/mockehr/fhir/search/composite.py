"""Composite parameters (FHIR R4 §3.1.1.4.15): `part$part`, all parts true of one and the same element."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mockehr.fhir.search.context import Compile, Compiled, Context, refuse_modifier
from mockehr.fhir.search.parse import InvalidValue, Parameter, split_escaped
from mockehr.fhir.search.table import SearchDefinition


def compile_composite(
    parameter: Parameter, definition: SearchDefinition, context: Context, kinds: Mapping[str, Compile]
) -> Compiled:
    """Values are tuples of the parts' values; `kinds` compiles a part by its kind. The test is of a resource."""
    if parameter.modifier:
        raise refuse_modifier(parameter, definition, ":missing")
    alternatives = []
    for value in parameter.values:
        parts = split_escaped(value, "$")
        if len(parts) != len(definition.components):
            names = "$".join(component.kind for component in definition.components)
            raise InvalidValue(f"{value!r} does not have the parts of {parameter.name}; write {names}")
        alternatives.append(
            [
                (
                    component.of_resource,
                    component.extract,
                    *kinds[component.kind](parameter._replace(values=(part,)), definition, context),
                )
                for component, part in zip(definition.components, parts, strict=True)
            ]
        )
    elements = definition.extract

    def test(resource: Any) -> bool:
        return any(
            all(
                any(inner(item) for item in extract(resource if whole else element))
                for whole, extract, _, inner in parts
            )
            for element in elements(resource)
            for parts in alternatives
        )

    return tuple(tuple(values[0] for _, _, values, _ in parts) for parts in alternatives), test
