"""CodeSystem, ValueSet and ConceptMap resources as clients write them or send them along, read leniently.

What is not of the shape that R4 gives it is left out; nothing here raises.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType
from typing import Any, Final

from mockehr.core.exchange import JSON
from mockehr.fhir.terminology.model import (
    CodeSystem,
    Concept,
    ConceptMap,
    Designation,
    Filter,
    Listed,
    MapGroup,
    Part,
    Property,
    Target,
    ValueSet,
    gather,
)

DEEPEST: Final = 60
"""Levels of nesting that are looked at."""


def text(node: Any, name: str) -> str:
    """A text element, or the empty string."""
    value = node.get(name) if isinstance(node, dict) else None
    return value if isinstance(value, str) else ""


def objects(node: Any, name: str) -> Iterator[JSON]:
    """The objects of a list element."""
    found = node.get(name) if isinstance(node, dict) else None
    for one in found if isinstance(found, list) else ():
        if isinstance(one, dict):
            yield one


def read_code_system(document: JSON) -> CodeSystem:
    """A CodeSystem resource."""
    return CodeSystem(
        text(document, "url"),
        MappingProxyType(gather(_concepts(document, (), DEEPEST))),
        text(document, "name"),
        text(document, "title"),
        text(document, "version"),
        text(document, "valueSet").partition("|")[0],
        complete=text(document, "content") == "complete",
        case_sensitive=document.get("caseSensitive") is not False,
        hierarchical=text(document, "hierarchyMeaning") in ("", "is-a"),
    )


def _concepts(node: JSON, parents: tuple[str, ...], depth: int) -> Iterator[Concept]:
    for one in objects(node, "concept"):
        code = text(one, "code")
        if not code:
            continue
        told = tuple(_properties(one))
        known = {name: value for name, _, value in told}
        above = [str(value) for name, _, value in told if name in ("parent", "subsumedBy")]
        status = "inactive" if known.get("inactive") is True else str(known.get("status") or "")
        yield Concept(
            code,
            text(one, "display"),
            text(one, "definition"),
            tuple(dict.fromkeys((*parents, *above))),
            known.get("notSelectable") is True or known.get("abstract") is True,
            "" if status == "active" else status,
            designations(one),
            told,
        )
        if depth:
            yield from _concepts(one, (code,), depth - 1)


def _properties(node: JSON) -> Iterator[Property]:
    for one in objects(node, "property"):
        for key, value in one.items():
            if key.startswith("value") and text(one, "code"):
                yield Property(text(one, "code"), key.removeprefix("value"), value)


def designations(node: JSON) -> tuple[Designation, ...]:
    """The `designation` of a concept."""
    found = []
    for one in objects(node, "designation"):
        use = one.get("use")
        if text(one, "value"):
            as_use = (text(use, "system"), text(use, "code"))
            found.append(Designation(text(one, "language"), text(one, "value"), as_use))
    return tuple(found)


def read_value_set(document: JSON) -> ValueSet:
    """A ValueSet resource; one that has an expansion only is taken to list what that contains."""
    compose = document.get("compose")
    include = tuple(_part(one) for one in objects(compose, "include"))
    exclude = tuple(_part(one) for one in objects(compose, "exclude"))
    if not include and not isinstance(compose, dict):
        include = tuple(_contained(document.get("expansion")))
    return ValueSet(
        text(document, "url"),
        include,
        exclude,
        text(document, "name"),
        text(document, "title"),
        text(document, "version"),
        text(document, "status") or "active",
        not (isinstance(compose, dict) and compose.get("inactive") is False),
    )


def _part(node: JSON) -> Part:
    listed = None
    if isinstance(node.get("concept"), list):
        concepts = ((text(one, "code"), one) for one in objects(node, "concept"))
        listed = tuple(Listed(code, text(one, "display"), designations(one)) for code, one in concepts if code)
    inner = node.get("valueSet")
    names = tuple(one.partition("|")[0] for one in inner if isinstance(one, str)) if isinstance(inner, list) else ()
    filters = tuple(read_filter(one) for one in objects(node, "filter"))
    return Part(text(node, "system"), listed, 0, filters, names)


def read_filter(node: JSON) -> Filter:
    """One filter of a compose."""
    return Filter(text(node, "property"), text(node, "op"), text(node, "value"))


def _contained(expansion: Any) -> Iterator[Part]:
    found: dict[str, list[Listed]] = {}
    waiting, depth = list(objects(expansion, "contains")), DEEPEST
    while waiting and depth:
        for one in waiting:
            if text(one, "code"):
                listed = Listed(text(one, "code"), text(one, "display"), designations(one))
                found.setdefault(text(one, "system"), []).append(listed)
        waiting, depth = [inner for one in waiting for inner in objects(one, "contains")], depth - 1
    for system, concepts in found.items():
        yield Part(system, tuple(concepts))


def read_concept_map(document: JSON) -> ConceptMap:
    """A ConceptMap resource."""
    ends = ("source", "target")
    source, target = (text(document, f"{end}Canonical") or text(document, f"{end}Uri") for end in ends)
    groups = tuple(_group(one) for one in objects(document, "group"))
    return ConceptMap(text(document, "url"), groups, text(document, "name"), source, target)


def _target(node: JSON) -> Target:
    equivalence = text(node, "equivalence") or "relatedto"
    return Target(text(node, "code"), equivalence, text(node, "display"), text(node, "comment"))


def _group(node: JSON) -> MapGroup:
    elements: dict[str, tuple[Target, ...]] = {}
    for one in objects(node, "element"):
        if text(one, "code"):
            targets = tuple(map(_target, objects(one, "target")))
            elements[text(one, "code")] = (*elements.get(text(one, "code"), ()), *targets)
    rest = node.get("unmapped")
    mode = text(rest, "mode")
    unmapped = (mode, text(rest, "url") if mode == "other-map" else text(rest, "code"))
    return MapGroup(text(node, "source"), text(node, "target"), MappingProxyType(elements), unmapped)
