"""Who can sign in at a site, and what they may choose."""

from __future__ import annotations

import pytest
from tests.sites.browser import Browser

from mockehr.sites.build import build_site
from mockehr.sites.options import SiteOptions


@pytest.mark.parametrize("vendor", ["generic", "epic", "oracle"])
def test_staff_a_patient_and_a_relative_can_sign_in_without_a_password(vendor: str) -> None:
    browser = Browser(vendor)
    users = {user.username: user for user in browser.site.auth.users}
    assert list(users) == ["clinician", "nurse", "pharmacist", "patient", "proxy"]
    assert [user.staff for user in users.values()] == [True, True, True, False, False]
    assert users["patient"].patients == (browser.patient(0),)
    assert users["proxy"].patients == (browser.patient(1), browser.patient(2))
    assert not any(user.password for user in users.values())
    assert len({user.name for user in users.values() if user.name}) == 5


@pytest.mark.parametrize("vendor", ["generic", "epic", "oracle"])
def test_patients_are_found_by_name_and_by_the_id_that_the_vendor_shows(vendor: str) -> None:
    charts = Browser(vendor).site.auth.door.charts
    listed = charts.patients("", 50)
    assert len(listed) == 12
    assert all(one.label and "born " in one.detail for one in listed)
    word = listed[3].label.replace(",", "").split()[0]
    assert listed[3].id in [one.id for one in charts.patients(word.lower(), 50)]
    assert charts.patients("zzzz", 50) == []
    assert charts.patient(listed[3].id) == listed[3]
    assert charts.patient("nobody") is None
    assert charts.patient("") is None


def test_encounters_are_the_patients_own_the_latest_first() -> None:
    browser = Browser()
    charts = browser.site.auth.door.charts
    seen = {}
    for patient in charts.patients("", 12):
        found = charts.encounters(patient.id, 100)
        assert [one.detail for one in found] == sorted((one.detail for one in found), reverse=True)
        seen[patient.id] = {one.id for one in found}
        assert len(charts.encounters(patient.id, 1)) == min(1, len(found))
    assert sum(map(bool, seen.values())) > 5
    assert len(set().union(*seen.values())) == sum(map(len, seen.values()))
    assert charts.encounters("nobody", 5) == []


def test_a_site_without_charts_has_somebody_to_sign_in_all_the_same() -> None:
    site = build_site(SiteOptions("n"))
    assert [user.username for user in site.auth.users] == ["clinician"]
    assert site.auth.door.charts.patients("", 5) == []
