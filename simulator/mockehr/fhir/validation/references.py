"""Where a Reference points, as far as its text tells (FHIR R4 references.html)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from mockehr.fhir.elements import is_resource_type, release_name
from mockehr.fhir.validation.issue import At, Findings, shown
from mockehr.fhir.validation.primitives import ID_FORM, WANTED

_GOOD = re.compile(r"[A-Z][A-Za-z]*/[A-Za-z0-9\-.]{1,64}(/_history/[A-Za-z0-9\-.]{1,64})?")
_POINTED = re.compile(
    r"(?P<base>https?://.*/)?(?P<type>[A-Z][A-Za-z]*)(/(?P<id>[^/?#\s]+)(/_history/[^/?#\s]+)?|\?.+)"
)
_BLANK = re.compile(r"\s")
_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:")


def check_target(value: Mapping[str, Any], targets: frozenset[str], at: At, findings: Findings) -> None:
    """Note a Reference (sound in structure) that points at a type which its element does not allow.

    `targets` empty: any type may be pointed at. References to contained resources are kept for the resource's end.
    """
    kind = value.get("type")
    if kind is not None:
        _check_type(value, kind, targets, at, findings)
    text = value.get("reference")
    if text is None:
        return
    if text.partition("/")[0] in targets and _GOOD.fullmatch(text):
        return
    if text[0] == "#":
        findings.local.append((at, text[1:], targets))
        return
    found = _pointed(text)
    if found is None:
        if not _ABSOLUTE.match(text):
            wanted = "Type/id, an absolute address, or # and the id of a contained resource"
            findings.add((at, "reference", -1), "value", f"{shown(text)} is no reference: {wanted}")
        return
    pointed = found["type"]
    if not is_resource_type(pointed, findings.version):
        if not found["base"]:  # an absolute address may be of anything
            findings.add((at, "reference", -1), "value", _no_type(pointed, findings))
    elif targets and pointed not in targets:
        findings.add(at, "structure", wrong_target(pointed, targets))
    elif found["id"] and not found["base"] and not ID_FORM.fullmatch(found["id"]):  # some vendors have such ids
        findings.add((at, "reference", -1), "value", f"{shown(found['id'])} is no id: {WANTED['id']}", "warning")


def _pointed(text: str) -> re.Match[str] | None:
    """The parts of a reference; none of one with a blank, of which the pattern would try every slash in vain."""
    return None if _BLANK.search(text) else _POINTED.fullmatch(text)


def wrong_target(pointed: str, targets: frozenset[str]) -> str:
    """`points at a Group; allowed: Patient`, for people."""
    return f"points at {pointed}; allowed: {', '.join(sorted(targets))}"


def _no_type(name: str, findings: Findings) -> str:
    return f"{name} is no resource type of {release_name(findings.version)}"


def _check_type(value: Mapping[str, Any], kind: str, targets: frozenset[str], at: At, findings: Findings) -> None:
    if not is_resource_type(kind, findings.version):
        if not _ABSOLUTE.match(kind):
            findings.add((at, "type", -1), "value", _no_type(shown(kind), findings))
        return
    if targets and kind not in targets:
        findings.add(at, "structure", wrong_target(kind, targets))
    found = _pointed(value.get("reference") or "")
    if found is not None and is_resource_type(found["type"], findings.version) and found["type"] != kind:
        findings.add((at, "type", -1), "value", f"the reference is to {found['type']}, the type says {kind}")


def check_contained(document: Mapping[str, Any], at: At, findings: Findings) -> None:
    """dom-3 to dom-5, the ids of contained resources, and ref-1 for all that pointed at them."""
    contained = document.get("contained")
    known: dict[str, str] = {}
    if type(contained) is list:
        for position, inner in enumerate(contained):
            if type(inner) is dict:
                _check_inner(inner, known, (at, "contained", position), findings)
    for place, id, targets in findings.local:
        if id and id not in known:
            text = f"no contained resource has the id {shown(id)} (ref-1)"
            findings.add((place, "reference", -1), "invariant", text)
        elif id and targets and is_resource_type(known[id], findings.version) and known[id] not in targets:
            findings.add(place, "structure", wrong_target(known[id], targets))
    if known:
        _check_use(document, set(known) - _anchors(document), at, findings)


def _check_inner(inner: Mapping[str, Any], known: dict[str, str], at: At, findings: Findings) -> None:
    id, meta = inner.get("id"), inner.get("meta")
    if type(id) is not str:
        findings.add((at, "id", -1), "required", "a contained resource has an id, to be referred to by")
    elif id in known:
        findings.add((at, "id", -1), "duplicate", f"another contained resource has the id {shown(id)}")
    else:
        known[id] = str(inner.get("resourceType"))
    if type(meta) is dict:
        for name, key in (("versionId", "dom-4"), ("lastUpdated", "dom-4"), ("security", "dom-5")):
            if name in meta:
                text = f"a contained resource has no meta.{name} ({key})"
                findings.add(((at, "meta", -1), name, -1), "invariant", text)


def _check_use(document: Mapping[str, Any], idle: set[str], at: At, findings: Findings) -> None:
    for position, inner in enumerate(document["contained"]):
        id = inner.get("id") if type(inner) is dict else None
        if type(id) is str and id in idle and "" not in _anchors(inner):  # `#` alone is the resource that holds it
            text = f"the contained resource {shown(id)} is referred to from nowhere in the resource (dom-3)"
            findings.add((at, "contained", position), "invariant", text)


def _anchors(node: object) -> set[str]:
    """The ids behind every `#id` that stands alone as a text in `node`. (Walks without recursion.)"""
    found, waiting = set(), [node]
    while waiting:
        inner = waiting.pop()
        if isinstance(inner, str):
            if inner.startswith("#"):
                found.add(inner[1:])
        elif isinstance(inner, dict):
            waiting.extend(inner.values())
        elif isinstance(inner, list):
            waiting.extend(inner)
    return found
