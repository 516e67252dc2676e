"""What answers look like, counted."""

from __future__ import annotations

from typing import Any

from mockehr.recording.contract.observed import Sightings, parted, types_of


def patient(id: str, **more: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", "id": id, "active": True, **more}


def test_elements_are_counted_with_their_types() -> None:
    seen = Sightings()
    for id in ("1", "2", "3"):
        seen.take(patient(id, **({"name": [{"family": "A"}]} if id == "1" else {})))
    kind = seen.kinds()["Patient"]
    assert kind.seen == 3
    assert kind.elements["Patient.active"] == "always boolean"
    assert kind.elements["Patient.name"] == "33% array"
    assert kind.elements["Patient.name.family"] == "33% string"


def test_systems_and_forms_are_values_of_their_elements() -> None:
    seen = Sightings()
    seen.take(patient("1", birthDate="1980-01-02", identifier=[{"system": "urn:oid:1", "value": "x"}]))
    values = seen.kinds()["Patient"].values
    assert values["Patient.birthDate~date"] == "always"
    assert values["Patient.identifier.system=urn:oid:1"] == "always"


def test_extensions_go_by_their_address_and_have_types_too() -> None:
    told = patient("1", extension=[{"url": "http://hl7.org/x", "valueString": "y"}])
    assert ("Patient.extension(http://hl7.org/x).valueString", "string") in list(types_of(told))


def test_a_prefix_that_not_all_ids_have_is_an_accident() -> None:
    seen = Sightings()
    for id in ("e-abcdefghijklmnopqrstuv", "eabcdefghijklmnopqrstuvw"):
        seen.take(patient(id))
    values = seen.kinds()["Patient"].values
    assert [name for name in values if name.startswith("Patient.id")] == ["Patient.id~opaque"]


def test_a_bundle_is_counted_with_its_resources_and_what_is_no_resource_is_not() -> None:
    seen = Sightings()
    found = seen.take({"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": patient("1")}, 7]})
    assert [one["id"] for one in found] == ["1"]
    assert seen.take("text") == []
    assert sorted(seen.kinds()) == ["Bundle", "Patient"]


def test_an_address_with_a_sign_in_it_is_no_value() -> None:
    assert parted("Patient.extension(http://x?a=b).valueCode") == ("Patient.extension(http://x?a=b).valueCode", "")
    assert parted("Patient.id~uuid") == ("Patient.id", "~uuid")
