"""Everything that is shipped is accounted for: data by a manifest, scenarios by parsing, documents by compiling."""

from __future__ import annotations

import hashlib
import re
import subprocess
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mockehr.config.load import load_file

NOT_DATA = re.compile(r"manifest\.yaml|NOTICE[.\w]*\.md|README\.md|.*\.py")
"""Files of a corpus that need no licence of their own: its papers, and the programs that made it."""

# Split up, so that this file does not hold what it looks for.
FORBIDDEN = tuple(
    re.compile(pattern)
    for pattern in (
        r"(?<![\w.~-])/(?:work|root)/",
        r"/opt/(?:wheels|pypi)",
        r"\bpypi\." + r"org\b",
        r"\bpythonhosted\." + r"org\b",
        r"\bregistry\.(?:npmjs|yarnpkg)\." + r"(?:org|com)\b",
        r"\b(?:deb|ftp|security)\.debian\." + r"org\b",
    )
)


def manifest_faults(folder: Path) -> Iterator[str]:
    """What is wrong with the manifest of one corpus."""
    path = folder / "manifest.yaml"
    if not path.is_file():
        yield f"{folder.name}: has no manifest.yaml"
        return
    manifest = load_file(path).value
    listed = manifest.get("files") or {}
    there = {
        file.relative_to(folder).as_posix()
        for file in folder.rglob("*")
        if file.is_file() and "__pycache__" not in file.parts and not NOT_DATA.fullmatch(file.name)
    }
    yield from (f"{folder.name}: {name} is in no manifest" for name in sorted(there - set(listed)))
    yield from (f"{folder.name}: {name} is listed and not there" for name in sorted(set(listed) - there))
    for name in sorted(there & set(listed)):
        yield from _entry_faults(folder, name, listed[name] or {}, manifest)


def _entry_faults(folder: Path, name: str, entry: dict[str, Any], manifest: dict[str, Any]) -> Iterator[str]:
    sources = entry.get("sources") or manifest.get("sources") or []
    own = {**manifest, **entry}
    if not (own.get("source") or own.get("generator") or (sources and all(source.get("what") for source in sources))):
        yield f"{folder.name}: {name} names no source"
    if not (own.get("licence") or (sources and all(source.get("licence") for source in sources))):
        yield f"{folder.name}: {name} names no licence"
    digest = entry.get("sha256")
    if digest and hashlib.sha256((folder / name).read_bytes()).hexdigest() != digest:
        yield f"{folder.name}: {name} is not what its sha256 says"


def python_blocks(page: str) -> Iterator[tuple[int, str]]:
    """(line, source) of each fenced block of Python in a Markdown page."""
    for match in re.finditer(r"^( *)```python[^\n]*\n(.*?)^ *```", page, flags=re.MULTILINE | re.DOTALL):
        yield page.count("\n", 0, match.start()) + 1, textwrap.dedent(match[2])


def leaks(name: str, text: str) -> Iterator[str]:
    """Paths of somebody's machine and hosts of package registries, with their lines."""
    for pattern in FORBIDDEN:
        for match in pattern.finditer(text):
            yield f"{name}:{text.count(chr(10), 0, match.start()) + 1}: {match[0]}"


def texts(root: Path) -> Iterator[tuple[str, str]]:
    """Every text file of the repository: what git has or would take; without git, all but hidden folders."""
    asked = ["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    if (root / ".git").exists():
        names = subprocess.run(asked, capture_output=True, check=True, text=True).stdout.split("\0")
    else:
        found = (path.relative_to(root) for path in root.rglob("*") if path.is_file())
        names = [path.as_posix() for path in found if not any(p[0] == "." or p == "__pycache__" for p in path.parts)]
    for name in names:
        path = root / name
        if not name or not path.is_file():
            continue
        octets = path.read_bytes()
        if b"\0" not in octets[:8192]:
            yield name, octets.decode("utf-8", "replace")


def test_every_corpus_lists_its_files_with_licence_and_source(root: Path) -> None:
    folders = [path for path in sorted((root / "corpora").iterdir()) if path.is_dir()]
    found = [fault for folder in folders for fault in manifest_faults(folder)]
    assert not found, "\n".join(found)


def test_every_scenario_file_parses(root: Path) -> None:
    for path in sorted((root / "scenarios").rglob("*.yaml")):
        assert isinstance(load_file(path).value, dict), path


@pytest.mark.parametrize("page", ["README.md", "simulator/README.md"])
def test_the_python_in_a_page_compiles(root: Path, page: str) -> None:
    for line, source in python_blocks((root / page).read_text(encoding="utf-8")):
        compile(source, f"{page}:{line}", "exec")


def test_no_file_names_a_machine_or_a_registry(root: Path) -> None:
    found = [leak for name, text in texts(root) for leak in leaks(name, text)]
    assert not found, "\n".join(found)


def test_a_planted_leak_is_found() -> None:
    planted = "fine\nsee /" + "work/main/x and https://pypi" + ".org/simple\n"
    assert list(leaks("a.md", planted)) == ["a.md:2: /" + "work/", "a.md:2: pypi" + ".org"]


def test_an_address_that_happens_to_hold_such_a_word_is_no_leak() -> None:
    assert list(leaks("a.md", "https://example.org/" + "work/7 and ./root/x and network/root/")) == []


def test_planted_faults_of_a_manifest_are_found(tmp_path: Path) -> None:
    folder = tmp_path / "codes"
    folder.mkdir()
    assert list(manifest_faults(folder)) == ["codes: has no manifest.yaml"]
    for name in ("a.txt", "b.txt", "stray.txt"):
        (folder / name).write_text(name)
    (folder / "manifest.yaml").write_text(
        "source: own work\nfiles:\n  a.txt: {licence: CC0-1.0, sha256: '00'}\n  b.txt: {}\n  gone.txt: {}\n"
    )
    assert list(manifest_faults(folder)) == [
        "codes: stray.txt is in no manifest",
        "codes: gone.txt is listed and not there",
        "codes: a.txt is not what its sha256 says",
        "codes: b.txt names no licence",
    ]


def test_blocks_of_python_are_found_with_their_lines() -> None:
    page = "a\n```sh\nls\n```\n```python\nx = 1\n```\n- item\n  ```python\n  y = 2\n  ```\n"
    assert list(python_blocks(page)) == [(5, "x = 1\n"), (9, "y = 2\n")]
