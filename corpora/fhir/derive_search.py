"""Derive search-parameters.json and compartments.json from the published definitions.

    python corpora/fhir/derive_search.py --r4 FOLDER --r4b FOLDER --us-core FOLDER

`--r4` holds HL7's R4 (4.0.1) definitions as files `SearchParameter-*.json` and `CompartmentDefinition-*.json` (CC0
1.0; the npm package `hl7.fhir.r4.examples` 4.0.1 is one place that has them), `--r4b` those of R4B (4.3.0; CC0 1.0;
`hl7.fhir.r4b.examples`), `--us-core` those of US Core 6.1.0 (CC0 1.0).

search-parameters-4.3.0.json has what R4B has otherwise, with null for types and parameters that it has no more. The
compartments of both are the same.

search-parameters.json: type → code → [kind, expression, definition, targets, components], shortened from the end.
What every resource has stands under `Resource`. `definition` is the end of the canonical URL (`*` for `Type-code`),
`targets` are joined by `|` (`*` for any type), a component is [kind, expression]. compartments.json: owner → type →
parameters.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mockehr.fhir.elements import R4B, structure

HERE = Path(__file__).resolve().parent
R4 = "http://hl7.org/fhir/SearchParameter/"
OWNERS = ("Device", "Encounter", "Patient", "Practitioner", "RelatedPerson")
NOT_OFFERED = frozenset({"_content", "_filter", "_list", "_query", "_text", "near", "phonetic"})
"""What would promise a full-text index, a filter language, a list, a named query, a map or a sound."""
MANY_TARGETS = 60


def alternatives(expression: str) -> list[str]:
    """The parts of a FHIRPath union (no SearchParameter quotes a bar)."""
    return [part.strip() for part in expression.split("|")]


def starts_from(part: str, resource_type: str) -> bool:
    """Whether that part of a union concerns the type."""
    found = re.match(r"\(*(\w+)", part)
    return found is not None and found.group(1) == resource_type


def read(folder: Path, pattern: str) -> list[dict[str, Any]]:
    """All definitions of that name pattern, in order of their names."""
    return [json.loads(path.read_text("utf-8")) for path in sorted(folder.glob(pattern))]


def offered(resource: Mapping[str, Any]) -> bool:
    """Whether it is a parameter that can be told by looking at a resource (and no mere example of one)."""
    told = resource.get("expression") and resource.get("base") and resource["type"] != "special"
    return bool(told) and resource["code"] not in NOT_OFFERED and not resource["id"].startswith("example")


def held(path: str, kind: str) -> str:
    """What of a CodeableReference (new in R4B) a parameter looks at; empty for a path to anything else."""
    owner, *names = path.split(".")
    for name in names:
        known = structure(owner, R4B)
        element = known.elements.get(name) if known is not None else None
        if element is None:
            return ""
        owner = element.type
    return {"token": ".concept", "reference": ".reference"}[kind] if owner == "CodeableReference" else ""


def row(resource: Mapping[str, Any], base: str, kinds: Mapping[str, str]) -> list[Any]:
    """One parameter of one type, shortened from the end."""
    parts = [part for part in alternatives(resource["expression"]) if starts_from(part, base)]
    # an extension as a value is its value
    parts = [re.sub(r"\.extension\(('[^']+')\)$", r".extension.where(url = \1).value", part) for part in parts]
    parts = [re.sub(r"extension\(('[^']+')\)\.exists\(\)", r"hasExtension(\1)", part) for part in parts]
    parts = [part + held(part, resource["type"]) for part in parts]
    definition = resource["url"].removeprefix(R4)
    targets = resource.get("target", [])
    anything = len(targets) > MANY_TARGETS or (not targets and resource["type"] == "reference")
    joined = "*" if anything else "|".join(targets)
    components = [[kinds[part["definition"]], part["expression"]] for part in resource.get("component", [])]
    made: list[Any] = [resource["type"], " | ".join(parts)]
    made += ["*" if definition == f"{base}-{resource['code']}" else definition, joined, components]
    while made[-1] in ("", []):
        made.pop()
    return made


def parameters(r4: Path, us_core: Path) -> dict[str, dict[str, list[Any]]]:
    """type → code → row. US Core adds what R4 does not have."""
    resources = read(r4, "SearchParameter-*.json") + read(us_core, "SearchParameter-*.json")
    kinds = {resource["url"]: resource["type"] for resource in resources}
    table: dict[str, dict[str, list[Any]]] = {"Resource": {}}
    for resource in filter(offered, resources):
        for base in resource["base"]:
            if resource["code"] in table["Resource"] or resource["code"] in table.get(base, {}):
                continue
            made = row(resource, base, kinds)
            if made[1]:
                table.setdefault(base, {})[resource["code"]] = made
    return {base: dict(sorted(rows.items())) for base, rows in sorted(table.items())}


def compartments(r4: Path) -> dict[str, dict[str, list[str]]]:
    """owner → type → the parameters by which a resource of that type belongs to him, her or it."""
    found: dict[str, dict[str, list[str]]] = {}
    for definition in read(r4, "CompartmentDefinition-*.json"):
        if definition["code"] in OWNERS and definition["id"] != "example":
            rows = {one["code"]: one["param"] for one in definition["resource"] if one.get("param")}
            found[definition["code"]] = rows
    return dict(sorted(found.items()))


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """What a later version has otherwise: type → code → row, null for what it has no more."""
    found: dict[str, Any] = {}
    for base in sorted({*before, *after}):
        old, new = before.get(base, {}), after.get(base)
        if new is None:
            found[base] = None
        elif old != new:
            found[base] = {code: new.get(code) for code in sorted({*old, *new}) if old.get(code) != new.get(code)}
    return found


def write(name: str, table: Mapping[str, Mapping[str, Any] | None]) -> None:
    """One line for each row, so that a change shows as a small difference."""
    types = []
    for base, rows in table.items():
        if rows is None:
            types.append(f"{json.dumps(base)}:null")
            continue
        lines = [f"{json.dumps(code)}:{json.dumps(value, separators=(',', ':'))}" for code, value in rows.items()]
        types.append(f"{json.dumps(base)}:{{\n" + ",\n".join(lines) + "}")
    (HERE / name).write_text("{" + ",\n".join(types) + "}\n", "utf-8")


def main() -> None:
    """Read the definitions named on the command line and write both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--r4", type=Path, required=True)
    parser.add_argument("--r4b", type=Path, required=True)
    parser.add_argument("--us-core", type=Path, required=True)
    options = parser.parse_args()
    found = parameters(options.r4, options.us_core)
    write("search-parameters.json", found)
    write("search-parameters-4.3.0.json", differences(found, parameters(options.r4b, options.us_core)))
    write("compartments.json", compartments(options.r4))


if __name__ == "__main__":
    main()
