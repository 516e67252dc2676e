"""What all tests share: how hard Hypothesis tries, where the outside data lie, and the source as syntax trees."""

from __future__ import annotations

import ast
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parents[1]
CHROMIUMS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
PACKAGES = (
    "fhir-kit-client@2.0.3",
    "fhirclient@2.6.3",
    "@medplum/core@4.5.2",
    "openid-client@6.8.9",
    "axe-core@4.14.1",
)
"""For node: clients, and the judge of pages. What they need in browsers' stead is left out, which is most of it."""
INSTALL = ("npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--omit=optional", "--legacy-peer-deps")

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


@pytest.fixture
def smart_app() -> Iterator[Callable[..., Any]]:
    """Starts small SMART apps (`tests/smart_app.py`, with its settings); they end with the test."""
    name = "mockehr_tests_smart_app"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, ROOT / "tests" / "smart_app.py")
        assert spec is not None
        assert spec.loader is not None
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    started: list[Any] = []

    def start(*faults: str, **settings: Any) -> Any:
        started.append(sys.modules[name].SmartApp(faults=frozenset(faults), **settings).start())
        return started[-1]

    yield start
    for app in started:
        app.stop()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """A browser without a window (Playwright's `Browser`); skips where there is none.

    It ends with the module: while it lives, Playwright's event loop runs in the tests' thread.
    """
    program = os.environ.get("MOCKEHR_CHROMIUM") or next(filter(None, map(shutil.which, CHROMIUMS)), None)
    if program is None:
        pytest.skip(f"needs a browser, and none of {', '.join(CHROMIUMS)} is installed")
    playwright = pytest.importorskip("playwright.sync_api", reason="drives a browser with Playwright: not installed")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@dataclass(frozen=True)
class Node:
    """Programs for node in a folder with the clients that they drive."""

    folder: Path

    def play(self, program: str, chapter: str, told: dict[str, Any], *, patience: float = 60) -> dict[str, Any]:
        """What a chapter of a program says that it saw; `patience` in seconds."""
        command = ["node", "play.mjs", f"./{program}", chapter]
        done = subprocess.run(
            command,
            cwd=self.folder,
            input=json.dumps(told),
            capture_output=True,
            text=True,
            timeout=patience,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-3000:]  # what comes before may be a minified line of the client
        return dict(json.loads(done.stdout))


@pytest.fixture(scope="session")
def node(tmp_path_factory: pytest.TempPathFactory) -> Node:
    """The programs beside a `node_modules` that holds the clients; skips where there is no node or no npm.

    They are installed once into a fresh folder, or into the folder that the environment variable MOCKEHR_NODE_MODULES
    names, where later runs find them again.
    """
    missing = [name for name in ("node", "npm") if shutil.which(name) is None]
    if missing:
        pytest.skip(f"drives clients written for node, and there is no {' and no '.join(missing)} here")
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    installed = _install(Path(os.environ.get("MOCKEHR_NODE_MODULES") or shared / "npm"))
    folder = tmp_path_factory.mktemp("node")
    # A module is looked for beside the program that imports it, so the programs have to lie beside their modules.
    (folder / "node_modules").symlink_to(installed / "node_modules", target_is_directory=True)
    for program in (ROOT / "tests" / "clients").glob("*.mjs"):
        shutil.copy(program, folder)
    return Node(folder)


def _install(folder: Path) -> Path:
    """Install the clients below `folder` unless they are there; safe when several processes do so at once."""
    place = folder.resolve() / "+".join(name.strip("@").replace("/", "-").replace("@", "-") for name in PACKAGES)
    folder.mkdir(parents=True, exist_ok=True)
    with _alone(folder):
        if place.is_dir():
            return place
        draft = Path(tempfile.mkdtemp(dir=place.parent))
        done = subprocess.run(
            [*INSTALL, "--prefix", str(draft), *PACKAGES], capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stderr
        try:
            draft.rename(place)
        except OSError:  # another process was first
            shutil.rmtree(draft)
    return place


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Waits until no other process installs there; where locks are not to be had they may all do so."""
    try:
        import fcntl
    except ImportError:
        yield
        return
    with (folder / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
