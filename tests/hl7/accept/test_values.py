"""OBX-5 by its type: what each becomes, what is understood in spite of its type, what is refused if one is strict."""

from typing import Any

import pytest

from mockehr.hl7.accept.intents import Context
from mockehr.hl7.accept.values import reference_range, value
from mockehr.hl7.faults import Fault, Rejection
from mockehr.hl7.message import Message

AT = 1_767_614_400.0
UCUM = "http://unitsofmeasure.org"


def read(obx: str, *, strict: bool = False) -> tuple[dict[str, Any], list[Fault]]:
    segment = Message(f"MSH|^~\\&|A\r{obx}\r".encode()).segments[1]
    warnings: list[Fault] = []
    found = value(segment, Context(AT, strict=strict), 1, warnings)
    return (dict([found]) if found else {}), warnings


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        ("NM", "7", {"valueQuantity": {"value": 7}}),
        ("NM", "065.50", {"valueQuantity": {"value": 65.5}}),
        ("NM", ".5", {"valueQuantity": {"value": 0.5}}),
        ("NM", "+3", {"valueQuantity": {"value": 3}}),
        ("NM", "1e3", {"valueQuantity": {"value": 1000}}),
        ("NM", "<5", {"valueQuantity": {"value": 5, "comparator": "<"}}),
        ("NM", ">= 100", {"valueQuantity": {"value": 100, "comparator": ">="}}),
        ("SN", "<^5", {"valueQuantity": {"value": 5, "comparator": "<"}}),
        ("SN", "^2.4^-^2.8", {"valueRange": {"low": {"value": 2.4}, "high": {"value": 2.8}}}),
        ("SN", "^1^:^128", {"valueRatio": {"numerator": {"value": 1}, "denominator": {"value": 128}}}),
        ("SN", "^1^/^2", {"valueRatio": {"numerator": {"value": 1}, "denominator": {"value": 2}}}),
        ("SN", "^3^+", {"valueString": "3+"}),
        ("SN", "=^3", {"valueQuantity": {"value": 3}}),
        ("ST", "A & B", {"valueString": "A & B"}),
        ("TX", "one~two", {"valueString": "one\ntwo"}),
        ("FT", "one\\.br\\two", {"valueString": "one\ntwo"}),
        ("FT", "one\\X0D0A\\two", {"valueString": "one\ntwo"}),
        ("CWE", "1^x^L~2^y^L", {"valueCodeableConcept": {
            "coding": [{"code": "1", "display": "x"}, {"code": "2", "display": "y"}], "text": "x; y"}}),
        ("CE", "^free text", {"valueCodeableConcept": {"text": "free text"}}),
        ("CE", "M415", {"valueCodeableConcept": {"coding": [{"code": "M415"}]}}),
        ("CF", "1^x\\.br\\y^L", {"valueCodeableConcept": {
            "coding": [{"code": "1", "display": "x\ny"}], "text": "x\ny"}}),
        ("DT", "20260104", {"valueDateTime": "2026-01-04"}),
        ("TS", "202601041530+0100", {"valueDateTime": "2026-01-04T15:30:00+01:00"}),
        ("DR", "20260104^20260106", {"valuePeriod": {"start": "2026-01-04", "end": "2026-01-06"}}),
        ("TM", "1530", {"valueTime": "15:30:00"}),
        ("TM", "153059.12-0500", {"valueTime": "15:30:59"}),
        ("XCN", "7^Fox^Bo", {"valueString": "7 Fox Bo"}),
        ("CQ", "5^mg&milligram&UCUM", {"valueQuantity": {
            "value": 5, "unit": "milligram", "system": UCUM, "code": "mg"}}),
        ("NM", "", {}),
        ("", "", {}),
        ("TX", " ", {}),
    ],
)  # fmt: skip
def test_each_value_type_becomes_its_fhir_type(kind: str, text: str, expected: dict[str, Any], strict: bool) -> None:
    assert read(f"OBX|1|{kind}|X^Test^L||{text}||||||F", strict=strict) == (expected, [])


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        ("SN", "<5", {"valueQuantity": {"value": 5, "comparator": "<"}}),
        ("SN", "< 5", {"valueQuantity": {"value": 5, "comparator": "<"}}),
        ("SN", "2.4-2.8", {"valueRange": {"low": {"value": 2.4}, "high": {"value": 2.8}}}),
        ("SN", "1:128", {"valueRatio": {"numerator": {"value": 1}, "denominator": {"value": 128}}}),
        ("SN", "5+", {"valueString": "5+"}),
    ],
)
def test_a_structured_numeric_in_one_piece_is_taken_apart(kind: str, text: str, expected: dict[str, Any]) -> None:
    assert read(f"OBX|1|{kind}|X||{text}||||||F") == (expected, [])
    with pytest.raises(Rejection, match="SN"):
        read(f"OBX|1|{kind}|X||{text}||||||F", strict=True)


@pytest.mark.parametrize(
    ("kind", "text", "expected", "code", "field"),
    [
        ("NM", "5.1 H", "5.1 H", 102, 5),
        ("NM", "POSITIVE", "POSITIVE", 102, 5),
        ("NM", "1,234", "1,234", 102, 5),
        ("NM", "12345678901234567890", "12345678901234567890", 102, 5),
        ("NM", "5~6", "5\n6", 102, 5),
        ("SN", "few", "few", 102, 5),
        ("String", "5", "5", 103, 2),
        ("", "5", "5", 101, 2),
        ("TS", "yesterday", "yesterday", 102, 5),
        ("TM", "99", "99", 102, 5),
        ("DR", "soon^later", "soon^later", 102, 5),
    ],
)
def test_what_does_not_fit_its_type_stays_text_with_a_warning_or_is_refused(
    kind: str, text: str, expected: str, code: int, field: int
) -> None:
    found, warnings = read(f"OBX|1|{kind}|X||{text}||||||F")
    assert found == {"valueString": expected}
    assert [(fault.code, fault.field, fault.severity) for fault in warnings] == [(code, field, "W")]
    with pytest.raises(Rejection) as caught:
        read(f"OBX|1|{kind}|X||{text}||||||F", strict=True)
    (fault,) = caught.value.faults
    assert (fault.code, fault.field, fault.severity) == (code, field, "E")


def test_a_number_with_units_but_without_a_type_is_a_quantity() -> None:
    assert read("OBX|1||X||5.5|mmol/L|||||F")[0] == {"valueQuantity": {"value": 5.5, "unit": "mmol/L"}}


@pytest.mark.parametrize(
    ("units", "expected"),
    [
        ("mg/dL^milligrams^UCUM", {"unit": "milligrams", "system": UCUM, "code": "mg/dL"}),
        ("mg/dL^^UCUM", {"unit": "mg/dL", "system": UCUM, "code": "mg/dL"}),
        ("MMOLL", {"unit": "MMOLL"}),
        ("^x10E3", {"unit": "x10E3"}),
        ("", {}),
    ],
)
def test_units_are_codes_where_their_system_is_named_and_text_elsewhere(units: str, expected: dict[str, Any]) -> None:
    assert read(f"OBX|1|NM|X||5|{units}|||||F")[0] == {"valueQuantity": {"value": 5, **expected}}


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("3.5-5.1", 3.5, 5.1),
        ("49 - 92", 49, 92),
        ("-5--1", -5, -1),
        ("3.5 to 5.1", 3.5, 5.1),
        ("[3.5-5.1]", 3.5, 5.1),
        ("3.5-5.1 mmol/L", 3.5, 5.1),
        ("65-99^65^99", 65, 99),
        ("<85", None, 85),
        ("<= 85", None, 85),
        (">60", 60, None),
        ("≥60", 60, None),
        ("negative", None, None),
        ("2026-01-05", None, None),
        ("1.2.3-4", None, None),
    ],
)
def test_a_range_has_bounds_where_its_form_is_understood(text: str, low: float | None, high: float | None) -> None:
    segment = Message(f"MSH|^~\\&|A||||||||||||||||UNICODE UTF-8\rOBX|1|NM|X||1||{text}\r".encode()).segments[1]
    expected: dict[str, Any] = {"text": text.partition("^")[0]}
    expected |= {"low": {"value": low}} if low is not None else {}
    expected |= {"high": {"value": high}} if high is not None else {}
    assert reference_range(segment) == [expected]


@pytest.mark.parametrize("text", ["", "[ ]", " - ", "()"])
def test_an_empty_range_is_none(text: str) -> None:
    assert reference_range(Message(f"MSH|^~\\&|A\rOBX|1|NM|X||1||{text}\r".encode()).segments[1]) is None


@pytest.mark.parametrize("filler", [" ", "9", "~", "-", "1 ", "[", "\\.sp", "<", "."])
@pytest.mark.parametrize("kind", ["NM", "SN", "FT"])
def test_a_megabyte_of_one_character_is_read_at_once(kind: str, filler: str) -> None:
    found, _ = read(f"OBX|1|{kind}|a||{filler * (1_000_000 // len(filler))}x")
    assert found["valueString"].endswith("x")


@pytest.mark.parametrize("text", ["1e999", "9" * 5000, "٣", "²"])
def test_what_no_json_number_can_be_stays_text(text: str) -> None:
    assert read(f"OBX|1|NM|a||{text}")[0] == {"valueString": text}
    assert read(f"OBX|1|SN|a||^{text}^-^{text}")[0].keys() == {"valueString"}
    assert reference_range(Message(f"MSH|^~\\&|A\rOBX|1|NM|a||5||{text}-{text}\r".encode()).segments[1]) == [
        {"text": f"{text}-{text}"}
    ]
