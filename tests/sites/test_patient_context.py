"""Tokens of one patient: what they read, find and write is of nobody else, however it is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from tests.sites import browser as browsers

from mockehr.auth.people import User
from mockehr.auth.scopes import Scopes
from mockehr.auth.tokens import Grant
from mockehr.core.exchange import JSON, Exchange
from mockehr.sites.build import build_site
from mockehr.sites.commons import Commons, prepare
from mockehr.sites.options import SiteOptions
from mockehr.sites.site import Site

BASE = "http://a.example.org/a/fhir/R4"
MILLION = 1_000_000
ALL = "patient/*.cruds"
LABORATORY = "http://terminology.hl7.org/CodeSystem/observation-category|laboratory"
STAFF = frozenset({"Practitioner", "PractitionerRole", "Organization", "Location", "Medication"})


@dataclass
class App:
    """A client with a token; `ask("GET /Patient?name=x", document, header="value")`."""

    site: Site
    scopes: str = ALL
    patient: str = ""
    own: tuple[str, ...] = ()
    token: str = field(default="", init=False)

    def __post_init__(self) -> None:
        now = self.site.clock.now()
        draft = Grant("app", Scopes.parse(self.scopes), now, now + 3000, 3000, patient=self.patient, own=self.own)
        self.token = self.site.auth.tokens.issue(draft, token_url="http://a/token").token

    def ask(self, request: str, document: Any = None, **headers: str) -> Exchange:
        method, _, target = request.partition(" ")
        path, _, query = target.partition("?")
        body = document if isinstance(document, bytes) else b"" if document is None else orjson.dumps(document)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        named |= {"authorization": f"Bearer {self.token}", "accept": "application/fhir+json"}
        return self.site.handle(Exchange("fhir", method, path, query, headers=named, body=body, base_url=BASE))

    def status(self, request: str, document: Any = None, **headers: str) -> int:
        reply = self.ask(request, document, **headers).reply
        assert reply is not None
        return reply.status


def made(vendor: str = "generic", patients: int = 4, **options: Any) -> Site:
    return build_site(SiteOptions("a", vendor, patients=patients, stepped=True, **options))


def body_of(exchange: Exchange) -> Any:
    assert exchange.reply is not None
    return exchange.reply.document or orjson.loads(exchange.reply.body)


def refusal(exchange: Exchange) -> tuple[int, str]:
    assert exchange.problem is not None, exchange.result
    return exchange.problem.status, exchange.problem.kind


def whose(site: Site, keys: Sequence[str]) -> set[str]:
    """Whose charts those records are in; an empty text for nobody's."""
    records = [site.store.read(*key.split("/")) for key in keys]
    return {record.patient for record in records if record is not None}


def records_of(site: Site, index: int, kind: str) -> list[Any]:
    assert site.charts is not None
    return list(site.store.chart(site.charts.patient_id(index), kind))


def next_of(exchange: Exchange) -> str:
    """The request of the next link, or nothing."""
    links = body_of(exchange).get("link", ())
    url = next((one["url"] for one in links if one["relation"] == "next"), "")
    return url and f"GET {url.removeprefix(BASE)}"


def observation(patient: str, **more: Any) -> JSON:
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": {"text": "x"},
        "subject": {"reference": f"Patient/{patient}"},
        **more,
    }


# reading


@pytest.mark.parametrize("vendor", ["generic", "epic", "oracle"])
def test_a_read_shows_what_is_of_the_patient_in_context_and_what_is_nobodys(vendor: str) -> None:
    site = made(vendor, MILLION)
    assert site.charts is not None
    mine, other = site.charts.patient_id(77), site.charts.patient_id(78)
    app = App(site, patient=mine)
    kinds = site.charts.dressed(78).by_type.keys() & site.charts.dressed(77).by_type.keys() & site.fhir.types.keys()
    for kind in kinds:
        assert (kind, app.status(f"GET {'/' + records_of(site, 77, kind)[0].key}")) == (kind, 200)
        refused = app.ask(f"GET /{records_of(site, 78, kind)[0].key}")
        assert (kind, *refusal(refused)) == (kind, 403, "compartment")
        assert refused.returned == ()
    assert {"Observation", "Binary", "Patient"} <= kinds
    assert app.status(f"GET /{site.charts.shared('Practitioner')[0].key}") == 200
    assert app.status("GET /Observation/nobody") == 404
    assert App(site, "system/*.rs", patient=mine).status(f"GET /Patient/{other}") == 200


def test_every_vendor_refuses_another_patients_record_in_its_own_words() -> None:
    told = {}
    for vendor in ("generic", "epic", "oracle"):
        site = made(vendor)
        assert site.charts is not None
        app = App(site, patient=site.charts.patient_id(0))
        exchange = app.ask(f"GET /Patient/{site.charts.patient_id(1)}")
        assert exchange.reply is not None
        issue = body_of(exchange)["issue"][0]
        told[vendor] = (exchange.reply.status, issue["severity"], issue["code"], issue["details"]["text"])
        assert not exchange.reply.header("WWW-Authenticate")
        assert issue.get("diagnostics") in (None, issue["details"]["text"])
    assert told["generic"][:3] == (403, "error", "forbidden")
    assert "another patient's records" in told["generic"][3]
    words = "The authenticated user is not authorized to view the requested data."
    assert told["epic"] == (403, "fatal", "processing", words)
    assert body_of(App(made("epic"), patient="x").ask("GET /Patient/x"))["issue"][0]["details"]["text"] != words
    assert told["oracle"] == (403, "error", "forbidden", "Forbidden resource")


def test_versions_and_history_are_of_the_patient_alone() -> None:
    site = made()
    app = App(site, patient="p0")
    site.store.commit({**observation("p1"), "id": "o"}, kind="create", source="control")
    assert refusal(app.ask("GET /Observation/o/_history")) == (403, "compartment")
    assert refusal(app.ask("GET /Observation/o/_history/1")) == (403, "compartment")
    site.store.commit({**observation("p0"), "id": "o"}, kind="update", source="control")
    assert [one["response"]["etag"] for one in body_of(app.ask("GET /Observation/o/_history"))["entry"]] == ['W/"2"']
    assert refusal(app.ask("GET /Observation/o/_history/1")) == (403, "compartment")
    assert app.status("GET /Observation/o/_history/2") == 200
    for request in ("GET /Observation/_history", "GET /_history", "GET /Medication/_history"):
        assert refusal(app.ask(request)) == (403, "scope-missing")
    assert app.status("GET /Organization/_history") == 200


def test_a_record_that_was_deleted_is_gone_to_its_patient_only() -> None:
    site = made()
    site.store.commit({**observation("p0"), "id": "o"}, kind="create", source="control")
    mine, other = App(site, patient="p0"), App(site, patient="p1")
    assert other.status("DELETE /Observation/o") == 403
    assert mine.status("DELETE /Observation/o") == 204
    assert (mine.status("GET /Observation/o"), other.status("GET /Observation/o")) == (410, 403)
    assert mine.status("GET /Observation/o/_history") == 200


def test_a_patient_scope_without_a_patient_gives_nothing() -> None:
    site = made()
    app = App(site, ALL)
    requests = (
        "GET /Patient/p0",
        "GET /Patient",
        "GET /Practitioner",
        "GET /Patient/p0/$everything",
        "GET /?_type=Patient",
    )
    for request in requests:
        found = app.ask(request)
        assert (request, *refusal(found)) == (request, 403, "scope-missing")
        assert found.problem is not None
        assert "patient in context" in found.problem.text
    both = App(site, "patient/*.rs system/Observation.rs")
    assert both.status("GET /Observation") == 200
    assert both.status("GET /Condition") == 403


# searching


@pytest.mark.parametrize("kind", ["Observation", "Encounter", "Patient", "Binary", "Provenance", "DocumentReference"])
def test_a_search_of_a_million_patients_finds_the_one_in_context_at_once_and_counts_right(kind: str) -> None:
    site = made(patients=MILLION)
    assert site.charts is not None
    mine = site.charts.patient_id(500_000)
    exchange = App(site, patient=mine).ask(f"GET /{kind}?_total=accurate&_count=500")
    assert list(exchange.returned) == [record.key for record in site.store.chart(mine, kind)]
    assert body_of(exchange)["total"] == len(exchange.returned) > 0
    assert len(site.charts._cache) <= 1


def test_paging_leads_through_the_patients_own_and_ends() -> None:
    site = made(patients=MILLION)
    app = App(site, patient="p999999")
    wanted = [record.key for record in site.store.chart("p999999", "Observation")]
    found: list[str] = []
    request = "GET /Observation?_count=4"
    while request:
        exchange = app.ask(request)
        assert body_of(exchange)["total"] == len(wanted)
        found += exchange.returned
        request = next_of(exchange)
    assert found == wanted


@pytest.mark.parametrize(
    "query",
    [
        "Observation?patient=p1",
        "Observation?subject=Patient/p1",
        "Observation?patient:Patient=p1",
        "Patient?_id=p1",
        "Patient?_id=p1,p2",
        "Observation?patient.name=a",
        "Observation?encounter=Encounter/none",
        "Patient?identifier=http://example.org|none",
        "Condition?patient=p1,p2&_sort=code",
    ],
)
def test_a_search_for_others_finds_nothing(query: str) -> None:
    site = made()
    exchange = App(site, patient="p0").ask(f"GET /{query}")
    assert exchange.returned == ()
    assert body_of(exchange)["total"] == 0


def test_a_search_for_others_opens_no_chart_of_theirs() -> None:
    site = made(patients=MILLION)
    assert site.charts is not None
    assert App(site, patient="p0").ask("GET /Observation?patient=p7,p8").returned == ()
    assert not site.charts._cache


def test_a_constraint_holds_in_a_search_that_looks_through_charts() -> None:
    site = made()
    wanted = {one.key for i in range(4) for one in records_of(site, i, "Observation") if b'"laboratory"' in one.body}
    app = App(site, f"system/Observation.rs?category={LABORATORY}")
    assert set(app.ask("GET /Observation?_count=1000").returned) == wanted


def test_a_search_for_others_at_epic_is_refused() -> None:
    site = made("epic", MILLION)
    assert site.charts is not None
    mine, other = site.charts.patient_id(3), site.charts.patient_id(4)
    app = App(site, patient=mine)
    for query in (
        f"AllergyIntolerance?patient={other}",
        f"Patient?_id={other}",
        f"Condition?subject=Patient/{other}",
    ):
        exchange = app.ask(f"GET /{query}")
        assert refusal(exchange) == (403, "compartment")
        assert body_of(exchange)["issue"][0]["details"]["coding"][0]["code"] == "4118"
    for query in (
        f"AllergyIntolerance?patient={mine}",
        f"Patient?_id={mine}",
        f"AllergyIntolerance?patient={other},{mine}",
    ):
        assert app.status(f"GET /{query}") == 200
    assert App(site, "system/*.rs").status(f"GET /AllergyIntolerance?patient={other}") == 200


def test_what_others_have_tells_nothing_through_chains() -> None:
    site = made()
    doctor = records_of(site, 1, "Encounter")[0].document["participant"][0]["individual"]["reference"]
    mine, system = App(site, patient="p0"), App(site, "system/*.rs")
    seen = {one.key for one in records_of(site, 0, "Encounter") if doctor.encode() in one.body}
    asked = f"GET /Practitioner?_id={doctor.removeprefix('Practitioner/')}&_has:Encounter:participant:patient=p1"
    assert system.ask(asked).returned == (doctor,)
    assert mine.ask(asked).returned == ()
    own = asked.replace("=p1", "=p0")
    assert bool(mine.ask(own).returned) == bool(seen)
    site.store.commit(
        observation("p0", id="o", focus=[{"reference": "Patient/p1"}], performer=[{"reference": "Patient/p1"}]),
        kind="create",
        source="control",
    )
    wanted = observation("p1", id="about", focus=[{"reference": "Patient/p0"}])
    site.store.commit(wanted, kind="create", source="control")
    visit = {"resourceType": "Encounter", "id": "visit", "subject": {"reference": "Patient/p1"}}
    seen_by = [{"individual": {"reference": doctor}}]
    site.store.commit({**visit, "participant": seen_by}, kind="create", source="control")
    for asked, found in (
        ("GET /Patient?_has:Observation:focus:_id=about", "Patient/p0"),
        ("GET /Practitioner?_has:Encounter:participant:_id=visit", doctor),
    ):
        assert (system.ask(asked).returned, mine.ask(asked).returned) == ((found,), ())
    family = records_of(site, 1, "Patient")[0].document["name"][0]["family"]
    chain = f"GET /Observation?_id=o&performer:Patient.family={family}"
    assert system.ask(chain).returned == ("Observation/o",)
    assert mine.ask(chain).returned == ()


def test_what_is_included_is_of_the_patient_or_nobodys() -> None:
    site = made(patients=MILLION)
    assert site.charts is not None
    system, mine = App(site, "system/*.rs"), App(site, patient="p5")
    site.store.commit(
        observation(
            "p5", id="o", performer=[{"reference": "Patient/p6"}], encounter={"reference": "Encounter/foreign"}
        ),
        kind="create",
        source="control",
    )
    foreign = {"resourceType": "Encounter", "id": "foreign", "subject": {"reference": "Patient/p6"}}
    site.store.commit(foreign, kind="create", source="control")
    asked = "GET /Observation?_id=o&_include=*&_include:iterate=Encounter:patient"
    assert {"Patient/p5", "Patient/p6", "Encounter/foreign"} <= set(system.ask(asked).returned)
    assert set(mine.ask(asked).returned) == {"Observation/o", "Patient/p5"}
    found = mine.ask("GET /Encounter?_include=*&_revinclude=*&_count=500").returned
    assert whose(site, found) == {"p5", ""}
    doctor = next(key for key in found if key.startswith("Practitioner/"))
    back = mine.ask(f"GET /Practitioner?_id={doctor.partition('/')[2]}&_revinclude=Encounter:participant").returned
    assert whose(site, back) == {"p5", ""}
    assert len(back) > 1


def test_compartments_and_searches_of_everything_are_of_the_patient_alone() -> None:
    site = made(patients=MILLION)
    app = App(site, patient="p9")
    wanted = [record.key for record in site.store.chart("p9", "Condition")]
    assert list(app.ask("GET /Patient/p9/Condition").returned) == wanted
    assert refusal(app.ask("GET /Patient/p10/Condition")) == (403, "compartment")
    assert refusal(app.ask("GET /Patient/p10/*")) == (403, "compartment")
    assert app.status("GET /Patient/nobody/Condition") == 404
    encounter = records_of(site, 10, "Encounter")[0].id
    assert refusal(app.ask(f"GET /Encounter/{encounter}/Observation")) == (403, "compartment")
    everything = app.ask("GET /?_type=Condition,Observation&_count=500")
    assert everything.returned[: len(wanted)] == tuple(wanted)
    assert whose(site, everything.returned) == {"p9"}
    assert body_of(everything)["total"] == len(everything.returned)
    assert whose(site, app.ask("GET /Patient/p9/*?_count=500").returned) == {"p9"}
    doctor = next(key for key in app.ask("GET /Encounter?_include=*").returned if key.startswith("Practitioner/"))
    assert whose(site, app.ask(f"GET /{doctor}/Encounter").returned) <= {"p9"}


def test_operations_are_of_the_patient_alone() -> None:
    site = made(patients=MILLION)
    mine, both = App(site, patient="p2"), App(site, "user/*.rs", own=("p2", "p3"))
    everything = mine.ask("GET /Patient/$everything").returned
    assert whose(site, everything) == {"p2", ""}
    assert mine.ask("GET /Patient/p2/$everything").returned == everything
    assert refusal(mine.ask("GET /Patient/p3/$everything")) == (403, "compartment")
    assert refusal(mine.ask(f"GET /{records_of(site, 3, 'Encounter')[0].key}/$everything")) == (403, "compartment")
    assert mine.status("GET /Patient/nobody/$everything") == 404
    assert whose(site, both.ask("GET /Patient/$everything?_count=500").returned) == {"p2", "p3", ""}
    category = "category=vital-signs"
    assert whose(site, mine.ask(f"GET /Observation/$lastn?patient=p2&{category}").returned) == {"p2"}
    assert mine.ask(f"GET /Observation/$lastn?patient=p3&{category}").returned == ()
    assert whose(site, mine.ask("GET /DocumentReference/$docref?patient=p2").returned) == {"p2"}
    assert both.ask("GET /DocumentReference/$docref?patient=p3").returned
    assert mine.ask("GET /DocumentReference/$docref?patient=p3").returned == ()
    for name in ("$meta", "$validate"):
        assert mine.status(f"GET /Patient/p2/{name}") == 200
        assert refusal(mine.ask(f"GET /Patient/p3/{name}")) == (403, "compartment")
    assert refusal(mine.ask("GET /Patient/$meta")) == (403, "scope-missing")
    wide = App(site, "system/*.r patient/*.u", "p2")
    tag = {"resourceType": "Parameters", "parameter": [{"name": "meta", "valueMeta": {"tag": [{"code": "x"}]}}]}
    writer = App(site, patient="p2")
    assert writer.status("POST /Patient/p2/$meta-add", tag) == 200
    assert refusal(writer.ask("POST /Patient/p3/$meta-add", tag)) == (403, "compartment")
    assert refusal(wide.ask("POST /Patient/p3/$meta-add", tag)) == (403, "compartment")


def test_what_is_contained_is_found_in_the_patients_own_only() -> None:
    site = made(patients=MILLION)
    for patient in ("p1", "p2"):
        site.store.commit(
            observation(patient, id=f"of-{patient}", contained=[{**observation("p1"), "id": "part"}]),
            kind="create",
            source="control",
        )
    app = App(site, patient="p2")
    assert app.ask("GET /Observation?_contained=true").returned == ("Observation/of-p2",)
    pieces = app.ask("GET /Observation?_contained=true&_containedType=contained").returned
    assert pieces == ("Observation/of-p2#part",)
    assert set(app.ask("GET /Observation?_contained=both&_count=500").returned) >= {"Observation/of-p2"}
    assert "Observation/of-p1" not in app.ask("GET /Observation?_contained=both&_count=500").returned


# constraints and users


def test_each_scope_is_confined_by_its_own_patient_and_its_own_constraint() -> None:
    site = made()
    laboratory = {one.key for one in records_of(site, 0, "Observation") if b'"laboratory"' in one.body}
    mine = {one.key for one in records_of(site, 0, "Observation")}
    other = {one.key for one in records_of(site, 1, "Observation")}
    others_laboratory = {one.key for one in records_of(site, 1, "Observation") if b'"laboratory"' in one.body}
    part = f"patient/Observation.rs?category={LABORATORY}"
    assert laboratory < mine
    assert set(App(site, part, "p0").ask("GET /Observation?_count=500").returned) == laboratory
    app = App(site, f"{part} user/Observation.rs", "p0", own=("p1",))
    assert set(app.ask("GET /Observation?_count=500").returned) == laboratory | other
    assert refusal(app.ask(f"GET /{min(mine - laboratory)}")) == (403, "scope-missing")
    assert refusal(app.ask(f"GET /{records_of(site, 2, 'Observation')[0].key}")) == (403, "compartment")
    system = App(site, f"patient/Observation.rs system/Observation.rs?category={LABORATORY}", "p0")
    found = set(system.ask("GET /Observation?patient=p0,p1&_count=500").returned)
    assert found == mine | others_laboratory


def test_a_user_sees_all_as_staff_and_only_their_own_as_a_patient() -> None:
    site = made(patients=MILLION)
    staff, parent = App(site, "user/*.cruds", patient="p1"), App(site, "user/*.cruds", own=("p1", "p2"))
    assert staff.status("GET /Patient/p3") == 200
    assert (parent.status("GET /Patient/p1"), parent.status("GET /Patient/p2")) == (200, 200)
    assert refusal(parent.ask("GET /Patient/p3")) == (403, "compartment")
    found = parent.ask("GET /Patient")
    assert (found.returned, body_of(found)["total"]) == (("Patient/p1", "Patient/p2"), 2)
    assert whose(site, parent.ask("GET /Observation?_count=1000").returned) == {"p1", "p2"}
    assert parent.status("POST /Observation", observation("p2")) == 201
    assert refusal(parent.ask("POST /Observation", observation("p3"))) == (403, "compartment")
    assert refusal(App(site, "user/*.rs patient/*.rs", "p3", ("p1",)).ask("GET /Patient/p2")) == (403, "compartment")
    assert App(site, "user/*.rs patient/*.rs", "p3", ("p1",)).status("GET /Patient/p3") == 200


# writing


def test_only_what_is_about_the_patient_is_written() -> None:
    site = made()
    app = App(site, patient="p0")
    assert app.status("POST /Observation", observation("p0")) == 201
    refused: list[JSON] = [
        observation("p1"),
        observation("p1", performer=[{"reference": "Patient/p0"}]),
        {"resourceType": "Observation", "status": "final", "code": {"text": "x"}},
        {"resourceType": "Patient"},
        {"resourceType": "Organization", "name": "x"},
        {"resourceType": "Device", "patient": {"reference": "Patient/p1"}},
        {"resourceType": "Binary", "contentType": "text/plain", "data": "eA=="},
    ]
    for document in refused:
        exchange = app.ask(f"POST /{document['resourceType']}", document)
        assert (document, *refusal(exchange)) == (document, 403, "compartment")
    count = len(site.log.changes)
    assert count == 1
    context = {"reference": "Patient/p0"}
    assert app.status("POST /Binary", {**refused[-1], "securityContext": context}) == 201
    assert app.status("POST /Device", {"resourceType": "Device", "patient": context}) == 201


def test_neither_what_is_stored_nor_what_is_sent_may_be_anothers() -> None:
    site = made()
    app = App(site, patient="p0")
    for id, patient in (("mine", "p0"), ("others", "p1")):
        site.store.commit({**observation(patient), "id": id}, kind="create", source="control")
    patch = b'[{"op":"replace","path":"/subject/reference","value":"Patient/%s"}]'
    form = {"content_type": "application/json-patch+json"}
    assert refusal(app.ask("PUT /Observation/others", {**observation("p0"), "id": "others"})) == (403, "compartment")
    assert refusal(app.ask("PUT /Observation/mine", {**observation("p1"), "id": "mine"})) == (403, "compartment")
    assert refusal(app.ask("PUT /Observation/new", {**observation("p1"), "id": "new"})) == (403, "compartment")
    assert refusal(app.ask("PATCH /Observation/others", patch % b"p0", **form)) == (403, "compartment")
    assert refusal(app.ask("PATCH /Observation/mine", patch % b"p1", **form)) == (403, "compartment")
    assert refusal(app.ask("DELETE /Observation/others")) == (403, "compartment")
    assert refusal(app.ask("PUT /Patient/new", {"resourceType": "Patient", "id": "new"})) == (403, "compartment")
    organisation = app.ask("GET /Organization").returned[0]
    assert refusal(app.ask(f"DELETE /{organisation}")) == (403, "compartment")
    assert len(site.log.changes) == 2
    assert app.status("PUT /Observation/mine", {**observation("p0"), "id": "mine"}) == 200
    assert app.status("PATCH /Observation/mine", patch % b"p0", **form) == 200
    assert app.status("DELETE /Observation/mine") == 204
    assert app.status("PUT /Patient/p0", {**records_of(site, 0, "Patient")[0].document, "active": True}) == 200


def test_conditional_writes_find_the_patients_own_only() -> None:
    site = made()
    app = App(site, patient="p0")
    identifier = [{"system": "http://example.org", "value": "1"}]
    site.store.commit(observation("p1", id="others", identifier=identifier), kind="create", source="control")
    query = "identifier=http://example.org|1"
    assert app.status(f"DELETE /Observation?{query}") == 204
    patch = b'[{"op":"replace","path":"/status","value":"amended"}]'
    form = {"content_type": "application/json-patch+json"}
    assert app.status(f"PATCH /Observation?{query}", patch, **form) == 404
    first = app.ask("POST /Observation", observation("p0", identifier=identifier), if_none_exist=query)
    again = app.ask("POST /Observation", observation("p0", identifier=identifier), if_none_exist=query)
    assert (first.result.created, again.result.created) == (True, False)
    assert again.result.record.key == first.result.record.key != "Observation/others"
    updated = app.ask(
        f"PUT /Observation?{query}", observation("p0", identifier=identifier, issued="2020-01-01T00:00:00Z")
    )
    assert updated.result.record.key == first.result.record.key
    assert site.store.read("Observation", "others").version == 1  # type: ignore[union-attr]


def test_a_conditional_entry_of_a_transaction_means_the_patients_own_only() -> None:
    site = made()
    identifier = [{"system": "http://example.org", "value": "1"}]
    site.store.commit(observation("p1", id="others", identifier=identifier), kind="create", source="control")
    update = entry("PUT", "Observation?identifier=http://example.org|1", observation("p0", identifier=identifier))
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": [{**update, "fullUrl": "urn:uuid:1"}]}
    exchange = App(site, patient="p0").ask("POST /", bundle)
    assert body_of(exchange)["entry"][0]["response"]["status"][:3] == "201"
    assert exchange.returned != ("Observation/others",)


def test_what_a_constraint_covers_is_not_written_and_what_another_scope_gives_is() -> None:
    site = made()
    part = f"patient/Observation.cruds?category={LABORATORY}"
    assert refusal(App(site, part, "p0").ask("POST /Observation", observation("p0"))) == (403, "scope-missing")
    both = App(site, f"{part} user/Observation.cu", "p0", own=("p1",))
    assert both.status("POST /Observation", observation("p1")) == 201
    assert refusal(both.ask("POST /Observation", observation("p0"))) == (403, "compartment")
    laboratory = next(one for one in records_of(site, 0, "Observation") if b'"laboratory"' in one.body)
    moved = {**laboratory.document, "subject": {"reference": "Patient/p1"}}
    assert refusal(both.ask(f"PUT /{laboratory.key}", moved)) == (403, "compartment")


# Bundles


def entry(method: str, url: str, resource: JSON | None = None) -> JSON:
    return {"request": {"method": method, "url": url}, **({"resource": resource} if resource else {})}


@pytest.mark.parametrize("context", ["patient", "user"])
def test_the_entries_of_a_bundle_are_confined_one_by_one(context: str) -> None:
    site = made()
    app = App(site, f"{context}/*.cruds", **({"patient": "p0"} if context == "patient" else {"own": ("p0",)}))
    entries = [
        entry("GET", "Patient/p0"),
        entry("GET", "Patient/p1"),
        entry("GET", "Observation?patient=p1"),
        entry("POST", "Observation", observation("p1")),
        entry("POST", "Observation", observation("p0")),
        entry("DELETE", "Patient/p1"),
    ]
    exchange = app.ask("POST /", {"resourceType": "Bundle", "type": "batch", "entry": entries})
    told = body_of(exchange)["entry"]
    assert [one["response"]["status"][:3] for one in told] == ["200", "403", "200", "403", "201", "403"]
    assert told[2]["resource"]["total"] == 0
    whole = app.ask("POST /", {"resourceType": "Bundle", "type": "transaction", "entry": entries[3:5]})
    assert refusal(whole) == (403, "compartment")
    assert len(site.log.changes) == 1


def test_a_conditional_reference_means_nobody_else() -> None:
    site = made()
    number = records_of(site, 1, "Patient")[0].document["identifier"][0]
    resource = observation(
        "p0", performer=[{"reference": f"Patient?identifier={number['system']}|{number['value']}"}]
    )
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": [entry("POST", "Observation", resource)]}
    assert App(site, "system/*.cruds").status("POST /", bundle) == 200
    assert refusal(App(site, patient="p0").ask("POST /", bundle)) == (412, "precondition-failed")


# what is kept between requests


@pytest.mark.parametrize(
    "request_", ["GET /Observation?_count=3", "GET /Patient/p1/Observation?_count=3", "GET /Patient?_count=1"]
)
def test_an_answer_that_is_kept_is_shown_to_whom_it_was_for(request_: str) -> None:
    site = made()
    system = App(site, "system/*.rs")
    apps = [App(site, patient="p1"), App(site, "user/*.rs", own=("p2",)), App(site, "user/*.rs", own=("p1", "p2"))]
    first = [[app.ask(request_).returned for app in (system, *apps)] for _ in range(3)]
    assert first[0] == first[1] == first[2]
    assert whose(site, first[0][1]) == {"p1"}
    if "/p1" not in request_:
        assert whose(site, first[0][2]) == {"p2"}
        assert first[0][2] != first[0][3]
    labs = App(site, f"patient/Observation.rs?category={LABORATORY}", "p1").ask("GET /Observation?_count=3").returned
    assert labs != apps[0].ask("GET /Observation?_count=3").returned


@pytest.mark.parametrize(
    "request_",
    [
        "GET /Observation?_count=2",
        "GET /?_type=Observation,Condition&_count=2",
        "GET /Patient/$everything?_count=2",
        "GET /Patient?_count=1",
    ],
)
def test_a_next_link_shows_nothing_of_the_patient_who_was_given_it(request_: str) -> None:
    site = made()
    mine, other, both = App(site, patient="p0"), App(site, patient="p1"), App(site, "user/*.rs", own=("p0", "p1"))
    first = both.ask(request_)
    following = next_of(first)
    assert following
    assert both.status(following) == 200
    assert other.status(following) == 410
    own = next_of(mine.ask(request_))
    if own:
        assert (mine.status(own), other.status(own)) == (200, 410)
        assert App(site, "system/*.rs").status(own) == 200


def test_the_total_of_a_wider_search_is_not_told_through_its_next_link() -> None:
    site = made(patients=MILLION)
    following = next_of(App(site, "system/*.rs").ask("GET /Patient?_count=1"))
    assert App(site, patient="p5").status(following) == 410
    told = App(site, patient="p1").ask(following)
    assert (told.returned, body_of(told).get("total")) == (("Patient/p1",), None)


def test_a_history_leads_on_for_its_own_patient_only() -> None:
    site = made()
    for number in range(3):
        document = observation("p0", id="o", note=[{"text": str(number)}])
        site.store.commit(document, kind="update", source="control")
    mine, other = App(site, patient="p0"), App(site, patient="p1")
    following = next_of(mine.ask("GET /Observation/o/_history?_count=1"))
    assert (mine.status(following), other.status(following)) == (200, 410)


def test_an_idempotency_key_does_not_answer_to_another_patient() -> None:
    site = made(settings={"write": {"idempotency_header": "Idempotency-Key"}})
    mine, other = App(site, patient="p0"), App(site, patient="p1")
    asked = ("POST /Observation", observation("p0"))
    first = mine.ask(*asked, idempotency_key="1")
    assert mine.ask(*asked, idempotency_key="1").result.record.key == first.result.record.key
    assert refusal(other.ask(*asked, idempotency_key="1")) == (403, "compartment")


# what was written


def test_what_was_written_is_found_by_what_it_says() -> None:
    site = made(patients=MILLION)

    def put(id: str, kind: str, **more: Any) -> None:
        site.store.commit({"resourceType": kind, "id": id, **more}, kind="create", source="control")

    put("by", "Observation", status="final", performer=[{"reference": "Patient/p0"}])
    put("absolute", "Observation", subject={"reference": f"{BASE}/Patient/p0"})
    put("foreign", "Observation", subject={"reference": "http://b.example.org/Patient/p0"})
    put("file", "Binary", contentType="text/plain", data="eA==")
    put("loose", "Binary", contentType="text/plain", data="eA==")
    attachment = {"attachment": {"url": "Binary/file"}}
    put("note", "DocumentReference", subject={"reference": "Patient/p0"}, content=[attachment])
    put("told", "Provenance", target=[{"reference": "Observation/by"}])
    put("task", "Task", **{"for": {"reference": "Patient/p0"}})
    put("chore", "Task", status="draft")
    keys = ("Observation/by", "Observation/absolute", "Binary/file", "Provenance/told", "Task/task", "Task/chore")
    app, other = App(site, patient="p0"), App(site, patient="p1")
    for key in keys:
        assert (key, app.status(f"GET /{key}")) == (key, 200)
        assert (key, other.status(f"GET /{key}")) == (key, 200 if key == "Task/chore" else 403)
    for key in ("Observation/foreign", "Binary/loose"):
        assert (key, app.status(f"GET /{key}"), other.status(f"GET /{key}")) == (key, 403, 403)
    found = app.ask("GET /Observation?_count=500").returned
    assert {"Observation/by", "Observation/absolute"} <= set(found)
    assert "Observation/foreign" not in found
    assert other.ask("GET /Task").returned == ("Task/chore",)


def test_a_record_that_was_moved_is_its_new_patients() -> None:
    site = made()
    record = records_of(site, 0, "Condition")[0]
    moved = {**record.document, "subject": {"reference": "Patient/p1"}}
    site.store.commit(moved, kind="update", source="control")
    before, after = App(site, patient="p0"), App(site, patient="p1")
    assert (before.status(f"GET /{record.key}"), after.status(f"GET /{record.key}")) == (403, 200)
    assert record.key not in before.ask("GET /Condition").returned
    assert record.key in after.ask("GET /Condition").returned
    assert before.status(f"GET /{record.key}/_history/1") == 200


def test_a_dirty_record_is_of_the_patient_in_whose_chart_it_is() -> None:
    site = made()
    record = records_of(site, 1, "Condition")[0]
    record.document["subject"] = {"reference": "Patient/p0"}
    named, owner = App(site, patient="p0"), App(site, patient="p1")
    assert (named.status(f"GET /{record.key}"), owner.status(f"GET /{record.key}")) == (403, 200)
    assert record.key in owner.ask("GET /Condition").returned


def test_processes_that_are_one_site_lead_a_patient_on_through_their_own(tmp_path: Path) -> None:
    sites = [made(), made()]
    prepare(sites[0], tmp_path)
    held = [Commons(site, tmp_path) for site in sites]
    first, other = App(sites[0], "user/*.rs", own=("p1",)), App(sites[0], "user/*.rs", own=("p2",))
    wanted = [record.key for record in sites[0].store.chart("p1", "Observation")]
    page = first.ask("GET /Observation?_count=4")
    following = next_of(page)
    elsewhere = replace(first, site=sites[1])
    elsewhere.token, stranger = first.token, replace(other, site=sites[1])
    stranger.token = other.token
    assert refusal(stranger.ask(following)) == (410, "page-expired")
    again = elsewhere.ask(following)
    assert [*page.returned, *again.returned] == wanted[:8]
    assert body_of(again)["total"] == len(wanted)
    for one in held:
        one.close()


@pytest.mark.parametrize(("reference", "wanted"), [("Patient/{}", 1), ("RelatedPerson/r1", 0)])
def test_an_account_of_whom_no_patients_are_told_does_not_open_all_records(reference: str, wanted: int) -> None:
    browser = browsers.Browser()
    user = User("guest", reference.format(browser.patient(4)))
    browser.site.auth.users.add(user)
    made = browser.granted("guest", scope="openid fhirUser user/*.cruds")
    found = browsers.document(browser.read("Patient", made["access_token"]))
    assert found["total"] == wanted
