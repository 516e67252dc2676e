"""Pathways by name: those that come with mockehr, and files of one's own."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

from mockehr.core.data import data_root
from mockehr.core.errors import UnknownName
from mockehr.pathways.schema import Pathway, load_pathway


def shipped_files() -> Mapping[str, Path]:
    """The files of all pathways that come with mockehr, by name, sorted."""
    entries = (entry.name for entry in (data_root("corpora") / "pathways").iterdir())
    names = sorted(
        name.removesuffix(".yaml") for name in entries if name.endswith(".yaml") and name != "manifest.yaml"
    )
    root = data_root("corpora") / "pathways"
    return {name: Path(str(root / f"{name}.yaml")) for name in names}


@cache
def shipped_pathway(name: str) -> Pathway:
    """One of them; raises UnknownName."""
    files = shipped_files()
    if name not in files:
        raise UnknownName("pathway", name, files, reference="mockehr pathway list")
    return load_pathway(files[name], source=files[name].name)


def shipped_pathways() -> Mapping[str, Pathway]:
    """All of them, by name."""
    return MappingProxyType({name: shipped_pathway(name) for name in shipped_files()})
