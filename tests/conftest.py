"""What all tests share: how hard Hypothesis tries, where the outside data lie, and the source as syntax trees."""

from __future__ import annotations

import ast
import os
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parents[1]

# Deadlines are off: what shares a machine with others must not be judged by its stopwatch.
settings.register_profile("mockehr-dev", max_examples=20, deadline=None)
settings.register_profile(
    "mockehr-ci", max_examples=100, deadline=None, derandomize=True, print_blob=True, database=None
)
settings.load_profile("mockehr-ci" if os.environ.get("CI") else "mockehr-dev")


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository's top folder."""
    return ROOT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Recorded vendor answers, the US Core package, Synthea bundles: kept outside the repository; skips without."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("compares with data that are kept beside the repository, in ../shared/data, and are not there")
    return folder


@pytest.fixture(scope="session")
def modules() -> Mapping[str, ast.Module]:
    """Every module of the package as a syntax tree, by its path from the repository's top."""
    source = ROOT / "simulator" / "mockehr"
    return {
        path.relative_to(ROOT).as_posix(): ast.parse(path.read_text(encoding="utf-8"))
        for path in sorted(source.rglob("*.py"))
    }
