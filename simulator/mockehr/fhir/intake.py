"""Bringing resources in: Bundles of any type, NDJSON folders, single resources. Original bytes are kept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from mockehr.core.errors import EnvironmentProblem
from mockehr.core.exchange import JSON
from mockehr.fhir.bundle.references import following, rewritten
from mockehr.fhir.elements import R4, is_resource_type, release_name
from mockehr.fhir.lossless import Unreadable, parse
from mockehr.fhir.splice import items, members
from mockehr.fhir.store import Store
from mockehr.fhir.validate import DEEPEST, ID_FORM, too_deep

NOT_STORED: Final = frozenset({"Parameters", "OperationOutcome"})
"""They have no address of their own (FHIR R4 parameters.html, operationoutcome.html)."""
WHOLE: Final = frozenset({"document", "message"})
"""Bundles that are kept as they are; of all others the entries are."""


@dataclass(slots=True)
class Intake:
    """What an import did: how many resources of each type, and what was refused, with the reason."""

    stored: dict[str, int] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)

    @property
    def total(self) -> int:
        """How many resources were stored."""
        return sum(self.stored.values())


def import_path(store: Store, path: Path, *, version: str = R4) -> Intake:
    """Import a file or a folder of `.json` and `.ndjson` files; raises EnvironmentProblem if there is none."""
    if not path.exists():
        raise EnvironmentProblem(
            f"There is nothing to import at {path}.", remedy="Name a .json, .ndjson or a folder."
        )
    files = [path] if path.is_file() else sorted(f for f in path.rglob("*") if f.suffix in (".json", ".ndjson"))
    intake = Intake()
    for file in files:
        # Only line ends part NDJSON: a text may hold U+2028 and what else counts as the end of a line.
        chunks = file.read_bytes().split(b"\n") if file.suffix == ".ndjson" else [file.read_bytes()]
        with store.transaction():
            for number, chunk in enumerate(chunks, 1):
                if chunk.strip():
                    import_text(store, chunk, intake, source=f"{file.name}:{number}", version=version)
    return intake


def import_text(store: Store, text: bytes, intake: Intake, *, source: str, version: str = R4) -> None:
    """Import the JSON text of one resource or Bundle; what cannot be stored is noted in `intake`."""
    try:
        document = parse(text)
    except Unreadable as error:
        intake.refused.append(f"{source}: no JSON: {error}")
        return
    import_document(store, document, intake, source=source, body=text.strip(), version=version)


def import_document(
    store: Store, document: object, intake: Intake, *, source: str, body: bytes = b"", version: str = R4
) -> None:
    """Import one parsed resource, or every resource of a Bundle; what cannot be stored is noted in `intake`.

    `body` is its JSON text, if there is one; what a resource is stored as stays the same to the byte. Only where
    entries of a Bundle refer to each other by `urn:uuid:` do these references become `Type/id`. Documents and
    messages are kept whole.
    """
    if not isinstance(document, dict) or not isinstance(document.get("resourceType"), str):
        intake.refused.append(f"{source}: no FHIR resource")
        return
    if too_deep(document):
        intake.refused.append(f"{source}: nested more than {DEEPEST} levels deep")
        return
    kind, id = document["resourceType"], document.get("id")
    if kind == "Bundle" and document.get("type") not in WHOLE:
        _import_entries(store, document, intake, source, body, version)
    elif kind in NOT_STORED or not is_resource_type(kind, version):
        what = f"a {kind}" if kind in NOT_STORED else f"{kind} is no resource type of {release_name(version)}"
        intake.refused.append(f"{source}: {what}")
    elif not isinstance(id, str) or not ID_FORM.fullmatch(id):
        what = "without an id" if id is None else f"with an id that is none: {id!r:.80}"
        intake.refused.append(f"{source}: {kind} {what}")
    else:
        before = store.read(kind, id)
        store.commit(document, kind="update" if before else "create", source="control", body=body)
        intake.stored[kind] = intake.stored.get(kind, 0) + 1


def _import_entries(store: Store, bundle: JSON, intake: Intake, source: str, body: bytes, version: str) -> None:
    names = _full_urls(bundle)
    follow = following(names, "")
    texts = list(_texts(body)) if body else []
    for position, entry in enumerate(_entry_list(bundle)):
        resource = entry.get("resource") if isinstance(entry, dict) else None
        if not isinstance(resource, dict):
            continue
        text = texts[position] if position < len(texts) else b""
        url = str(entry.get("fullUrl", ""))
        if "id" not in resource and url.startswith("urn:uuid:"):
            resource, text = resource | {"id": url.removeprefix("urn:uuid:")}, b""
        made = rewritten(resource, follow, follow) if names else resource
        octets, place = text if made is resource else b"", f"{source} entry {position}"
        import_document(store, made, intake, source=place, body=octets, version=version)


def _texts(body: bytes) -> Iterator[bytes]:
    """The JSON text of each entry's resource, empty where there is none."""
    entries = dict(members(body)).get("entry")
    for span in items(body, entries) if entries else ():
        found = dict(members(body, span)).get("resource") if body[span[0] : span[0] + 1] == b"{" else None
        yield body[found[0] : found[1]] if found else b""


def _entry_list(bundle: JSON) -> list[Any]:
    entries = bundle.get("entry")
    return entries if isinstance(entries, list) else []


def _full_urls(bundle: JSON) -> dict[str, str]:
    """`urn:uuid:` names of the entries to what they are stored as."""
    names = {}
    for entry in _entry_list(bundle):
        if not isinstance(entry, dict):
            continue
        url, resource = str(entry.get("fullUrl", "")), entry.get("resource")
        if url.startswith("urn:uuid:") and isinstance(resource, dict):
            names[url] = f"{resource.get('resourceType')}/{resource.get('id') or url.removeprefix('urn:uuid:')}"
    return names
