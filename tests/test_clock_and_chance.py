"""Time and chance are given, never taken: the machine's clock and its dice are read in two modules only."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

import pytest

EXEMPT = (
    "simulator/mockehr/core/clock.py",
    "simulator/mockehr/core/chance.py",
    "simulator/mockehr/examples/",  # clients live outside of the simulated world
)
MODULES = frozenset(("time", "random", "secrets"))
CALLS = frozenset(
    [(owner, name) for owner in ("datetime", "date") for name in ("now", "utcnow", "today")]
    + [("uuid", name) for name in ("uuid1", "uuid4")]
    + [("os", name) for name in ("urandom", "getrandom")]
)
NAMES = frozenset(("uuid1", "uuid4", "urandom", "getrandom"))


def takings(path: str, tree: ast.Module) -> Iterator[str]:
    """`file:line: what is taken`, for each use of the machine's clock, its time zone or its dice."""
    if path.startswith(EXEMPT):
        return
    for node in ast.walk(tree):
        for taken in _taken(node):
            yield f"{path}:{getattr(node, 'lineno', 0)}: {taken}"


def _taken(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names if alias.name.split(".")[0] in MODULES)
    elif isinstance(node, ast.ImportFrom):
        if (node.module or "").split(".")[0] in MODULES:
            yield str(node.module)
        yield from (alias.name for alias in node.names if alias.name in NAMES)
    elif isinstance(node, ast.Attribute):
        owner = getattr(node.value, "attr", getattr(node.value, "id", ""))
        if (owner, node.attr) in CALLS:
            yield f"{owner}.{node.attr}"
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        bare = not node.args and not node.keywords
        if node.func.attr == "astimezone" and bare:
            yield "astimezone() takes the machine's time zone"
        if node.func.attr == "fromtimestamp" and len(node.args) + len(node.keywords) < 2:
            yield "fromtimestamp() without a zone takes the machine's time zone"


def test_no_module_takes_time_or_chance_from_the_machine(modules: Mapping[str, ast.Module]) -> None:
    found = [taken for path, tree in modules.items() for taken in takings(path, tree)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "source",
    [
        "import time",
        "import time as t",
        "from time import monotonic",
        "def f():\n    import random",
        "from random import choice",
        "import secrets",
        "from uuid import uuid4",
        "uuid.uuid1()",
        "stamp = datetime.now(UTC)",
        "stamp = datetime.datetime.utcnow()",
        "make = field(default_factory=datetime.now)",
        "date.today()",
        "os.urandom(8)",
        "datetime.fromtimestamp(at)",
        "moment.astimezone()",
    ],
)
def test_a_planted_taking_is_found(source: str) -> None:
    assert len(list(takings("simulator/mockehr/fhir/a.py", ast.parse(source)))) == 1


@pytest.mark.parametrize(
    "source",
    [
        "clock.now()",
        "site.clock.now()",
        "from datetime import datetime, time",
        "datetime.fromtimestamp(at, UTC)",
        "moment.astimezone(zone)",
        "stream.random()",
        "uuid.UUID(text)",
        "from mockehr.core import clock",
    ],
)
def test_the_given_clock_and_streams_may_be_used(source: str) -> None:
    assert list(takings("simulator/mockehr/fhir/a.py", ast.parse(source))) == []


@pytest.mark.parametrize("path", [*EXEMPT[:2], "simulator/mockehr/examples/careful.py"])
def test_the_two_sources_and_the_example_clients_may_read_the_machine(path: str) -> None:
    assert list(takings(path, ast.parse("import time, random"))) == []
