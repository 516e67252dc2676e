"""The shape of a FHIR answer, without its values: its elements, their systems, how dates and ids are written.

A resource becomes a set of tokens: the path of every element (indices left out; an extension goes by its URL), the
value of `system` and `profile`, and the form of dates, references and ids. What is one organisation's own (its arc
below a vendor's OID, its host, its tenant's UUID) is masked, so that two hospitals of one vendor compare alike.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from mockehr.core.exchange import JSON

_VENDOR_ARC: Final = re.compile(r"(1\.2\.840\.114350\.1\.13)\.\d+\.\d+")
"""Epic's, below which each customer and environment has one of its own."""
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_DATED: Final = re.compile(r"\d{4}(-\d\d){0,2}|\d{4}-\d\d-\d\dT(\d\d:\d\d(?::\d\d(?:\.(\d+))?)?)(Z|[+-]\d\d:\d\d)?")
_PREFIXED: Final = re.compile(r"[A-Za-z]{1,3}[-.]")
_PUBLIC: Final = (
    "hl7.org",
    "terminology.hl7.org",
    "loinc.org",
    "snomed.info",
    "unitsofmeasure.org",
    "www.nlm.nih.gov",
    "www.ama-assn.org",
    "nucc.org",
    "fhir.org",
    "open.epic.com",
)
"""Hosts whose URLs are names that everybody uses."""
_CATEGORISED: Final = frozenset({"Observation", "Condition"})
_CATEGORIES: Final = frozenset(
    {
        "laboratory",
        "vital-signs",
        "social-history",
        "problem-list-item",
        "encounter-diagnosis",
        "health-concern",
    }
)


def kind_of(resource: JSON) -> str:
    """What a resource is compared with: its type; Observations and Conditions by category too."""
    kind = str(resource.get("resourceType", "?"))
    if kind not in _CATEGORISED:
        return kind
    concepts = resource.get("category") or []
    codes = [one.get("code") for concept in concepts for one in concept.get("coding", ())]
    return f"{kind}/{next((code for code in codes if code in _CATEGORIES), 'other')}"


def shape_of(resource: JSON) -> frozenset[str]:
    """The tokens of a resource."""
    return frozenset(_of(resource, str(resource.get("resourceType", "?"))))


def shape_of_envelope(bundle: JSON) -> frozenset[str]:
    """The tokens of a Bundle without its resources: keys, links and their parameters, what entries have."""
    return frozenset(_of_envelope(bundle))


def _of_envelope(bundle: JSON) -> Iterator[str]:
    yield from _of({key: value for key, value in bundle.items() if key not in ("entry", "link", "id")}, "Bundle")
    for link in bundle.get("link", ()):
        yield f"Bundle.link({link.get('relation')})"
        if link.get("relation") == "next":
            for name, _ in parse_qsl(urlsplit(str(link.get("url", ""))).query, keep_blank_values=True):
                yield f"Bundle.link(next)?{name}"
    for entry in bundle.get("entry", ()):
        yield from (f"Bundle.entry.{key}" for key in entry)
        yield f"Bundle.entry.search.mode={entry.get('search', {}).get('mode')}"
        yield from (f"Bundle.entry.link({link.get('relation')})" for link in entry.get("link", ()))


def _of(node: Any, path: str) -> Iterator[str]:
    if isinstance(node, list):
        for one in node:
            yield from _of(one, path)
    elif isinstance(node, Mapping):
        for key, value in node.items():
            yield from _of_element(key, value, path)


def _of_element(key: str, value: Any, path: str) -> Iterator[str]:
    here = f"{path}.{key}"
    if key in ("extension", "modifierExtension") and isinstance(value, list):
        for one in value:
            if isinstance(one, Mapping):
                name = f"{here}({masked(str(one.get('url')))})"
                yield name
                yield from _of({part: what for part, what in one.items() if part != "url"}, name)
        return
    if key == "contained" and isinstance(value, list):
        for one in value:
            if isinstance(one, Mapping):
                yield from _of(one, f"{here}<{one.get('resourceType')}>")
        return
    yield here
    if key in ("system", "profile") and not path.endswith(".telecom"):
        for text in value if isinstance(value, list) else [value]:
            if isinstance(text, str):
                yield f"{here}={masked(text)}"
    elif isinstance(value, str):
        form = _form(key, value)
        if form:
            yield f"{here}~{form}"
    yield from _of(value, here)


def masked(uri: str) -> str:
    """A system or URL without what is one organisation's own."""
    uri = _VENDOR_ARC.sub(r"\1.*.*", uri)
    if not uri.startswith("http"):
        return uri
    parts = urlsplit(uri)
    if (parts.hostname or "") in _PUBLIC:
        return uri
    domain = ".".join((parts.hostname or "").split(".")[-2:])
    return f"host:{domain}{_UUID.sub('<uuid>', parts.path)}"


def _form(key: str, text: str) -> str:
    """How a reference, an id or a date is written; empty for any other text."""
    if key == "reference":
        return _form_of_reference(text)
    if key == "id":
        return _form_of_id(text)
    found = _DATED.fullmatch(text) if len(text) >= 7 else None
    if found is None:
        return ""
    if "T" not in text:
        return "date" if len(text) == 10 else "partial-date"
    fraction = f".{len(found[3])}" if found[3] else ""
    zone = "Z" if found[4] == "Z" else "offset" if found[4] else "none"
    return f"time{fraction}+{zone}"


def _form_of_reference(text: str) -> str:
    if text.startswith("#"):
        return "contained"
    if text.startswith("urn:"):
        return "urn"
    form = "absolute" if text.startswith("http") else "relative"
    return f"{form}+history" if "/_history/" in text else form


def _form_of_id(text: str) -> str:
    if _UUID.fullmatch(text):
        return "uuid"
    if text.isdigit():
        return "digits"
    found = _PREFIXED.match(text)
    if found:
        return f"prefix:{found[0]}"
    return "opaque" if len(text) > 20 else "short"
