"""Writes messages/*.hl7, messages/index.yaml and manifest.yaml.

`python corpora/hl7/write_messages.py`; with --check it compares instead.
"""

from __future__ import annotations

import sys
from pathlib import Path

import message_adt
import message_clinical
import message_oddities
from message_collector import Collector, Entry

HERE = Path(__file__).parent
MANIFEST = """\
name: hl7
title: What the versions of HL7 v2 know, and a corpus of messages
generated: 2026-11-22
files:
  versions.json:
    generator: derive_versions.py
    holds: per version, the data type, cardinality and table of each segment's fields and each data type's components
    sources:
      - {what: "tables of hl7apy 1.3.5 (names, cardinalities, numbers; no text, no code)", licence: MIT}
  messages/index.yaml: {generator: write_messages.py, holds: "what each message is and shows", licence: CC0-1.0}
"""


def collected() -> list[Entry]:
    """Every file, in order."""
    collector = Collector()
    for module in (message_adt, message_clinical, message_oddities):
        module.collect(collector)
    names = [entry.file for entry in collector.entries]
    if len(set(names)) != len(names):
        raise SystemExit(f"written twice: {sorted({name for name in names if names.count(name) > 1})}")
    return sorted(collector.entries, key=lambda entry: entry.file.lower())


def index(entries: list[Entry]) -> str:
    """index.yaml."""
    lines = [
        "# Written by write_messages.py. ids: catalogue of odd things; valid: passes hl7apy, strict (it is told the",
        "# structure where MSH-9 does not name it); why: what keeps it from that.",
    ]
    for entry in entries:
        ids = ", ".join(entry.ids)
        valid = f'false, why: "{entry.why}"' if entry.why else "true"
        head = f'{entry.file}: {{kind: "{entry.kind}", version: "{entry.version}", ids: [{ids}]'
        lines.append(f'{head}, valid: {valid}, shows: "{entry.shows}"}}')
    return "\n".join(lines) + "\n"


def manifest(entries: list[Entry]) -> str:
    """manifest.yaml."""
    own = "{generator: write_messages.py, licence: CC0-1.0}"
    return MANIFEST + "".join(f"  messages/{entry.file}: {own}\n" for entry in entries)


def files() -> dict[Path, bytes]:
    """Every file that this program writes."""
    entries = collected()
    written = {HERE / "messages" / entry.file: entry.raw for entry in entries}
    written[HERE / "messages" / "index.yaml"] = index(entries).encode()
    written[HERE / "manifest.yaml"] = manifest(entries).encode()
    return written


def main() -> int:
    """Write, or with --check say what differs."""
    written = files()
    stray = set((HERE / "messages").glob("*")) - set(written)
    if "--check" in sys.argv:
        stale = [path for path, raw in written.items() if not path.is_file() or path.read_bytes() != raw]
        for path in sorted([*stale, *stray]):
            print(f"differs: {path.relative_to(HERE)}")
        return 1 if stale or stray else 0
    for path in stray:
        path.unlink()
    for path, raw in written.items():
        path.write_bytes(raw)
    return 0


if __name__ == "__main__":
    sys.exit(main())
