"""What load tests send is what the simulator accepts."""

from __future__ import annotations

import subprocess
import sys

import orjson
import pytest

from mockehr.core.exchange import Exchange
from mockehr.load.payloads import (
    NAMES,
    acknowledgement_fault,
    admission,
    chart_search,
    family_search,
    observation_create,
    patient_read,
    roster,
)
from mockehr.sites.build import build_site
from mockehr.sites.options import SiteOptions
from mockehr.sites.site import Site


@pytest.fixture
def site() -> Site:
    return build_site(SiteOptions("load", patients=20, stepped=True, open_access=True))


def test_every_fhir_request_is_answered_well(site: Site) -> None:
    patient = "p0"
    requests = [roster(), family_search(3), patient_read(patient), chart_search(patient)]
    for request in [*requests, observation_create(patient, 5, site.clock.now())]:
        path, _, query = request.target.partition("?")
        done = site.handle(Exchange("fhir", request.method, path, query, body=request.body))
        assert done.reply is not None
        assert done.reply.status == (201 if request.method == "POST" else 200), done.reply.body
        assert request.name in NAMES.values()


def test_the_roster_names_patients(site: Site) -> None:
    path, _, query = roster(7).target.partition("?")
    reply = site.handle(Exchange("fhir", path=path, query=query)).reply
    assert reply is not None
    assert len(orjson.loads(reply.body)["entry"]) == 7


@pytest.mark.parametrize("trigger", ["A01", "A08"])
def test_an_adt_is_accepted_under_its_own_id(site: Site, trigger: str) -> None:
    message = admission("L-1", 12, site.clock.now(), trigger=trigger)
    reply = site.handle(Exchange("mllp-in", "SEND", body=message.payload)).reply
    assert reply is not None
    assert acknowledgement_fault(reply.body, "L-1") == ""
    assert "L-2" in acknowledgement_fault(reply.body, "L-2")


@pytest.mark.parametrize(
    ("payload", "fault"),
    [
        (b"MSH|^~\\&|\rMSA|AE|1\r", "MSA-1 is 'AE'"),
        (b"MSH|^~\\&|\r", "no MSA"),
        (b"MSA|AA", "MSA-2 is ''"),
    ],
)
def test_an_acknowledgement_that_is_none_is_seen(payload: bytes, fault: str) -> None:
    assert fault in acknowledgement_fault(payload, "1")


def test_payloads_load_neither_locust_nor_a_server() -> None:
    program = (
        "import sys, mockehr.load.payloads\n"
        "print(*[name for name in ('locust', 'gevent', 'uvicorn', 'asyncio') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
