"""What is built holds exactly what lies in the tree, and the tree that is published builds the same."""

from __future__ import annotations

import configparser
import os
import subprocess
import sys
import tarfile
import venv
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest

from mockehr import __version__

pytestmark = pytest.mark.slow

FOLDERS = {
    "simulator/mockehr/": "mockehr/",
    "corpora/": "mockehr/_data/corpora/",
    "scenarios/": "mockehr/_data/scenarios/",
}
PAPERS = ("METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE")
DIST_INFO = f"mockehr-{__version__}.dist-info/"


@pytest.fixture(scope="module")
def builder(root: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A Python that has the build backend: this one, or one in a fresh environment."""
    if find_spec("hatchling") is not None:
        return sys.executable
    folder = tmp_path_factory.mktemp("builder")
    venv.create(folder, with_pip=True)
    python = str(folder / "bin" / "python")
    pins = root / ".ci" / "constraints.txt"
    command = [
        python,
        "-m",
        "pip",
        "install",
        "-q",
        *(["-c", str(pins)] if pins.is_file() else []),
        "hatchling>=1.27",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode and not os.environ.get("CI"):
        pytest.skip("hatchling is not installed and no package index can be reached: pip install hatchling")
    assert done.returncode == 0, done.stderr
    return python


@pytest.fixture(scope="module")
def built(root: Path, builder: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel and the source archive."""
    folder = tmp_path_factory.mktemp("dist")
    build(builder, root, folder, "-t", "wheel", "-t", "sdist")
    return folder


def build(python: str, source: Path, target: Path, *which: str) -> None:
    """Run the build backend on `source`."""
    command = [python, "-m", "hatchling", "build", *which, "-d", str(target)]
    done = subprocess.run(command, cwd=source, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def in_wheel(folder: Path) -> set[str]:
    """The files in the one wheel of a folder."""
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if not name.endswith("/")}


def in_tree(root: Path) -> set[str]:
    """Where the files of the tree should lie in the wheel."""
    return {
        target + path.relative_to(root / source).as_posix()
        for source, target in FOLDERS.items()
        for path in (root / source).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".pyc"
    }


def test_the_wheel_holds_the_package_its_data_its_papers_and_nothing_else(root: Path, built: Path) -> None:
    files = in_wheel(built)
    assert {name.split("/")[0] for name in files} == {"mockehr", DIST_INFO.rstrip("/")}
    assert files == in_tree(root) | {DIST_INFO + name for name in PAPERS}


def test_the_wheel_is_typed_and_registers_its_command_and_its_plugin(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        assert "mockehr/py.typed" in archive.namelist()
        entries = configparser.ConfigParser()
        entries.read_string(archive.read(DIST_INFO + "entry_points.txt").decode())
    assert dict(entries["console_scripts"]) == {"mockehr": "mockehr.cli:main"}
    assert dict(entries["pytest11"]) == {"mockehr": "mockehr.testing.plugin"}


def test_the_source_archive_builds_the_same_wheel(builder: str, built: Path, tmp_path: Path) -> None:
    (archive,) = built.glob("*.tar.gz")
    with tarfile.open(archive) as packed:
        packed.extractall(tmp_path / "source", filter="data")
    source = tmp_path / "source" / f"mockehr-{__version__}"
    assert {"README.md", "CHANGELOG.md", "LICENSE", "pyproject.toml", "tests"} <= {p.name for p in source.iterdir()}
    build(builder, source, tmp_path / "again", "-t", "wheel")
    assert in_wheel(tmp_path / "again") == in_wheel(built)
