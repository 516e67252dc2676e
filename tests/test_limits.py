"""Sizes, names and state that no module may have."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

LONGEST_MODULE = 500
LONGEST_FUNCTION = 40
FORBIDDEN_NAMES = frozenset(("utils", "util", "helpers", "helper", "common", "manager", "misc"))
MAKERS_OF_STATE = frozenset(("list", "dict", "set", "bytearray", "defaultdict", "deque", "Counter", "OrderedDict"))

EXCEPTIONS: dict[str, str] = {}
"""`path`, `path::qualname` or `path::NAME` → why it may pass its limit. Write one only with a reason that holds."""


def long_modules(lengths: Mapping[str, int]) -> Iterator[tuple[str, str]]:
    """(key, what is wrong) for each module over the limit."""
    for path, length in lengths.items():
        if length > LONGEST_MODULE:
            yield path, f"{path}: {length} lines, at most {LONGEST_MODULE}"


def long_functions(path: str, tree: ast.Module) -> Iterator[tuple[str, str]]:
    """(key, what is wrong) for each function over the limit, from `def` to its end without the docstring."""
    for name, node in _functions(tree, ""):
        length = (node.end_lineno or node.lineno) - node.lineno + 1
        if ast.get_docstring(node, clean=False) is not None:
            docstring = node.body[0]
            length -= (docstring.end_lineno or docstring.lineno) - docstring.lineno + 1
        if length > LONGEST_FUNCTION:
            yield f"{path}::{name}", f"{path}:{node.lineno}: {name}: {length} lines, at most {LONGEST_FUNCTION}"


def _functions(node: ast.AST, prefix: str) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for child in ast.iter_child_nodes(node):
        named = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        name = (
            f"{prefix}{child.name}"
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
            else ""
        )
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield name, child
        yield from _functions(child, f"{name}." if named else prefix)


def mutable_state(path: str, tree: ast.Module) -> Iterator[tuple[str, str]]:
    """(key, what is wrong) for each module-level name bound to something that could change, and each `global`."""
    for node in _top_level(tree.body):
        if isinstance(node, ast.Assign):
            targets, value = node.targets, node.value
        elif isinstance(node, ast.AnnAssign) and node.value is not None and not _is_final(node.annotation):
            targets, value = [node.target], node.value
        else:
            continue
        names = [target.id for target in targets if isinstance(target, ast.Name) and target.id != "__all__"]
        if names and _can_change(value):
            wrong = f"{names[0]} can change: annotate it Final, or make it a tuple, frozenset or MappingProxyType"
            yield f"{path}::{names[0]}", f"{path}:{node.lineno}: {wrong}"
    for inner in ast.walk(tree):
        if isinstance(inner, ast.Global):
            yield f"{path}::{inner.names[0]}", f"{path}:{inner.lineno}: global {', '.join(inner.names)}"


def _top_level(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Statements that run at import, those under `if` and `try` too."""
    for node in body:
        yield node
        if isinstance(node, ast.If | ast.Try | ast.With | ast.For):
            for part in ("body", "orelse", "finalbody"):
                yield from _top_level(getattr(node, part, []))


def _is_final(annotation: ast.expr) -> bool:
    base = annotation.value if isinstance(annotation, ast.Subscript) else annotation
    return getattr(base, "id", getattr(base, "attr", "")) in ("Final", "TypeAlias")


def _can_change(value: ast.expr) -> bool:
    if isinstance(value, ast.Call):
        return getattr(value.func, "id", getattr(value.func, "attr", "")) in MAKERS_OF_STATE
    if isinstance(value, ast.BinOp):
        return _can_change(value.left) or _can_change(value.right)
    return isinstance(value, ast.List | ast.Dict | ast.Set | ast.ListComp | ast.DictComp | ast.SetComp)


def forbidden_names(paths: list[str]) -> list[str]:
    """Modules and packages whose name says nothing."""
    return [path for path in paths for part in Path(path).with_suffix("").parts[2:] if part in FORBIDDEN_NAMES]


def all_breaches(root: Path, modules: Mapping[str, ast.Module]) -> dict[str, str]:
    """Every breach of a limit, by the key that an exception would have."""
    lengths = {path: len((root / path).read_text(encoding="utf-8").splitlines()) for path in modules}
    found = dict(long_modules(lengths))
    for path, tree in modules.items():
        found |= dict(long_functions(path, tree)) | dict(mutable_state(path, tree))
    return found


def test_no_module_or_function_passes_its_limit_and_no_module_holds_state(
    root: Path, modules: Mapping[str, ast.Module]
) -> None:
    found = [wrong for key, wrong in all_breaches(root, modules).items() if key not in EXCEPTIONS]
    assert not found, "\n".join(found)


def test_every_exception_is_still_needed_and_gives_a_reason(root: Path, modules: Mapping[str, ast.Module]) -> None:
    found = all_breaches(root, modules)
    assert [key for key, reason in EXCEPTIONS.items() if key not in found or not reason.strip()] == []


def test_every_module_has_a_name_that_says_what_it_holds(modules: Mapping[str, ast.Module]) -> None:
    assert forbidden_names(list(modules)) == []


def test_a_module_that_is_too_long_is_found() -> None:
    assert [key for key, _ in long_modules({"a.py": 500, "b.py": 501})] == ["b.py"]


def test_a_function_that_is_too_long_is_found_wherever_it_stands() -> None:
    body = "\n".join(f"        x = {n}" for n in range(39))
    fits = f"    def fits(self):\n        '''a\n        b'''\n{body}\n"
    source = f"class C:\n{fits}    async def long(self):\n{body}\n        return x"
    (found,) = long_functions("a.py", ast.parse(source))
    assert found == ("a.py::C.long", "a.py:44: C.long: 41 lines, at most 40")


@pytest.mark.parametrize(
    "source",
    [
        "cache = {}",
        "seen: set[str] = set()",
        "a = b = []",
        "queue = collections.deque()",
        "table = {k: 1 for k in 'ab'}",
        "both = [1] + OTHER",
        "try:\n    names = []\nexcept OSError:\n    pass",
        "def f():\n    global counter\n    counter = 1",
    ],
)
def test_state_in_a_module_is_found(source: str) -> None:
    assert len(list(mutable_state("a.py", ast.parse(source)))) == 1


@pytest.mark.parametrize(
    "source",
    [
        "NAMES: Final = {'a': 1}",
        "NAMES: Final[dict[str, int]] = {}",
        "NAMES = MappingProxyType({'a': 1})",
        "NAMES = frozenset({'a'})",
        "NAMES = tuple([1, 2])",
        "__all__ = ['a']",
        "def f():\n    found = []\n    return found",
        "Shape = dict[str, int]",
    ],
)
def test_constants_are_no_state(source: str) -> None:
    assert list(mutable_state("a.py", ast.parse(source))) == []


def test_a_name_that_says_nothing_is_found_as_module_and_as_package() -> None:
    bad = ["simulator/mockehr/fhir/utils.py", "simulator/mockehr/common/store.py"]
    assert forbidden_names([*bad, "simulator/mockehr/fhir/store.py"]) == bad
