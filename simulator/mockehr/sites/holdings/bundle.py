"""Records in JSON files: Bundles of any type, single resources, lists of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mockehr.fhir.intake import ResourceFile
from mockehr.sites.holdings.model import Holding, Unreadable
from mockehr.sites.holdings.ndjson import parsed


class BundleRecords:
    """The resources in a file: a Bundle's entries, the items of a list, or the only one. Entries without a resource
    are passed over. Raises EnvironmentProblem if it cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def __iter__(self) -> Iterator[Holding]:
        with ResourceFile(self._path) as opened:
            for _, text in opened:
                if text.strip():
                    yield from _resources(parsed(text, self._path.name), self._path.name)


def _resources(document: Any, place: str) -> Iterator[Holding]:
    if isinstance(document, Unreadable):
        yield document
    elif isinstance(document, list):
        for position, item in enumerate(document):
            yield from _resources(item, f"{place}: item {position}")
    elif isinstance(document, dict) and document.get("resourceType") == "Bundle":
        entries = document.get("entry", [])
        if not isinstance(entries, list):
            yield Unreadable(place, "a Bundle whose entry is no list")
            return
        for position, entry in enumerate(entries):
            resource = entry.get("resource") if isinstance(entry, dict) else entry
            if resource is not None:
                yield from _one(resource, f"{place}: entry {position}")
    else:
        yield from _one(document, place)


def _one(document: Any, place: str) -> Iterator[Holding]:
    yield document if isinstance(document, dict) else Unreadable(place, "no JSON object")
