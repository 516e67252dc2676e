"""A responder of a network in front of two hospitals: patient discovery, documents, and answers that come later."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from mockehr.core.exchange import Exchange, Reply
from mockehr.personalities.tefca.naming import named, own
from mockehr.sites.build import build_site
from mockehr.sites.directory import Directory
from mockehr.sites.options import SiteOptions
from mockehr.sites.site import Site

BASE = "https://hub.example.org/fhir/R4"
GRADE = "http://hl7.org/fhir/StructureDefinition/match-grade"
NOTE = {"contentType": "text/plain", "url": "https://north.example.org/fhir/R4/Binary/b1"}


class Network:
    """A responder in front of `north` and `south`, which may know the same person."""

    def __init__(self, *, vendor: str = "generic", open_access: bool = True, **settings: Any) -> None:
        self.directory = Directory()
        told: dict[str, Any] = {"tefca": settings} if settings else {}
        options = SiteOptions(
            "hub", "tefca", stepped=True, open_access=open_access, fronts=("north", "south"), settings=told
        )
        self.site: Site = self.directory.add(build_site(options))
        self.north = self.directory.add(build_site(SiteOptions("north", vendor, patients=4, seed=7, stepped=True)))
        self.south = self.directory.add(build_site(SiteOptions("south", patients=4, seed=7, stepped=True)))
        self.someone = self.record(self.south, "Patient", "p0")

    @staticmethod
    def record(site: Site, kind: str, id: str) -> dict[str, Any]:
        found = site.store.read(kind, id)
        assert found is not None
        return found.document

    def ask(self, path: str, method: str = "GET", body: Any = None, **headers: str) -> Reply:
        path, _, query = path.partition("?")
        told = {"accept": "application/fhir+json", "content-type": "application/fhir+json"} | headers
        octets = b"" if body is None else orjson.dumps(body)
        exchange = Exchange("fhir", method, path, query, told, octets, base_url=BASE)
        reply = self.site.handle(exchange).reply
        assert reply is not None
        return reply

    def read(self, path: str, **headers: str) -> Any:
        return orjson.loads(self.ask(path, **headers).body)

    def match(self, **patient: Any) -> Any:
        body = {
            "resourceType": "Parameters",
            "parameter": [{"name": "resource", "resource": {"resourceType": "Patient"} | patient}],
        }
        return orjson.loads(self.ask("/Patient/$match", "POST", body).body)

    def whole(self) -> dict[str, Any]:
        """All that is known of somebody."""
        return {key: self.someone[key] for key in ("name", "birthDate", "gender")}


@pytest.fixture(scope="module")
def network() -> Network:
    """Nobody writes here."""
    return Network()


def ids(bundle: Any) -> list[str]:
    return [entry["resource"]["id"] for entry in bundle.get("entry", ()) if entry["search"]["mode"] == "match"]


@pytest.mark.behaviour("tefca", "match", "several-sites", "ids")
def test_a_match_asks_every_site_and_grades_what_it_finds(network: Network) -> None:
    bundle = network.match(**network.whole())
    assert ids(bundle) == ["r1.p0", "r2.p0"]
    for entry in bundle["entry"]:
        assert entry["search"]["score"] == 1
        assert entry["search"]["extension"] == [{"url": GRADE, "valueCode": "certain"}]
        assert entry["fullUrl"] == f"{BASE}/Patient/{entry['resource']['id']}"
    less = network.match(name=network.someone["name"], birthDate=network.someone["birthDate"])
    assert {entry["search"]["extension"][0]["valueCode"] for entry in less["entry"]} == {"probable"}
    assert network.match(name=[{"family": "Nobody"}], birthDate="1801-01-01")["total"] == 0
    entry = next(iter(network.site.journal))
    assert [one["site"] for one in entry.notes["behind"]] == ["north", "south"]


@pytest.mark.behaviour("tefca", "patient-search", "too-little")
def test_patients_are_found_by_demographics_and_not_by_less(network: Network) -> None:
    family, birth = network.someone["name"][0]["family"], network.someone["birthDate"]
    assert ids(network.read(f"/Patient?family={family}&birthdate={birth}")) == ["r1.p0", "r2.p0"]
    posted = network.site.handle(
        Exchange(
            "fhir", "POST", "/Patient/_search", "", {"content-type": "application/x-www-form-urlencoded"},
            f"family={family}&birthdate={birth}".encode(), base_url=BASE,
        )
    )  # fmt: skip
    assert posted.reply is not None
    assert len(ids(orjson.loads(posted.reply.body))) == 2
    for path in (f"/Patient?family={family}", "/Patient", f"/Patient?birthdate={birth}"):
        assert network.ask(path).status == 400
    assert network.match(name=network.someone["name"])["resourceType"] == "OperationOutcome"
    assert network.ask("/Patient/$match", "POST", {"resourceType": "Patient"}).status == 400


@pytest.mark.behaviour("tefca", "documents", "several-sites", "ids")
def test_documents_are_asked_of_the_site_whose_patient_it_is_and_can_be_fetched() -> None:
    network = Network()
    document = {
        "resourceType": "DocumentReference", "id": "d1", "status": "current",
        "subject": {"reference": "Patient/p0"}, "content": [{"attachment": NOTE}],
    }  # fmt: skip
    network.north.store.commit(document, kind="create", source="control", patient="p0")
    binary = {"resourceType": "Binary", "id": "b1", "contentType": "text/plain", "data": "aGVsbG8="}
    network.north.store.commit(binary, kind="create", source="control")
    bundle = network.read("/DocumentReference?patient=r1.p0")
    assert "r1.d1" in ids(bundle)
    assert all(id.startswith("r1.") for id in ids(bundle))
    assert len(network.north.journal) == 1
    assert len(network.south.journal) == 0
    found = network.read("/DocumentReference/r1.d1")
    assert found["subject"]["reference"] == "Patient/r1.p0"
    url = found["content"][0]["attachment"]["url"]
    assert url == f"{BASE}/Binary/r1.b1"
    assert network.read("/Binary/r1.b1")["data"] == "aGVsbG8="
    assert network.ask("/Binary/r1.b1", accept="text/plain").body == b"hello"
    assert network.read("/Patient/r2.p0")["id"] == "r2.p0"


def test_what_nobody_was_shown_is_not_found(network: Network) -> None:
    for path in ("/Patient/p0", "/Patient/r9.p0", "/Patient/r0.p0", "/Patient/r1.nobody", "/Binary/x"):
        assert network.ask(path).status == 404
    assert network.ask("/Observation/r1.x").status == 404
    assert network.ask("/DocumentReference").status == 400
    assert network.ask("/DocumentReference?patient=p0").status == 400
    assert network.ask("/Patient", "POST", {"resourceType": "Patient"}).status in (404, 405)


@pytest.mark.behaviour("tefca", "ids")
def test_ids_lead_back_to_their_site() -> None:
    assert [own(named(id, place)) for id in ("p0", "r2.x", "e.b-c") for place in (0, 11)] == [
        (place, id) for id in ("p0", "r2.x", "e.b-c") for place in (0, 11)
    ]
    assert own("p0") == own("r0.p") == own("r1.") == (None, "")


@pytest.mark.behaviour("tefca", "incomplete")
@pytest.mark.parametrize("broken", ["reset", "gone"])
def test_a_site_that_fails_is_named_and_the_rest_is_told(broken: str) -> None:
    network = Network()
    if broken == "gone":
        network.directory.remove("north")
    else:
        network.north.arm({"use": "reset"})
    bundle = network.match(**network.whole())
    assert ids(bundle) == ["r2.p0"]
    (outcome,) = [entry for entry in bundle["entry"] if entry["search"]["mode"] == "outcome"]
    assert "north" in outcome["resource"]["issue"][0]["diagnostics"]
    assert network.ask("/Patient/r1.p0").status == 502


@pytest.mark.behaviour("tefca", "asynchronous")
def test_an_answer_may_come_later(network: Network) -> None:
    network = Network()
    family, birth = network.someone["name"][0]["family"], network.someone["birthDate"]
    path = f"/Patient?family={family}&birthdate={birth}"
    ordered = network.ask(path, prefer="respond-async")
    place = ordered.header("content-location")
    assert (ordered.status, place.startswith(BASE), ordered.body) == (202, True, b"")
    target = place.removeprefix(BASE)
    assert (network.ask(target).status, network.ask(target).header("retry-after")) == (202, "10")
    assert not network.north.journal
    network.site.clock.advance(30)
    bundle = network.read(target)
    assert bundle["type"] == "batch-response"
    assert ids(bundle["entry"][0]["resource"]) == ["r1.p0", "r2.p0"]
    assert network.ask("/async-status/nonsense").status == 404
    never, always = Network(asynchronous="never"), Network(asynchronous="always")
    assert never.ask(path, prefer="respond-async").status == 200
    assert always.ask(path).status == 202


@pytest.mark.behaviour("tefca", "purposes")
def test_an_exchange_purpose_may_be_wanted_and_not_answered() -> None:
    network = Network(purpose_header="X-Exchange-Purpose", answered_purposes=["T-TREAT", "T-IAS"])
    family, birth = network.someone["name"][0]["family"], network.someone["birthDate"]
    path = f"/Patient?family={family}&birthdate={birth}"
    system = "urn:oid:2.16.840.1.113883.3.7204.1.5.2.1"
    for purpose, status in (("T-TREAT", 200), (f"{system}#T-IAS", 200), ("", 400), ("TREAT", 400), ("T-PYMNT", 403)):
        assert network.ask(path, **{"x-exchange-purpose": purpose}).status == status
    assert network.ask(path, **{"x-exchange-purpose": "T-TREAT T-IAS"}).status == 400
    assert network.ask("/metadata").status == 200
    assert len(network.site.personality.settings["tefca"]["purposes"]) == 17
    assert Network().ask(path).status == 200


def test_a_token_has_to_cover_what_is_asked(network: Network) -> None:
    from mockehr.auth.scopes import Scopes
    from mockehr.auth.tokens import Grant

    closed = Network(open_access=False)
    now = closed.site.clock.now()

    def bearer(scopes: str) -> str:
        grant = Grant("app", Scopes.parse(scopes), now, now + 300, 300)
        return f"Bearer {closed.site.auth.tokens.issue(grant, token_url='x').token}"

    body = {
        "resourceType": "Parameters",
        "parameter": [{"name": "resource", "resource": {"resourceType": "Patient"} | closed.whole()}],
    }
    assert closed.ask("/Patient/$match", "POST", body).status == 401
    assert closed.ask("/Patient/$match", "POST", body, authorization=bearer("system/Binary.r")).status == 403
    assert closed.ask("/Patient/$match", "POST", body, authorization=bearer("system/Patient.rs")).status == 200


def test_the_statement_names_what_there_is(network: Network) -> None:
    statement = network.read("/metadata")
    types = {one["type"]: one for one in statement["rest"][0]["resource"]}
    assert set(types) == {"Patient", "DocumentReference", "Binary"}
    assert types["Patient"]["operation"][0]["name"] == "match"
    assert statement["date"] == "2026-01-05"


@pytest.mark.parametrize("vendor", ["epic", "oracle"])
def test_vendors_behind_are_asked_alike(vendor: str) -> None:
    network = Network(vendor=vendor)
    bundle = network.match(**network.whole())
    north = [id for id in ids(bundle) if id.startswith("r1.")]
    assert len(north) == 1
    assert network.read(f"/Patient/{north[0]}")["birthDate"] == network.someone["birthDate"]
