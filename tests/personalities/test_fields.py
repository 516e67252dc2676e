"""Elements that a release renames, drops or adds."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from mockehr.personalities.fields import FieldChange, FieldChanges

PATIENT = {
    "resourceType": "Patient",
    "active": True,
    "maritalStatus": {"text": "M"},
    "name": [{"family": "A", "_family": {"id": "x"}, "use": "old"}, {"family": "B"}],
    "birthDate": "1980-01-01",
}
RENAMED = FieldChange("Patient", "rename", "maritalStatus", "civilStatus")


def made(document: dict[str, Any], *changes: FieldChange) -> dict[str, Any]:
    before = deepcopy(document)
    found = FieldChanges(changes).outgoing(document)
    assert document == before
    return found


def test_a_renamed_element_stands_at_its_old_place() -> None:
    assert list(made(PATIENT, RENAMED)) == ["resourceType", "active", "civilStatus", "name", "birthDate"]


def test_a_change_reaches_every_item_of_a_list_and_what_stands_beside_a_primitive() -> None:
    renamed = made(PATIENT, FieldChange("Patient", "rename", "name.family", "surname"))
    assert renamed["name"] == [{"surname": "A", "_surname": {"id": "x"}, "use": "old"}, {"surname": "B"}]
    dropped = made(PATIENT, FieldChange("Patient", "drop", "name.family"))
    assert dropped["name"] == [{"use": "old"}, {}]
    one = made(PATIENT, FieldChange("Patient", "drop", "name[1].family"))
    assert one["name"][0]["family"] == "A"


def test_what_is_added_needs_its_holder_and_takes_nobodys_place() -> None:
    added = FieldChange("Encounter", "add", "serviceProvider.display", value="Main Campus")
    bare = {"resourceType": "Encounter", "status": "planned"}
    assert made(bare, added) is bare
    known = bare | {"serviceProvider": {"display": "Own"}}
    assert made(known, added) is known
    told = made(bare | {"serviceProvider": {"reference": "Organization/1"}}, added)
    assert told["serviceProvider"] == {"reference": "Organization/1", "display": "Main Campus"}


def test_what_is_not_concerned_stays_the_very_same() -> None:
    changes = FieldChanges([RENAMED])
    for other in ({"resourceType": "Observation", "maritalStatus": 1}, {"resourceType": "Patient"}, {}):
        assert changes.outgoing(other) is other


def test_the_resources_of_a_bundle_are_changed_where_they_stand() -> None:
    bundle = {
        "resourceType": "Bundle",
        "entry": [{"resource": PATIENT, "x": 1}, {"resource": {"resourceType": "Group"}}],
    }
    found = made(bundle, RENAMED)
    assert "civilStatus" in found["entry"][0]["resource"]
    assert found["entry"][0]["x"] == 1
    assert found["entry"][1] is bundle["entry"][1]


def test_what_a_client_writes_in_the_new_form_is_stored_in_the_old() -> None:
    added = FieldChange("Patient", "add", "deceasedBoolean", value=False)
    changes = FieldChanges([RENAMED, added])
    assert changes.incoming(changes.outgoing(PATIENT)) == PATIENT
    assert changes.incoming(PATIENT) is PATIENT
    own = PATIENT | {"deceasedBoolean": True}
    assert changes.incoming(own)["deceasedBoolean"] is True


def test_changes_of_several_releases_follow_each_other() -> None:
    again = FieldChange("Patient", "rename", "civilStatus", "partnership")
    changes = FieldChanges([RENAMED, again])
    assert "partnership" in changes.outgoing(PATIENT)
    assert changes.incoming(changes.outgoing(PATIENT)) == PATIENT


def test_records_of_before_and_after_compare_equal_but_for_what_a_client_changed() -> None:
    changes = FieldChanges([RENAMED, FieldChange("Patient", "drop", "birthDate")])
    after = changes.outgoing(PATIENT)
    assert changes.compared(PATIENT) == changes.compared(after)
    assert changes.compared(after | {"active": False}) != changes.compared(PATIENT)
