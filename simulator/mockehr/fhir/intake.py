"""Bringing resources in: Bundles of any type, NDJSON, single resources, folders of them. Original bytes are kept."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final

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
LINES: Final = (".ndjson", ".ndjson.gz")
"""Ends of names of files with a resource a line."""
WANTED: Final = (".json", ".json.gz", *LINES)


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
    """Import a file or a folder of them (WANTED); raises EnvironmentProblem for nothing, or what cannot be read."""
    intake = Intake()
    for file in files_at(path):
        with store.transaction(), ResourceFile(file) as opened:
            for number, text in opened:
                if text.strip():
                    import_text(store, text, intake, source=f"{file.name}:{number}", version=version)
    return intake


def files_at(path: Path) -> list[Path]:
    """The file, or all that are wanted in a folder and below it; raises EnvironmentProblem if there is nothing."""
    if not path.exists():
        raise EnvironmentProblem(
            f"There is nothing to import at {path}.",
            remedy="Name a .json, .ndjson, one of these as .gz, or a folder.",
        )
    return [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.name.endswith(WANTED))


class ResourceFile:
    """A file of resources, to be gone through once: NDJSON line by line, all else as one text; gzip by its name.

    Texts come with their line's number, from 1. Raises EnvironmentProblem for what cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.by_lines = path.name.endswith(LINES)
        self._stack = ExitStack()

    def __enter__(self) -> ResourceFile:
        try:
            self._raw: IO[bytes] = self._stack.enter_context(self.path.open("rb"))
        except OSError as error:
            text = f"{self.path} cannot be read: {error.strerror}."
            raise EnvironmentProblem(text, remedy="Look at its permissions.") from error
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def read(self) -> int:
        """How many octets of it were read, as they lie on the disk."""
        return self._raw.tell()

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        packed = self.path.name.endswith(".gz")
        stream: Any = self._stack.enter_context(gzip.GzipFile(fileobj=self._raw)) if packed else self._raw
        try:
            # Only line feeds part NDJSON: a text may hold U+2028 and what else counts as the end of a line.
            yield from enumerate(stream if self.by_lines else (stream.read(),), 1)
        except (OSError, EOFError, zlib.error) as error:
            text = f"{self.path} cannot be read: {error}."
            raise EnvironmentProblem(text, remedy="Make the file anew: it is broken, or no gzip.") from error


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
