"""Every expression of the table against an independent FHIRPath engine.

Looked at: resources that have every element of their type (each choice in turn), charts of several seeds, and the US
Core examples where they lie beside this checkout.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from fhirpathpy import compile as compile_fhirpath
from fhirpathpy.models import models

from mockehr.fhir.elements import Element, structure
from mockehr.fhir.search.extract import compile_expression
from mockehr.fhir.search.table import definitions, known_types
from mockehr.sites.build import build_site
from mockehr.sites.options import SiteOptions

EXAMPLES = Path(__file__).resolve().parents[3].parent / "shared" / "data" / "us-core-6.1.0" / "example"
CHOICES = 12
DEEPEST = 5
TEXTS = {
    "boolean": True,
    "integer": 3,
    "positiveInt": 4,
    "unsignedInt": 5,
    "decimal": 2.5,
    "date": "2024-03-01",
    "dateTime": "2024-03-01T10:00:00Z",
    "instant": "2024-03-01T10:00:00Z",
    "time": "10:00:00",
}
CODES = {
    "system": ("phone", "email"),
    "type": ("depends-on", "composed-of", "derived-from", "predecessor", "successor"),
}
CODING = {"system": "urn:x", "code": "x"}
URLS = sorted(
    {
        url
        for kind in known_types()
        for one in definitions(kind).values()
        for url in re.findall(r"'(http[^']+)'", one.expression)
    }
)


def filled(name: str, choice: int, depth: int = 0) -> dict[str, Any]:
    """A structure with all its elements; of each choice the `choice`-th."""
    made: dict[str, Any] = {}
    known = structure(name)
    assert known is not None
    for element in known.elements.values():
        names = known.choices.get(element.choice, ())
        if names and element.name != names[choice % len(names)]:
            continue
        if element.name in ("extension", "modifierExtension", "contained"):
            continue
        value = one(element, name, choice, depth)
        if value is not None:
            made[element.name] = [value] if element.many else value
    return made


def one(element: Element, owner: str, choice: int, depth: int) -> Any:
    if element.primitive:
        codes = CODES.get(element.name, (f"{owner.lower()}-{element.name}",))
        return TEXTS.get(element.type, codes[choice % len(codes)])
    if element.type in ("Resource", "Extension"):
        return {"resourceType": "Basic", "id": "within"} if element.type == "Resource" else None
    return filled(element.type, choice, depth + 1) if depth < DEEPEST else None


def synthetic() -> Iterator[dict[str, Any]]:
    """Every type of R4 with everything in it, and with each extension that an expression names."""
    for kind in known_types():
        for choice in range(CHOICES):
            made = {"resourceType": kind, **filled(kind, choice)}
            values = [{"valueDateTime": "2024-03-01"}, {"valueCodeableConcept": {"coding": [CODING]}}]
            parts = {"extension": [{"url": "part", "valueCoding": CODING}]}
            made["extension"] = [{"url": url, **parts, **values[choice % 2]} for url in URLS]
            for item in made.get("item", []):
                if isinstance(item, dict):
                    item["extension"] = [{"url": url, "valueBoolean": True} for url in URLS]
            yield made


def drawn() -> Iterator[dict[str, Any]]:
    """Charts of our own population."""
    for seed in ("a", "b", "c"):
        charts = build_site(SiteOptions("a", "generic", patients=4, seed=seed, stepped=True)).charts
        assert charts is not None
        for index in range(2):
            yield from (document for document, _ in charts.dress(index, dirty=False))
    for kind in ("Practitioner", "Organization", "Location", "Medication"):
        yield from (record.document for record in list(charts.shared(kind))[:2])


def examples() -> Iterator[dict[str, Any]]:
    """Those of US Core, and what is bundled in them."""
    for path in sorted(EXAMPLES.glob("*.json")):
        document = json.loads(path.read_text("utf-8"))
        yield document
        yield from (entry["resource"] for entry in document.get("entry", []) if "resource" in entry)


def plain(node: Any) -> Any:
    """Without `_gender` and such: the engine yields them among the values of `gender`."""
    if isinstance(node, dict):
        return {key: plain(value) for key, value in node.items() if key[0] != "_"}
    return [plain(item) for item in node] if isinstance(node, list) else node


def for_engine(expression: str) -> str:
    """The same in the engine's FHIRPath: its `as` wants single values, and a case; R4's expressions mean ofType()."""
    text = re.sub(r"\(([\w.]+) as (\w+)\)|([\w.]+)\.as\((\w+)\)", r"\1\3.ofType(\2\4)", expression)
    text = re.sub(r"hasExtension\(('[^']*')\)", r"extension.where(url = \1).exists()", text)
    text = text.replace("ofType(DateTime)", "ofType(dateTime)")
    return text.replace(".valueDateTime", ".value.ofType(dateTime)")


def without_resolve(expression: str) -> str:
    return re.sub(r"\.where\(resolve\(\) is \w+\)", "", expression)


def expressions() -> dict[str, list[tuple[str, str]]]:
    """type → (expression, what it is relative to) of all parameters and parts of composites, each once."""
    found: dict[str, dict[tuple[str, str], None]] = {kind: {} for kind in known_types()}
    for kind, rows in found.items():
        for definition in definitions(kind).values():
            rows[without_resolve(definition.expression).replace("Resource.", f"{kind}."), ""] = None
            for part in definition.components:
                rows[part.expression, part.base] = None
    return {kind: list(rows) for kind, rows in found.items()}


@cache
def engine(expression: str) -> Any:
    return compile_fhirpath(for_engine(expression), models["r4"])


def same(values: Any) -> list[str]:
    return sorted(json.dumps(value, sort_keys=True, default=float) for value in values)


def disagreements(resources: Iterator[dict[str, Any]], most: int) -> tuple[list[Any], dict[str, int]]:
    """What was found differently in up to `most` resources of a type, and how much each expression found."""
    by_type: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for resource in resources:
        kept = by_type[resource["resourceType"]]
        if len(kept) < most:
            kept.append(plain(resource))
    wrong, found = [], {}
    for kind, wanted in expressions().items():
        for expression, base in wanted if kind in by_type else ():
            ours = compile_expression(expression, base)
            whole = compile_expression(base) if base else None
            theirs = [
                engine(f"{start}.{part}" if base else part)
                for start in base.split(" | ")
                for part in (expression.split(" | ") if base else [expression])
            ]
            for resource in by_type[kind]:
                elements = whole(resource) if whole else [resource]
                mine = same({json.dumps(v, sort_keys=True): v for e in elements for v in ours(e)}.values())
                told = [value for evaluate in theirs for value in evaluate(resource)]
                expected = same({json.dumps(v, sort_keys=True, default=float): v for v in told}.values())
                if mine != expected:
                    wrong.append((kind, expression, base, mine[:2], expected[:2]))
                found[f"{kind}: {expression} {base}"] = found.get(f"{kind}: {expression} {base}", 0) + len(mine)
    return wrong, found


def test_every_expression_agrees_on_resources_that_have_everything() -> None:
    wrong, found = disagreements(synthetic(), CHOICES)
    assert not wrong, wrong[:3]
    assert len(found) > 2500
    empty = [name for name, count in found.items() if not count]
    assert not empty, empty


def test_every_expression_agrees_on_charts_of_several_seeds() -> None:
    wrong, found = disagreements(drawn(), 12)
    assert not wrong, wrong[:3]
    assert sum(count > 0 for count in found.values()) > 200


@pytest.mark.skipif(not EXAMPLES.is_dir(), reason="the US Core examples are not beside this checkout")
def test_every_expression_agrees_on_the_examples_of_us_core() -> None:
    wrong, found = disagreements(examples(), 200)
    assert not wrong, wrong[:3]
    assert sum(count > 0 for count in found.values()) > 200


def test_every_expression_of_the_table_compiles() -> None:
    compiled = [compile_expression(one.expression) for kind in known_types() for one in definitions(kind).values()]
    assert len(compiled) > 2500
    assert len({one.expression for kind in known_types() for one in definitions(kind).values()}) > 1500
