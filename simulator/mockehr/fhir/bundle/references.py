"""References inside a transaction: full URLs to what they become, conditional ones to what they mean.

FHIR R4 http.html#trules: references, and elements of type uri, url, oid, uuid that hold an entry's fullUrl, follow
it; so do links and images of the narrative.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from mockehr.core.exchange import JSON
from mockehr.fhir.elements import Structure, known_structure

_FOLLOWING: Final = frozenset({"uri", "url", "oid", "uuid"})
_LINK: Final = re.compile(r"""((?:href|src)\s*=\s*["'])([^"']+)(["'])""")
Rewrite = Callable[[str], str]


def rewritten(resource: JSON, rewrite: Rewrite, link: Rewrite) -> JSON:
    """A copy whose references went through `rewrite`, and whose uris and links through `link`.

    What did not change is shared with the original.
    """
    known = known_structure(str(resource.get("resourceType", "")))
    made = _node(resource, known, rewrite, link)
    assert isinstance(made, dict)
    return made


def _node(node: Any, known: Structure | None, rewrite: Rewrite, link: Rewrite) -> Any:
    if isinstance(node, list):
        items = [_node(item, known, rewrite, link) for item in node]
        return node if all(new is old for new, old in zip(items, node, strict=True)) else items
    if not isinstance(node, dict):
        return node
    if isinstance(node.get("resourceType"), str):
        known = known_structure(node["resourceType"]) or known
    changed: dict[str, Any] = {}
    for name, value in node.items():
        new = _member(name, value, known, rewrite, link)
        if new is not value:
            changed[name] = new
    return {**node, **changed} if changed else node


def _member(name: str, value: Any, known: Structure | None, rewrite: Rewrite, link: Rewrite) -> Any:
    element = known.elements.get(name) if known else None
    if isinstance(value, (dict, list)) and value:
        if name.startswith("_"):  # what stands beside a primitive: its id and extensions
            return _node(value, known_structure("Element"), rewrite, link)
        inner = known_structure(element.type) if element and not element.primitive else None
        if element and element.primitive and isinstance(value, list) and element.type in _FOLLOWING:
            items = [_same_or(item, link) for item in value]
            return value if items == value else items
        return _node(value, inner, rewrite, link)
    if not isinstance(value, str):
        return value
    if name == "reference" and known is not None and known.name == "Reference":
        return _same_or(value, rewrite)
    if element is not None and element.type in _FOLLOWING:
        return _same_or(value, link)
    if element is not None and element.type == "xhtml" and "urn:" in value:
        made = _LINK.sub(lambda found: found.group(1) + link(found.group(2)) + found.group(3), value)
        return value if made == value else made
    return value


def _same_or(value: Any, rewrite: Rewrite) -> Any:
    """The rewritten text, or the very same object if it stays what it was."""
    if not isinstance(value, str):
        return value
    made = rewrite(value)
    return value if made == value else made


def following(names: Mapping[str, str], base: str) -> Rewrite:
    """Turns a full URL of the Bundle into what it becomes; relative references count from `base`."""

    def rewrite(text: str) -> str:
        bare, mark, rest = text.partition("#")
        found = names.get(bare)
        if found is None and base and bare:
            found = names.get(f"{base}/{bare}")
        return text if found is None else f"{found}{mark}{rest}"

    return rewrite
