"""athenaPractice and athenaFlow. Sources: personalities/athena_flex/notes.md."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import orjson
import pytest
from fhir.resources.R4B import get_fhir_model_class

from mockehr.personalities.load import load_personality
from mockehr.personalities.variance import variance_of
from mockehr.sites.test_client import register_demo_client

House = Any
Houses = Callable[..., House]


@pytest.fixture(scope="module")
def flex(house: Houses) -> House:
    return house("athena_flex", 12)


@pytest.fixture(scope="module")
def busy(flex: House) -> tuple[str, int]:
    """The patient with the most appointments, and how many."""
    told = [(one, flex.read(f"Appointment?patient={one}")["total"]) for one in map(flex.patient, range(12))]
    return max(told, key=lambda pair: pair[1])


def next_of(bundle: dict[str, Any]) -> str:
    return next((one["url"] for one in bundle["link"] if one["relation"] == "next"), "")


def walked(house: House, target: str) -> list[dict[str, Any]]:
    pages = [house.read(target)]
    while next_of(pages[-1]):
        pages.append(house.read(next_of(pages[-1]).rpartition("/fhir/r4/")[2]))
    return pages


def issue_of(house: House, target: str) -> tuple[int, dict[str, Any]]:
    reply = house.fhir(target)
    return reply.status, orjson.loads(reply.body)["issue"][0]


def appointment(house: House, *actors: str) -> dict[str, Any]:
    told = [{"actor": {"reference": one}, "status": "accepted"} for one in actors]
    start, end = "2026-02-03T15:00:00Z", "2026-02-03T15:20:00Z"
    return {"resourceType": "Appointment", "status": "booked", "start": start, "end": end, "participant": told}


@pytest.mark.behaviour("athena_flex", "own-host")
def test_the_database_is_in_every_address(flex: House) -> None:
    assert flex.site.fhir_path == "/demoAPIServer/fhir/r4"
    assert flex.site.token_path == "/demoAPIServer/oauth2/token"
    other = load_personality("athena_flex", {"shape": {"tables": {"database": "centricityps"}}})
    assert other.fhir_path(other.facts) == "/centricitypsAPIServer/fhir/r4"


@pytest.mark.behaviour("athena_flex", "mixed-ids", "places", "long-numbers")
def test_ids_are_numbers_and_some_have_letters(flex: House) -> None:
    ids = [one["resource"]["id"] for n in range(12) for page in walked(flex, f"Appointment?patient={flex.patient(n)}")
           for one in page.get("entry", ())]  # fmt: skip
    assert {"RE-" if one.startswith("RE-") else "" for one in ids} == {"RE-", ""}
    assert all(re.fullmatch(r"(RE-)?\d+", one) for one in ids)
    assert all(flex.read(f"Appointment/{one}")["id"] == one for one in ids)
    assert all(re.fullmatch(r"\d{16}", flex.patient(n)) for n in range(12))
    places = flex.read("Location?_count=50")["entry"]
    assert all(re.fullmatch(r"FAC-\d+", one["resource"]["id"]) for one in places)


@pytest.mark.behaviour("athena_flex", "bundle-oid", "after", "twenty")
def test_pages_go_on_after_the_last_id_with_parameters_in_order(flex: House) -> None:
    patient = max(map(flex.patient, range(12)), key=lambda one: flex.read(f"Observation?patient={one}")["total"])
    pages = walked(flex, f"Observation?patient={patient}&category=laboratory")
    assert len(pages) > 2
    assert [len(page["entry"]) for page in pages[:-1]] == [20] * (len(pages) - 1)
    seen = [one["resource"]["id"] for page in pages for one in page["entry"]]
    assert len(seen) == len(set(seen)) == pages[0]["total"]
    told = parse_qsl(urlsplit(next_of(pages[0])).query)
    assert told == [("_after", seen[19]), ("category", "laboratory"), ("patient", patient)]
    assert re.fullmatch(r"1\.2\.840\.113619(\.\d+)+", pages[0]["id"])


@pytest.mark.behaviour("athena_flex", "lost-at-one")
def test_one_by_one_all_but_the_first_record_are_lost(flex: House, busy: tuple[str, int], house: Houses) -> None:
    patient, count = busy
    assert count > 1
    pages = walked(flex, f"Appointment?patient={patient}&_count=1")
    assert [len(page.get("entry", ())) for page in pages] == [1, 0]
    two = [
        one["resource"]["id"]
        for page in walked(flex, f"Appointment?patient={patient}&_count=2")
        for one in page["entry"]
    ]
    assert len(set(two)) == count
    mended = house("athena_flex", 12, settings={"search": {"lost_at_one": False}})
    assert len(walked(mended, f"Appointment?patient={patient}&_count=1")) == count


@pytest.mark.behaviour("athena_flex", "location-wanted", "business-rule")
def test_appointments_of_everybody_want_a_location(flex: House) -> None:
    status, issue = issue_of(flex, "Appointment?date=ge2024")
    assert status == 400
    assert issue["code"] == "business-rule"
    assert (
        issue["diagnostics"]
        == "Appointment resource requires location parameter to be able to search across patients"
    )
    places = [one["resource"]["id"] for one in flex.read("Location?_count=50")["entry"]]
    found = sum(flex.read(f"Appointment?location={one}&_count=100").get("total", 0) for one in places)
    assert found > 5


@pytest.mark.behaviour("athena_flex", "unhandled", "no-compartments", "bootstrap")
def test_what_hapi_has_no_method_for_is_refused_with_a_table(flex: House) -> None:
    status, issue = issue_of(flex, "Patient?patientid=19&family=a")
    words = "Invalid request: The FHIR endpoint on this server does not know how to handle GET operation"
    assert (status, issue["code"]) == (400, "processing")
    assert issue["diagnostics"] == f"{words}[Patient] with parameters [[patientid, family]]"
    assert flex.fhir(f"Patient/{flex.patient()}/Appointment").status in (404, 405)
    for target in ("Patient?patientid=19", "Patient/1", "Account"):
        found = flex.read(target)
        assert '<span class="text-muted">Outcome null</span>' in found["text"]["div"]
        assert found["issue"][0]["diagnostics"] in found["text"]["div"]


@pytest.mark.behaviour("athena_flex", "appointment-error", "business-rule")
def test_an_appointment_that_is_booked_is_answered_with_an_error(house: Houses) -> None:
    flex = house("athena_flex", 3, fresh=1)
    place = "Location/" + flex.read("Location")["entry"][0]["resource"]["id"]
    body = appointment(flex, f"Patient/{flex.patient()}", place)
    before = flex.read(f"Appointment?patient={flex.patient()}")["total"]
    reply = flex.fhir("Appointment", "POST", body)
    found = orjson.loads(reply.body)
    assert (reply.status, found["issue"]) == (500, [{"severity": "error", "code": "processing"}])
    assert "<td>PROCESSING</td><td/>" in found["text"]["div"]
    assert not reply.header("Location")
    after = flex.read(f"Appointment?patient={flex.patient()}&date=2026-02-03")["entry"]
    assert [one["resource"]["start"] for one in after] == ["2026-02-03T15:00:00Z"]
    assert flex.read(f"Appointment?patient={flex.patient()}")["total"] == before + 1
    wrong = flex.fhir("Appointment", "POST", appointment(flex, f"Patient/{flex.patient()}"))
    assert wrong.status == 400
    assert orjson.loads(wrong.body)["issue"][0]["diagnostics"] == "Location Participant is mandatory"
    assert flex.read(f"Appointment?patient={flex.patient()}")["total"] == before + 1


def test_a_site_of_another_release_says_that_an_appointment_was_booked(house: Houses) -> None:
    flex = house("athena_flex", 3, settings={"errors": {"appointment_created": False}})
    place = "Location/" + flex.read("Location")["entry"][0]["resource"]["id"]
    reply = flex.fhir("Appointment", "POST", appointment(flex, f"Patient/{flex.patient()}", place))
    assert reply.status == 201
    made = orjson.loads(reply.body)
    moved = flex.fhir(f"Appointment/{made['id']}", "PUT", {**made, "status": "cancelled"})
    assert (moved.status, flex.read(f"Appointment/{made['id']}")["status"]) == (200, "cancelled")


@pytest.mark.behaviour("athena_flex", "system-limit", "user-limit")
def test_limits_are_told_in_two_shapes(house: Houses) -> None:
    budgets = variance_of("athena_flex").environments["production"].settings["rates"]["budgets"]
    assert [(one["limit"], one["window"]) for one in budgets] == [(30, 1), (1000, 900)]
    flex = house("athena_flex", 3, settings={"rates": {"budgets": [budgets[0], budgets[1] | {"limit": 40}]}})
    told = [flex.fhir("Location") for _ in range(31)]
    assert [one.status for one in told] == [200] * 30 + [429]
    assert orjson.loads(told[-1].body) == {
        "resourceType": "OperationOutcome",
        "issue": [{"code": "exception", "diagnostics": "System Rate Limit Exceeded"}],
    }
    flex.site.clock.advance(56)
    told = [flex.fhir("Location") for _ in range(10)]
    found = orjson.loads(told[-1].body)
    assert told[-1].status == 429
    assert found["issue"][0]["diagnostics"] == "User Rate Limit Exceeded, Try in another 844 seconds"
    assert not told[-1].header("retry-after")
    flex.site.clock.advance(900)
    assert flex.fhir("Location").status == 200


@pytest.mark.behaviour("athena_flex", "not-authorized")
def test_a_token_whose_user_lacks_the_permission_is_not_authorized(house: Houses) -> None:
    flex = house("athena_flex", 3, open_access=False, settings={"errors": {"unpermitted": ["Condition"]}})
    bearer = flex.bearer("system/*.rs")
    target = f"Condition?patient={flex.patient()}"
    for reply in (flex.fhir(target, authorization=bearer), flex.fhir("Patient", authorization="Bearer x")):
        assert (reply.status, reply.body) == (401, b"Not authorized.")
        assert reply.header("content-type").startswith("text/plain")
    assert flex.fhir(f"Coverage?patient={flex.patient()}", authorization=bearer).status == 200


@pytest.mark.behaviour("athena_flex", "invalid-client", "invalid-scope", "grant-type")
def test_token_errors_have_an_expiry_of_zero(house: Houses) -> None:
    flex = house("athena_flex", 2, fresh=2)
    register_demo_client(flex.site, "app", "system/Patient.rs", secret="s3cret")

    def asked(**form: str) -> tuple[int, bytes]:
        grant = {"grant_type": "client_credentials", "client_id": "app", "client_secret": "s3cret"}
        reply = flex.ask("POST", flex.site.token_path, grant | form)
        return reply.status, reply.body

    assert asked(scope="system/Patient.rs")[0] == 200
    assert asked(client_secret="x", scope="system/Patient.rs") == (
        500,
        b'{"expires_in":0,"error":"invalid_client","error_description":"An unexpected error has occurred.'
        b' Please try this operation again later."}',
    )
    assert asked(scope="system/Observation.rs") == (
        400,
        b'{"error_description":"Invalid requested scope.","error":"invalid_scope","expires_in":0}',
    )
    status, body = asked(grant_type="wish")
    assert (status, orjson.loads(body)["error"]) == (400, "invalid_grant")
    assert orjson.loads(body)["error_description"].startswith("Grant type must be one of")


@pytest.mark.behaviour("athena_flex", "public-key")
def test_a_key_that_is_not_known_is_named(flex: House) -> None:
    told = {"error": "invalid_client", "error_description": "The client's key set has no key 'k-1'."}
    reply = flex.site.personality.token_refusal(400, told, "key-unknown")
    assert reply.document["error_description"] == "Public key not found: k-1"
    assert reply.document["expires_in"] == 0


def test_every_type_is_found_read_and_valid(flex: House) -> None:
    kinds = flex.site.personality.settings["interactions"]["resources"]
    seen = set()
    for kind in set(kinds) - {"Binary", "Group"}:
        shared = kind in (
            "Location",
            "Organization",
            "Practitioner",
            "PractitionerRole",
            "Patient",
            "Schedule",
            "Slot",
        )
        for target in [""] if shared else [f"?patient={flex.patient(n)}" for n in range(8)]:
            for entry in flex.read(f"{kind}{target}").get("entry", ())[:2]:
                resource = entry["resource"]
                assert flex.read(f"{kind}/{resource['id']}") == resource
                get_fhir_model_class(kind).model_validate(resource)
                for name in ("subject", "patient", "encounter"):
                    reference = (
                        resource.get(name, {}).get("reference") if isinstance(resource.get(name), dict) else None
                    )
                    assert reference is None or flex.fhir(reference).status == 200
                seen.add(kind)
    assert {"Appointment", "Condition", "Observation", "Location", "Patient", "DocumentReference"} <= seen
