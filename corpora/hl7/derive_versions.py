"""Writes versions.json: per version of HL7 v2, the fields of each segment and the components of each data type.

The facts (names of data types, cardinalities, table numbers) are read from hl7apy's installed tables:
`python corpora/hl7/derive_versions.py` with hl7apy in the environment. A version is written only where it differs
from the one before.

A slot is written `CX!*:0203`: data type, `!` if required, `*` if it repeats (`*3`: three times at most), the number
of its table. `-` is a slot that the version has withdrawn or does not name. A data type without components is the
empty text; null means that the version does not have it.
"""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import Any

VERSIONS = ("2.1", "2.2", "2.3", "2.3.1", "2.4", "2.5", "2.5.1", "2.6", "2.7", "2.8", "2.8.1", "2.8.2")
WITHDRAWN = ("WD", "wd")


def slot(entry: tuple[Any, ...]) -> str:
    """One field or component: (name, reference, (min, max), kind)."""
    texts = [part for part in entry[1] if isinstance(part, str) and part not in ("leaf", "sequence")]
    low, high = entry[2]
    kind = texts[0] if texts else ""
    if high == 0 or not kind or kind in WITHDRAWN:
        return "-"
    repeats = "*" if high == -1 else f"*{high}" if high > 1 else ""
    table = next((text[3:] for text in texts[1:] if text.startswith("HL7") and text[3:].isdigit()), "")
    return kind + ("!" if low else "") + repeats + (f":{table}" if table else "")


def slots(entries: Any) -> str:
    """All slots, each in the place that its name says; places that are not named are withdrawn."""
    placed = {int(entry[0].rpartition("_")[2]): slot(entry) for entry in entries}
    texts = [placed.get(number, "-") for number in range(1, max(placed, default=0) + 1)]
    while texts and texts[-1] == "-":
        texts.pop()
    return " ".join(texts)


def segments_of(module: Any) -> dict[str, str]:
    """Segment to slots; what a version only refers to has none."""
    found = {}
    for name, table in module.SEGMENTS.items():
        # ORO of 2.1 is a bare list of fields, where all others are ('sequence', fields).
        entries = table[1:] and table[1] if table[0] == "sequence" else table
        if table[0] != "choice" and entries:
            found[name] = slots(entries)
    return found


def types_of(module: Any) -> dict[str, str]:
    """Data type to slots; empty for one without components."""
    found = dict.fromkeys(module.BASE_DATATYPES, "")
    found.update((name, slots(entries)) for name, entries in module.DATATYPES_STRUCTS.items())
    return found


def by_change(tables: list[dict[str, str]]) -> dict[str, dict[str, str | None]]:
    """Name to what changed in which version."""
    found: dict[str, dict[str, str | None]] = {}
    for name in sorted(set().union(*tables)):
        last: str | None = None
        for version, table in zip(VERSIONS, tables, strict=True):
            if table.get(name) != last:
                last = table.get(name)
                found.setdefault(name, {})[version] = last
    return found


def derive() -> str:
    """The text of versions.json."""
    modules = [import_module("hl7apy.v" + version.replace(".", "_")) for version in VERSIONS]
    parts = []
    for key, read in (("types", types_of), ("segments", segments_of)):
        lines = [
            f"{json.dumps(name)}: {json.dumps(changes, separators=(',', ':'))}"
            for name, changes in by_change([read(module) for module in modules]).items()
        ]
        parts.append(f'"{key}": {{\n' + ",\n".join(lines) + "\n}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


if __name__ == "__main__":
    Path(__file__).with_name("versions.json").write_text(derive(), encoding="utf-8")
