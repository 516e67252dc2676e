"""Codes of a site's own as its charts show them: laboratories put their own code beside the standard one.

No table of them exists: a personality makes them when it dresses a chart. So a few charts are looked at.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from types import MappingProxyType
from typing import Final

from mockehr.fhir.store import Store
from mockehr.fhir.terminology.model import CodeSystem, Concept
from mockehr.fhir.terminology.written import objects, text

CHARTS_SEEN: Final = 16
"""Charts that are looked at: enough for the common measurements, and quickly dressed."""
TYPES: Final = ("Observation", "DiagnosticReport")
Key = tuple[str, str]


class Observed:
    """The codes of measurements in a site's charts, by system, and which stand together."""

    def __init__(self, store: Store | None) -> None:
        self._systems: dict[str, dict[str, Concept]] = {}
        self._beside: dict[Key, dict[Key, str]] = {}
        if store is not None:
            self._look(store)

    def _look(self, store: Store) -> None:
        for kind in TYPES:
            for record in store.overlay(kind):
                if not record.deleted:
                    self._see(record.document.get("code"))
        for patient in islice(store.base.everyone(), CHARTS_SEEN):
            for kind in TYPES:
                for record in store.chart(patient, kind):
                    self._see(record.document.get("code"))

    def _see(self, concept: object) -> None:
        found = [
            ((text(one, "system"), text(one, "code")), text(one, "display")) for one in objects(concept, "coding")
        ]
        known = [(key, display) for key, display in found if all(key)]
        for (system, code), display in known:
            self._systems.setdefault(system, {}).setdefault(code, Concept(code, display))
        for key, _ in known if len(known) > 1 else ():
            self._beside.setdefault(key, {}).update((other, shown) for other, shown in known if other != key)

    def code_system(self, url: str) -> CodeSystem | None:
        """The codes of one system, or None if no chart has any."""
        found = self._systems.get(url)
        return None if found is None else CodeSystem(url, MappingProxyType(found), url, url)

    def partners(self, system: str, code: str) -> Iterator[tuple[str, str, str]]:
        """(system, code, display) of what stands beside that coding."""
        for (other, beside), display in self._beside.get((system, code), {}).items():
            yield other, beside, display
