"""Segments cut to a version, with hl7apy as the judge."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.parser import parse_segment

from mockehr.hl7.delimiters import DEFAULT
from mockehr.hl7.fitting import fit
from mockehr.hl7.versions import VERSIONS
from mockehr.hl7.write import Field, Repeat, Writer

AUTHORITY = ["HOSP", "1.2.3", "ISO"]
PATIENT: Mapping[int, Field] = {
    1: "1",
    3: Repeat([["100234", "", "", AUTHORITY, "MR"], ["4711", "", "", "OTHER", "PI"]]),
    5: Repeat([[["van Berg", "van", "Berg"], "Ana", "Q", "Jr", "Dr", "", "L"], ["Berg", "Annie"]]),
    7: "19800115093000",
    8: "F",
    10: ["2106-3", "White", "CDCREC", "W", "Caucasian", "L", "1", "2", "White"],
    11: Repeat([["1 Main St", "Apt 2", "Springfield", "IL", "62701", "USA", "H", "", "Sangamon"]]),
    13: Repeat([["(555)555-0101", "PRN", "PH"], ["", "NET", "Internet", "ana@example.org"]]),
    18: ["99", "", "", AUTHORITY, "VN"],
    33: "20260101120000",
    35: ["337915000", "Human", "SCT"],
}
RESULT: Mapping[int, Field] = {
    1: "1",
    2: "CWE",
    3: ["2345-7", "Glucose", "LN", "", "", "", "2.76", "", "Glucose in serum"],
    4: "1",
    5: ["10828004", "Positive", "SCT", "", "", "", "", "", "positive"],
    8: Repeat(["H", "A"]),
    11: "F",
    14: "20260101120000",
    16: Repeat([["1234", "Ng", "Lee", "", "", "", "", "", AUTHORITY]]),
    23: ["Main Laboratory", "L"],
}


def written(segment_id: str, fields: Mapping[int, Field], version: str) -> str:
    return Writer(DEFAULT, "utf-8").segment(segment_id, fit(segment_id, fields, version)).decode()


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(("segment_id", "fields"), [("PID", PATIENT), ("OBX", RESULT)])
def test_what_was_fitted_is_valid_in_its_version(segment_id: str, fields: Mapping[int, Field], version: str) -> None:
    text = written(segment_id, fields, version)
    segment = parse_segment(text, version, validation_level=VALIDATION_LEVEL.STRICT)
    assert segment.validate()


def test_fields_after_the_last_one_are_dropped() -> None:
    assert 33 in fit("PID", PATIENT, "2.5")
    assert 33 not in fit("PID", PATIENT, "2.3")
    assert 23 in fit("OBX", RESULT, "2.5.1")
    assert not fit("OBX", RESULT, "2.3").get(23)


def test_a_field_that_may_not_repeat_keeps_its_first_repetition() -> None:
    assert fit("PID", PATIENT, "2.3")[5] == ["van Berg", "Ana", "Q", "Jr", "Dr", "", "L"]
    assert isinstance(fit("PID", PATIENT, "2.4")[5], Repeat)


def test_names_identifiers_and_authorities_shrink_with_their_types() -> None:
    old = written("PID", PATIENT, "2.2").split("|")
    assert old[3] == "100234^^^HOSP^MR~4711^^^OTHER^PI"
    assert old[5] == "van Berg^Ana^Q^Jr^Dr"
    assert old[10] == "2106-3"
    assert written("PID", PATIENT, "2.1").split("|")[7] == "19800115"
    assert written("PID", PATIENT, "2.5").split("|")[5].startswith("van Berg&van&Berg^Ana")


@pytest.mark.parametrize(
    ("telephone", "version", "expected"),
    [
        (["(555)555-0101", "PRN", "PH"], "2.1", "(555)555-0101"),
        (["", "PRN", "PH", "", "1", "555", "5550101"], "2.2", "(555)5550101"),
        (["", "PRN", "PH", "", "", "", "", "", "", "", "", "555-0101"], "2.2", "555-0101"),
        (["(555)555-0101", "PRN", "PH"], "2.3", "(555)555-0101^PRN^PH"),
        (["(555)555-0101", "PRN", "PH"], "2.7", "^PRN^PH^^^^^^^^^(555)555-0101"),
        ("555-0101", "2.8", "^^^^^^^^^^^555-0101"),
        (["", "NET", "Internet", "ana@example.org"], "2.7", "^NET^Internet^ana@example.org"),
    ],
)
def test_a_telephone_number_survives_in_every_form(telephone: Field, version: str, expected: str) -> None:
    assert written("PID", {13: telephone}, version) == "PID" + "|" * 13 + expected


def test_an_address_that_an_old_telephone_field_cannot_hold_leaves_no_empty_repetition() -> None:
    assert fit("PID", PATIENT, "2.2")[13] == "(555)555-0101"


@pytest.mark.parametrize(
    ("version", "kind", "components"), [("2.2", "CE", 3), ("2.3", "CE", 3), ("2.5.1", "CWE", 9), ("2.8", "CWE", 9)]
)
def test_an_observation_names_a_type_that_its_version_has(version: str, kind: str, components: int) -> None:
    fields = written("OBX", RESULT, version).split("|")
    assert fields[2] == kind
    assert len(fields[5].split("^")) == components


def test_an_old_type_becomes_its_successor_where_it_is_gone() -> None:
    assert written("OBX", {2: "TS", 5: "20260101"}, "2.7").split("|")[2:6:3] == ["DTM", "20260101"]
    assert written("OBX", {2: "CE", 5: ["A", "B"]}, "2.8.2").split("|")[2:6:3] == ["CWE", "A^B"]


@pytest.mark.parametrize(
    ("stamp", "degree"), [("2026", "Y"), ("20260101", "D"), ("20260101120000-0500", "S"), ("?", "")]
)
def test_a_time_of_version_21_names_its_degree_of_precision(stamp: str, degree: str) -> None:
    assert written("EVN", {2: stamp}, "2.1") == f"EVN||{stamp}^{degree}".rstrip("^")
    assert written("EVN", {2: stamp}, "2.2") == f"EVN||{stamp}"


def test_the_lines_of_a_report_are_never_cut() -> None:
    assert written("OBX", {2: "TX", 5: Repeat(["one", "two"])}, "2.1").endswith("one~two")


def test_what_a_version_withdrew_is_left_out() -> None:
    assert 1 in fit("EVN", {1: "A01", 2: "2026"}, "2.5")
    assert not fit("EVN", {1: "A01", 2: "2026"}, "2.7")[1]


def test_a_segment_that_the_version_lacks_is_not_written_and_one_of_the_site_is_untouched() -> None:
    assert fit("SPM", {1: "1"}, "2.4") == {}
    own: Mapping[int, Field] = {1: ["a", "b"], 99: "x"}
    assert fit("ZPD", own, "2.1") is own


def test_a_coded_field_that_became_simple_keeps_its_text_if_it_has_no_code() -> None:
    assert fit("PID", {10: ["", "White"]}, "2.2")[10] == "White"
