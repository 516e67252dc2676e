"""Scenarios by name: those that come with mockehr, and files of one's own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from mockehr.core.data import data_root
from mockehr.core.errors import UnknownName

SUFFIX: Final = ".scenario.yaml"


def shipped_scenarios() -> Mapping[str, Path]:
    """The files of all scenarios that come with mockehr, by name, sorted."""
    entries = (entry for entry in data_root("scenarios").iterdir() if entry.name.endswith(SUFFIX))
    return {name: Path(str(entry)) for name, entry in sorted((e.name.removesuffix(SUFFIX), e) for e in entries)}


def find_scenario(given: str | Path, folders: Iterable[Path] = ()) -> Path:
    """The file `given`, looked for here and in `folders`, else the shipped scenario of that name, with suffix or not.

    Raises UnknownName with the nearest shipped ones.
    """
    for folder in (Path(), *folders):
        if (folder / given).is_file():
            return folder / given
    shipped = shipped_scenarios()
    # A shipped one may be written as it stands in the repository: scenarios/flaky-friday.scenario.yaml.
    name = Path(given).name.removesuffix(SUFFIX)
    if name not in shipped:
        raise UnknownName("scenario", str(given), shipped, reference="mockehr scenario list")
    return shipped[name]
