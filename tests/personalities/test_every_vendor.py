"""What holds for the sites of every vendor that speaks FHIR."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import orjson
import pytest

from mockehr.fhir.elements import resource_types
from mockehr.fhir.validate import check_structure
from mockehr.hl7.dialects import DIALECTS
from mockehr.personalities.load import ehr_names, load_personality, personality_names
from mockehr.personalities.variance import ENVIRONMENTS, variance_of

House = Any
Built = Callable[..., House]
SPEAKING = [name for name in ehr_names() if load_personality(name).offers("Patient")]
UNTOLD = {
    "advancedmd": {"ConceptMap"},
    "athena": {"Subscription"},
    "nextgen": {"Binary"},
    "nextgen_office": {"Binary"},
}
"""What vendors are known to offer and not to tell of, each with a test of its own."""
DEAD = {"nextgen": "the reference has it that links to Organization/0001 and to a code system lead nowhere"}
"""Vendors whose references are known not to resolve, each with a test of its own."""


def shown(site: House, index: int) -> Iterator[Any]:
    """Everything in a patient's chart that can be read there."""
    for kind in resource_types(site.site.personality.fhir_version):
        if "read" in site.site.personality.offers(kind):
            yield from site.site.charts.chart(site.patient(index), kind)


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("reference"), str):
            yield node["reference"]
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


@pytest.mark.parametrize("vendor", SPEAKING)
def test_all_that_is_in_a_chart_is_read_by_its_id(vendor: str, house: Built) -> None:
    site = house(vendor)
    found = list(shown(site, 1))
    assert found
    assert len({record.key for record in found}) == len(found)
    for record in found:
        reply = site.fhir(record.key.replace("#", "%23").replace("|", "%7C"))
        assert reply.status == 200, (record.key, reply.body[:300])
        if "json" in reply.content_type:  # else it is a document in its own form
            assert orjson.loads(reply.body)["id"] == record.id


@pytest.mark.parametrize("vendor", [name for name in SPEAKING if name not in DEAD])
def test_references_lead_to_what_can_be_read(vendor: str, house: Built) -> None:
    site = house(vendor)
    personality = site.site.personality
    told = {text for record in shown(site, 2) for text in references(record.document)}
    for text in sorted(told):
        kind, slash, id = text.removeprefix(f"{site.base}/").partition("/")
        if slash and "read" in personality.offers(kind):
            assert site.fhir(f"{kind}/{id}".replace("|", "%7C")).status == 200, text


@pytest.mark.parametrize("vendor", SPEAKING)
def test_a_stranger_s_request_is_refused_in_words(vendor: str, house: Built) -> None:
    site = house(vendor, open_access=False)
    reply = site.fhir(f"Patient/{site.patient(0)}")
    assert 400 <= reply.status < 500, reply.body
    nonsense = site.fhir("Patiënt?=&&_count=x&%ff", authorization=site.bearer())
    assert 400 <= nonsense.status < 500, nonsense.body


@pytest.mark.parametrize("vendor", SPEAKING)
def test_the_statement_names_what_is_offered(vendor: str, house: Built) -> None:
    site = house(vendor)
    statement = site.read("metadata")
    assert check_structure(statement, site.site.personality.fhir_version) == []
    claimed = {one["type"] for rest in statement["rest"] for one in rest["resource"]}
    offered = {
        kind for kind in resource_types(site.site.personality.fhir_version) if site.site.personality.offers(kind)
    }
    assert offered - claimed == UNTOLD.get(vendor, set()), offered - claimed
    assert "Patient" in claimed


@pytest.mark.parametrize("vendor", personality_names())
def test_the_same_seed_makes_the_same_site_in_each_environment(vendor: str, house: Built) -> None:
    for environment in ("", *[one for one in ENVIRONMENTS if one in variance_of(vendor).environments]):
        first, second = (
            house(vendor, patients=2, fresh=1, environment=environment, variance="realistic") for _ in range(2)
        )
        assert first.site.drawn.choices == second.site.drawn.choices
        assert first.site.fhir_path == second.site.fhir_path
        if vendor in SPEAKING:
            assert first.fhir("metadata").body == second.fhir("metadata").body


def test_dialects_of_hl7_are_those_of_vendors() -> None:
    assert set(DIALECTS) - set(personality_names()) == set(), "dialects without a personality of that name"
