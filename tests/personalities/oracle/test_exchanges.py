"""Oracle Health's messages and exports. Sources: simulator/mockehr/personalities/oracle/notes.md."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.personalities.conftest import House

from mockehr.core.changes import Change
from mockehr.hl7.dialects.oracle import ORACLE
from mockehr.hl7.emit import Event, emit, told_by
from mockehr.hl7.message import Message
from mockehr.personalities.variance import variance_of
from mockehr.sites.build import build_site
from mockehr.sites.options import SiteOptions

MRN = "urn:oid:2.16.840.1.113883.6.1000"


def patient(id: str, **more: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", "id": id, "identifier": [{"system": MRN, "value": f"N{id}"}], **more}


@pytest.mark.behaviour("oracle", "hl7-merges")
def test_merges_are_told_as_a34() -> None:
    kept = patient("1", link=[{"other": {"reference": "Patient/2"}, "type": "replaces"}])
    change = Change(7, "update", "Patient", "1", 2, 1_767_614_400.0, "pathway", kept, "1", event="ADT^A40")
    name = told_by(change, ORACLE)
    assert name == "ADT^A34"
    message = Message(emit(Event(name, change.at, 7), [kept, patient("2")], ORACLE))
    assert message.get("MSH-9") == "ADT^A34"
    assert message.get("MRG-1.1") == "N2"
    assert message.get("PID-3.1") == "N1"


@pytest.mark.behaviour("oracle", "hl7-registration")
def test_feeds_have_other_names_at_other_sites() -> None:
    feeds = next(one for one in variance_of("oracle").traits if one.name == "feed")
    told = {}
    for choice in feeds.choices:
        site = build_site(SiteOptions("f", "oracle", patients=1, stepped=True, settings=dict(choice.settings)))
        told[choice.name] = (site.dialect.sending_application, site.dialect.sending_facility)
    assert told == {
        "HNAM": ("HNAM", "CERNER"),
        "HNAM_PM": ("HNAM_PM", "HNA500"),
        "without-facility": ("CERNER", ""),
    }


@pytest.mark.behaviour("oracle", "bulk-levels")
def test_groups_are_exported_and_listed_patients_by_post(house: Callable[..., House]) -> None:
    found = house("oracle", fresh=6)
    told = {"accept": "application/fhir+json", "prefer": "respond-async"}
    part = {"name": "patient", "valueReference": {"reference": f"Patient/{found.patient()}"}}
    body = {"resourceType": "Parameters", "parameter": [part]}
    begun = found.fhir("Patient/$export", "POST", body, **told)
    assert begun.status == 202, begun.body
    assert begun.header("Content-Location").startswith(f"{found.base}/bulk-export/jobs/")
    assert found.fhir("$export", **told).status >= 400


@pytest.mark.behaviour("oracle", "contacts-related")
def test_a_contact_who_has_a_record_is_told_once() -> None:
    url = "http://hl7.org/fhir/StructureDefinition/patient-relatedPerson"
    related = {
        "resourceType": "RelatedPerson", "id": "9-1", "active": True, "patient": {"reference": "Patient/1"},
        "name": [{"family": "Muster", "given": ["Otto"]}],
    }  # fmt: skip
    said = {"extension": [{"valueReference": {"reference": "RelatedPerson/9-1"}, "url": url}]}
    told = {**said, "name": {"text": "Muster, Otto"}}
    event = Event("ADT^A08", 1_767_614_400.0, 7)
    message = Message(emit(event, [patient("1", contact=[told]), related], ORACLE))
    assert [one.text(2) for one in message.all("NK1")] == ["Muster^Otto^^^^^CURRENT"]
    alone = Message(emit(event, [patient("1", contact=[told])], ORACLE))
    assert len(alone.all("NK1")) == 1
