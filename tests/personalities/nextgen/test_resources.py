"""What NextGen Enterprise makes of charts. Sources: personalities/nextgen/notes.md, section Resources."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fhir.resources.R4B import get_fhir_model_class

from mockehr.personalities.concepts import codes_of
from mockehr.personalities.nextgen.documents import pdf_of, plain_text
from mockehr.personalities.nextgen.look import fractional

House = Any
Houses = Callable[..., House]
TYPES = (
    *("AllergyIntolerance", "CareTeam", "Condition", "Coverage", "DiagnosticReport", "DocumentReference"),
    *("Encounter", "Goal", "Immunization", "MedicationRequest", "Procedure", "Specimen"),
)
GUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[45][0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}"
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")


@pytest.fixture(scope="module")
def nextgen(house: Houses) -> House:
    return house("nextgen", 10, settings={"search": {"last_page": 0}})


@pytest.fixture(scope="module")
def charts(nextgen: House) -> dict[str, list[dict[str, Any]]]:
    """Everything of ten patients by type."""
    found: dict[str, list[dict[str, Any]]] = {}
    for patient in map(nextgen.patient, range(10)):
        found.setdefault("Patient", []).append(nextgen.read(f"Patient/{patient}"))
        asked = [(kind, "") for kind in TYPES]
        asked += [("Observation", f"&category={one}") for one in ("laboratory", "vital-signs", "social-history")]
        for kind, more in [*asked, ("CarePlan", "&category=assess-plan")]:
            bundle = nextgen.read(f"{kind}?patient={patient}{more}&_maxresults=500")
            found.setdefault(kind, []).extend(one["resource"] for one in bundle.get("entry", ()))
    return found


def texts(node: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """(key, text) of every text in a resource."""
    if isinstance(node, dict):
        for key, value in node.items():
            yield from texts(value, key)
    elif isinstance(node, list):
        for one in node:
            yield from texts(one, name)
    elif isinstance(node, str):
        yield name, node


def everything(charts: dict[str, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    return [one for shelf in charts.values() for one in shelf]


@pytest.mark.behaviour("nextgen", "no-meta")
def test_nothing_has_meta_or_a_narrative(charts: dict[str, list[dict[str, Any]]]) -> None:
    assert all({"meta", "text"}.isdisjoint(one) for one in everything(charts))


@pytest.mark.behaviour("nextgen", "guid-ids")
def test_ids_are_guids_with_prefixes_for_conditions_and_results(
    charts: dict[str, list[dict[str, Any]]], nextgen: House
) -> None:
    for one in everything(charts):
        categories, pattern = codes_of(one.get("category")), GUID
        if one["resourceType"] == "Condition":
            pattern = f"P-{GUID}" if "problem-list-item" in categories else f"(D|DE)-{GUID}"
        elif one["resourceType"] == "Observation" and "laboratory" in categories:
            pattern = f"lab-{GUID}-1"
        assert re.fullmatch(pattern, one["id"]), (one["resourceType"], one["id"])
    assert {one["id"].partition("-")[0] for one in charts["Condition"]} == {"P", "D", "DE"}
    codec = nextgen.site.charts.ids
    health = codec.encode("Condition", 3, 9, "health-concern")
    assert re.fullmatch(f"H-{GUID}", health)
    assert codec.decode("Condition", health) == (3, 9)
    assert codec.decode("Condition", health.removeprefix("H-")) is None


@pytest.mark.behaviour("nextgen", "record-number", "bare-phones", "long-zips", "language-display")
def test_patients_have_a_padded_number_bare_phones_and_long_zips(
    charts: dict[str, list[dict[str, Any]]], nextgen: House
) -> None:
    system = nextgen.site.personality.settings["identifiers"]["record_number"]
    for patient in charts["Patient"]:
        first = patient["identifier"][0]
        assert first == {"use": "usual", "system": "www.nextgen.com", "value": first["value"]}
        for asked in (system, first["system"], "MRN"):
            bundle = nextgen.read(f"Patient?identifier={asked}|{first['value']}")
            assert [one["resource"]["id"] for one in bundle["entry"]] == [patient["id"]]
        assert nextgen.read(f"Patient?identifier=http://{system}|{first['value']}")["total"] == 0
        assert system == first["system"]
        assert re.fullmatch(r"0{4,}\d+", first["value"])
        assert len(first["value"]) == 12
        phones = [one["value"] for one in patient["telecom"] if one["system"] == "phone"]
        assert phones
        assert patient["address"]
        assert all(re.fullmatch(r"\d{10}", one) for one in phones)
        assert all(re.fullmatch(r"\d{9}", one["postalCode"]) for one in patient["address"])
        assert all(list(one["language"]["coding"][0]) == ["display"] for one in patient["communication"])


@pytest.mark.behaviour("nextgen", "encounter-number", "unknown-type", "bare-reason")
def test_encounters_have_an_unknown_type_and_reasons_of_a_system_only(
    charts: dict[str, list[dict[str, Any]]],
) -> None:
    reasons = []
    for encounter in charts["Encounter"]:
        assert {one["system"] for one in encounter["identifier"]} == {"http://www.nextgen.com"}
        [coding] = encounter["type"][0]["coding"]
        assert (coding["system"], coding["code"]) == (
            "http://terminology.hl7.org/CodeSystem/data-absent-reason",
            "unknown",
        )
        reasons += encounter.get("reasonCode", [])
    assert reasons
    assert all(list(one["coding"][0]) == ["system"] for one in reasons)


@pytest.mark.behaviour("nextgen", "patient-display", "relative-references")
def test_references_are_relative_and_patients_are_called_family_first(
    charts: dict[str, list[dict[str, Any]]],
) -> None:
    names = {f"Patient/{one['id']}": one["name"][0] for one in charts["Patient"]}
    seen = 0
    for one in everything(charts):
        subject = one.get("subject") or one.get("patient") or {}
        if "display" in subject:
            name = names[subject["reference"]]
            assert subject["display"] == f"{name['family']}, {' '.join(name['given'])}"
            seen += 1
        for key, text in texts(one):
            assert key != "reference" or re.fullmatch(r"[A-Z]\w+/[\w-]+", text) or "v3-NullFlavor" in text
    assert seen > 100


@pytest.mark.behaviour("nextgen", "null-author")
def test_documents_refer_to_a_code_system_as_their_author(charts: dict[str, list[dict[str, Any]]]) -> None:
    nobody = {"reference": "http://terminology.hl7.org/CodeSystem/v3-NullFlavor", "display": "UNK"}
    assert charts["DocumentReference"]
    for one in charts["DocumentReference"]:
        assert (one["author"], one["custodian"]) == ([nobody], nobody)


@pytest.mark.behaviour("nextgen", "documents")
def test_documents_are_fetched_as_what_they_are(nextgen: House, charts: dict[str, list[dict[str, Any]]]) -> None:
    seen = set()
    for one in charts["DocumentReference"]:
        attachment = one["content"][0]["attachment"]
        form = re.fullmatch(rf"document/(pdf|xml)-{GUID}", attachment["url"])
        assert form is not None
        assert "data" not in attachment
        for accept in ("*/*", "application/fhir+json"):
            reply = nextgen.fhir(attachment["url"], accept=accept)
            assert reply.status == 200
            assert reply.header("content-type") == attachment["contentType"] == f"application/{form[1]}"
        if form[1] == "pdf":
            assert reply.body.startswith(b"%PDF-1.4\n")
            assert reply.body.endswith(b"%%EOF\n")
        else:
            assert reply.body.startswith(b'<?xml version="1.0" encoding="utf-8"?>\n<?xml-stylesheet ')
            assert b"<ClinicalDocument" in reply.body
            assert b"http" not in reply.body.partition(b"<ClinicalDocument")[0]
        seen.add(form[1])
    assert seen == {"pdf", "xml"}


@pytest.mark.behaviour("nextgen", "double-spaces")
def test_directions_for_use_have_a_blank_too_many(charts: dict[str, list[dict[str, Any]]]) -> None:
    told = [one["text"] for order in charts["MedicationRequest"] for one in order["dosageInstruction"]]
    assert told
    assert all("  " in text for text in told)


@pytest.mark.behaviour("nextgen", "fractions")
def test_moments_have_two_or_three_digits_of_a_second_in_utc(charts: dict[str, list[dict[str, Any]]]) -> None:
    moments = [text for one in everything(charts) for _, text in texts(one) if MOMENT.match(text)]
    assert len(moments) > 500
    assert all(re.fullmatch(r"[\d-]{10}T[\d:]{8}\.\d{2,3}\+00:00", text) for text in moments)
    assert {len(text) for text in moments} == {28, 29}
    for encounter in charts["Encounter"]:
        assert encounter["period"]["start"] <= encounter["period"].get("end", "9")


def test_the_same_moment_is_written_the_same_everywhere() -> None:
    assert fractional("2024-02-05T17:20:00Z") == fractional("2024-02-05T12:20:00-05:00")
    assert len({fractional(f"2024-02-05T17:20:{second:02d}Z")[20:] for second in range(60)}) > 50


@pytest.mark.behaviour("nextgen", "hcpcs")
def test_some_procedures_have_an_hcpcs_code_under_the_system_of_cpt(charts: dict[str, list[dict[str, Any]]]) -> None:
    told = [one["code"]["coding"][0] for one in charts["Procedure"]]
    wrong = [one for one in told if one["system"] == "http://www.ama-assn.org/go/cpt"]
    assert 0 < len(wrong) < len(told)
    assert {one["code"] for one in wrong} == {"J0120"}


@pytest.mark.behaviour("nextgen", "error-shown")
def test_immunizations_that_were_entered_in_error_come_with_the_others(
    nextgen: House, charts: dict[str, list[dict[str, Any]]]
) -> None:
    wrong = [one for one in charts["Immunization"] if one["status"] == "entered-in-error"]
    assert wrong
    assert len({one["id"] for one in charts["Immunization"]}) == len(charts["Immunization"])
    assert nextgen.read(f"Immunization/{wrong[0]['id']}") == wrong[0]
    right = [one for one in charts["Immunization"] if one["status"] != "entered-in-error"]
    assert any({**wrong[0], "id": "", "status": ""} == {**one, "id": "", "status": ""} for one in right)


def test_everything_referred_to_can_be_read_but_what_is_known_to_be_dead(
    nextgen: House, charts: dict[str, list[dict[str, Any]]]
) -> None:
    references = {text for one in everything(charts) for key, text in texts(one) if key == "reference"}
    dead = {one for one in references if nextgen.fhir(one).status != 200}
    assert dead == {"Organization/0001", "http://terminology.hl7.org/CodeSystem/v3-NullFlavor"}


def test_resources_are_valid_r4(charts: dict[str, list[dict[str, Any]]]) -> None:
    for kind, shelf in charts.items():
        for one in shelf[:12]:
            get_fhir_model_class(kind).model_validate(one)


def test_a_pdf_has_as_many_pages_as_its_text_wants_and_a_table_of_where_its_objects_are() -> None:
    octets = pdf_of("\n".join(f"line {number} (with brackets) \\ é 漢" for number in range(130)))
    assert b"/Count 3" in octets
    assert rb"\(with brackets\) \\ " in octets
    start = int(octets.split(b"startxref\n")[1].split(b"\n")[0])
    rows = octets[start:].splitlines()[3:]
    for number, row in enumerate(rows[: rows.index(b"trailer")], start=1):
        assert octets[int(row[:10]) :].startswith(b"%d 0 obj" % number)


def test_html_becomes_a_line_for_each_block() -> None:
    assert (
        plain_text("<html><head><title>x</title></head><h1>One</h1><p>a &lt; b<br>two</p></html>")
        == "One\na < b\ntwo"
    )
