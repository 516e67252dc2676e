"""What a vendor's own API may know of its site, and do to it."""

from __future__ import annotations

from typing import Any

import pytest

from mockehr.auth.clients import Client
from mockehr.auth.people import User
from mockehr.auth.scopes import Scopes
from mockehr.core.exchange import Exchange
from mockehr.core.problem import Problem
from mockehr.sites.build import build_site
from mockehr.sites.directory import channel_of
from mockehr.sites.options import SiteOptions
from mockehr.sites.proprietary import IMPORTED_FROM, SiteRecords
from mockehr.sites.site import Site


@pytest.fixture
def site() -> Site:
    return build_site(SiteOptions("x", "oracle", patients=5, stepped=True, open_access=True))


@pytest.fixture
def records(site: Site) -> SiteRecords:
    return SiteRecords(site)


def patient(family: str = "Muster", **more: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", "name": [{"family": family}], "gender": "female", **more}


CALL = Exchange("proprietary")


def test_numbers_of_patients_lead_back_to_them(records: SiteRecords, site: Site) -> None:
    assert site.charts is not None
    ids = [records.patient_id(number) for number in range(1, 6)]
    assert ids == [site.charts.patient_id(index) for index in range(5)]
    assert [records.patient_number(str(id)) for id in ids] == [1, 2, 3, 4, 5]
    assert [records.patient_id(number) for number in (0, 6, -1, 1 << 31, 1 << 60)] == [None] * 5
    assert records.patient_number("nobody") is None


def test_written_and_imported_patients_have_numbers_too(records: SiteRecords, site: Site) -> None:
    made = records.create(CALL, patient())
    assert not isinstance(made, Problem)
    number = records.patient_number(made["id"])
    assert number is not None
    assert number > 5
    assert records.patient_id(number) == made["id"]
    site.store.commit(patient(id="imported-1"), kind="create", source="control")
    number = records.patient_number("imported-1")
    assert number is not None
    assert number >= IMPORTED_FROM
    assert records.patient_id(number) == "imported-1"


def test_what_is_written_is_a_change_and_read_over_fhir(records: SiteRecords, site: Site) -> None:
    exchange = Exchange("proprietary")
    made = records.create(exchange, patient())
    assert not isinstance(made, Problem)
    assert exchange.changes == (site.log.changes[-1].number,)
    reply = site.handle(Exchange("fhir", path=f"/Patient/{made['id']}", base_url="http://x/r4")).reply
    assert reply is not None
    assert b"Muster" in reply.body
    changed = records.update(exchange, made | {"gender": "male"})
    assert not isinstance(changed, Problem)
    assert records.read("Patient", made["id"]) == changed
    assert [change.kind for change in site.log.changes] == ["create", "update"]


def test_what_is_no_resource_is_refused_and_nothing_is_stored(records: SiteRecords, site: Site) -> None:
    wrong = records.create(CALL, patient(gender="x"))
    assert isinstance(wrong, Problem)
    assert wrong.status == 422
    missing = records.update(CALL, patient(id="1"))
    assert isinstance(missing, Problem)
    assert missing.status == 404
    assert not site.log.changes


def test_searches_know_no_rules_of_the_vendor(records: SiteRecords) -> None:
    found = records.search("Patient", "gender=female,male", limit=2)
    assert not isinstance(found, Problem)
    assert found[0] == 5
    assert len(found[1]) == 2
    assert isinstance(records.search("Patient", "birthdate=x"), Problem)


def test_things_are_kept_until_their_time_and_forgotten_on_reset(records: SiteRecords, site: Site) -> None:
    records.keep("sessions", "a", {"user": 1}, 60)
    assert records.kept("sessions", "a") == {"user": 1}
    assert records.kept("others", "a") is None
    site.clock.advance(60)
    assert records.kept("sessions", "a") is None
    records.keep("sessions", "b", 1, 60)
    assert records.forget("sessions", "b")
    assert not records.forget("sessions", "b")
    records.keep("sessions", "c", 1, 60)
    assert [records.number("tickets"), records.number("tickets")] == [1, 2]
    site.reset()
    assert records.kept("sessions", "c") is None
    assert records.number("tickets") == 1


def test_clients_and_people_are_known_by_their_secrets(records: SiteRecords, site: Site) -> None:
    site.auth.clients.add(Client("app", Scopes.parse("system/*.rs"), secret="s3cret"))
    site.auth.clients.add(Client("keyed", Scopes.parse("system/*.rs"), jwks={"keys": []}))
    site.auth.users.add(User("jane", "Practitioner/1", password="pw"))
    assert records.client("app", "s3cret")
    assert not records.client("app", "")
    assert not records.client("keyed", "")
    assert not records.client("nobody", "s3cret")
    assert records.user("jane", "pw")
    assert not records.user("jane", "x")
    assert not records.user("nobody", "")


def test_a_site_without_own_apis_serves_none(site: Site) -> None:
    assert site.endpoints.apis == {}
    assert channel_of(site, "/v1/195900/patients") is None
