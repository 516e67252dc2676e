"""Bundled data are found, and their absence is explained."""

from __future__ import annotations

import pytest

from mockehr.core.data import data_root
from mockehr.core.errors import EnvironmentProblem


def test_corpora_are_found() -> None:
    assert (data_root("corpora") / "pools" / "manifest.yaml").is_file()


def test_missing_data_are_explained() -> None:
    with pytest.raises(EnvironmentProblem, match="'corpses' data are missing"):
        data_root("corpses")
