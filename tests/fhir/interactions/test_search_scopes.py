"""Searches of compartments, of the whole server and of contained resources; limits of a request."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mockehr.core.exchange import Exchange
from mockehr.fhir.elements import resource_types
from mockehr.fhir.interactions.search import search
from mockehr.fhir.part import Part, Piece
from mockehr.fhir.search.table import definitions
from mockehr.sites.build import build_site
from mockehr.sites.options import SiteOptions

BASE = "http://a.example.org/a/fhir/R4"


def put(site: Any, **document: Any) -> None:
    site.store.commit(document, kind="create", source="control")


def order(id: str, code: str, part: str = "m") -> dict[str, Any]:
    """A MedicationRequest that has its Medication within."""
    return {
        "resourceType": "MedicationRequest",
        "id": id,
        "status": "active",
        "intent": "order",
        "contained": [
            {"resourceType": "Medication", "id": part, "code": {"coding": [{"code": code}]}},
            {"resourceType": "Practitioner", "id": "who", "name": [{"family": "House"}]},
        ],
        "medicationReference": {"reference": f"#{part}"},
        "requester": {"reference": "#who"},
        "subject": {"reference": "Patient/p1"},
    }


# compartments


@pytest.mark.parametrize("kind", ["Condition", "Observation", "Encounter", "Patient", "Provenance"])
def test_a_patients_compartment_has_what_is_about_the_patient(made: Any, ask: Any, kind: str) -> None:
    site = made(patients=10)
    found = ask(site, f"GET /Patient/p3/{kind}?_count=500")
    assert found.problem is None
    chart = [record.key for record in site.charts.chart("p3", kind)]
    assert set(found.returned) <= set(chart)
    assert found.returned or kind == "Provenance"
    if kind in ("Condition", "Observation", "Encounter"):
        assert list(found.returned) == chart


def test_a_compartment_is_searched_by_parameters_and_its_pages_lead_on(made: Any, ask: Any) -> None:
    site = made(patients=10)
    whole = ask(site, "GET /Patient/p3/Observation?category=vital-signs&_count=500").returned
    assert 0 < len(whole) < len(site.charts.chart("p3", "Observation"))
    first = ask(site, "GET /Patient/p3/Observation?category=vital-signs&_count=2")
    links = {one["relation"]: one["url"] for one in orjson.loads(first.reply.body)["link"]}
    assert links["self"] == f"{BASE}/Patient/p3/Observation?category=vital-signs&_count=2"
    assert links["next"].startswith(f"{BASE}/Patient/p3/Observation?")
    second = ask(site, "GET " + links["next"].removeprefix(BASE))
    assert first.returned + second.returned == whole[:4]


def test_all_types_of_a_compartment_are_found_together(made: Any, ask: Any) -> None:
    site = made(patients=10)
    found = ask(site, "GET /Patient/p3/*?_count=1000")
    kinds = {key.partition("/")[0] for key in found.returned}
    assert {"Patient", "Condition", "Observation", "Encounter"} <= kinds
    assert len(found.returned) == len(set(found.returned)) == found.result.total
    assert all(key == "Patient/p3" for key in found.returned if key.startswith("Patient/"))


def test_what_was_written_is_in_every_compartment_that_it_refers_to(made: Any, ask: Any) -> None:
    site = made(patients=10)
    actors = [{"actor": {"reference": f"Patient/{id}"}, "status": "accepted"} for id in ("p1", "p2")]
    put(site, resourceType="Appointment", id="both", status="booked", participant=actors)
    for id in ("p1", "p2"):
        assert "Appointment/both" in ask(site, f"GET /Patient/{id}/Appointment").returned
        assert "Appointment/both" in ask(site, f"GET /Appointment?patient={id}").returned
    assert "Appointment/both" not in ask(site, "GET /Patient/p3/Appointment").returned


def test_other_owners_have_compartments_too(made: Any, ask: Any) -> None:
    site = made(patients=10)
    encounter = site.charts.chart("p3", "Encounter")[0]
    found = ask(site, f"GET /Encounter/{encounter.id}/Observation?_count=500")
    told = [
        record.key
        for record in site.charts.chart("p3", "Observation")
        if record.document.get("encounter", {}).get("reference") == encounter.key
    ]
    assert list(found.returned) == told
    doctor = site.charts.shared("Practitioner")[0]
    found = ask(site, f"GET /Practitioner/{doctor.id}/Encounter?_count=500")
    assert found.problem is None
    assert all(doctor.key in site.store.read(*key.split("/")).body.decode() for key in found.returned)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/Patient/nobody/Condition", 404),
        ("/Patient/p1/Practitioner", 400),
        ("/Observation/o/Condition", 404),
        ("/Patient/p1/Condition?code:in=x", 400),
    ],
)
def test_compartments_that_are_none_are_refused(made: Any, ask: Any, path: str, status: int) -> None:
    assert ask(made(patients=3), f"GET {path}").problem.status == status


# the whole server


def test_several_types_are_searched_at_once_by_what_all_of_them_have(made: Any, ask: Any) -> None:
    site = made(patients=4)
    for n in range(3):
        tag = [{"system": "urn:t", "code": "mine"}]
        put(site, resourceType="Basic", id=f"b{n}", meta={"tag": tag}, code={"text": "x"})
        put(site, resourceType="Flag", id=f"f{n}", meta={"tag": tag}, subject={"reference": "Patient/p1"})
    found = ask(site, "GET /?_type=Basic,Flag&_tag=urn:t|mine&_count=4&_sort=-_id")
    assert found.returned == ("Flag/f2", "Flag/f1", "Flag/f0", "Basic/b2")
    assert found.result.total == 6
    links = {one["relation"]: one["url"] for one in orjson.loads(found.reply.body)["link"]}
    assert links["self"].startswith(f"{BASE}?_type=Basic,Flag")
    rest = ask(site, f"GET /?{links['next'].partition('?')[2]}")
    assert rest.returned == ("Basic/b1", "Basic/b0")
    by_patient = ask(site, "GET /?_type=Basic,Flag&patient=p1")
    assert len(by_patient.returned) == 3


def test_a_parameter_that_not_all_types_have_is_left_out_or_refused(made: Any, ask: Any) -> None:
    site = made(patients=2)
    put(site, resourceType="Basic", id="b", code={"text": "x"})
    lenient = ask(site, "GET /?_type=Basic,Flag&encounter=e")
    assert [note.parameter for note in lenient.result.notes] == ["encounter"]
    assert lenient.returned == ("Basic/b",)
    strict = ask(site, "GET /?_type=Basic,Flag&encounter=e", prefer="handling=strict")
    assert strict.problem.kind == "parameter-unknown"
    wrong = ask(site, "GET /?_type=Basik")
    assert (wrong.problem.status, wrong.problem.parameter) == (400, "_type")
    assert "did you mean Basic" in wrong.problem.text


def test_without_types_everything_is_searched(made: Any, ask: Any) -> None:
    site = made(patients=2)
    found = ask(site, "GET /?_lastUpdated=ge1900&_count=1000")
    assert {"Patient", "Condition", "Practitioner", "Medication"} <= {key.partition("/")[0] for key in found.returned}
    assert len(found.returned) == len(set(found.returned))


# contained resources


def test_contained_resources_lead_to_what_contains_them(made: Any, ask: Any) -> None:
    site = made()
    put(site, **order("r1", "a"))
    put(site, **order("r2", "b"))
    put(site, resourceType="Medication", id="alone", code={"coding": [{"code": "a"}]})
    assert ask(site, "GET /Medication?code=a").returned == ("Medication/alone",)
    assert ask(site, "GET /Medication?code=a&_contained=false").returned == ("Medication/alone",)
    assert ask(site, "GET /Medication?code=a&_contained=true").returned == ("MedicationRequest/r1",)
    both = ask(site, "GET /Medication?code=a,b&_contained=both").returned
    assert both == ("Medication/alone", "MedicationRequest/r1", "MedicationRequest/r2")


def test_contained_resources_are_given_alone_under_the_address_within(made: Any, ask: Any) -> None:
    site = made()
    put(site, **order("r1", "a"))
    found = ask(site, "GET /Medication?code=a&_contained=true&_containedType=contained")
    (entry,) = orjson.loads(found.reply.body)["entry"]
    assert entry["fullUrl"] == f"{BASE}/MedicationRequest/r1#m"
    assert entry["resource"] == {"resourceType": "Medication", "id": "m", "code": {"coding": [{"code": "a"}]}}


def test_chains_are_followed_into_contained_resources(made: Any, ask: Any) -> None:
    site = made()
    put(site, **order("r1", "a"))
    put(site, **order("r2", "b"))
    assert ask(site, "GET /MedicationRequest?medication.code=a").returned == ("MedicationRequest/r1",)
    assert len(ask(site, "GET /MedicationRequest?requester:Practitioner.name=house").returned) == 2
    assert ask(site, "GET /MedicationRequest?medication=%23m&_id=r2").returned == ("MedicationRequest/r2",)


# shaping


def test_less_is_sent_when_less_is_asked_for_and_the_record_stays(made: Any, ask: Any) -> None:
    site = made(patients=3)
    whole = orjson.loads(ask(site, "GET /Observation?patient=p1&_count=2").reply.body)["entry"]
    query = "patient=p1&_count=2&_elements=status&_include=Observation:patient"
    found = orjson.loads(ask(site, f"GET /Observation?{query}").reply.body)["entry"]
    observations = [one["resource"] for one in found if one["search"]["mode"] == "match"]
    assert [set(one) for one in observations] == [{"resourceType", "id", "meta", "status", "code"}] * 2
    assert all(one["meta"]["tag"][-1]["code"] == "SUBSETTED" for one in observations)
    (patient,) = [one["resource"] for one in found if one["search"]["mode"] == "include"]
    assert "birthDate" in patient
    assert orjson.loads(ask(site, "GET /Observation?patient=p1&_count=2").reply.body)["entry"] == whole
    record = site.store.read("Observation", observations[0]["id"])
    assert "SUBSETTED" not in record.body.decode()
    assert "tag" not in record.document["meta"]


def test_bytes_that_need_no_shaping_go_out_as_they_are(made: Any, ask: Any) -> None:
    site = made(patients=3)
    found = ask(site, "GET /Observation?patient=p1&_count=2")
    assert [entry[2] for entry in found.result.entries] == [
        r.body for r in site.charts.chart("p1", "Observation")[:2]
    ]


# limits


@pytest.mark.parametrize(
    ("request_", "body", "status"),
    [
        ("GET /Patient?" + "&".join(["gender=male"] * 10_000), None, 414),
        ("GET /Patient?" + "&".join(["a=b"] * 2_000), None, 400),
        ("GET /Patient?name=" + "x" * 70_000, None, 414),
        ("POST /Patient/_search", b"name=" + b"x" * 70_000, 413),
        ("POST /Patient/_search", b"&".join([b"a=b"] * 2_000), 400),
    ],
)
def test_requests_beyond_all_measure_are_refused(made: Any, ask: Any, request_: str, body: Any, status: int) -> None:
    refused = ask(made(patients=3), request_, body)
    assert refused.problem.status == status
    assert "are allowed" in refused.problem.text


HOSTILE = st.sampled_from(
    [
        "\x00",
        "1e99999",
        "9" * 400,
        "-",
        "\\",
        "|",
        "||",
        "$",
        ",",
        "#",
        "%00",
        "*",
        "ge",
        "Patient/",
        "9999-12-31",
        "p1",
    ]
)
KEYS = st.sampled_from(
    [
        "_has:Observation:patient:" * 3 + "code",
        "_has:" * 40,
        "patient." * 30 + "name",
        "subject:Patient.name",
        "_sort",
        "_include",
        "_revinclude",
        "_include:iterate",
        "_elements",
        "_summary",
        "_count",
        "_contained",
        "_containedType",
        "_total",
        "_type",
        "_id",
        "_tag:not",
        "_lastUpdated",
        "identifier:of-type",
        "link.link.name",
        "\x00",
    ]
)
PARAMETERS = st.sampled_from(
    [
        f"{name}{modifier}"
        for name in definitions("Observation")
        for modifier in ("", ":missing", ":not", ":x", ".name")
    ]
)
VALUES = st.lists(st.text(max_size=5) | HOSTILE, max_size=3).map("".join)
PATHS = st.sampled_from(
    [
        "Patient",
        "Observation",
        "Practitioner",
        "Bundle",
        "Group",
        "Patient/p1/Observation",
        "Patient/p1/*",
        "",
        "Basic",
    ]
)


@pytest.fixture(scope="module")
def small() -> Any:
    site = build_site(SiteOptions("a", patients=3, stepped=True, open_access=True))
    put(site, **order("r1", "a"))
    put(site, resourceType="Group", id="g", member=[{"entity": {"reference": "Patient/p1"}}])
    put(site, resourceType="Basic", id="odd", code=3, meta=[], subject={"reference": ["x"]}, contained={"id": 1})
    put(
        site,
        resourceType="Bundle",
        id="bundle",
        type="document",
        entry=[{"resource": {"resourceType": "Composition"}}],
    )
    return site


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(PATHS, st.lists(st.tuples(KEYS | PARAMETERS | st.text(max_size=6), VALUES), max_size=3), st.booleans())
def test_no_search_whatever_it_says_fails_otherwise_than_by_a_refusal(
    small: Any, path: str, pairs: list[tuple[str, str]], strict: bool
) -> None:
    headers = {"prefer": "handling=strict"} if strict else {}
    query = urlencode(pairs, errors="surrogatepass")
    done = small.handle(Exchange("fhir", "GET", f"/{path}", query, headers=headers, base_url=BASE))
    assert done.reply.status in (200, 400, 403, 404, 410)
    orjson.loads(done.reply.body)


def test_every_parameter_of_every_type_takes_a_search(small: Any) -> None:
    values = {"date": "2024", "number": "3", "quantity": "3", "composite": "a$3"}
    for kind in resource_types():
        for name, definition in definitions(kind).items():
            value = values.get(definition.kind, "a")
            for key, text in ((name, value), (f"{name}:missing", "true"), ("_sort", name)):
                exchange = Exchange("fhir", "GET", f"/{kind}", f"_id=x&{key}={text}", base_url=BASE)
                small.fhir.name(exchange)
                if exchange.result is None:
                    found = search(small.fhir, exchange)
                    assert getattr(found, "status", 200) in (200, 400), (kind, key)


# what was written otherwise than charts are


def test_what_is_about_several_patients_is_found_by_each(made: Any, ask: Any) -> None:
    site = made(patients=4)
    subjects = [{"reference": "Patient/p1"}, {"reference": "Patient/p2"}]
    put(site, resourceType="Account", id="a", status="active", subject=subjects)
    for query in ("patient=p1", "patient=p2", "subject=Patient/p2", "patient:Patient=p1"):
        assert ask(site, f"GET /Account?{query}").returned == ("Account/a",)
    assert ask(site, "GET /Account?patient=p3").returned == ()


def test_a_chain_is_followed_to_a_subject_within(made: Any, ask: Any) -> None:
    site = made(patients=4)
    patient = {"resourceType": "Patient", "id": "p", "name": [{"family": "Zzyzx"}]}
    put(site, resourceType="Observation", id="o", contained=[patient], subject={"reference": "#p", "type": "Patient"})
    for query in ("subject:Patient.family=Zzyzx", "subject.family=Zzyzx", "patient.family=Zzyzx"):
        assert ask(site, f"GET /Observation?{query}").returned == ("Observation/o",)


def test_what_refers_to_a_record_that_was_moved_to_another_chart_is_found(made: Any, ask: Any) -> None:
    site = made(patients=10)
    reports = [one for index in range(10) for one in site.charts.chart(f"p{index}", "DiagnosticReport")]
    report = next(one for one in reports if "encounter" in one.document)
    key = report.document["encounter"]["reference"]
    id = key.removeprefix("Encounter/")
    other = "Patient/p1" if report.patient != "p1" else "Patient/p2"
    put(site, **{**site.store.read("Encounter", id).document, "subject": {"reference": other}})
    assert report.key in ask(site, f"GET /DiagnosticReport?encounter={key}").returned
    assert report.key in ask(site, f"GET /{key}/DiagnosticReport").returned
    assert report.key in ask(site, f"GET /Encounter?_id={id}&_revinclude=DiagnosticReport:encounter").returned
    assert report.key in [*ask(site, f"GET /{key}/$everything").returned]
    assert ask(site, f"GET /Encounter?_has:DiagnosticReport:encounter:_id={report.id}").returned == (key,)


def test_staff_is_found_by_every_identifier(made: Any, ask: Any) -> None:
    site = made(patients=2)
    for doctor in site.charts.shared("Practitioner")[:3]:
        for one in doctor.document["identifier"]:
            found = ask(site, f"GET /Practitioner?identifier={one['system']}|{one['value']}")
            assert found.returned == (doctor.key,)


def test_a_system_alone_finds_every_number_of_it(made: Any, ask: Any) -> None:
    site = made(patients=20)
    with_phone = [
        f"Patient/p{index}"
        for index in range(20)
        if any(one["system"] == "phone" for one in site.charts.patient(index).document.get("telecom", ()))
    ]
    assert with_phone
    assert list(ask(site, "GET /Patient?phone=phone|&_count=50").returned) == with_phone


def test_a_page_of_somebody_elses_search_is_not_shown_to_whom_it_does_not_concern(made: Any, ask: Any) -> None:
    site = made(patients=4)

    few = Part(Piece(test=lambda one: one["subject"]["reference"] == "Patient/p2"))
    site.fhir.part = lambda exchange, kind, action: few if exchange.headers.get("x-few") else None
    site.fhir.rights = lambda exchange: exchange.headers.get("x-few")
    following = {}
    for id in ("p1", "p2"):
        first = ask(site, f"GET /Observation?patient={id}&_count=2")
        following[id] = f"GET /Observation?{site.fhir.restrictions.page_parameter}={first.result.next_token}"
    assert ask(site, following["p1"]).reply.status == 200
    assert ask(site, following["p1"], x_few="1").problem.status == 410
    assert len(ask(site, following["p2"], x_few="1").returned) == 2
