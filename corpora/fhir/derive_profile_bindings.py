"""Derive profile-bindings.json, the value sets by which profiles of US Core bind elements, from the published guide.

    python corpora/fhir/derive_profile_bindings.py --us-core DIRECTORY

DIRECTORY holds the guide's package (6.1.0) as files `StructureDefinition-*.json` (CC0 1.0; the npm package
`hl7.fhir.us.core` 6.1.0). The table: canonical URL of a profile → element id without the type → canonical URL of the
value set. Only required and extensible bindings; no codes.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

HERE = Path(__file__).resolve().parent
STRENGTHS = ("required", "extensible")


def bindings(us_core: Path) -> dict[str, dict[str, str]]:
    """profile → element id → value set, of all profiles of resources and extensions that bind anything."""
    table = {}
    for path in sorted(us_core.glob("StructureDefinition-*.json")):
        document = json.loads(path.read_text("utf-8"))
        if document["kind"] not in ("resource", "complex-type") or document["derivation"] != "constraint":
            continue
        found = {}
        for element in document["snapshot"]["element"]:
            binding = element.get("binding", {})
            if binding.get("strength") in STRENGTHS and "valueSet" in binding:
                found[element["id"].partition(".")[2]] = binding["valueSet"]
        if found:
            table[document["url"]] = found
    return table


def main() -> None:
    """Read the guide and write the table, a profile a line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--us-core", type=Path, required=True)
    table = bindings(parser.parse_args().us_core)
    rows = (f"{json.dumps(url)}:{json.dumps(row, separators=(',', ':'))}" for url, row in sorted(table.items()))
    (HERE / "profile-bindings.json").write_text("{\n" + ",\n".join(rows) + "\n}\n", "utf-8")


if __name__ == "__main__":
    main()
