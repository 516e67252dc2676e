"""Structure of whole resources, at every level, by the element table.

For each structure a Plan is made once: JSON name → a closure that checks the value standing there. Walking a resource
is then one look-up and one call for each element. Places are linked tuples and become text only in an Issue.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from mockehr.core.errors import nearest_names
from mockehr.fhir.elements import R4, Element, is_resource_type, release_name, structure
from mockehr.fhir.validation.bindings import check_coded, plain_codes, tell_code
from mockehr.fhir.validation.invariants import rules_of
from mockehr.fhir.validation.issue import At, Findings, shape, shown
from mockehr.fhir.validation.primitives import FORMS, told
from mockehr.fhir.validation.references import check_contained, check_target
from mockehr.fhir.validation.rules import Rule

Node = dict[str, Any]
Check = Callable[[Findings, At, Node, Any], None]
"""(findings, place of the owner, the owner, the value)."""


@dataclass(frozen=True, slots=True)
class Plan:
    """All that is checked of one structure."""

    name: str
    checks: Mapping[str, Check]
    required: frozenset[str]
    choices: frozenset[str]
    """All names that belong to a choice, with those of their siblings."""
    choice_of: Mapping[str, str]
    required_choices: tuple[str, ...]
    rules: tuple[Rule, ...]
    element: bool
    """An Element, which has to have more than an id (ele-1)."""


@cache
def plan(name: str, version: str = R4) -> Plan:
    """The plan of a structure that the table has."""
    found = structure(name, version)
    assert found is not None, name
    checks: dict[str, Check] = {}
    choice_of: dict[str, str] = {}
    for element in found.elements.values():
        checks[element.name] = _check_of(element, version)
        if element.choice:
            choice_of[element.name] = element.choice
        if element.primitive and not element.attribute and element.name != "id":  # those take no extensions
            checks[f"_{element.name}"] = (_sibling_list if element.many else _sibling)(element, version)
            if element.choice:
                choice_of[f"_{element.name}"] = element.choice
    if found.kind == "resource":
        checks["resourceType"] = _check_nothing
        if "contained" in checks:
            checks["contained"] = _check_contained
    bare = set(found.choices)
    return Plan(
        name,
        checks,
        frozenset(name for name in found.required if name not in bare),
        frozenset(choice_of),
        choice_of,
        tuple(name for name in found.required if name in bare),
        rules_of(name),
        found.kind != "resource",
    )


def check_resource(document: Any, at: At, findings: Findings) -> None:
    """Everything about one resource, and about those that it holds."""
    if type(document) is not dict:
        findings.add(at, "structure", f"a resource is a JSON object, not {shape(document)}")
        return
    kind = document.get("resourceType")
    if type(kind) is not str or not is_resource_type(kind, findings.version):
        if "resourceType" in document:
            text = f"{shown(kind)} is no resource type of {release_name(findings.version)}"
            findings.add(at, "not-supported", text)
        else:
            findings.add((at, "resourceType", -1), "required", "resourceType is missing")
        return
    if findings.contained:
        check_object(plan(kind, findings.version), document, at, findings)
        return
    outer, findings.local = findings.local, []
    check_object(plan(kind, findings.version), document, at, findings)
    if findings.local or "contained" in document:
        check_contained(document, at, findings)
    findings.local = outer


def check_object(expected: Plan, node: Node, at: At, findings: Findings) -> None:
    """One object and everything below it."""
    before = findings.unsound
    if len(node) < 2 and expected.element and (not node or "id" in node):
        text = "an object has more than an id (ele-1)" if node else "an object is never empty (ele-1)"
        findings.add(at, "structure", text)
        return
    checks = expected.checks
    for name, value in node.items():
        check = checks.get(name)
        if check is None:
            _tell_stranger(expected, name, at, findings)
        else:
            check(findings, at, node, value)
    if not node.keys() >= expected.required:
        _tell_missing(expected, node, at, findings)
    if expected.choices:
        _check_choices(expected, node, at, findings)
    if expected.rules and findings.unsound == before:  # rules rely on sound structure
        for rule in expected.rules:
            if not rule.holds(node):
                findings.add(at, "invariant", f"{rule.text} ({rule.key})", rule.severity)


def _check_choices(expected: Plan, node: Node, at: At, findings: Findings) -> None:
    taken = expected.choices.intersection(node)
    if len(taken) > 1:
        chosen: dict[str, str] = {}
        for name in node:
            if name in taken:
                choice, bare = expected.choice_of[name], name.removeprefix("_")
                if chosen.setdefault(choice, bare) != bare:
                    text = f"{choice}[x] is given once; there are {chosen[choice]} and {bare}"
                    findings.add((at, bare, -1), "structure", text)
    for choice in expected.required_choices:
        if not any(expected.choice_of[name] == choice for name in taken):
            findings.add((at, f"{choice}[x]", -1), "required", f"{choice}[x] is missing")


def _tell_missing(expected: Plan, node: Node, at: At, findings: Findings) -> None:
    for name in sorted(expected.required):
        if name not in node and f"_{name}" not in node:  # an extension may stand for a primitive
            findings.add((at, name, -1), "required", f"{name} is missing")


def _tell_stranger(expected: Plan, name: object, at: At, findings: Findings) -> None:
    written = str(name)[:64]
    known = [name for name in expected.checks if not name.startswith("_")]
    if written.startswith("_") and written[1:] in expected.checks:
        text = f"{written} beside {written[1:]}, which is no primitive"
    else:
        near = nearest_names(written, known)
        text = f"{expected.name} has no element {written!r}" + (f"; nearest: {', '.join(near)}" if near else "")
    findings.add((at, written, -1), "structure", text)


def _check_nothing(findings: Findings, at: At, node: Node, value: Any) -> None:
    """`resourceType` was looked at before."""


def _check_contained(findings: Findings, at: At, node: Node, value: Any) -> None:
    if findings.contained:
        text = "a contained resource contains no other (dom-2)"
        findings.add((at, "contained", -1), "invariant", text)
        return
    if type(value) is not list or not value:
        _tell_no_list(value, (at, "contained", -1), findings)
        return
    findings.contained = True
    for position, item in enumerate(value):
        check_resource(item, (at, "contained", position), findings)
    findings.contained = False


def _check_of(element: Element, version: str) -> Check:
    if element.primitive:
        test = _primitive(element)
        return _primitive_list(element, test) if element.many else _primitive_single(element, test)
    return _complex_list(element, version) if element.many else _complex_single(element, version)


def _primitive(element: Element) -> Callable[[Any], bool]:
    """Whether a value has the form, and is one of the codes where these are known."""
    if not element.codes:
        return FORMS[element.type]
    codes = plain_codes(element.codes)
    return lambda value: type(value) is str and value in codes


def _tell_value(value: Any, element: Element, at: At, findings: Findings) -> None:
    form = FORMS[element.type]
    if element.codes and form(value):
        tell_code(value, element, at, findings)
    elif value is None:
        findings.add(at, "value", f"null stands for no value; leave {element.name} out")
    else:
        findings.add(at, "value", told(value, element.type, shown(value)))


def _primitive_single(element: Element, test: Callable[[Any], bool]) -> Check:
    name = element.name

    def check(findings: Findings, at: At, node: Node, value: Any) -> None:
        if not test(value):
            _tell_value(value, element, (at, name, -1), findings)

    return check


def _primitive_list(element: Element, test: Callable[[Any], bool]) -> Check:
    name, sibling = element.name, f"_{element.name}"

    def check(findings: Findings, at: At, node: Node, value: Any) -> None:
        if type(value) is not list or not value:
            _tell_no_list(value, (at, name, -1), findings)
            return
        for position, item in enumerate(value):
            if item is None:  # holds the place of an extension
                if not _stands(node.get(sibling), position):
                    findings.add((at, name, position), "value", f"null without an extension in {sibling}")
            elif not test(item):
                _tell_value(item, element, (at, name, position), findings)

    return check


def _sibling(element: Element, version: str) -> Check:
    name = element.name

    def check(findings: Findings, at: At, node: Node, value: Any) -> None:
        if type(value) is not dict:
            findings.add((at, name, -1), "structure", f"_{name} is an object, not {shape(value)}")
        elif "id" not in value or len(value) > 1 or name not in node:  # with a value beside it, an id is enough
            check_object(plan("Element", version), value, (at, name, -1), findings)

    return check


def _sibling_list(element: Element, version: str) -> Check:
    name = element.name

    def check(findings: Findings, at: At, node: Node, value: Any) -> None:
        if type(value) is not list or not value:
            _tell_no_list(value, (at, name, -1), findings, f"_{name}: ")
            return
        base = node.get(name)
        if type(base) is list and len(base) != len(value):
            text = f"_{name} has {len(value)} places, {name} has {len(base)}: they stand side by side"
            findings.add((at, name, -1), "structure", text)
        for position, item in enumerate(value):
            if type(item) is dict:
                if "id" not in item or len(item) > 1 or not _stands(base, position):
                    check_object(plan("Element", version), item, (at, name, position), findings)
            elif item is not None:
                findings.add((at, name, position), "structure", f"_{name} holds objects or null, not {shape(item)}")
            elif type(base) is not list and name not in node:
                findings.add((at, name, position), "value", f"null in _{name}, and no {name} beside it")

    return check


def _stands(base: Any, position: int) -> bool:
    """Whether there is a value at that place of a list of primitives."""
    return type(base) is list and position < len(base) and base[position] is not None


def _tell_no_list(value: Any, at: At, findings: Findings, before: str = "") -> None:
    text = "a list is never empty" if type(value) is list else f"a list is expected, not {shape(value)}"
    findings.add(at, "structure", before + text)


def _complex_item(element: Element, version: str) -> Callable[[Findings, At, Any], None]:
    """The check of one value, wherever it stands."""
    kind, codes, bound_to, targets = element.type, element.codes, element.bound_to, frozenset(element.targets)
    if kind == "Resource":
        return lambda findings, at, value: check_resource(value, at, findings)
    after = kind == "Reference" or bool(codes)

    def check(findings: Findings, at: At, value: Any) -> None:
        if type(value) is not dict:
            findings.add(at, "structure", f"an object ({kind}) is expected, not {shape(value)}")
            return
        if not after:
            check_object(plan(kind, version), value, at, findings)
            return
        before = findings.unsound
        check_object(plan(kind, version), value, at, findings)
        if findings.unsound > before:
            return
        if codes:
            check_coded(value, kind, codes, bound_to, at, findings)
        else:
            check_target(value, targets, at, findings)

    return check


def _complex_single(element: Element, version: str) -> Check:
    name, check_item = element.name, _complex_item(element, version)

    def check(findings: Findings, at: At, node: Node, value: Any) -> None:
        check_item(findings, (at, name, -1), value)

    return check


def _complex_list(element: Element, version: str) -> Check:
    name, check_item = element.name, _complex_item(element, version)

    def check(findings: Findings, at: At, node: Node, value: Any) -> None:
        if type(value) is not list or not value:
            _tell_no_list(value, (at, name, -1), findings)
            return
        for position, item in enumerate(value):
            check_item(findings, (at, name, position), item)

    return check
