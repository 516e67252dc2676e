"""Who an exchange is admitted to, by path or by port, and which channel its path belongs to."""

from __future__ import annotations

import pytest

from mockehr.core.errors import DuplicateName, UnknownName
from mockehr.sites.build import build_site
from mockehr.sites.directory import Directory, channel_of
from mockehr.sites.options import SiteOptions
from mockehr.sites.site import Site


def made(name: str, vendor: str = "generic") -> Site:
    return build_site(SiteOptions(name, vendor, stepped=True))


@pytest.mark.parametrize(
    ("path", "root", "below"),
    [
        ("/north/fhir/R4/Patient/1", "/north", "/fhir/R4/Patient/1"),
        ("/north/", "/north", "/"),
        ("/north", "/north", "/"),
        ("/north//x", "/north", "//x"),
    ],
)
def test_a_site_is_admitted_to_by_the_first_part_of_the_path(path: str, root: str, below: str) -> None:
    directory = Directory()
    north = directory.add(made("north"))
    directory.add(made("nor"))
    assert directory.admit(path) == (north, root, below)
    assert directory.strays == 0


def test_a_site_with_a_port_of_its_own_is_admitted_to_there_and_nowhere_else_without_its_name() -> None:
    directory = Directory()
    north, south = directory.add(made("north"), port=8001), directory.add(made("south"))
    assert directory.admit("/south/token", 8001) == (north, "", "/south/token")
    assert directory.admit("/south/token", 8000) == (south, "/south", "/token")
    assert directory.admit("/fhir/R4/Patient", 8000) is None


def test_strays_are_counted_and_told_what_they_may_have_meant() -> None:
    directory = Directory()
    for name in ("north", "south"):
        directory.add(made(name))
    assert directory.admit("/nroth/fhir") is None
    assert directory.admit("/") is None
    assert directory.strays == 2
    assert directory.nearest("/nroth/fhir")[0] == "north"
    assert directory.nearest("/zzz") == ["north", "south"]


def test_a_name_is_taken_once_and_free_again_after_removal() -> None:
    directory = Directory()
    north = directory.add(made("north"), port=8001)
    with pytest.raises(DuplicateName):
        directory.add(made("north"))
    assert directory.remove("north") is north
    assert (len(directory), list(directory)) == (0, [])
    assert directory.admit("/north/x", 8001) is None
    again = directory.add(made("north"))
    assert directory.get("north") is again


def test_an_unknown_site_is_refused_with_the_nearest_name() -> None:
    directory = Directory()
    directory.add(made("north"))
    for ask in (directory.get, directory.remove):
        with pytest.raises(UnknownName) as refused:
            ask("nort")
        assert "north" in refused.value.nearest


def test_a_site_may_be_removed_while_all_are_walked() -> None:
    directory = Directory()
    for name in ("a", "b", "c"):
        directory.add(made(name))
    for site in directory:
        directory.remove(site.name)
    assert len(directory) == 0


@pytest.mark.parametrize("vendor", ["generic", "epic", "oracle"])
def test_every_path_below_a_site_belongs_to_one_channel_or_to_none(vendor: str) -> None:
    site = made("north", vendor)
    base = site.fhir_path.rstrip("/")
    assert channel_of(site, base) == ("fhir", "/")
    assert channel_of(site, f"{base}/") == ("fhir", "/")
    assert channel_of(site, f"{base}/Patient/1") == ("fhir", "/Patient/1")
    assert channel_of(site, f"{base}/metadata") == ("fhir", "/metadata")
    well_known = "/.well-known/smart-configuration"
    assert channel_of(site, base + well_known) == ("discovery", well_known)
    assert channel_of(site, site.token_path) == ("token", site.token_path)
    assert channel_of(site, site.jwks_path) == ("discovery", site.jwks_path)
    beside = channel_of(site, f"{base}x/Patient")  # to Oracle Health another tenant, whom it refuses
    assert beside == (("fhir", "/UnknownTenant") if vendor == "oracle" else None)
    assert channel_of(site, f"{site.token_path}/x") is None
    assert channel_of(site, "/") is None
