"""Where a package says what it exports, it says all of it, sorted; where a module does, every name is there."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

import pytest


def faults(path: str, tree: ast.Module) -> Iterator[str]:
    """What is wrong with the `__all__` of a module, if it has one."""
    listed = _listed(tree)
    if listed is None:
        return
    if listed != sorted(listed, key=_rank):
        yield f"{path}: __all__ is not sorted"
    yield from (f"{path}: __all__ lists {name} twice" for name in sorted({n for n in listed if listed.count(n) > 1}))
    bound = set(_bound(tree))
    if "__getattr__" in bound:  # names made on demand are named in the module's texts
        bound |= {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and node.value in listed}
    yield from (f"{path}: __all__ lists {name}, which is not there" for name in listed if name not in bound)
    if path.endswith("__init__.py"):
        missing = sorted(name for name in bound - set(listed) - _own_use(tree) if not name.startswith("_"))
        yield from (f"{path}: __all__ lacks {name}" for name in missing)


def _listed(tree: ast.Module) -> list[str] | None:
    for node in tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if any(isinstance(target, ast.Name) and target.id == "__all__" for target in targets):
            value = getattr(node, "value", None)
            return [str(item) for item in ast.literal_eval(value)] if value is not None else None
    return None


def _rank(name: str) -> tuple[int, str]:
    """Constants, then classes, then the rest: the order that ruff keeps (RUF022)."""
    return (0 if name.isupper() and len(name) > 1 else 1 if name[:1].isupper() else 2, name)


def _own_use(tree: ast.Module) -> set[str]:
    """Names that the module imports because it works with them."""
    imported = {a.asname or a.name for node in tree.body if isinstance(node, ast.ImportFrom) for a in node.names}
    return imported & {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


def _bound(tree: ast.Module) -> Iterator[str]:
    """Names that the module binds itself or takes from another module of ours."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "mockehr":
            yield from (alias.asname or alias.name for alias in node.names)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from (target.id for target in targets if isinstance(target, ast.Name))


def test_what_packages_export_is_sorted_and_complete(modules: Mapping[str, ast.Module]) -> None:
    found = [fault for path, tree in modules.items() for fault in faults(path, tree)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        ("from mockehr.a import b, c\n__all__ = ['c', 'b']", "is not sorted"),
        ("from mockehr.a import b, c\n__all__ = ['b']", "lacks c"),
        ("def b(): ...\n__all__ = ('b', 'c')", "lists c, which is not there"),
        ("from mockehr.a import b\n__all__ = ['b', 'b']", "lists b twice"),
    ],
)
def test_a_planted_fault_is_found(source: str, fault: str) -> None:
    (found,) = faults("simulator/mockehr/a/__init__.py", ast.parse(source))
    assert found.endswith(fault)


@pytest.mark.parametrize(
    "source",
    [
        "from mockehr.a import b, c",
        "import os\nfrom typing import Any\nfrom mockehr.a import C, b\n_d = 1\n__all__ = ['C', 'b']",
        "from mockehr.a import b, c\ndef d() -> c: ...\n__all__ = ['b', 'd']",
        "def __getattr__(name):\n    return {'b': 1}[name]\n__all__ = ['b']",
    ],
)
def test_a_full_list_or_none_is_allowed(source: str) -> None:
    assert list(faults("simulator/mockehr/a/__init__.py", ast.parse(source))) == []
