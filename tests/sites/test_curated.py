"""The curated patients: one for every corruption, each shows its dirt, and each says what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from mockehr.core.data import data_root
from mockehr.core.errors import UnknownName
from mockehr.fhir.intake import import_path
from mockehr.population.corruption.base import corruptions
from mockehr.sites.build import build_site
from mockehr.sites.curated import curated, curated_named, differences
from mockehr.sites.options import SiteOptions

FOLDER = Path(str(data_root("corpora"))) / "curated"


def test_there_are_sixty_and_they_cover_every_corruption() -> None:
    assert len(curated()) >= 60
    assert {one.corruption for one in curated().values()} == set(corruptions())


@pytest.mark.parametrize("name", list(curated()))
def test_each_shows_its_dirt_and_says_what_a_client_should_do(name: str) -> None:
    one = curated_named(name)
    shown, true = one.records("shown"), one.records("true")
    assert shown[0]["resourceType"] == true[0]["resourceType"] == "Patient"
    assert one.what.endswith(".")
    assert one.client.startswith("should ")
    assert one.documentation.startswith(one.what.split()[0])
    capabilities = corruptions().get(one.corruption).about.capabilities
    if {"dirty", "cross", "double", "shadow"} & set(capabilities):
        assert list(differences(one))
    else:  # what is true and there besides, or is so
        assert shown == true


@pytest.mark.parametrize("name", list(curated()))
def test_each_can_be_imported_into_a_site_unless_it_is_no_json(name: str) -> None:
    site = build_site(SiteOptions("a", stepped=True, open_access=True))
    path = FOLDER / f"{name}.shown.ndjson"
    taken = import_path(site.store, path)
    whole = len(path.read_bytes().splitlines())
    assert taken.total + len(taken.refused) == whole
    assert all("no JSON" in reason for reason in taken.refused)
    if taken.refused:
        assert corruptions().get(curated_named(name).corruption).about.ledger == ("E1",)
    else:
        assert taken.total == whole


def test_the_readme_has_a_line_for_each() -> None:
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert all(f"| `{name}` | {one.corruption} |" in text for name, one in curated().items())


def test_an_unknown_one_is_refused_with_the_nearest() -> None:
    first = next(iter(curated()))
    with pytest.raises(UnknownName, match=first):
        curated_named(first + "x")
