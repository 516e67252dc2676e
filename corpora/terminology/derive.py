"""Derive the tables of this folder from HL7's published definitions.

    python corpora/terminology/derive.py --r4 DIRECTORY --us-core DIRECTORY

`--r4` holds HL7's R4 (4.0.1) definitions as files `CodeSystem-*.json`, `ValueSet-*.json`, `ConceptMap-*.json` and
`StructureDefinition-*.json` (CC0 1.0; the npm package `hl7.fhir.r4.examples` 4.0.1 is one place that has them),
`--us-core` the unpacked US Core 6.1.0 package (CC0 1.0). The codes of this project's own tables (`corpora/codes`) say
which codes of LOINC and UCUM may be listed.

What is taken: the value sets that elements of R4 and of US Core bind (required, extensible, preferred), whatever they
include, the code systems that are HL7's own among what they draw from, and HL7's concept maps between these. Lists of
codes of other owners (SNOMED CT, CPT, DICOM, ASTM, …) are left out; a value set says so with `cut`.

    code-systems.json   url → [name, title, version, value set, flags, rows]; flags: `i` case-insensitive, `h` nested
                        means is-a, `f` a fragment. A row is [code, display, definition, more], shortened from the
                        end; more: `c` rows below it, `x` codes that are below it as well, `a` abstract, `s` status,
                        `d` [[language, text]].
    value-sets.json     url → [name, title, version, compose], where compose is FHIR's; `cut` beside a `concept` list
                        counts the codes that were left out of it.
    concept-maps.json   url → [name, source value set, target value set, [[source system, target system, elements]]];
                        an element is [code, [[target, equivalence, comment]]].
    bindings.json       path of an element of R4 → [strength, value set], which is relative to http://hl7.org/fhir/
                        unless absolute
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
CODES = HERE.parent / "codes"
STRENGTHS = ("required", "extensible", "preferred")
OWN = ("http://hl7.org/fhir/", "http://terminology.hl7.org/")
NOT_HL7S = frozenset({"http://terminology.hl7.org/CodeSystem/contractsignertypecodes"})
"""Lists under HL7's address that are excerpts of somebody else's standard."""
EXCERPTS = ("ASTM", "ISO Standard", "Digital Imaging", "IHE", "SNOMED", "LOINC", "AMA", "ADA")
LISTED = {"http://loinc.org": "loinc", "http://unitsofmeasure.org": "ucum"}
"""Systems of which no more codes are listed than our own tables have."""
A_FEW = 12
"""Units in a value set that are no table of them: those of time and distance, which R4 binds."""
FREE = frozenset({"urn:ietf:bcp:47"})
"""Language tags: an open standard, and HL7 lists the common ones itself."""
SPARE = 50
"""Code systems with more codes go without definitions."""
EXTRA = (  # noqa: SIM905 - a list to read
    "admit-source allergyintolerance-clinical allergyintolerance-verification condition-clinical "
    "condition-ver-status coverage-class data-absent-reason diagnosis-role discharge-disposition goal-achievement "
    "immunization-origin observation-category provenance-participant-type subscriber-relationship v2-0074 v2-0203 "
    "v2-0276 v2-0443 "
    "v3-ActReason v3-DataOperation v3-ObservationInterpretation v3-ParticipationType v3-LanguageAbilityMode "
    "dose-rate-type medicationrequest-category medicationrequest-course-of-therapy v3-MaritalStatus v3-NullFlavor "
    "v3-AddressUse v2-0190 v2-0001 v3-AdministrativeGender v3-ActStatus v2-0202 v2-0201 v2-0200 v3-EntityNameUseR2 "
    "condition-category service-type location-physical-type diagnostic-service-sections"
).split()
"""Code systems of terminology.hl7.org that charts and concept maps use, bound or not."""
EXTRA_URLS = ("http://hl7.org/fhir/resource-status",)
RACES = {
    "1002-5": "American Indian or Alaska Native", "2028-9": "Asian", "2054-5": "Black or African American",
    "2076-8": "Native Hawaiian or Other Pacific Islander", "2106-3": "White",
    "2135-2": "Hispanic or Latino", "2186-5": "Not Hispanic or Latino",
}  # fmt: skip
CDC_RACE = "urn:oid:2.16.840.1.113883.6.238"
SEX = "http://terminology.hl7.org/CodeSystem/v3-AdministrativeGender"
VSAC = "http://cts.nlm.nih.gov/fhir/ValueSet/2.16.840.1."
ABSENT = {
    f"{VSAC}114222.4.11.836": ("Race", CDC_RACE, ("1002-5", "2028-9", "2054-5", "2076-8", "2106-3")),
    f"{VSAC}114222.4.11.837": ("Ethnicity", CDC_RACE, ("2135-2", "2186-5")),
    f"{VSAC}113762.1.4.1": ("ONC Administrative Sex", SEX, ("F", "M")),
}
"""Value sets that US Core includes and that are not in its package: OMB's categories, and two sexes."""


class Definitions:
    """The published definitions, by canonical URL."""

    def __init__(self, folders: Iterable[Path]) -> None:
        self.folders = tuple(folders)
        self.value_sets = self._by_url("ValueSet")
        self.code_systems = self._by_url("CodeSystem")
        self.concept_maps = self._by_url("ConceptMap")

    def read(self, kind: str, folders: Iterable[Path] | None = None) -> Iterator[dict[str, Any]]:
        """Every definition of a kind."""
        for folder in self.folders if folders is None else folders:
            for path in sorted(folder.glob(f"{kind}-*.json")):
                yield json.loads(path.read_text("utf-8"))

    def _by_url(self, kind: str) -> dict[str, dict[str, Any]]:
        return {document["url"]: document for document in self.read(kind) if "url" in document}

    def hl7s_own(self, url: str) -> bool:
        """Whether a code system is HL7's to give away: its address, and no words about another owner."""
        found = self.code_systems.get(url)
        if found is None or found["content"] != "complete" or not url.startswith(OWN) or url in NOT_HL7S:
            return False
        return not any(owner in found.get("copyright", "") for owner in EXCERPTS)


def bindings(definitions: Definitions) -> tuple[dict[str, list[str]], set[str]]:
    """Path of an element of R4's structures → [strength, value set]; all value sets that these or US Core bind."""
    rows: dict[str, list[str]] = {}
    bound: set[str] = set()
    r4, us_core = definitions.folders
    for folder in (r4, us_core):
        for document in definitions.read("StructureDefinition", [folder]):
            base = document.get("derivation") != "constraint" and document["kind"] in ("resource", "complex-type")
            if folder is r4 and not base:
                continue
            for element in document["snapshot"]["element"]:
                binding = element.get("binding", {})
                # An outer limit to a looser binding (elementdefinition-maxValueSet).
                limits = [extension.get("valueCanonical", "") for extension in binding.get("extension", ())]
                bound |= {url.partition("|")[0] for url in limits if url}
                if binding.get("strength") in STRENGTHS and "valueSet" in binding:
                    url = binding["valueSet"].partition("|")[0]
                    bound.add(url)
                    if folder is r4:
                        rows[element["path"].removesuffix("[x]")] = [binding["strength"], url.removeprefix(OWN[0])]
    return dict(sorted(rows.items())), bound


def closure(definitions: Definitions, urls: Iterable[str]) -> list[str]:
    """These value sets and all that they include or exclude, as far as they are published."""
    found: dict[str, None] = {}
    waiting = sorted(urls)
    while waiting:
        url = waiting.pop()
        if url in found or url not in definitions.value_sets:
            continue
        found[url] = None
        compose = definitions.value_sets[url].get("compose", {})
        for part in [*compose.get("include", ()), *compose.get("exclude", ())]:
            waiting += [inner.partition("|")[0] for inner in part.get("valueSet", ())]
    return sorted(found)


def own_codes(table: str) -> set[str]:
    """The codes of one of our own tables."""
    lines = (CODES / f"{table}.ndjson").read_text("utf-8").splitlines()
    return {json.loads(line)["code"] for line in lines}


def composed(definitions: Definitions, value_set: dict[str, Any]) -> dict[str, Any]:
    """The compose of a value set without the lists that are not HL7's to give away."""
    compose = value_set.get("compose", {})
    made = {key: compose[key] for key in ("inactive",) if key in compose}
    for name in ("include", "exclude"):
        if name in compose:
            made[name] = [_part(definitions, part) for part in compose[name]]
    return made


def _part(definitions: Definitions, part: dict[str, Any]) -> dict[str, Any]:
    made = {key: part[key] for key in ("system", "version", "filter", "valueSet") if key in part}
    if "concept" not in part:
        return made
    system = part["system"]
    concepts = part["concept"]
    if system in LISTED and not (LISTED[system] == "ucum" and len(concepts) <= A_FEW):
        allowed = own_codes(LISTED[system])
        concepts = [{"code": concept["code"]} for concept in concepts if concept["code"] in allowed]
    elif not (definitions.hl7s_own(system) or system in FREE or system in LISTED):
        concepts = []
    made["concept"] = [_listed(definitions, system, concept) for concept in concepts]
    if len(concepts) < len(part["concept"]):
        made["cut"] = len(part["concept"]) - len(concepts)
    return made


def _listed(definitions: Definitions, system: str, concept: dict[str, Any]) -> list[str]:
    """[code], or [code, display] where the display is not the code system's."""
    known = {row["code"]: row.get("display", "") for row in _walk(definitions.code_systems.get(system, {}))}
    display = concept.get("display", "")
    return [concept["code"], display] if display and display != known.get(concept["code"]) else [concept["code"]]


def _walk(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for concept in document.get("concept", ()):
        yield concept
        yield from _walk(concept)


def code_system(document: dict[str, Any]) -> list[Any]:
    """One row of code-systems.json."""
    wordy = sum(1 for _ in _walk(document)) <= SPARE
    flags = "" if document.get("caseSensitive", True) else "i"
    flags += "h" if document.get("hierarchyMeaning", "is-a") == "is-a" else ""
    rows = [_row(concept, wordy) for concept in document.get("concept", ())]
    whole = document.get("valueSet", "").partition("|")[0]
    return [document.get("name", ""), document.get("title", ""), document.get("version", ""), whole, flags, rows]


def _row(concept: dict[str, Any], wordy: bool) -> list[Any]:
    display = " ".join(concept.get("display", "").split())
    definition = " ".join(concept.get("definition", "").split()) if wordy else ""
    more: dict[str, Any] = {}
    for told in concept.get("property", ()):
        if told["code"] in ("notSelectable", "abstract") and told.get("valueBoolean"):
            more["a"] = 1
        elif told["code"] == "status" and told["valueCode"] != "active":
            more["s"] = told["valueCode"]
        elif told["code"] == "child":
            more.setdefault("x", []).append(told["valueCode"])
    named = [[one["language"], one["value"]] for one in concept.get("designation", ()) if "language" in one]
    if named and wordy:
        more["d"] = named
    if "concept" in concept:
        more["c"] = [_row(inner, wordy) for inner in concept["concept"]]
    row: list[Any] = [concept["code"], display, "" if definition == display else definition, more]
    while row and not row[-1]:
        row.pop()
    return row


def systems_used(definitions: Definitions, value_sets: Iterable[str]) -> list[str]:
    """HL7's own code systems that these value sets draw from, and those that charts and maps use."""
    found = {f"http://terminology.hl7.org/CodeSystem/{name}" for name in EXTRA} | set(EXTRA_URLS)
    for url in value_sets:
        compose = definitions.value_sets[url].get("compose", {})
        found |= {part.get("system", "") for part in [*compose.get("include", ()), *compose.get("exclude", ())]}
    return sorted(url for url in found if definitions.hl7s_own(url))


def concept_map(document: dict[str, Any]) -> list[Any] | None:
    """One row of concept-maps.json; None for a map from or to what is not HL7's, or without systems."""
    groups = []
    for group in document.get("group", ()):
        source, target = group.get("source", ""), group.get("target", "")
        if not (source.startswith(OWN) and target.startswith(OWN)) or "/sid/" in source + target:
            return None
        groups.append([source, target, [_element(element) for element in group["element"]]])
    source = document.get("sourceCanonical") or document.get("sourceUri", "")
    target = document.get("targetCanonical") or document.get("targetUri", "")
    return [document.get("name", ""), source, target, groups] if groups else None


def _element(element: dict[str, Any]) -> list[Any]:
    targets = []
    for target in element.get("target", ()):
        row = [target.get("code", ""), target["equivalence"], target.get("comment", "")]
        targets.append(row if row[2] else row[:2])
    return [element["code"], targets]


def write(name: str, rows: dict[str, Any]) -> None:
    """One row a line, so that a difference can be read."""
    lines = ",\n".join(
        f"{json.dumps(key)}:{json.dumps(row, ensure_ascii=False, separators=(',', ':'))}" for key, row in rows.items()
    )
    (HERE / name).write_text("{" + lines + "}\n", "utf-8")


def main() -> None:
    """Write the four tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--r4", type=Path, required=True)
    parser.add_argument("--us-core", type=Path, required=True)
    arguments = parser.parse_args()
    definitions = Definitions([arguments.r4, arguments.us_core])
    paths, bound = bindings(definitions)
    urls = closure(definitions, bound)
    systems = {url: code_system(definitions.code_systems[url]) for url in systems_used(definitions, urls)}
    systems[CDC_RACE] = ["CDCREC", "Race and Ethnicity - CDC", "", "", "f", [list(row) for row in RACES.items()]]
    sets = {}
    for url in urls:
        found = definitions.value_sets[url]
        compose = composed(definitions, found)
        if compose:
            sets[url] = [found.get("name", ""), found.get("title", ""), found.get("version", ""), compose]
    for url, (name, system, codes) in ABSENT.items():
        include = [{"system": system, "concept": [[code] for code in codes]}]
        sets[url] = [name, name, "", {"include": include}]
    maps = {url: concept_map(document) for url, document in sorted(definitions.concept_maps.items())}
    write("code-systems.json", systems)
    write("value-sets.json", sets)
    write("concept-maps.json", {url: row for url, row in maps.items() if row})
    write("bindings.json", paths)


if __name__ == "__main__":
    main()
