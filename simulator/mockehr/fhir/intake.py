"""Bringing resources in: Bundles of any type, NDJSON folders, single resources. Original bytes are kept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import orjson

from mockehr.core.errors import EnvironmentProblem
from mockehr.core.exchange import JSON
from mockehr.fhir.store import Store
from mockehr.fhir.validate import DEEPEST, too_deep

NOT_STORED = frozenset({"Bundle", "Parameters", "OperationOutcome"})


@dataclass(slots=True)
class Intake:
    """What an import did: how many resources of each type, and what was refused, with the reason."""

    stored: dict[str, int] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)

    @property
    def total(self) -> int:
        """How many resources were stored."""
        return sum(self.stored.values())


def import_path(store: Store, path: Path) -> Intake:
    """Import a file or a folder of `.json` and `.ndjson` files; raises EnvironmentProblem if there is none."""
    if not path.exists():
        raise EnvironmentProblem(
            f"There is nothing to import at {path}.", remedy="Name a .json, .ndjson or a folder."
        )
    files = [path] if path.is_file() else sorted(f for f in path.rglob("*") if f.suffix in (".json", ".ndjson"))
    intake = Intake()
    for file in files:
        chunks = file.read_bytes().splitlines() if file.suffix == ".ndjson" else [file.read_bytes()]
        for number, chunk in enumerate(chunks, 1):
            if not chunk.strip():
                continue
            try:
                document = orjson.loads(chunk)
            except orjson.JSONDecodeError as error:
                intake.refused.append(f"{file.name}:{number}: no JSON: {error}")
                continue
            import_document(store, document, intake, source=f"{file.name}:{number}", body=chunk)
    return intake


def import_document(store: Store, document: object, intake: Intake, *, source: str, body: bytes = b"") -> None:
    """Import one parsed resource, or every resource of a Bundle; what cannot be stored is noted in `intake`.

    `urn:uuid:` references between entries of one Bundle are turned into `Type/id`.
    """
    if not isinstance(document, dict) or "resourceType" not in document:
        intake.refused.append(f"{source}: no FHIR resource")
        return
    if too_deep(document):
        intake.refused.append(f"{source}: nested more than {DEEPEST} levels deep")
        return
    if document["resourceType"] == "Bundle":
        names = _full_urls(document)
        for position, resource in enumerate(_entries(document)):
            resolved = _resolve(resource, names) if names else resource
            import_document(store, resolved, intake, source=f"{source} entry {position}")
        return
    kind, id = document["resourceType"], document.get("id")
    if not isinstance(kind, str):
        intake.refused.append(f"{source}: no FHIR resource")
        return
    if kind in NOT_STORED or not isinstance(id, str) or not id:
        intake.refused.append(f"{source}: {kind} without an id" if kind not in NOT_STORED else f"{source}: a {kind}")
        return
    before = store.read(kind, id)
    store.commit(document, kind="update" if before else "create", source="control", body=body)
    intake.stored[kind] = intake.stored.get(kind, 0) + 1


def _entries(bundle: JSON) -> Iterator[JSON]:
    for entry in _entry_list(bundle):
        resource = entry.get("resource")
        if isinstance(resource, dict):
            if "id" not in resource and str(entry.get("fullUrl", "")).startswith("urn:uuid:"):
                resource = resource | {"id": entry["fullUrl"].removeprefix("urn:uuid:")}
            yield resource


def _entry_list(bundle: JSON) -> list[JSON]:
    entries = bundle.get("entry")
    return [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []


def _full_urls(bundle: JSON) -> dict[str, str]:
    names = {}
    for entry in _entry_list(bundle):
        url, resource = str(entry.get("fullUrl", "")), entry.get("resource")
        if url.startswith("urn:uuid:") and isinstance(resource, dict):
            names[url] = f"{resource.get('resourceType')}/{resource.get('id') or url.removeprefix('urn:uuid:')}"
    return names


def _resolve(node: object, names: dict[str, str]) -> object:
    if isinstance(node, dict):
        return {
            key: names.get(value, value) if key == "reference" and isinstance(value, str) else _resolve(value, names)
            for key, value in node.items()
        }
    if isinstance(node, list):
        return [_resolve(item, names) for item in node]
    return node
