"""A client in memory."""

from __future__ import annotations

import pytest

from mockehr.core.errors import UsageError
from mockehr.sites.build import build_site
from mockehr.sites.options import SiteOptions
from mockehr.sites.visitor import Visitor


@pytest.fixture
def visitor() -> Visitor:
    return Visitor(build_site(SiteOptions("a", "epic", patients=2, stepped=True)))


def test_it_asks_with_a_token_of_its_own(visitor: Visitor) -> None:
    charts = visitor.site.charts
    assert charts is not None
    status, patient = visitor.ask(f"Patient/{charts.patient_id(0)}")
    assert (status, patient["resourceType"]) == (200, "Patient")
    assert [entry.client for entry in visitor.site.journal] == ["visitor"]
    assert visitor.ask(".well-known/smart-configuration")[1]["token_endpoint"].startswith(visitor.root)


def test_without_scopes_it_has_no_token(visitor: Visitor) -> None:
    stranger = Visitor(visitor.site, scopes="")
    assert stranger.ask("Patient/x")[0] == 401


def test_a_header_that_is_empty_is_left_out(visitor: Visitor) -> None:
    reply = visitor.send("GET", "Patient/x", {"authorization": ""}).reply
    assert reply is not None
    assert reply.status == 401


def test_all_of_it_comes_over_one_connection(visitor: Visitor) -> None:
    assert [visitor.send("GET", "metadata").turn for _ in range(3)] == [0, 1, 2]


def test_addresses_of_elsewhere_are_refused(visitor: Visitor) -> None:
    with pytest.raises(UsageError, match="elsewhere"):
        visitor.send("GET", "http://elsewhere.example.org/x")
