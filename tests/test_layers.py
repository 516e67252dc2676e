"""A package imports only from lower rows of the table in simulator/README.md, never sideways, never upward."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

PREFIX = "simulator/mockehr/"
TOP_MODULES = ("__init__", "__main__")
"""Modules outside of any package: the first imports nothing of ours, the second may import the command line."""


def rows(page: str) -> dict[str, int]:
    """Package → row, from the table of layers."""
    table: dict[str, int] = {}
    for number, names in re.findall(r"^\| (\d+) \| ((?:`\w+` ?)+)\|", page, flags=re.MULTILINE):
        table |= {name: int(number) for name in re.findall(r"`(\w+)`", names)}
    return table


def imported(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """(line, dotted name) of everything imported, whether for typing, inside a function, or by a literal name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            yield from ((node.lineno, f"{base}.{alias.name}" if base == "mockehr" else base) for alias in node.names)
        elif (
            isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) == "import_module"
        ):
            literals = (a.value for a in node.args if isinstance(a, ast.Constant))
            yield from ((node.lineno, name) for name in literals if isinstance(name, str))


def breaches(modules: Mapping[str, ast.Module], table: Mapping[str, int]) -> list[str]:
    """`file:line: what it imports and which rule that breaks`, once each."""
    found: dict[str, None] = {}
    for path, tree in modules.items():
        home = path.removeprefix(PREFIX).split("/")[0].removesuffix(".py")
        if home not in table and home not in TOP_MODULES:
            found[f"{path}:1: {home} stands in no row of the table"] = None
            continue
        for line, name in imported(tree):
            rule = _rule(home, name, table)
            if rule:
                found[f"{path}:{line}: {name}: {rule}"] = None
    return list(found)


def _rule(home: str, name: str, table: Mapping[str, int]) -> str:
    """The rule that such an import breaks, or nothing."""
    if name.startswith("."):
        return "write imports out in full"
    parts = name.split(".")
    target = parts[1] if parts[0] == "mockehr" and len(parts) > 1 else ""
    if target == home or target not in table:
        return ""
    if home == "__main__":
        return "" if target == "cli" else "only starts the command line"
    if home == "__init__":
        return "the top of the package imports nothing of ours"
    mine, theirs = table[home], table[target]
    if mine == theirs:
        return f"{home} and {target} are siblings of row {mine}"
    return f"{home} is row {mine}, {target} is row {theirs}, which is above it" if mine < theirs else ""


@pytest.fixture(scope="module")
def table(root: Path) -> dict[str, int]:
    return rows((root / "simulator" / "README.md").read_text(encoding="utf-8"))


def test_the_table_names_every_package_once_and_no_other(root: Path, table: dict[str, int]) -> None:
    packages = {path.parent.name for path in (root / "simulator" / "mockehr").glob("*/__init__.py")}
    page = (root / "simulator" / "README.md").read_text(encoding="utf-8")
    cells = re.findall(r"^\| \d+ \| ((?:`\w+` ?)+)\|", page, flags=re.MULTILINE)
    named = [name for cell in cells for name in re.findall(r"`(\w+)`", cell)]
    assert sorted(named) == sorted(packages)


def test_no_module_imports_sideways_or_upward(modules: Mapping[str, ast.Module], table: dict[str, int]) -> None:
    found = breaches(modules, table)
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("path", "source", "rule"),
    [
        ("core/a.py", "from mockehr.fhir.store import Store", "row 2, which is above it"),
        ("fhir/a.py", "import mockehr.hl7.frame", "siblings of row 2"),
        ("fhir/a.py", "from mockehr import sites", "row 4, which is above it"),
        ("fhir/a.py", "if TYPE_CHECKING:\n    from mockehr.edge import http", "row 7, which is above it"),
        ("fhir/a.py", "def f():\n    from mockehr.auth import keys", "siblings of row 2"),
        ("fhir/a.py", "importlib.import_module('mockehr.cli')", "row 8, which is above it"),
        ("fhir/a.py", "from . import store", "in full"),
        ("fhir/a.py", "from ..core import clock", "in full"),
        ("__init__.py", "from mockehr.core import clock", "imports nothing of ours"),
        ("__main__.py", "from mockehr.edge import http", "only starts the command line"),
        ("helpful/a.py", "x = 1", "no row of the table"),
    ],
)
def test_a_planted_breach_is_found(path: str, source: str, rule: str, table: dict[str, int]) -> None:
    (breach,) = breaches({PREFIX + path: ast.parse(source)}, table)
    assert breach.startswith(f"{PREFIX}{path}:")
    assert rule in breach


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("fhir/a.py", "from mockehr.core import clock\nimport mockehr.journal.entry\nfrom mockehr.fhir import store"),
        ("fhir/a.py", "import mockehr\nimport fhir.resources\nfrom mockehr import __version__"),
        ("__main__.py", "from mockehr.cli import main"),
    ],
)
def test_an_import_from_below_is_allowed(path: str, source: str, table: dict[str, int]) -> None:
    assert breaches({PREFIX + path: ast.parse(source)}, table) == []
