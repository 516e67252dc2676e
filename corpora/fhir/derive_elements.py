"""Derive elements.json, the table of every structure of FHIR R4, and what R4B has otherwise, from the definitions.

    python corpora/fhir/derive_elements.py --r4 DIRECTORY --r4b DIRECTORY

DIRECTORY holds HL7's R4 (4.0.1) definitions as files `StructureDefinition-*.json`, `ValueSet-*.json` and
`CodeSystem-*.json` (CC0 1.0; the npm package `hl7.fhir.r4.examples` 4.0.1 is one place that has them).

`--r4b` holds those of R4B (4.3.0; CC0 1.0; `hl7.fhir.r4b.examples`), of which elements-4.3.0.json keeps what
differs, and as `gone` the structures that R4B has no more.

The table has two parts. `structures`: name → [kind, base, {element: row}]. `kind` is `resource`, `type` or `part` (an
element with elements of its own, named by its path: `Patient.contact`); the rows of the base come first. A row is
[types, cardinality, flags, targets, codes], shortened from the end: types joined by `|`; flags of `S` (in the
summary), `M` (a modifier) and `A` (an attribute in XML); targets of references joined by `|`; the name of the value
set that binds a code. `codes`: name of a value set that can be written down → {code system: its codes}.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
PROFILES = "http://hl7.org/fhir/StructureDefinition/"
BASES = ("Resource", "DomainResource", "Element", "BackboneElement")
MOST_CODES = 700
"""Longer value sets (languages, currencies) are left to terminology."""


class Definitions:
    """The published definitions, by canonical URL."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.value_sets = self._by_url("ValueSet")
        self.code_systems = self._by_url("CodeSystem")

    def _read(self, kind: str) -> Iterator[dict[str, Any]]:
        for path in sorted(self._folder.glob(f"{kind}-*.json")):
            yield json.loads(path.read_text("utf-8"))

    def _by_url(self, kind: str) -> dict[str, dict[str, Any]]:
        return {document["url"]: document for document in self._read(kind) if "url" in document}

    def structures(self) -> Iterator[dict[str, Any]]:
        """Every resource and complex type that is no profile of another."""
        for document in self._read("StructureDefinition"):
            if document.get("derivation") != "constraint" and document["kind"] in ("resource", "complex-type"):
                yield document

    def codes(self, url: str) -> dict[str, list[str]] | None:
        """Code system → codes of a value set; None if it cannot be written down."""
        found: dict[str, list[str]] = {}
        value_set = self.value_sets.get(url.partition("|")[0])
        if value_set is None or "exclude" in value_set["compose"]:
            return None
        for part in value_set["compose"]["include"]:
            for system, codes in (self._included(part) or {"": []}).items():
                if not codes:
                    return None
                found.setdefault(system, []).extend(code for code in codes if code not in found[system])
        return found if sum(map(len, found.values())) <= MOST_CODES else None

    def _included(self, part: dict[str, Any]) -> dict[str, list[str]] | None:
        if "filter" in part:
            return None
        if "valueSet" in part:
            return self.codes(part["valueSet"][0]) if len(part["valueSet"]) == 1 and "system" not in part else None
        if "concept" in part:
            return {part["system"]: [concept["code"] for concept in part["concept"]]}
        system = self.code_systems.get(part["system"])
        if system is None or system.get("content") != "complete":
            return None
        return {part["system"]: list(_all_codes(system.get("concept", [])))}


def _all_codes(concepts: list[dict[str, Any]]) -> Iterator[str]:
    for concept in concepts:
        yield concept["code"]
        yield from _all_codes(concept.get("concept", []))


def tables(definitions: Definitions) -> dict[str, Any]:
    """Both parts of the table."""
    structures: dict[str, list[Any]] = {}
    bound: dict[str, dict[str, list[str]]] = {}
    for document in definitions.structures():
        elements = document["snapshot"]["element"]
        parents = {element["path"].rpartition(".")[0] for element in elements}
        for element in elements:
            parent, _, name = element["path"].rpartition(".")
            if not parent:
                base = document.get("baseDefinition", "").removeprefix(PROFILES)
                kind = "resource" if document["kind"] == "resource" else "type"
                structures[element["path"]] = [kind, base, {}]
                continue
            if element["path"] in parents:
                structures[element["path"]] = ["part", element["type"][0]["code"], {}]
            structures[parent][2][name] = _row(element, element["path"] in parents, definitions, bound)
    return {"structures": _without_inherited(dict(sorted(structures.items()))), "codes": dict(sorted(bound.items()))}


def _row(
    element: dict[str, Any], part: bool, definitions: Definitions, bound: dict[str, dict[str, list[str]]]
) -> list[Any]:
    path, types = element["path"], element.get("type", [])
    kinds = [path] if part else [_kind(kind) for kind in types] or [element["contentReference"].lstrip("#")]
    flags = ("S" if element.get("isSummary") else "") + ("M" if element.get("isModifier") else "")
    flags += "A" if "xmlAttr" in element.get("representation", ()) else ""
    targets = [
        url.removeprefix(PROFILES)
        for kind in types
        if kind["code"] in ("Reference", "canonical")
        for url in kind.get("targetProfile", ())
        if url != PROFILES + "Resource"
    ]
    kinds = ["id"] if element.get("base", {}).get("path") == "Resource.id" else kinds
    # R4B's definitions are of two minds about the id of elements; R4's string is what both mean (element.html).
    kinds = ["string"] if element.get("base", {}).get("path") == "Element.id" else kinds
    row = ["|".join(kinds), f"{element['min']}..{element['max']}", flags, "|".join(targets), ""]
    binding = element.get("binding", {})
    if binding.get("strength") == "required" and types[0]["code"] in ("code", "CodeableConcept", "Coding"):
        codes = definitions.codes(binding["valueSet"])
        if codes is not None:
            row[4] = binding["valueSet"].partition("|")[0].rpartition("/")[2]
            bound[row[4]] = codes
    while row[-1] == "":
        row.pop()
    return row


def _kind(kind: dict[str, Any]) -> str:
    code: str = kind["code"]
    if not code.startswith("http:"):
        return code
    told = [e["valueUrl"] for e in kind.get("extension", ()) if e["url"].endswith("structuredefinition-fhir-type")]
    return str(told[0]) if told else "string"


def _without_inherited(structures: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """Rows that a structure has from its base are left to the base; a row that it changes stays."""
    own = {}
    for name, (kind, base, rows) in structures.items():
        inherited = structures[base][2] if base in BASES and base != name else {}
        kept = {key: row for key, row in rows.items() if inherited.get(key) != row}
        assert list(rows)[: len(inherited)] == list(inherited), name
        own[name] = [kind, base if inherited else "", kept]
    return own


def main() -> None:
    """Read the definitions and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--r4", type=Path, required=True)
    parser.add_argument("--r4b", type=Path, required=True)
    told = parser.parse_args()
    found = tables(Definitions(told.r4))
    _write("elements.json", found)
    _write("elements-4.3.0.json", differences(found, tables(Definitions(told.r4b))))


def differences(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """What a later version has otherwise, and the names of structures that it has no more (`gone`)."""
    parts = {
        part: {name: row for name, row in rows.items() if before[part].get(name) != row}
        for part, rows in after.items()
    }
    gone = sorted(before["structures"].keys() - after["structures"].keys())
    return {"gone": gone, **parts}


def _write(name: str, found: dict[str, Any]) -> None:
    lines = []
    for part, rows in found.items():
        if isinstance(rows, list):
            lines.append(f"{json.dumps(part)}:{json.dumps(rows)}")
            continue
        inner = ",\n".join(f"{json.dumps(key)}:{json.dumps(row, separators=(',', ':'))}" for key, row in rows.items())
        lines.append(f"{json.dumps(part)}:{{\n{inner}\n}}")
    (HERE / name).write_text("{\n" + ",\n".join(lines) + "\n}\n", "utf-8")


if __name__ == "__main__":
    main()
