"""A client's records against the truth."""

import copy
import json
from typing import Any

from mockehr.sites.exceptions import STATES, Parked
from mockehr.sites.holdings import Row, Unreadable
from mockehr.sites.truth import TruthReport, compare

JSON = dict[str, Any]


def person(id: str, family: str = "Núñez", **more: Any) -> JSON:
    identifier = [{"system": "urn:mrn", "value": f"mrn-{id}"}]
    return {"resourceType": "Patient", "id": id, "identifier": identifier, "name": [{"family": family}], **more}


def result(id: str, patient: str, value: float = 7.5) -> JSON:
    return {
        "resourceType": "Observation",
        "id": id,
        "code": {"text": "Glucose"},
        "subject": {"reference": f"Patient/{patient}"},
        "valueQuantity": {"value": value, "unit": "mmol/L"},
    }


def keyed(*resources: JSON) -> dict[str, JSON]:
    return {f"{resource['resourceType']}/{resource['id']}": resource for resource in resources}


TRUTH = keyed(person("a"), person("b", "Smith"), result("1", "a"), result("2", "b"))


def holding(*changes: JSON, without: tuple[str, ...] = ()) -> list[JSON]:
    held = copy.deepcopy({key: value for key, value in TRUTH.items() if key not in without})
    return [*{**held, **keyed(*changes)}.values()]


def kinds(report: TruthReport) -> set[str]:
    return {name for name, found in report.findings().items() if found}


def test_equal_records_in_any_order_are_ok() -> None:
    report = compare(TRUTH, reversed(holding()))
    assert report.ok
    assert (report.expected, report.given) == (4, 4)


def test_version_time_and_narrative_do_not_count_but_the_text_of_a_code_does() -> None:
    touched = result("1", "a") | {"meta": {"versionId": "3", "lastUpdated": "2026-01-05"}, "text": {"div": "<div/>"}}
    assert compare(TRUTH, holding(touched)).ok
    renamed = result("1", "a") | {"code": {"text": "Glukose"}}
    report = compare(TRUTH, holding(renamed))
    assert [(item.path, item.expected, item.got) for item in report.altered] == [("code.text", "Glucose", "Glukose")]


def test_a_missing_record_is_lost() -> None:
    assert compare(TRUTH, holding(without=("Observation/2",))).lost == ("Observation/2",)


def test_a_record_given_twice_is_duplicated() -> None:
    report = compare(TRUTH, [*holding(), result("1", "a")])
    assert kinds(report) == {"duplicated"}
    assert (report.duplicated[0].key, report.duplicated[0].times) == ("Observation/1", 2)


def test_the_same_content_under_another_id_is_a_duplicate_and_other_content_is_foreign() -> None:
    report = compare(TRUTH, [*holding(), result("99", "a"), result("98", "a", 1.0)])
    assert [(item.key, item.times, item.others) for item in report.duplicated] == [
        ("Observation/1", 2, ("Observation/99",))
    ]
    assert report.foreign == ("Observation/98",)


def test_what_is_no_resource_is_foreign() -> None:
    report = compare(TRUTH, [*holding(), {"issue": []}, "text"])  # type: ignore[list-item]
    assert report.foreign == ("(no type)/(no id)", "(no resource)")


def test_changed_missing_and_extra_elements_are_altered_each_with_its_path() -> None:
    changed = result("1", "a", 75) | {"status": "final"}
    del changed["code"]
    report = compare(TRUTH, holding(changed))
    assert {(item.path, item.got) for item in report.altered} == {
        ("code", None), ("valueQuantity.value", 75), ("status", "final"),
    }  # fmt: skip


def test_a_boolean_is_not_a_number_and_a_whole_float_is_its_integer() -> None:
    truth = keyed(person("a", active=True), result("1", "a", 5))
    assert compare(truth, [person("a", active=True), result("1", "a", 5.0)]).ok
    assert compare(truth, [person("a", active=1), result("1", "a", 5)]).altered[0].path == "active"


def test_a_damaged_name_is_misdecoded_not_altered() -> None:
    report = compare(TRUTH, holding(person("a", "NÃºÃ±ez")))
    assert kinds(report) == {"misdecoded"}
    assert report.misdecoded[0].path == "name[0].family"
    assert "Windows-1252" in report.misdecoded[0].damage


def test_differences_of_a_corrupted_record_are_inherited_unless_a_client_could_have_undone_them() -> None:
    corrupted = {"Observation/1": "free-text-units", "Patient/a": "windows-1252-names"}
    held = holding(result("1", "a") | {"valueQuantity": {"value": 7.5, "unit": "mmol per l"}}, person("a", "N??ez"))
    report = compare(TRUTH, held, corrupted=corrupted)
    assert [(item.key, item.corruption) for item in report.inherited] == [("Observation/1", "free-text-units")]
    assert [(item.key, item.corruption) for item in report.misdecoded] == [("Patient/a", "windows-1252-names")]
    assert not report.ok


def test_with_the_record_as_served_keeping_it_is_told_from_altering_it() -> None:
    corrupted = {"Observation/1": "free-text-units"}
    served = {"Observation/1": result("1", "a") | {"valueQuantity": {"value": 7.5, "unit": "mmol per l"}}}
    kept = holding(served["Observation/1"])
    assert compare(TRUTH, kept, corrupted=corrupted, served=served).ok
    broken = holding(result("1", "a") | {"valueQuantity": {"value": 7.5, "unit": "mg/dL"}})
    assert kinds(compare(TRUTH, broken, corrupted=corrupted, served=served)) == {"altered"}


def test_what_a_client_is_to_repair_may_not_be_kept_as_served() -> None:
    corrupted = {"Observation/1": "wrong-patient"}
    served = {"Observation/1": result("1", "b")}
    kept = holding(served["Observation/1"])
    assert compare(TRUTH, kept, corrupted=corrupted, served=served).ok
    report = compare(TRUTH, kept, corrupted=corrupted, served=served, repair={"Observation/1"})
    assert [(item.path, item.corruption) for item in report.wrong_patient] == [("subject.reference", "wrong-patient")]
    assert compare(TRUTH, holding(), corrupted=corrupted, served=served, repair={"Observation/1"}).ok


def test_what_a_site_shows_twice_may_be_held_twice_unless_it_is_to_be_repaired() -> None:
    corrupted, twice = {"Observation/99": "duplicate-results"}, [*holding(), result("99", "a")]
    assert compare(TRUTH, twice, corrupted=corrupted).ok
    report = compare(TRUTH, twice, corrupted=corrupted, repair={"Observation/99"})
    assert [(item.key, item.others) for item in report.duplicated] == [("Observation/1", ("Observation/99",))]
    assert compare(TRUTH, holding(), corrupted=corrupted, repair={"Observation/99"}).ok


ALIASES = {"Patient/a-old": "Patient/a"}


def test_a_merged_person_may_be_left_out_or_kept_as_replaced_and_references_may_follow() -> None:
    tombstone = person("a-old", active=False, link=[{"type": "replaced-by", "other": {"reference": "Patient/a"}}])
    assert compare(TRUTH, holding(result("1", "a-old")), aliases=ALIASES).ok
    assert compare(TRUTH, [*holding(), tombstone], aliases=ALIASES).ok


def test_a_merged_person_that_is_still_active_is_unmerged() -> None:
    report = compare(TRUTH, [*holding(), person("a-old") | {"identifier": []}], aliases=ALIASES)
    assert kinds(report) == {"unmerged"}
    assert (report.unmerged[0].key, report.unmerged[0].other) == ("Patient/a-old", "Patient/a")


def test_a_half_merged_person_kept_as_a_second_active_one_is_unmerged() -> None:
    link = [{"type": "replaced-by", "other": {"reference": "Patient/a"}}]
    report = compare(TRUTH, [*holding(), person("a-old", active=True, link=link)], aliases=ALIASES)
    assert kinds(report) == {"unmerged"}


def test_octets_that_the_site_served_are_to_be_read_not_kept_nor_replaced() -> None:
    truth = keyed(person("a", "Núñez"), person("l", "Łoś"))
    served = keyed(person("a", "N\udcfa\udcf1ez"), person("l", "?o?"))
    facts: JSON = {"corrupted": dict.fromkeys(truth, "windows-1252-names"), "served": served}
    fair = compare(truth, [person("a"), person("l", "?o?")], **facts)
    assert fair.ok
    assert [item.key for item in fair.inherited] == ["Patient/l"]
    for careless in ("N\udcfa\udcf1ez", "N\ufffd\ufffdez"):
        assert kinds(compare(truth, [person("a", careless), person("l", "?o?")], **facts)) == {"misdecoded"}


def test_a_person_that_carries_the_identifier_of_another_is_wrongly_merged() -> None:
    joined = person("a")
    joined["identifier"].append({"system": "urn:mrn", "value": "mrn-b"})
    report = compare(TRUTH, holding(joined))
    assert [(item.key, item.other) for item in report.wrongly_merged] == [("Patient/a", "Patient/b")]


def test_records_that_hang_on_another_person_while_their_own_is_gone_mean_a_wrong_merge() -> None:
    report = compare(TRUTH, holding(result("2", "a"), without=("Patient/b",)))
    assert [(item.key, item.other) for item in report.wrongly_merged] == [("Patient/a", "Patient/b")]
    still_there = compare(TRUTH, holding(result("2", "a")))
    assert not still_there.wrongly_merged
    assert kinds(still_there) == {"wrong patient"}


def test_a_record_filed_under_another_patient_is_told_apart_from_an_altered_one() -> None:
    report = compare(TRUTH, holding(result("1", "b", 75)))
    assert [(one.path, one.expected, one.got) for one in report.wrong_patient] == [
        ("subject.reference", "Patient/a", "Patient/b")
    ]
    assert [one.path for one in report.altered] == ["valueQuantity.value"]
    unfiled = result("1", "a")
    del unfiled["subject"]
    assert kinds(compare(TRUTH, holding(unfiled))) == {"altered"}


DIRTY: JSON = {
    "corrupted": {"Observation/1": "mixed-units", "Patient/b": "windows-1252-names"},
    "served": keyed(result("1", "a", 135), person("b", "Sm?th")),
    "failures": {"Observation/1": ("unit", "parse"), "Patient/b": ("encoding",)},
}


def test_what_is_parked_is_not_lost_and_parking_is_in_vain_where_nothing_was_wrong() -> None:
    held = holding(without=("Observation/1",))
    assert kinds(compare(TRUTH, held, **DIRTY)) == {"lost"}
    report = compare(TRUTH, held, parked=[Parked("Observation/1", "unit", "mg?")], **DIRTY)
    assert report.ok
    assert [(one.key, one.corruption) for one in report.parked] == [("Observation/1", "mixed-units")]
    vain = compare(TRUTH, holding(without=("Observation/2",)), parked=[Parked("Observation/2", "unit", "?")], **DIRTY)
    assert kinds(vain) == {"parked in vain"}
    excused = compare(
        TRUTH, holding(), parked=[Parked("Observation/2")], disturbed=lambda key: key == "Observation/2", **DIRTY
    )
    assert excused.ok


def test_parking_under_another_type_is_shown_and_not_held_against_the_client() -> None:
    report = compare(TRUTH, holding(), parked=[Parked("Observation/1", "date", "x")], **DIRTY)
    assert report.ok
    assert [one.key for one in report.misnamed] == ["Observation/1"]
    assert "rather unit" in report.text()
    assert not compare(TRUTH, holding(), parked=[Parked("Observation/1", "parse", "x")], **DIRTY).misnamed


def test_what_became_of_corrupted_records_is_told_by_type_of_failure() -> None:
    def became(*changes: JSON, without: tuple[str, ...] = (), parked: tuple[Parked, ...] = ()) -> dict[str, Any]:
        report = compare(TRUTH, holding(*changes, without=without), parked=parked, **DIRTY)
        assert all(one.injected == 1 for one in report.handled)
        return {one.failure: next(name for name in STATES if getattr(one, name)) for one in report.handled} | {
            "vanished": report.vanished
        }

    assert became() == {"unit": "repaired", "encoding": "repaired", "vanished": ()}
    assert became(result("1", "a", 135))["unit"] == "kept"
    assert became(result("1", "a", 9))["unit"] == "altered"
    gone = became(without=("Observation/1",))
    assert (gone["unit"], gone["vanished"]) == ("lost", ("Observation/1",))
    assert became(without=("Observation/1",), parked=(Parked("Observation/1"),))["unit"] == "parked"


def test_the_second_record_of_a_person_is_parked_repaired_or_kept() -> None:
    parked = [Parked("Patient/a-old", "duplicate", "same MRN")]
    report = compare(TRUTH, holding(), parked=parked, aliases=ALIASES)
    assert (report.ok, [str(one) for one in report.handled]) == (True, ["duplicate: 1 injected: 1 parked"])
    kept = compare(TRUTH, [*holding(), person("a-old") | {"identifier": []}], aliases=ALIASES)
    assert [one.kept for one in kept.handled] == [1]
    assert [one.repaired for one in compare(TRUTH, holding(), aliases=ALIASES).handled] == [1]


def test_what_could_not_be_read_is_held_against_the_client_with_its_place() -> None:
    report = compare(TRUTH, [*holding(), Unreadable("north.ndjson:7", "no JSON")])
    assert kinds(report) == {"unreadable"}
    assert "north.ndjson:7: no JSON" in report.text()


def test_of_a_row_only_the_mapped_elements_are_compared() -> None:
    rows = [Row("Patient", "a", {"name.family": "Núñez"}), Row("Patient", "b", {"name.family": "Smith"})]
    truth = {key: one for key, one in TRUTH.items() if key.startswith("Patient")}
    assert compare(truth, rows).ok
    wrong = compare(truth, [rows[0], Row("Patient", "b", {"name.family": "Smyth", "birthDate": None})])
    assert [(one.path, one.got) for one in wrong.altered] == [("name.family", "Smyth")]
    assert compare(truth, rows[:1]).lost == ("Patient/b",)
    assert [one.times for one in compare(truth, [*rows, rows[0]]).duplicated] == [2]
    assert compare(truth, [*rows, Row("Patient", "z", {})]).foreign == ("Patient/z",)


def test_a_row_is_judged_by_what_the_site_served_and_by_whom_it_is_filed_under() -> None:
    rows = {key: Row(key.partition("/")[0], key.partition("/")[2], {}) for key in TRUTH}
    kept = rows | {"Observation/1": Row("Observation", "1", {"valueQuantity.value": 135})}
    assert compare(TRUTH, kept.values(), **DIRTY).ok
    other = rows | {"Observation/1": Row("Observation", "1", {"valueQuantity.value": 99})}
    assert kinds(compare(TRUTH, other.values(), **DIRTY)) == {"altered"}
    filed = rows | {"Observation/1": Row("Observation", "1", {"subject.reference": "Patient/b"})}
    assert kinds(compare(TRUTH, filed.values())) == {"wrong patient"}
    followed = rows | {"Observation/1": Row("Observation", "1", {"subject.reference": "Patient/a-old"})}
    assert compare(TRUTH, followed.values(), aliases=ALIASES).ok
    del filed["Patient/a"]
    assert compare(TRUTH, filed.values()).wrongly_merged


def test_a_row_may_write_a_moment_with_another_offset() -> None:
    truth = keyed(result("1", "a") | {"effectiveDateTime": "2026-01-05T07:00:00-05:00"})
    assert compare(truth, [Row("Observation", "1", {"effectiveDateTime": "2026-01-05T12:00:00Z"})]).ok
    late = compare(truth, [Row("Observation", "1", {"effectiveDateTime": "2026-01-05T12:00:01Z"})])
    assert [one.path for one in late.altered] == ["effectiveDateTime"]


def test_the_report_is_json_and_its_text_shows_the_first_of_each_kind() -> None:
    report = compare(TRUTH, [])
    assert json.loads(json.dumps(report.as_json()))["lost"] == list(TRUTH)
    text = report.text(first=2)
    assert "4 records expected, 0 given: not the same" in text
    assert "lost: 4" in text
    assert "and 2 more" in text
    assert "the same" in compare(TRUTH, holding()).text()
