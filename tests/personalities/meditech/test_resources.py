"""What MEDITECH makes of charts. Sources: personalities/meditech/notes.md."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fhir.resources.R4B import get_fhir_model_class
from tests.personalities.conftest import House
from tests.personalities.rounds import dead_references, round_of

from mockehr.core.chance import Chance
from mockehr.personalities.concepts import code_in, codes_of, codings
from mockehr.personalities.load import load_personality
from mockehr.personalities.meditech.documents import WIDTH
from mockehr.personalities.model import Dresser, SiteFacts

Houses = Callable[..., House]
Charts = dict[str, list[dict[str, Any]]]
UUID5 = r"[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
BASE = "https://greenfield-prod-apis.meditech.com:443/identifier"
PATIENTS = 15
PREFIXES = {"laboratory": "LA.", "vital-signs": "VS.", "social-history": "SS."}


@pytest.fixture(scope="module")
def site(house: Houses) -> House:
    return house("meditech", PATIENTS)


@pytest.fixture(scope="module")
def rounds(site: House) -> dict[str, dict[str, Any]]:
    """All that searches give for the patients, by `Type/id`; each was read again by its id."""
    found: dict[str, dict[str, Any]] = {}
    for patient in map(site.patient, range(PATIENTS)):
        found |= round_of(site, patient)
    return found


@pytest.fixture(scope="module")
def charts(rounds: dict[str, dict[str, Any]]) -> Charts:
    """The same by type."""
    made: Charts = {}
    for one in rounds.values():
        made.setdefault(one["resourceType"], []).append(one)
    return made


def texts(node: Any) -> Iterator[tuple[str, str]]:
    """(key, text) of every text in a resource."""
    if isinstance(node, dict):
        for key, value in node.items():
            if isinstance(value, str):
                yield key, value
            yield from texts(value)
    elif isinstance(node, list):
        for one in node:
            yield from texts(one)


def observations(charts: Charts, category: str) -> list[dict[str, Any]]:
    return [one for one in charts["Observation"] if category in codes_of(one["category"])]


def dressed(clean: dict[str, Any], *others: dict[str, Any], **tables: Any) -> dict[str, Any]:
    """A clean resource as a site with these small settings shows it; `others` are its chart."""
    facts = SiteFacts("x", Chance("x").key, settings={"shape": {"tables": tables}})
    vendor = load_personality("meditech", facts=facts)
    return vendor.dress(clean, Dresser.over([clean, *others], ids=vendor.ids(facts), facts=facts))


@pytest.mark.behaviour("meditech", "uuid5-ids", "observation-prefixes")
def test_ids_are_uuids_of_version_five_some_with_a_prefix(charts: Charts) -> None:
    for shelf in charts.values():
        for one in shelf:
            assert re.fullmatch(rf"(LA\.|VS\.|SS\.)?{UUID5}", one["id"])
    for category, prefix in PREFIXES.items():
        assert observations(charts, category)
        assert {one["id"][:3] for one in observations(charts, category)} == {prefix}
    assert all(not one["id"].startswith(tuple(PREFIXES.values())) for one in charts["Encounter"])


@pytest.mark.behaviour("meditech", "care-team-id", "team")
def test_a_care_team_has_the_id_of_its_patient(charts: Charts, site: House) -> None:
    assert len(charts["CareTeam"]) == PATIENTS
    for team in charts["CareTeam"]:
        assert team["subject"]["reference"] == f"Patient/{team['id']}"
        assert set(team) == {"id", "status", "subject", "participant", "resourceType"}
        for one in team["participant"]:
            assert one["member"]["type"] == "Practitioner"
            assert set(one["role"][0]) == {"text"}


@pytest.mark.behaviour("meditech", "type-last", "no-meta", "narrative")
def test_the_type_comes_last_and_hardly_anything_has_meta_or_a_narrative(charts: Charts) -> None:
    for kind, shelf in charts.items():
        for one in shelf:
            assert list(one)[-1] == "resourceType"
            assert set(one.get("meta", {})) == ({"lastUpdated"} if kind == "DiagnosticReport" else set())
            assert ("text" in one) == (kind == "CarePlan"), kind


@pytest.mark.behaviour("meditech", "element-order")
def test_elements_come_in_the_vendors_order(charts: Charts) -> None:
    assert all(list(one)[:3] == ["id", "identifier", "active"] for one in charts["Patient"])
    assert all(list(one)[-2] == "extension" for one in charts["Patient"])
    for one in observations(charts, "vital-signs"):
        names = [name for name in list(one) if name in ("category", "encounter", "subject", "status", "code")]
        assert names == ["category", "encounter", "subject", "status", "code"]
        if "valueQuantity" in one:
            assert list(one)[-2] == "valueQuantity"
            assert next(iter(one["valueQuantity"])) == "unit"
    verdicts = ("category", "verificationStatus", "clinicalStatus")
    assert all(tuple(list(one)[1:4]) == verdicts for one in charts["Condition"])


@pytest.mark.behaviour("meditech", "reference-type", "reference-display")
def test_references_tell_type_and_name_and_visits_have_none(
    rounds: dict[str, dict[str, Any]], charts: Charts
) -> None:
    for one in charts["AllergyIntolerance"]:
        patient = rounds[one["patient"]["reference"]]["name"][0]
        assert one["patient"] == {
            "reference": one["patient"]["reference"],
            "type": "Patient",
            "display": f"{patient['family']},{patient['given'][0]}",
        }
        doctor = rounds[one["recorder"]["reference"]]["name"][0]
        assert one["recorder"]["display"] == f"{doctor['given'][0]} {doctor['family']}"
        assert one["asserter"] == one["recorder"]
    vitals = observations(charts, "vital-signs")
    assert vitals
    assert charts["AllergyIntolerance"]
    for one in vitals:
        assert set(one["encounter"]) == {"reference", "type"}


@pytest.mark.behaviour("meditech", "offsets")
def test_moments_end_in_an_offset_of_nothing(charts: Charts) -> None:
    moments = [
        text
        for shelf in charts.values()
        for one in shelf
        for _, text in texts(one)
        if re.match(r"\d{4}-\d\d-\d\dT\d\d", text)
    ]
    assert len(moments) > 500
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", text) for text in moments)


@pytest.mark.behaviour("meditech", "record-number", "one-name", "country", "old-addresses")
def test_patients_have_one_number_one_name_and_the_same_address_again_and_again(charts: Charts) -> None:
    for one in charts["Patient"]:
        [number] = one["identifier"]
        assert (number["system"], code_in(number["type"])) == (f"{BASE}/MRN", "MR")
        assert re.fullmatch(r"IA\d{8}", number["value"])
        [name] = one["name"]
        assert not {"use", "period", "text"} & set(name)
        now, loud, before = one["address"]
        assert [address["use"] for address in one["address"]] == ["home", "old", "old"]
        assert loud["city"] == now["city"].upper()
        assert {name: value for name, value in before.items() if name != "period"} == {**now, "use": "old"}
        assert set(before["period"]) == {"end"}
        assert {address["country"] for address in one["address"]} == {"USA"}
        ranks = [point["rank"] for point in one.get("telecom", ()) if point["system"] == "phone"]
        assert ranks == list(range(1, len(ranks) + 1))
        assert all("use" not in point for point in one.get("telecom", ()) if point["system"] == "email")
    tidy = dressed({"resourceType": "Patient", "id": "p1", "address": [{"city": "Ashby"}]}, old_addresses=False)
    assert len(tidy["address"]) == 1


@pytest.mark.behaviour("meditech", "contact", "language", "race-twice", "two-sexes")
def test_patients_have_somebody_to_call_three_letters_of_language_and_two_sexes(charts: Charts) -> None:
    contacts = [one["contact"][0] for one in charts["Patient"] if "contact" in one]
    assert 5 < len(contacts) < PATIENTS
    for contact in contacts:
        systems = [one["system"] for one in codings(contact["relationship"])]
        assert systems == ["http://terminology.hl7.org/CodeSystem/v2-0131", "urn:oid:2.16.840.1.113883.5.111"]
        assert code_in(contact["relationship"]) == "ECON"
        assert re.fullmatch(r"[A-Z .'-]+ \([A-Z]{2}\)", contact["address"]["district"])
    codes = {
        code_in(spoken["language"], "urn:ietf:bcp:47") for p in charts["Patient"] for spoken in p["communication"]
    }
    assert "eng" in codes
    assert all(len(code) == 3 for code in codes)
    for one in charts["Patient"]:
        told = {extension["url"].rpartition("/")[2]: extension for extension in one["extension"]}
        assert list(told) == ["us-core-race", "us-core-ethnicity", "us-core-birthsex", "us-core-sex"]
        assert told["us-core-sex"]["valueCode"] == told["us-core-birthsex"]["valueCode"] in ("F", "M")
        for name in ("us-core-race", "us-core-ethnicity"):
            values = [(part["url"], part["valueCoding"]) for part in told[name]["extension"] if "valueCoding" in part]
            wide = [value for url, value in values if url == "ombCategory"]
            assert [value for url, value in values if url == "detailed"] == [
                value for value in wide if value["system"].endswith("883.6.238")
            ]


@pytest.mark.behaviour("meditech", "allergy")
def test_allergies_are_told_by_class_and_substance_with_full_moments(charts: Charts) -> None:
    drugs = [one for one in charts["AllergyIntolerance"] if "medication" in one.get("category", ())]
    assert drugs
    for one in drugs:
        systems = [coding["system"] for coding in codings(one["code"])]
        assert systems == ["http://hl7.org/fhir/ndfrt", "http://snomed.info/sct"]
        assert len(one["onsetDateTime"]) == len(one["recordedDate"]) == 25
        assert one["lastOccurrence"] == one["onsetDateTime"]
        assert all(set(what) == {"text"} for reaction in one["reaction"] for what in reaction["manifestation"])
    assert all("rxnorm" not in str(one) for one in charts["AllergyIntolerance"])


@pytest.mark.behaviour("meditech", "condition-codes", "condition-text", "year-only", "diagnosis-bare")
def test_problems_have_many_codes_or_none_and_diagnoses_of_visits_next_to_nothing(charts: Charts) -> None:
    problems = [one for one in charts["Condition"] if "problem-list-item" in codes_of(one["category"])]
    coded = [one for one in problems if "coding" in one["code"]]
    assert 0 < len(coded) < len(problems)
    systems = {coding["system"].rpartition("/")[2] for one in coded for coding in codings(one["code"])}
    assert systems == {"icd-10-cm", "icd-9-cm", "sct", "cmshcc", "cmsrxhcc"}
    for one in coded:
        first, *others = codings(one["code"])
        assert (first["system"].rpartition("/")[2], first["userSelected"]) == ("icd-10-cm", True)
        assert not any("userSelected" in other for other in others)
    years = [one for one in problems if re.fullmatch(r"\d{4}", one["onsetDateTime"])]
    assert len(problems) / 2 < len(years) < len(problems)
    found = [one for one in charts["Condition"] if "encounter-diagnosis" in codes_of(one["category"])]
    assert found
    for one in found:
        assert not {"recorder", "onsetDateTime", "recordedDate", "extension"} & set(one)
        assert not any("userSelected" in coding for coding in codings(one["code"]))


@pytest.mark.behaviour("meditech", "account-number", "visit-type", "visit-people", "visit-end", "disposition")
def test_visits_have_accounts_types_in_words_and_everybodys_roles(charts: Charts) -> None:
    kinds = {one["class"]["code"] for one in charts["Encounter"]}
    assert {"AMB", "EMER"} <= kinds
    for one in charts["Encounter"]:
        [account] = one["identifier"]
        assert (account["system"], code_in(account["type"])) == (f"{BASE}/ACCT", "AN")
        assert re.fullmatch(r"E[BC]\d{10}", account["value"])
        assert set(one["type"][0]) == {"text"}
        roles = [codes_of(who["type"]) for who in one["participant"]]
        assert {"ATND", "PPRF"} <= roles[0]
        assert any("PART" in role for role in roles)
        assert ("end" in one["period"]) == (one["class"]["code"] == "IMP")
        assert all(set(place) == {"location"} for place in one["location"])
    words = {(one["class"]["code"], one["type"][0]["text"]) for one in charts["Encounter"]}
    assert {("AMB", "Ambulatory Office Visit"), ("EMER", "Departed Emergency")} <= words
    urgent = [one for one in charts["Encounter"] if one["class"]["code"] == "EMER"]
    assert all(one["priority"] == {"text": "Emergency"} for one in urgent)


@pytest.mark.behaviour("meditech", "visit-type", "disposition")
def test_a_stay_says_in_words_where_from_and_in_a_code_of_bills_where_to() -> None:
    hl7 = "http://terminology.hl7.org/CodeSystem/"
    stay = {
        "admitSource": {"coding": [{"system": hl7 + "admit-source", "code": "emd"}]},
        "dischargeDisposition": {"coding": [{"system": hl7 + "discharge-disposition", "code": "snf"}]},
    }
    clean = {"resourceType": "Encounter", "id": "p1-2", "status": "finished", "class": {"code": "IMP"}}
    made = dressed({**clean, "hospitalization": stay})
    assert made["type"] == [{"text": "Discharged Inpatient"}]
    assert made["priority"] == {"text": "Emergency"}
    assert made["hospitalization"]["admitSource"] == {"text": "Emergency Department"}
    [where] = codings(made["hospitalization"]["dischargeDisposition"])
    assert (where["system"], where["code"]) == ("urn:oid:2.16.840.1.113883.12.112", "03")
    assert dressed({**clean, "status": "in-progress"})["type"] == [{"text": "Admitted Inpatient"}]


@pytest.mark.behaviour("meditech", "plan-and-goal", "narrative")
def test_plans_and_goals_are_texts_with_raw_carriage_returns(charts: Charts) -> None:
    written = ["author" in one for one in charts["CarePlan"]]
    assert any(written)
    assert not all(written)
    for one in charts["CarePlan"]:
        assert "<br />\r" in one["text"]["div"]
        assert {"title", "encounter", "status", "intent"} <= set(one)
        assert not {"goal", "addresses", "careTeam", "period"} & set(one)
        assert ("author" in one) == ("created" in one)
        assert list(one["subject"]) == ["reference", "display", "type"]
    for one in charts["Goal"]:
        assert set(one) == {"id", "lifecycleStatus", "description", "subject", "resourceType"}
        assert re.fullmatch(r"\r[^\r]+\r\r", one["description"]["text"])


@pytest.mark.behaviour("meditech", "lab-text")
def test_results_are_a_name_and_a_bare_number(charts: Charts) -> None:
    results = observations(charts, "laboratory")
    assert any("valueQuantity" in one for one in results)
    for one in results:
        assert set(one["code"]) == {"text"}
        assert set(one.get("valueQuantity", {"value": 0})) <= {"value", "comparator"}
        assert not {"encounter", "referenceRange", "interpretation", "issued", "performer", "specimen"} & set(one)
    assert {"Creatinine", "Sodium"} <= {one["code"]["text"] for one in results}


def test_where_the_dictionary_is_mapped_results_have_codes_and_units() -> None:
    loinc = {"coding": [{"system": "http://loinc.org", "code": "2160-0", "display": "Creatinine [Mass/volume] in X"}]}
    category = [{"coding": [{"system": "http://terminology.hl7.org/x", "code": "laboratory"}]}]
    quantity = {"value": 1.1, "unit": "mg/dL", "system": "http://unitsofmeasure.org", "code": "mg/dL"}
    clean = {
        "resourceType": "Observation",
        "id": "p1-9",
        "category": category,
        "code": loinc,
        "valueQuantity": quantity,
    }
    assert dressed(clean)["valueQuantity"] == {"value": 1.1}
    made = dressed(clean, results="mapped")
    assert (made["valueQuantity"], codings(made["code"])) == (quantity, loinc["coding"])


@pytest.mark.behaviour("meditech", "duplicate-codings", "vital-units", "vital-range", "no-performer")
def test_vital_signs_have_units_in_words_and_say_what_is_out_of_range(charts: Charts) -> None:
    signs = observations(charts, "vital-signs")
    oximetry = [one for one in signs if "59408-5" in codes_of(one["code"])]
    assert oximetry
    for one in oximetry:
        assert [coding["code"] for coding in codings(one["code"])] == ["2708-6", "2708-6", "59408-5"]
    units = {code_in(one["code"]): one["valueQuantity"]["unit"] for one in signs if "valueQuantity" in one}
    assert units["8867-4"] == "beats/minute"
    assert units["9279-1"] == "breaths/minute"
    assert units["8310-5"] == "C"
    assert units["29463-7"] == "g"
    weights = [
        one["valueQuantity"]["value"] for one in signs if code_in(one["code"]) == "29463-7" and "valueQuantity" in one
    ]
    assert max(weights) > 40_000
    parts = [part for one in signs for part in (one, *one.get("component", ())) if "valueQuantity" in part]
    flagged = [part for part in parts if "interpretation" in part]
    assert flagged
    for part in flagged:
        [limits] = part["referenceRange"]
        low, high = limits["low"]["value"], limits["high"]["value"]
        outside = "L" if part["valueQuantity"]["value"] < low else "H"
        assert not low <= part["valueQuantity"]["value"] <= high
        assert code_in(part["interpretation"]) == outside
        assert code_in(limits["appliesTo"]) in ("248152002", "248153007")
    assert not any("referenceRange" in part for part in parts if part not in flagged)
    assert not any({"issued", "performer", "bodySite"} & set(one) for one in charts["Observation"])


@pytest.mark.behaviour("meditech", "document-inline")
def test_documents_are_inline_text_of_fixed_width(charts: Charts) -> None:
    for one in charts["DocumentReference"]:
        for content in one["content"]:
            attachment = content["attachment"]
            assert (attachment["contentType"], set(attachment)) == ("text/plain", {"contentType", "data"})
            text = base64.b64decode(attachment["data"]).decode()
            assert "\n" not in text.replace("\r\n", "")
            lines = text.split("\r\n")
            assert len(lines) > 8
            assert max(map(len, lines)) <= WIDTH
            assert not re.search(r"</?[a-z]+>", text)
            assert re.search(r"MRN: IA\d{8}", text)


@pytest.mark.behaviour("meditech", "directive")
def test_orders_may_be_directives_that_nobody_signed(charts: Charts) -> None:
    orders = charts["ServiceRequest"]
    directives = [one for one in orders if one["intent"] == "directive"]
    assert 0 < len(directives) < PATIENTS
    for one in directives:
        assert (one["status"], one["code"]) == ("draft", {"text": "Resuscitation Status*"})
    assert {one["intent"] for one in orders} == {"order", "directive"}


def test_every_reference_that_is_shown_resolves(site: House, rounds: dict[str, dict[str, Any]]) -> None:
    assert dead_references(site, rounds) == set()


def test_fhir_resources_takes_all_that_is_shown(charts: Charts) -> None:
    for kind, shelf in charts.items():
        model = get_fhir_model_class(kind)
        for one in shelf[:40]:
            model.model_validate(one)


def test_resources_of_other_origin_are_dressed_as_far_as_they_go() -> None:
    for kind in load_personality("meditech").settings["interactions"]["resources"]:
        made = dressed(
            {"resourceType": kind, "id": "imported-1", "subject": {"reference": "Patient/x", "display": "A"}}
        )
        assert (made["id"], made["resourceType"]) == ("imported-1", kind)
        if "subject" in made:
            assert made["subject"]["display"] == "A"


def test_ids_lead_back_to_what_they_are_of() -> None:
    facts = SiteFacts("x", Chance("x").key)
    ids = load_personality("meditech").ids(facts)
    for kind, flavour in (("Patient", ""), ("Observation", "laboratory"), ("Observation", ""), ("Encounter", "")):
        for place in ((0, 0 if kind == "Patient" else 5), (123_456, 0 if kind == "Patient" else 7)):
            text = ids.encode(kind, *place, flavour)
            assert ids.decode(kind, text) == place
            assert ids.flavour(kind, text) == flavour
    assert ids.decode("CareTeam", ids.encode("CareTeam", 3, 40)) == (3, 0)
    assert ids.decode("Patient", "9bec5771-4796-5189-a54e-352c571a44c8") is None


@pytest.mark.behaviour("meditech", "vital-range")
@pytest.mark.parametrize(
    ("born", "value", "flag"),
    [("1970-01-01", 90, ""), ("1970-01-01", 91, "H"), ("1970-01-01", 59, "L"), ("2020", 130, "")],
)
def test_limits_are_those_of_adults(born: str, value: float, flag: str) -> None:
    patient = {"resourceType": "Patient", "id": "p1", "gender": "female", "birthDate": born}
    made = dressed(
        {
            "resourceType": "Observation",
            "id": "p1-3",
            "category": [{"coding": [{"system": "http://terminology.hl7.org/x", "code": "vital-signs"}]}],
            "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4", "display": "Heart rate"}]},
            "effectiveDateTime": "2025-03-04T10:00:00Z",
            "valueQuantity": {"value": value, "unit": "/min", "code": "/min", "system": "http://unitsofmeasure.org"},
        },
        patient,
    )
    assert code_in(made.get("interpretation", [])) == flag
    assert ("referenceRange" in made) == bool(flag)
