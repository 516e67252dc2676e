"""What every start pays for stays small: heavy libraries are imported by the command or fixture that needs them."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec

import pytest

HEAVY = ("faker", "fhir.resources", "httpx2", "hypothesis", "joserfc", "locust", "pydantic", "ruamel")

HELP = """
import contextlib, io, sys
from mockehr.cli import main
sys.argv = ["mockehr", "--help"]
with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
    main()
"""


def heavy_after(program: str) -> list[str]:
    """Which of the heavy libraries a fresh interpreter has loaded after running `program`."""
    tail = f"\nimport sys\nprint(*[name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program + tail], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.mark.parametrize("module", ["mockehr", "mockehr.core", "mockehr.config", "mockehr.testing.plugin"])
def test_importing_loads_nothing_heavy(module: str) -> None:
    assert heavy_after(f"import {module}") == []


def test_asking_for_help_loads_nothing_heavy() -> None:
    assert heavy_after(HELP) == []


def test_a_planted_import_is_found() -> None:
    assert "pydantic" in heavy_after("import mockehr.config.settings")


def test_every_heavy_library_is_looked_for_under_a_name_that_exists() -> None:
    assert [name for name in HEAVY if find_spec(name) is None] == []
