"""Contracts in pytest."""

from __future__ import annotations

from pathlib import Path

import pytest

from mockehr.core.errors import VerdictFailed
from mockehr.testing.pinned import assert_contract, pin_site
from mockehr.testing.world import World

BOUND = 80


def test_a_site_keeps_its_contract_until_something_drifts(mockehr: World, tmp_path: Path) -> None:
    site = mockehr.site("generic", patients=6, stepped=True)
    file = tmp_path / "contract.yaml"
    assert assert_contract(file, site, most=BOUND) == []  # nothing was pinned yet: it is now
    assert assert_contract(file, site, fail_on="info", most=BOUND) == []
    site.quirk("version-drift", rename=["birthDate=dateOfBirth"])
    with pytest.raises(VerdictFailed, match=r"breaking  observed\.Patient\.birthDate: was in all of"):
        assert_contract(file, site, most=BOUND)


def test_what_is_milder_or_left_out_is_answered(mockehr: World) -> None:
    site = mockehr.site("generic", patients=6, stepped=True)
    pin = pin_site(site, most=BOUND)
    site.quirk("version-drift", rename=[], add=["civilStatus=M"], where={"resource": "Patient"})
    assert [one.where for one in assert_contract(pin, site, most=BOUND)] == ["observed.Patient.civilStatus"]
    assert assert_contract(pin, site, ignore=["observed.Patient*"], most=BOUND) == []


def test_patients_can_be_named(mockehr: World) -> None:
    site = mockehr.site("generic", patients=6, stepped=True)
    assert list(pin_site(site, patients=["p3"], most=20).patients) == ["p3"]
