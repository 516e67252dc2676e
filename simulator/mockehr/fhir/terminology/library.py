"""All code systems, value sets and concept maps of one site: what clients stored, and below it what is shipped."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any, Final

from mockehr.core.errors import nearest_names
from mockehr.core.exchange import JSON
from mockehr.fhir.store import Store
from mockehr.fhir.terminology import shipped
from mockehr.fhir.terminology.model import CodeSystem, ConceptMap, ValueSet
from mockehr.fhir.terminology.observed import Observed
from mockehr.fhir.terminology.written import objects, read_code_system, read_concept_map, read_value_set, text

_LONGEST_TAIL: Final = 100


class Library:
    """Finds by canonical URL, with `|version` or without. `store` None: only what is shipped.

    A Library belongs to one request or one search: it reads a stored resource once.
    """

    def __init__(self, store: Store | None = None) -> None:
        self._store = store
        self._systems: dict[str, CodeSystem | None] = {}
        self._sets: dict[str, ValueSet | None] = {}
        self._written: dict[str, dict[str, list[JSON]]] = {}
        self.answers: dict[tuple[str, ...], Any] = {}
        """What was found out of value sets inside others, so that each is looked into once; kept by who asks."""

    def code_system(self, canonical: str) -> CodeSystem | None:
        """A code system; None if it is not known, or not in that version."""
        if canonical not in self._systems:
            self._systems[canonical] = self._code_system(canonical)
        return self._systems[canonical]

    def _code_system(self, canonical: str) -> CodeSystem | None:
        url, _, version = canonical.partition("|")
        document = self.document("CodeSystem", canonical)
        if document is None:
            found = shipped.code_system(url)
            return found if found is not None and _fits(found.version, version) else None
        made = read_code_system(document)
        if text(document, "content") == "supplement":
            return shipped.code_system(text(document, "supplements").partition("|")[0])
        return made

    def value_set(self, canonical: str) -> ValueSet | None:
        """A value set; None if it is not known, or not in that version."""
        if canonical not in self._sets:
            self._sets[canonical] = self._value_set(canonical)
        return self._sets[canonical]

    def _value_set(self, canonical: str) -> ValueSet | None:
        url, _, version = canonical.partition("|")
        document = self.document("ValueSet", canonical)
        if document is not None:
            return read_value_set(document)
        for system in self._all("CodeSystem"):
            if text(system, "valueSet").partition("|")[0] == url and url:
                return read_value_set({"url": url, "compose": {"include": [{"system": text(system, "url")}]}})
        found = shipped.value_set(url)
        return found if found is not None and _fits(found.version, version) else None

    def concept_map(self, canonical: str) -> ConceptMap | None:
        """A concept map; None if it is not known."""
        document = self.document("ConceptMap", canonical)
        if document is not None:
            return read_concept_map(document)
        return shipped.concept_maps().get(canonical.partition("|")[0])

    def concept_maps(self) -> Iterator[ConceptMap]:
        """All maps: the stored ones, then the shipped ones whose URL no stored one has."""
        stored = [read_concept_map(document) for document in self._all("ConceptMap")]
        yield from stored
        urls = {one.url for one in stored}
        yield from (one for url, one in shipped.concept_maps().items() if url not in urls)

    def document(self, resource_type: str, canonical: str) -> JSON | None:
        """The newest stored resource of that URL (and version); None if clients stored none."""
        url, _, version = canonical.partition("|")
        self._all(resource_type)
        found = self._written[resource_type].get(url, [])
        found = [one for one in found if not version or one.get("version") == version]
        return found[-1] if found else None

    def _all(self, resource_type: str) -> Iterator[JSON]:
        if resource_type not in self._written:
            by_url: dict[str, list[JSON]] = {}
            for record in self._store.overlay(resource_type) if self._store is not None else ():
                if not record.deleted and text(record.document, "url"):
                    by_url.setdefault(text(record.document, "url"), []).append(record.document)
            self._written[resource_type] = by_url
        return (one for documents in self._written[resource_type].values() for one in documents)

    def nearest(self, resource_type: str, canonical: str) -> list[str]:
        """Known URLs whose last part is most like that of `canonical`, best first; for the text of a refusal."""
        shipped_urls = {
            "CodeSystem": shipped.code_systems,
            "ValueSet": shipped.value_sets,
            "ConceptMap": shipped.concept_maps,
        }
        urls = [*(text(one, "url") for one in self._all(resource_type)), *shipped_urls[resource_type]()]
        by_tail = {_tail(url): url for url in reversed(urls)}
        return [by_tail[tail] for tail in nearest_names(_tail(canonical.partition("|")[0]), by_tail)]

    def supplemented(self, url: str, code: str) -> Iterator[JSON]:
        """What stored supplements of a code system say about one code: their concepts."""
        for document in self._all("CodeSystem"):
            if text(document, "content") == "supplement" and text(document, "supplements").partition("|")[0] == url:
                yield from (one for one in objects(document, "concept") if text(one, "code") == code)

    def local_system(self, url: str) -> CodeSystem | None:
        """A system of the site's own, as far as its charts show it; None if they do not."""
        return self._seen.code_system(url)

    def local_partners(self, system: str, code: str) -> Iterator[tuple[str, str, str]]:
        """(system, code, display) of the codings that stand beside that one in the site's charts."""
        return self._seen.partners(system, code)

    @cached_property
    def _seen(self) -> Observed:
        return Observed(self._store)


def _tail(url: str) -> str:
    # Nearly all of a canonical URL is the same from one to the next; only its end tells them apart.
    return url.rstrip("/").rpartition("/")[2][:_LONGEST_TAIL]


def _fits(held: str, wanted: str) -> bool:
    return not wanted or not held or held == wanted
