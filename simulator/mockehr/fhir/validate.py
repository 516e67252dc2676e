"""Is a document a good resource? The body of a write, and `$validate`. Nothing here changes the document or raises.

Of FHIR R4, or of the `version` that is told (`mockehr.fhir.elements.VERSIONS`). What is looked at: structure at every
level, required bindings and invariants (`mockehr.fhir.validation`), and for `$validate` the profiles that the
document claims or that were asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, Final

from mockehr.fhir.elements import R4
from mockehr.fhir.validation.issue import MOST_ISSUES, At, Enough, Findings, Issue, expression, outcome, shape
from mockehr.fhir.validation.models import check_models
from mockehr.fhir.validation.place import place
from mockehr.fhir.validation.primitives import ID_FORM
from mockehr.fhir.validation.profiles import check_profile, known_profile, profile_urls
from mockehr.fhir.validation.structure import check_resource

__all__ = [
    "DEEPEST",
    "ID_FORM",
    "MODES",
    "MOST_ISSUES",
    "Issue",
    "check_body",
    "check_models",
    "check_profile",
    "check_structure",
    "known_profile",
    "outcome",
    "place",
    "profile_urls",
    "too_deep",
    "validate_document",
]
MODES: Final = ("create", "update", "delete", "profile")
"""What `$validate` may be asked with (R4 value set resource-validation-mode)."""
DEEPEST: Final = 100
"""Levels of objects and lists in one resource; what is written has to fit into other documents as well."""


def check_body(
    document: object, resource_type: str, id: str = "", *, strict: bool = False, version: str = R4
) -> list[Issue]:
    """What is wrong with `document` as the body of a write to `/resource_type[/id]`; empty if nothing is.

    On an update (`id` given) the body has to carry that id; on a create its id does not matter (R4 http.html#create:
    the server ignores it). Warnings are left out. `strict` asks the R4B models as well. Never raises.
    """
    issues = _check_envelope(document, resource_type, id)
    if issues or not isinstance(document, dict):
        return issues
    body = document if id or "id" not in document else {key: document[key] for key in document if key != "id"}
    issues = [issue for issue in check_structure(body, version) if issue.fails]
    if strict:
        known = {issue.expression for issue in issues}
        issues += [issue for issue in check_models(body) if issue.expression not in known]
    return issues


def check_structure(document: Mapping[str, Any], version: str = R4) -> list[Issue]:
    """Structure, required bindings and invariants of a parsed resource that is not too deep (`too_deep`).

    At most MOST_ISSUES, and then a warning that the rest was not looked at.
    """
    findings = Findings(version)
    at: At = (None, str(document.get("resourceType") or "Resource"), -1)
    with suppress(Enough):
        check_resource(document, at, findings)
    return findings.issues


def validate_document(document: object, *, profile: str = "", mode: str = "", version: str = R4) -> list[Issue]:
    """What `$validate` finds (R4 resource-operation-validate.html); empty if all is well. Never raises.

    `profile` is a canonical URL; without one, the profiles that the resources claim in `meta.profile` are looked at,
    those of the entries of a Bundle too, and one that is unknown is only a warning. `mode` is `create`, `update`,
    `delete` (then there need not be a document) or `profile`. `outcome` makes the answer of the list.
    """
    if mode and mode not in MODES:
        return [Issue("invalid", f"{mode[:40]!r} is no mode; there are {', '.join(MODES)}", "")]
    if mode == "delete" and document is None:
        return []
    if not isinstance(document, dict):
        return [Issue("structure", f"a resource is a JSON object, not {shape(document)}", "Resource")]
    kind = str(document.get("resourceType") or "Resource")
    if too_deep(document):
        return [Issue("structure", f"nested more than {DEEPEST} levels deep", kind)]
    issues = check_structure(document, version)
    if mode == "update" and "id" not in document:
        issues.append(Issue("required", "an update carries the id of its address", f"{kind}.id"))
    if mode == "create" and "id" in document:
        issues.append(Issue("informational", "a create gives an id of its own", f"{kind}.id", "information"))
    if profile:
        return (issues + check_profile(document, profile))[: MOST_ISSUES + 1]
    for resource, at in _resources(document, (None, kind, -1)):
        for url in _claims(resource):
            if known_profile(url) is None:
                text = f"the profile {url[:200]} is unknown and was not looked at"
                issues.append(Issue("not-found", text, expression(((at, "meta", -1), "profile", -1)), "warning"))
            else:
                issues += check_profile(resource, url, at)
            if len(issues) > MOST_ISSUES:
                return issues[: MOST_ISSUES + 1]
    return issues


def _resources(document: dict[str, Any], at: At) -> Iterator[tuple[dict[str, Any], At]]:
    """A resource, and those of the entries if it is a Bundle, with their places."""
    yield document, at
    entries = document.get("entry")
    if document.get("resourceType") == "Bundle" and isinstance(entries, list):
        for position, entry in enumerate(entries):
            inner = entry.get("resource") if isinstance(entry, dict) else None
            if isinstance(inner, dict):
                yield from _resources(inner, ((at, "entry", position), "resource", -1))


def _claims(resource: Mapping[str, Any]) -> list[str]:
    meta = resource.get("meta")
    claimed = meta.get("profile") if isinstance(meta, dict) else None
    return [url for url in claimed if isinstance(url, str)] if isinstance(claimed, list) else []


def _check_envelope(document: object, resource_type: str, id: str) -> list[Issue]:
    if not isinstance(document, dict):
        return [Issue("structure", f"a resource is a JSON object, not {shape(document)}", resource_type)]
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
    layer: list[Any] = [[document]]
    for _ in range(DEEPEST + 1):
        layer = [
            item
            for node in layer
            for item in (node.values() if type(node) is dict else node)
            if type(item) is dict or type(item) is list
        ]
        if not layer:
            return False
    return True
