"""Derive us-core-6.1.0.json, what US Core asks of servers, from the published package.

    python corpora/fhir/derive_us_core.py --us-core DIRECTORY

DIRECTORY is the unpacked US Core 6.1.0 package (CC0 1.0).
"""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
EXPECTATION = "http://hl7.org/fhir/StructureDefinition/capabilitystatement-expectation"
COMBINATION = "http://hl7.org/fhir/StructureDefinition/capabilitystatement-search-parameter-combination"


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


def write(name: str, data: Any) -> None:
    """One line for each row two levels down, so that a change shows as a small difference."""
    text = json.dumps(data, indent=1, ensure_ascii=False)
    text = re.sub(r"\n {3,}", " ", text)
    text = re.sub(r"\n {2}([\]}])", r" \1", text)
    (HERE / name).write_text(text + "\n", "utf-8")


def main() -> None:
    """Read the package and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--us-core", type=Path, required=True)
    write("us-core-6.1.0.json", demands(parser.parse_args().us_core))


if __name__ == "__main__":
    main()
