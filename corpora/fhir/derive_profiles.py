"""Derive profiles.json, what the profiles of US Core ask for beyond FHIR R4, from the published guide.

    python corpora/fhir/derive_profiles.py --us-core DIRECTORY

DIRECTORY holds the guide's package (6.1.0) as files `StructureDefinition-*.json`, `ValueSet-*.json` and
`CodeSystem-*.json` (CC0 1.0; the npm package `hl7.fhir.us.core` 6.1.0). Snapshots are compared with `elements.json`
beside this file, which has to be there; what R4 asks for anyway is left out.

The table: `profiles`: canonical URL → {type, title, must_support: [element ids], parts: [part]}; `codes`: name of a
value set → {code system: codes}. A part has a `name` (as JSON writes it, `[x]` for a choice) and of these what it
needs: `slice` and its `match` ([path, `fixed`, `pattern` or `codes`, value] each), `least`, `most`, `fixed`,
`pattern`, `codes` (name of the value set), `types` (of a choice), `targets` (of a reference), `profile` (of an
extension), `parts`.

Not derived: bindings that are not required, and those of SNOMED CT and CPT (their lists are not ours to give away);
invariants of the guide (us-core-1 to us-core-22); slices that are told apart by something else than a fixed value, a
pattern, known codes or a type; targets inside of contained or Bundle entries.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mockehr.fhir.elements import Element, is_resource_type, structure

HERE = Path(__file__).resolve().parent
OF_OTHERS = {"vitalsigns": "Observation"}
"""Profiles of R4 itself that US Core refers to."""
RACE = "urn:oid:2.16.840.1.113883.6.238"
NULL_FLAVOR = "http://terminology.hl7.org/CodeSystem/v3-NullFlavor"
UNKNOWN = {NULL_FLAVOR: ["ASKU", "UNK"]}
SMALL = {
    "omb-race-category": {RACE: ["1002-5", "2028-9", "2054-5", "2076-8", "2106-3"], **UNKNOWN},
    "omb-ethnicity-category": {RACE: ["2135-2", "2186-5"], **UNKNOWN},
    "birthsex": {"http://terminology.hl7.org/CodeSystem/v3-AdministrativeGender": ["F", "M"], NULL_FLAVOR: ["UNK"]},
}
"""Value sets that the guide has by reference to VSAC only; the codes are those that its pages show."""
NOT_OURS = ("http://snomed.info/sct", "http://www.ama-assn.org/go/cpt")
R4 = "http://hl7.org/fhir/StructureDefinition/"
Tree = dict[str, Any]


class Guide:
    """The files of a guide, by canonical URL."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.value_sets = {document["url"]: document for document in self._read("ValueSet")}
        self.code_systems = {document["url"]: document for document in self._read("CodeSystem")}
        self.profiles = {
            document["url"]: document
            for document in self._read("StructureDefinition")
            if document["kind"] in ("resource", "complex-type") and document["derivation"] == "constraint"
        }
        self.r4_codes = json.loads((HERE / "elements.json").read_text("utf-8"))["codes"]

    def _read(self, kind: str) -> Iterator[dict[str, Any]]:
        for path in sorted(self._folder.glob(f"{kind}-*.json")):
            yield json.loads(path.read_text("utf-8"))

    def codes(self, url: str) -> dict[str, list[str]] | None:
        """Code system → codes of a value set; None if it cannot be written down or is not ours to write down."""
        name = url.partition("|")[0].rpartition("/")[2]
        value_set = self.value_sets.get(url.partition("|")[0])
        if value_set is None or name in SMALL:
            return SMALL[name] if value_set is not None else self.r4_codes.get(name)
        found: dict[str, list[str]] = {}
        if "exclude" in value_set["compose"]:
            return None
        for part in value_set["compose"]["include"]:
            codes = self._included(part)
            if codes is None:
                return None
            for system, listed in codes.items():
                found.setdefault(system, []).extend(listed)
        return found

    def _included(self, part: dict[str, Any]) -> dict[str, list[str]] | None:
        if "filter" in part or part.get("system") in NOT_OURS:
            return None
        if "valueSet" in part:
            return self.codes(part["valueSet"][0]) if len(part["valueSet"]) == 1 and "system" not in part else None
        if "concept" in part:
            return {part["system"]: [concept["code"] for concept in part["concept"]]}
        system = self.code_systems.get(part["system"])
        return {part["system"]: [concept["code"] for concept in system["concept"]]} if system else None

    def type_of(self, url: str) -> str:
        """The resource type that a profile is of; empty for one of another guide."""
        if url in self.profiles:
            return str(self.profiles[url]["type"])
        name = url.removeprefix(R4)
        return OF_OTHERS.get(name, name if is_resource_type(name) else "")


class Derivation:
    """The parts of one profile."""

    def __init__(self, guide: Guide, document: dict[str, Any], used: dict[str, dict[str, list[str]]]) -> None:
        self.guide, self.document, self.used = guide, document, used
        self.elements = {element["id"]: element for element in document["snapshot"]["element"]}
        self.unmatched: list[str] = []

    def parts(self, parent: str) -> list[Tree]:
        """The parts below an element id that ask for something."""
        found = []
        for id in self.elements:
            if id.rpartition(".")[0] == parent:
                part = self._part(id)
                if part is not None and len(part) > 1 + ("slice" in part) + ("match" in part):
                    found.append(part)
        return found

    def _part(self, id: str) -> Tree | None:
        element = self.elements[id]
        step = id.rpartition(".")[2]
        name, _, slice_name = step.partition(":")
        base = self._base(id)
        part: Tree = {"name": name}
        if slice_name and name.endswith("[x]"):
            part["name"], slice_name = slice_name, ""
            base = None
        if slice_name:
            match = self._match(id)
            if match is None:
                self.unmatched.append(id)
                return None
            part |= {"slice": slice_name, "match": match}
            base = None
        if element["min"] > (base.least if base else 0):
            part["least"] = element["min"]
        most = "*" if base is None or base.many else "1"
        if element["max"] != most and not (element["max"] == "1" and not slice_name and name.endswith("[x]")):
            part["most"] = int(element["max"])
        if part["name"] != name and part.get("most") == 1:
            del part["most"]
        self._add_content(part, id, element, base)
        return part

    def _add_content(self, part: Tree, id: str, element: dict[str, Any], base: Element | None) -> None:
        for key, value in element.items():
            if key.startswith("fixed"):
                part["fixed"] = value
            elif key.startswith("pattern"):
                part["pattern"] = value
        binding = element.get("binding", {})
        if binding.get("strength") == "required" and "valueSet" in binding:
            name = self._codes(binding["valueSet"])
            if name and (base is None or base.bound_to != name):
                part["codes"] = name
        kinds = element.get("type", [])
        if part["name"].endswith("[x]"):
            part |= self._types(id, element)
        targets = [
            self.guide.type_of(u)
            for kind in kinds
            if kind["code"] == "Reference"
            for u in kind.get("targetProfile", ())
        ]
        narrowed = sorted(set(targets)) != sorted(base.targets if base else ())
        if targets and all(targets) and "Resource" not in targets and narrowed:
            part["targets"] = sorted(set(targets))
        profiles = [url for kind in kinds if kind["code"] == "Extension" for url in kind.get("profile", ())]
        if len(profiles) == 1 and profiles[0] in self.guide.profiles:
            part["profile"] = profiles[0]
        inner = self.parts(id)
        if inner:
            part["parts"] = inner

    def _types(self, id: str, element: dict[str, Any]) -> Tree:
        """The types that a choice is narrowed to, if it is."""
        stem = element["path"].rpartition(".")[2].removesuffix("[x]")
        allowed = {stem + kind["code"][0].upper() + kind["code"][1:] for kind in element.get("type", [])}
        if element.get("slicing", {}).get("rules") == "closed":
            allowed &= {
                other["sliceName"]
                for key, other in self.elements.items()
                if key.startswith(f"{id}:") and "sliceName" in other
            }
        parent = structure(self._owner(id))
        known = set(parent.choices[stem]) if parent else set()
        return {"types": sorted(allowed)} if known and allowed < known else {}

    def _codes(self, url: str) -> str:
        codes = self.guide.codes(url)
        if not codes or any(system in NOT_OURS for system in codes):
            return ""
        name = url.partition("|")[0].rpartition("/")[2]
        self.used[name] = codes
        return name

    def _owner(self, id: str) -> str:
        """The structure that the last step of an element id is in: `Extension` for `Patient.extension:race.url`."""
        parent = self.elements[id.rpartition(".")[0]]
        kinds = parent.get("type", [])
        if "." not in parent["path"] or len(kinds) != 1 or kinds[0]["code"] in ("BackboneElement", "Element"):
            return str(parent["path"])
        return str(kinds[0]["code"])

    def _base(self, id: str) -> Element | None:
        """What R4 says of an element; None if it does not know it."""
        found = structure(self._owner(id))
        name = id.rpartition(".")[2].partition(":")[0]
        if found is None:
            return None
        stem = name.removesuffix("[x]")
        return found.elements.get(found.choices.get(stem, (name,))[0])

    def _match(self, id: str) -> list[list[Any]] | None:
        """How a slice is told apart, or None if that cannot be written down."""
        element = self.elements[id]
        slicing = self.elements[id.rpartition(":")[0]].get("slicing", {})
        found: list[list[Any]] = []
        for discriminator in slicing.get("discriminator", ()):
            path = discriminator["path"]
            wanted = self._wanted(id if path == "$this" else f"{id}.{path}")
            profiles = [url for kind in element.get("type", ()) for url in kind.get("profile", ())]
            if wanted is None and path == "url" and len(profiles) == 1:
                wanted = ["fixed", profiles[0]]
            if wanted is None:
                return None
            found.append(["" if path == "$this" else path, *wanted])
        return found or None

    def _wanted(self, id: str) -> list[Any] | None:
        element = self.elements.get(id)
        if element is None:
            return None
        for key, value in element.items():
            if key.startswith(("fixed", "pattern")):
                return ["fixed" if key.startswith("fixed") else "pattern", value]
        binding = element.get("binding", {})
        name = self._codes(binding["valueSet"]) if binding.get("strength") == "required" else ""
        return ["codes", name] if name else None


def tables(guide: Guide) -> tuple[Tree, list[str]]:
    """The table, and the slices that are not covered."""
    profiles, used, left = {}, {}, []
    for url, document in sorted(guide.profiles.items()):
        derivation = Derivation(guide, document, used)
        kind = document["type"]
        supported = [
            id.partition(".")[2] for id, element in derivation.elements.items() if element.get("mustSupport")
        ]
        profiles[url] = {
            "type": kind,
            "title": document["title"],
            "must_support": supported,
            "parts": derivation.parts(kind),
        }
        left += [f"{document['id']} {id}" for id in derivation.unmatched]
    return {"profiles": profiles, "codes": dict(sorted(used.items()))}, left


def main() -> None:
    """Read the guide, write the table, say which slices are not covered."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--us-core", type=Path, required=True)
    found, left = tables(Guide(parser.parse_args().us_core))
    lines = []
    for part, rows in found.items():
        inner = ",\n".join(f"{json.dumps(key)}:{json.dumps(row, separators=(',', ':'))}" for key, row in rows.items())
        lines.append(f"{json.dumps(part)}:{{\n{inner}\n}}")
    (HERE / "profiles.json").write_text("{\n" + ",\n".join(lines) + "\n}\n", "utf-8")
    for slice_name in left:
        print(f"not covered: {slice_name}")


if __name__ == "__main__":
    main()
