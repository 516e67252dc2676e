"""POST [base]: batches do each entry for itself, transactions all or none (FHIR R4 http.html#transaction)."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mockehr.core.exchange import Exchange
from mockehr.fhir.bundle.requests import Request, exchange_of
from mockehr.sites.build import build_site
from mockehr.sites.options import SiteOptions
from mockehr.sites.site import Site

Ask = Callable[..., Exchange]
BASE = "http://a.example.org/a/fhir/R4"
NEW = "urn:uuid:61ebe359-bfdc-4613-8bf2-c5e300945f0a"
OTHER = "urn:uuid:88f151c0-a954-468a-88bd-5ae15c08e059"
CODE = {"coding": [{"system": "http://loinc.org", "code": "8867-4"}]}


def bundle(kind: str, *entries: dict[str, Any]) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": kind, "entry": list(entries)}


def entry(request: str, resource: Any = None, full_url: str = "", **more: str) -> dict[str, Any]:
    method, _, url = request.partition(" ")
    made: dict[str, Any] = {"request": {"method": method, "url": url, **more}}
    if full_url:
        made["fullUrl"] = full_url
    return made | ({"resource": resource} if resource is not None else {})


def patient(**more: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", **more}


def pulse(subject: str, **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": CODE,
        "subject": {"reference": subject},
        **more,
    }


def answered(exchange: Exchange) -> tuple[int, Any]:
    assert exchange.reply is not None
    return exchange.reply.status, orjson.loads(exchange.reply.body) if exchange.reply.body else None


def statuses(document: Any) -> list[int]:
    return [int(one["response"]["status"][:3]) for one in document["entry"]]


def test_references_between_new_resources_follow_them(made: Callable[..., Site], ask: Ask) -> None:
    site = made()
    narrative = f'<div xmlns="http://www.w3.org/1999/xhtml"><a href="{NEW}">see</a> and {NEW}</div>'
    status, document = answered(
        ask(
            site,
            "POST /",
            bundle(
                "transaction",
                entry("POST Observation", pulse(NEW, text={"status": "generated", "div": narrative}), OTHER),
                entry("POST Patient", patient(name=[{"family": "Okafor"}]), NEW),
            ),
        )
    )
    assert (status, document["type"], statuses(document)) == (200, "transaction-response", [201, 201])
    places = [one["response"]["location"].split("/")[:2] for one in document["entry"]]
    assert [kind for kind, _ in places] == ["Observation", "Patient"]
    stored = site.store.read("Observation", places[0][1])
    assert stored is not None
    who = f"Patient/{places[1][1]}"
    assert stored.document["subject"] == {"reference": who}
    assert f'href="{who}"' in stored.document["text"]["div"]
    assert f"and {NEW}" in stored.document["text"]["div"]


def test_an_identifier_that_looks_like_a_full_url_stays(made: Callable[..., Site], ask: Ask) -> None:
    site = made()
    identifier = [{"system": "urn:ietf:rfc:3986", "value": NEW}]
    _, document = answered(
        ask(site, "POST /", bundle("transaction", entry("POST Patient", patient(identifier=identifier), NEW)))
    )
    assert document["entry"][0]["resource"]["identifier"] == identifier


def test_a_transaction_is_done_whole_or_not_at_all(made: Callable[..., Site], ask: Ask) -> None:
    site = made()
    ask(site, "PUT /Patient/keep", patient(id="keep", active=True))
    ask(site, "PUT /Patient/other", patient(id="other"))
    before = len(site.log.changes)
    for bad, wanted in (
        (entry("POST Observation", {"resourceType": "Observation"}), 422),
        (entry("PUT Patient/other", patient(id="other"), ifMatch='W/"9"'), 412),
        (entry("GET Patient/nobody"), 404),
        (entry("POST Observation", pulse("Patient?identifier=x|nobody")), 412),
    ):
        status, document = answered(
            ask(
                site,
                "POST /",
                bundle("transaction", entry("POST Patient", patient()), entry("DELETE Patient/keep"), bad),
            )
        )
        assert (status, document["resourceType"]) == (wanted, "OperationOutcome")
        assert "Bundle.entry[2]" in document["issue"][0]["expression"][0]
        assert len(site.log.changes) == before
        kept = site.store.read("Patient", "keep")
        assert kept is not None
        assert not kept.deleted
        assert [record.id for record in site.store.overlay("Patient")] == ["keep", "other"]


def test_a_batch_does_what_it_can(made: Callable[..., Site], ask: Ask) -> None:
    site = made()
    status, document = answered(
        ask(
            site,
            "POST /",
            bundle(
                "batch",
                entry("POST Patient", patient(id="ignored")),
                entry("POST Observation", {"resourceType": "Observation"}),
                entry("GET Patient/nobody"),
                entry("GET Patient?_count=5"),
                {"resource": patient()},
                entry("BREW Patient"),
            ),
        )
    )
    assert (status, document["type"]) == (200, "batch-response")
    assert statuses(document) == [201, 422, 404, 200, 400, 400]
    assert document["entry"][1]["response"]["outcome"]["resourceType"] == "OperationOutcome"
    found = document["entry"][3]["resource"]
    assert (found["type"], found["total"]) == ("searchset", 1)


def test_entries_run_in_the_order_of_the_standard_and_answer_in_their_own(
    made: Callable[..., Site], ask: Ask
) -> None:
    site = made()
    ask(site, "PUT /Patient/a", patient(id="a", active=True))
    ask(site, "PUT /Patient/b", patient(id="b", active=True))
    _, document = answered(
        ask(
            site,
            "POST /",
            bundle(
                "transaction",
                entry("GET Patient?active=true"),
                entry("PUT Patient/b", patient(id="b", active=False)),
                entry("POST Patient", patient(active=True)),
                entry("DELETE Patient/a"),
            ),
        )
    )
    assert statuses(document) == [200, 200, 201, 204]
    new = document["entry"][2]["response"]["location"].split("/")[1]
    assert [one["resource"]["id"] for one in document["entry"][0]["resource"]["entry"]] == [new]


def test_conditional_creates_updates_and_references_find_what_is_there(made: Callable[..., Site], ask: Ask) -> None:
    site = made()
    mrn = [{"system": "urn:oid:1.2.3", "value": "7"}]
    ask(site, "PUT /Patient/there", patient(id="there", identifier=mrn))
    own = pulse(NEW, identifier=[{"system": "urn:x", "value": "1"}], hasMember=[{"reference": OTHER}])
    sent = bundle(
        "transaction",
        entry("POST Patient", patient(identifier=mrn), NEW, ifNoneExist="identifier=urn:oid:1.2.3|7"),
        entry("POST Observation", pulse(NEW)),
        entry("POST Observation", pulse("Patient?identifier=urn:oid:1.2.3|7")),
        entry("PUT Observation?identifier=urn:x|1", own, OTHER),
    )
    for wanted in ([200, 201, 201, 201], [200, 201, 201, 200]):
        _, document = answered(ask(site, "POST /", sent))
        assert statuses(document) == wanted
        assert document["entry"][0]["response"]["location"].startswith("Patient/there")
    assert {record.document["subject"]["reference"] for record in site.store.overlay("Observation")} == {
        "Patient/there"
    }
    by_put = next(record for record in site.store.overlay("Observation") if record.document.get("identifier"))
    assert by_put.document["hasMember"] == [{"reference": by_put.key}]


def test_relative_references_count_from_the_full_url(made: Callable[..., Site], ask: Ask) -> None:
    site = made()
    _, document = answered(
        ask(
            site,
            "POST /",
            bundle(
                "transaction",
                entry("POST Patient", patient(), "http://elsewhere.example.org/fhir/Patient/1"),
                entry("POST Observation", pulse("Patient/1"), "http://elsewhere.example.org/fhir/Observation/2"),
                entry("POST Observation", pulse("Patient/1")),
            ),
        )
    )
    new = document["entry"][0]["response"]["location"].split("/")[1]
    subjects = [one["resource"]["subject"]["reference"] for one in document["entry"][1:]]
    assert subjects == [f"Patient/{new}", "Patient/1"]


def test_patches_come_as_binary_or_parameters(made: Callable[..., Site], ask: Ask) -> None:
    site = made()
    ask(site, "PUT /Patient/a", patient(id="a", active=True))
    operations = [{"op": "replace", "path": "/active", "value": False}]
    data = base64.b64encode(orjson.dumps(operations)).decode()
    binary = {"resourceType": "Binary", "contentType": "application/json-patch+json", "data": data}
    parts = [
        {"name": "type", "valueCode": "add"},
        {"name": "path", "valueString": "Patient"},
        {"name": "name", "valueString": "birthDate"},
        {"name": "value", "valueDate": "1980-01-01"},
    ]
    parameters = {"resourceType": "Parameters", "parameter": [{"name": "operation", "part": parts}]}
    for sent in (binary, parameters):
        _, document = answered(ask(site, "POST /", bundle("transaction", entry("PATCH Patient/a", sent))))
        assert statuses(document) == [200]
    stored = site.store.read("Patient", "a")
    assert stored is not None
    assert (stored.document["active"], stored.document["birthDate"], stored.version) == (False, "1980-01-01", 3)


@pytest.mark.parametrize(
    ("document", "status"),
    [
        ({"resourceType": "Bundle", "type": "collection"}, 400),
        ({"resourceType": "Patient"}, 400),
        ({"resourceType": "Bundle", "type": "transaction", "entry": {}}, 400),
        ([], 400),
        (b"{", 400),
        (bundle("transaction", entry("PUT Patient/a", patient(id="a")), entry("DELETE Patient/a")), 400),
        (bundle("transaction", entry("POST Patient", patient(), NEW), entry("POST Patient", patient(), NEW)), 400),
        (bundle("transaction", entry("POST /", bundle("batch"))), 400),
        (bundle("transaction", entry("GET http://other.example.org/Patient/1")), 400),
        (bundle("transaction", entry("POST Nonsense", {"resourceType": "Nonsense"})), 404),
        (bundle("transaction", entry("POST Patient")), 400),
    ],
)
def test_what_is_no_bundle_of_requests_is_refused(
    made: Callable[..., Site], ask: Ask, document: Any, status: int
) -> None:
    site = made()
    exchange = ask(site, "POST /", document)
    assert exchange.reply is not None
    assert exchange.reply.status == status
    assert site.log.changes == []


def test_an_empty_transaction_is_answered(made: Callable[..., Site], ask: Ask) -> None:
    assert answered(ask(made(), "POST /", bundle("transaction"))) == (
        200,
        {"resourceType": "Bundle", "type": "transaction-response"},
    )


def test_the_digits_of_a_decimal_survive(made: Callable[..., Site], ask: Ask) -> None:
    site = made()
    sent = orjson.dumps(bundle("transaction", entry("POST Observation", pulse(NEW, valueQuantity={"value": 0}))))
    exchange = ask(site, "POST /", sent.replace(b'"value":0', b'"value":1.500'))
    assert exchange.reply is not None
    assert b'"value":1.500' in exchange.reply.body
    [stored] = site.store.overlay("Observation")
    assert b'"value":1.500' in stored.body


def test_prefer_minimal_leaves_the_resources_out(made: Callable[..., Site], ask: Ask) -> None:
    exchange = ask(made(), "POST /", bundle("transaction", entry("POST Patient", patient())), prefer="return=minimal")
    _, document = answered(exchange)
    assert "resource" not in document["entry"][0]


METHODS = st.sampled_from(
    ["POST Patient", "PUT Patient/a", "DELETE Patient/a", "GET Patient/a", "PATCH Patient/a", "x"]
)
RESOURCES = st.one_of(
    st.none(), st.just({"resourceType": "Patient", "id": "a"}), st.dictionaries(st.text(), st.booleans())
)


@settings(max_examples=60, deadline=None)
@given(
    kind=st.sampled_from(["batch", "transaction"]),
    entries=st.lists(
        st.one_of(st.builds(entry, METHODS, RESOURCES), st.dictionaries(st.text(), st.booleans()), st.booleans()),
        max_size=5,
    ),
)
def test_any_bundle_is_answered_and_a_refused_transaction_changes_nothing(kind: str, entries: list[Any]) -> None:
    site = build_site(SiteOptions("a", stepped=True, open_access=True))
    body = orjson.dumps({"resourceType": "Bundle", "type": kind, "entry": entries})
    exchange = site.handle(Exchange("fhir", "POST", "/", body=body, base_url=BASE))
    assert exchange.reply is not None
    assert exchange.reply.status < 500
    if exchange.reply.status >= 400:
        assert site.log.changes == []


def test_equal_conditional_creates_are_one_and_references_to_both_lead_there(
    made: Callable[..., Site], ask: Ask
) -> None:
    site = made()
    only = {"ifNoneExist": "identifier=urn:x|7"}
    who = patient(identifier=[{"system": "urn:x", "value": "7"}])
    status, document = answered(
        ask(
            site,
            "POST /",
            bundle(
                "transaction",
                entry("POST Patient", who, NEW, **only),
                entry("POST Patient", who, OTHER, **only),
                entry("POST Observation", pulse(OTHER)),
            ),
        )
    )
    assert (status, statuses(document)) == (200, [201, 200, 201])
    subjects = [one.document["subject"]["reference"] for one in site.store.overlay("Observation")]
    assert subjects == [one.key for one in site.store.overlay("Patient")]


def test_a_conditional_create_does_not_find_what_the_transaction_deletes(made: Callable[..., Site], ask: Ask) -> None:
    site = made()
    who = patient(identifier=[{"system": "urn:x", "value": "7"}])
    ask(site, "PUT /Patient/old", who | {"id": "old"})
    status, document = answered(
        ask(
            site,
            "POST /",
            bundle(
                "transaction",
                entry("POST Patient", who, NEW, ifNoneExist="identifier=urn:x|7"),
                entry("POST Observation", pulse(NEW)),
                entry("DELETE Patient/old"),
            ),
        )
    )
    assert (status, statuses(document)) == (200, [201, 201, 204])
    (alive,) = (one.key for one in site.store.overlay("Patient") if not one.deleted)
    assert [one.document["subject"]["reference"] for one in site.store.overlay("Observation")] == [alive]


def test_a_create_that_finds_what_the_transaction_made_under_another_query_undoes_it(
    made: Callable[..., Site], ask: Ask
) -> None:
    site = made()
    who = patient(identifier=[{"system": "urn:x", "value": "7"}])
    status, _ = answered(
        ask(
            site,
            "POST /",
            bundle(
                "transaction",
                entry("POST Patient", who, NEW),
                entry("POST Patient", who, OTHER, ifNoneExist="identifier=urn:x|7"),
                entry("POST Observation", pulse(OTHER)),
            ),
        )
    )
    assert (status, list(site.store.written())) == (409, [])


def test_a_conditional_update_makes_what_it_does_not_find_even_if_clients_may_not_choose_ids(
    made: Callable[..., Site], ask: Ask
) -> None:
    site = made(settings={"write": {"update_create": False}})
    status, document = answered(
        ask(
            site,
            "POST /",
            bundle(
                "transaction",
                entry("PUT Patient?identifier=urn:x|7", patient(identifier=[{"system": "urn:x", "value": "7"}]), NEW),
                entry("POST Observation", pulse(NEW)),
            ),
        )
    )
    assert (status, statuses(document)) == (200, [201, 201])
    made_patient = document["entry"][0]["response"]["location"].rpartition("/_history")[0]
    assert document["entry"][1]["resource"]["subject"]["reference"] == made_patient


def test_a_conditional_reference_that_means_everything_is_refused(made: Callable[..., Site], ask: Ask) -> None:
    site = made()
    ask(site, "PUT /Patient/only", patient(id="only"))
    for query in ("", "_count=1", "_sort=_id"):
        told = ask(site, "POST /", bundle("transaction", entry("POST Observation", pulse(f"Patient?{query}"))))
        assert answered(told)[0] == 412


def test_references_beside_primitives_follow_too(made: Callable[..., Site], ask: Ask) -> None:
    site = made()
    more = {"extension": [{"url": "http://example.org/e", "valueReference": {"reference": NEW}}]}
    ask(
        site,
        "POST /",
        bundle(
            "transaction", entry("POST Patient", patient(), NEW), entry("POST Observation", pulse(NEW, _status=more))
        ),
    )
    (stored,) = site.store.overlay("Observation")
    (who,) = site.store.overlay("Patient")
    assert stored.document["_status"]["extension"][0]["valueReference"] == {"reference": who.key}


def test_an_instant_in_an_entry_makes_a_read_conditional(made: Callable[..., Site], ask: Ask) -> None:
    site = made()
    ask(site, "PUT /Patient/q", patient(id="q"))
    entries = [entry("GET Patient/q", ifModifiedSince=f"{year}-01-01T00:00:00Z") for year in (2099, 1999)]
    assert statuses(answered(ask(site, "POST /", bundle("batch", *entries)))[1]) == [304, 200]


def test_the_outcome_that_is_preferred_comes_as_the_entrys_outcome(made: Callable[..., Site], ask: Ask) -> None:
    told = ask(made(), "POST /", bundle("batch", entry("POST Patient", patient())), prefer="return=OperationOutcome")
    (one,) = answered(told)[1]["entry"]
    assert "resource" not in one
    assert one["response"]["outcome"]["resourceType"] == "OperationOutcome"


def test_a_refused_transaction_returned_nothing(made: Callable[..., Site], ask: Ask) -> None:
    told = ask(made(), "POST /", bundle("transaction", entry("POST Patient", patient()), entry("GET Patient/none")))
    assert answered(told)[0] == 404
    assert (told.returned, told.changes) == ((), ())


def test_what_was_undone_is_found_by_no_later_search(made: Callable[..., Site], ask: Ask) -> None:
    site = made()
    who = patient(identifier=[{"system": "urn:x", "value": "7"}])
    search = "Patient?identifier=urn:x|7"
    ask(
        site,
        "POST /",
        bundle("transaction", entry("POST Patient", who), entry(f"GET {search}"), entry("GET Patient/0")),
    )
    ask(site, "POST /Patient", patient())
    assert answered(ask(site, f"GET /{search}"))[1]["total"] == 0


@pytest.mark.parametrize("vendor", ["epic", "oracle"])
def test_what_a_vendor_refuses_without_an_outcome_has_a_plain_one_in_a_bundle(
    made: Callable[..., Site], ask: Ask, vendor: str
) -> None:
    site = made(vendor, settings={"interactions": {"system": ["batch"]}})
    told = ask(site, "POST /", bundle("batch", entry("GET Nothing/1")), accept="application/fhir+json")
    (one,) = answered(told)[1]["entry"]
    assert one["response"]["status"].startswith("404")
    assert one["response"]["outcome"]["resourceType"] == "OperationOutcome"


@pytest.mark.parametrize("type_", ["<type value='batch'/>", '<type  value = "batch"/>', '<type value="batch"/>'])
def test_a_batch_in_xml_is_one_however_it_is_quoted(made: Callable[..., Site], ask: Ask, type_: str) -> None:
    site = made("oracle")  # which offers batches and no transactions
    body = f'<Bundle xmlns="http://hl7.org/fhir">{type_}</Bundle>'.encode()
    told = ask(site, "POST /", body, content_type="application/fhir+xml", accept="application/fhir+json")
    assert answered(told)[0] == 200
    assert told.interaction is not None
    assert told.interaction.name == "batch"


def test_a_head_in_a_bundle_has_no_resource(made: Callable[..., Site], ask: Ask) -> None:
    site = made()
    ask(site, "PUT /Patient/a", patient(id="a"))
    _, document = answered(ask(site, "POST /", bundle("batch", entry("HEAD Patient/a"), entry("GET Patient/a"))))
    assert statuses(document) == [200, 200]
    assert ["resource" in one for one in document["entry"]] == [False, True]


def test_what_stands_behind_a_full_url_stays_behind_what_it_becomes(made: Callable[..., Site], ask: Ask) -> None:
    site = made()
    link = f'<div xmlns="http://www.w3.org/1999/xhtml"><a href="{NEW}#part">see</a></div>'
    seen = pulse(NEW, text={"status": "generated", "div": link})
    entries = entry("POST Patient", patient(), NEW), entry("POST Observation", seen, OTHER)
    status, document = answered(ask(site, "POST /", bundle("transaction", *entries)))
    assert status == 200
    person, made_of_it = (one["resource"] for one in document["entry"])
    assert f'href="Patient/{person["id"]}#part"' in made_of_it["text"]["div"]


def test_an_entry_has_the_rights_of_the_whole_and_is_confined_to_the_same_patient() -> None:
    outer = Exchange("fhir", "POST", "/", base_url=BASE)
    outer.client, outer.patient = "app", "a"
    inner = exchange_of(Request(0, "GET", "/Patient/a", "", "", None), outer)
    assert (inner.client, inner.patient, inner.scopes) == ("app", "a", outer.scopes)
