"""One scenario file gates clients in other languages: a Node and a Java program, whole or broken."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
PROGRAMS = {"node": "sync.mjs", "java": "Sync.java"}
START = "from mockehr.cli import main; main()"


def gate(language: str, bug: str, reports: Path) -> tuple[int, dict[str, Any]]:
    """The exit status of `mockehr check`, and its scorecard."""
    if shutil.which(language) is None:
        pytest.skip(f"{language} is not installed")
    command = [language, str(HERE / PROGRAMS[language])]
    words = ["check", str(HERE / "gate.scenario.yaml"), "--json-file", str(reports / "r.json"), "--", *command]
    done = subprocess.run(
        [sys.executable, "-c", START, *words],
        env=os.environ | {"SYNC_BUG": bug},
        capture_output=True,
        text=True,
        timeout=170,
        check=False,
    )
    assert done.returncode in (0, 1), done.stderr
    return done.returncode, json.loads((reports / "r.json").read_bytes())


def failed(card: dict[str, Any]) -> set[str]:
    return {one["probe"] for site in card["cards"] for one in site["findings"] if one["verdict"] == "fail"}


@pytest.mark.parametrize("language", PROGRAMS)
def test_a_client_that_copes_passes_in_any_language(language: str, tmp_path: Path) -> None:
    status, card = gate(language, "", tmp_path)
    assert (status, card["passed"], failed(card), card["unproved"]) == (0, True, set(), [])


@pytest.mark.parametrize(
    ("language", "bug", "probes"),
    [
        ("node", "keeps-dead-token", {"renews-token-after-401", "truth"}),
        ("node", "ignores-retry-after", {"keeps-retry-after"}),
        ("node", "keeps-repeats", {"dedupes-pages", "truth"}),
        ("java", "keeps-dead-token", {"renews-token-after-401", "truth"}),
        ("java", "keeps-repeats", {"dedupes-pages", "truth"}),
    ],
)
def test_a_planted_bug_fails_the_probes_that_are_about_it(
    language: str, bug: str, probes: set[str], tmp_path: Path
) -> None:
    status, card = gate(language, bug, tmp_path)
    assert (status, failed(card)) == (1, probes)
