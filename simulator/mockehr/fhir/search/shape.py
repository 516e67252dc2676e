"""`_summary` and `_elements` (FHIR R4 search.html#summary, #elements): what is left of a resource.

Chosen where R4 leaves freedom: `_summary=true` keeps what R4 marks as summary, in parts of the resource too, and
nothing else; datatypes stay whole. `_summary=text` keeps `text`, `id`, `meta` and mandatory elements, `_elements`
what was named and mandatory elements. Names without a type concern the matches; included resources are whole unless
their type is named. What lost something carries the tag SUBSETTED. `_summary=count` is a matter of the page, not of a
resource.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from mockehr.core.exchange import JSON
from mockehr.fhir.elements import Structure, structure
from mockehr.fhir.search.query import Query

ALWAYS: Final = frozenset({"resourceType", "id", "meta"})
SUBSETTED: Final = ("http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "SUBSETTED")


def shapes(query: Query) -> bool:
    """Whether the query wants less than whole resources."""
    return bool(query.elements) or query.summary in ("true", "text", "data")


def shaped(document: JSON, query: Query, *, included: bool = False) -> JSON | None:
    """The document as the query wants it, a new dict; None if it wants it whole. `document` stays as it is."""
    if not shapes(query):
        return None
    kind = str(document.get("resourceType", ""))
    known = structure(kind, query.fhir_version)
    if known is None:
        return None
    if query.summary == "data":
        return (
            _tagged({key: value for key, value in document.items() if key != "text"}) if "text" in document else None
        )
    if query.summary == "true":
        return _tagged(_summarised(document, known, query.fhir_version))
    names = ALWAYS | _mandatory(kind, query.fhir_version)
    if query.summary == "text":
        names |= {"text"}
    else:
        asked = _asked(query, kind, included)
        if not asked:
            return None
        names |= asked
        names |= {key for name in asked for key in known.choices.get(name, ())}
    return _tagged({key: value for key, value in document.items() if key.removeprefix("_") in names})


def _asked(query: Query, kind: str, included: bool) -> set[str]:
    """The element names that concern a resource of that type."""
    own = {
        name
        for name in query.elements
        if "." not in name and not included and query.resource_type in (kind, "Resource")
    }
    return own | {name.partition(".")[2] for name in query.elements if name.startswith(f"{kind}.")}


@cache
def _mandatory(kind: str, version: str) -> frozenset[str]:
    known = structure(kind, version)
    if known is None:
        return frozenset()
    return frozenset(key for name in known.required for key in known.choices.get(name, (name,)))


def _summarised(node: Mapping[str, Any], known: Structure, version: str) -> JSON:
    """A resource or a part of it, with what R4 marks as summary."""
    kept: JSON = {}
    for key, value in node.items():
        element = known.elements.get(key.removeprefix("_"))
        if key in ALWAYS and known.kind == "resource":
            kept[key] = value
        elif element is not None and element.summary:
            part = structure(element.type, version)
            kept[key] = _each(value, part, version) if part is not None and part.kind == "part" else value
    return kept


def _each(value: Any, part: Structure, version: str) -> Any:
    if isinstance(value, list):
        return [_each(one, part, version) for one in value]
    return _summarised(value, part, version) if isinstance(value, dict) else value


def _tagged(document: JSON) -> JSON:
    """With the tag SUBSETTED, `meta` after the id."""
    meta = document.get("meta")
    meta = dict(meta) if isinstance(meta, dict) else {}
    tags = meta.get("tag")
    tags = list(tags) if isinstance(tags, list) else []
    system, code = SUBSETTED
    if not any(isinstance(tag, dict) and tag.get("code") == code for tag in tags):
        tags.append({"system": system, "code": code, "display": "subsetted"})
    head: JSON = {key: document[key] for key in ("resourceType", "id") if key in document}
    return {**head, "meta": {**meta, "tag": tags}, **{key: v for key, v in document.items() if key not in ALWAYS}}
