"""Patients whose names are octets of Windows-1252, as in production: every API shows the same octets."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import orjson
import pytest
from tests.personalities.advancedmd.practice import Practice
from tests.personalities.conftest import House
from tests.personalities.nextgen.test_native import signed_in
from tests.personalities.veradigm.test_unity import Clinic

from mockehr.core.exchange import Exchange
from mockehr.sites.build import build_site
from mockehr.sites.directory import Directory, channel_of
from mockehr.sites.options import SiteOptions
from mockehr.sites.proprietary import SiteRecords
from mockehr.sites.test_client import register_demo_client

Houses = Callable[..., House]
DIRT = "windows-1252-names"
PREVIEW = {"events": {"athena": {"practice": "195900"}}}


def dirty(house: Houses, vendor: str, **settings: Any) -> tuple[House, str, bytes]:
    """A site, one of its patients, and the family name as FHIR has it: octets that are no UTF-8."""
    made = house(vendor, 30, settings=settings)
    made.site._infect(DIRT, {"use": DIRT, "with": {"rate": 1.0}})
    for index in range(30):
        reply = made.fhir(f"Patient/{made.patient(index)}")
        name = json.loads(reply.body.decode("utf-8", "surrogateescape"))["name"][0]["family"]
        octets: bytes = name.encode("utf-8", "surrogateescape")
        if not octets.isascii():
            with pytest.raises(UnicodeDecodeError):
                octets.decode()
            return made, made.patient(index), octets
    raise AssertionError("nobody has a letter beyond ASCII")


def test_athenaone(house: Houses) -> None:
    site, id, name = dirty(house, "athena", **PREVIEW)
    reply = site.ask("GET", f"/v1/195900/patients/{id.rpartition('-')[2]}")
    assert (reply.status, name in reply.body) == (200, True)


def test_unity(house: Houses) -> None:
    site, id, name = dirty(house, "veradigm")
    reply = Clinic(site).magic("GetPatient", patient=str(SiteRecords(site.site).patient_number(id)))
    assert (reply.status, name in reply.body) == (200, True)


def test_nextgen(house: Houses) -> None:
    site, id, name = dirty(house, "nextgen")
    reply = signed_in(site).call("GET", f"/persons/{id}")
    assert (reply.status, name in reply.body) == (200, True)


def test_advancedmd(house: Houses) -> None:
    site, id, name = dirty(house, "advancedmd")
    practice = Practice(site)
    asked = {"ppmdmsg": {"@action": "getdemographic", "@class": "api", "@patientid": f"pat{id}"}}
    reply = practice.post(practice.address, orjson.dumps(asked), cookie=f"token={practice.token}")
    first = name[: next(place for place, octet in enumerate(name) if octet > 127) + 1].upper()
    assert (reply.status, first in reply.body) == (200, True)


def test_a_summary_that_oracle_makes(house: Houses) -> None:
    site, id, name = dirty(house, "oracle")
    reply = site.fhir(f"Binary/$autogen-ccd-if?patient={id}")
    assert (reply.status, name in b64decode(json.loads(reply.body)["data"])) == (200, True)


def test_a_copy_in_front_of_a_practice() -> None:
    directory = Directory()
    hub = directory.add(build_site(SiteOptions("hub", "nexhealth", stepped=True, fronts=("north",))))
    north = directory.add(build_site(SiteOptions("north", patients=30, stepped=True)))
    north._infect(DIRT, {"use": DIRT, "with": {"rate": 1.0}})
    register_demo_client(hub, "app", secret="s3cret")

    def ask(method: str, path: str, query: str, proof: str) -> bytes:
        found = channel_of(hub, path)
        assert found is not None
        headers = {"authorization": proof, "nex-api-version": "v3.0.0"}
        reply = hub.handle(Exchange(found[0], method, found[1], query, headers)).reply
        assert reply is not None
        assert reply.status in (200, 201), reply.body
        return reply.body

    token = orjson.loads(ask("POST", "/authenticates", "", "app.s3cret"))["data"]["token"]
    body = ask("GET", "/patients", "subdomain=north&location_id=1001&per_page=100", f"Bearer {quote(token)}")
    with pytest.raises(UnicodeDecodeError):
        body.decode()
