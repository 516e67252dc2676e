"""Histories of a resource, a type, and the server."""

from __future__ import annotations

from typing import Any

import orjson


def shown(exchange: Any) -> Any:
    assert exchange.reply.status == 200
    bundle = orjson.loads(exchange.reply.body)
    assert bundle["type"] == "history"
    return bundle


def told(bundle: Any) -> list[tuple[str, str, str]]:
    return [(e["request"]["method"], e["request"]["url"], e["response"]["etag"]) for e in bundle.get("entry", ())]


def patient(id: str, family: str) -> dict[str, Any]:
    return {"resourceType": "Patient", "id": id, "name": [{"family": family}]}


def test_every_version_of_a_resource_is_told_the_newest_first(made: Any, ask: Any) -> None:
    site = made(patients=5)
    ask(site, "PUT /Patient/p3", patient("p3", "Two"))
    ask(site, "DELETE /Patient/p3")
    bundle = shown(ask(site, "GET /Patient/p3/_history"))
    assert told(bundle) == [
        ("DELETE", "Patient/p3", 'W/"3"'),
        ("PUT", "Patient/p3", 'W/"2"'),
        ("POST", "Patient", 'W/"1"'),
    ]
    assert bundle["total"] == 3
    assert ["resource" in entry for entry in bundle["entry"]] == [False, True, True]
    assert [entry["response"]["status"] for entry in bundle["entry"]] == ["204", "200", "201"]
    assert ask(site, "GET /Patient/nobody/_history").reply.status == 404


def test_the_history_of_a_type_and_of_the_server_tell_what_was_written(made: Any, ask: Any) -> None:
    site = made(patients=5)
    ask(site, "PUT /Patient/p1", patient("p1", "One"))
    ask(site, "POST /Goal", {"resourceType": "Goal", "lifecycleStatus": "active", "description": {"text": "walk"},
                             "subject": {"reference": "Patient/p1"}})  # fmt: skip
    ask(site, "PUT /Patient/p2", patient("p2", "Two"))
    assert [url for _, url, _ in told(shown(ask(site, "GET /Patient/_history")))] == ["Patient/p2", "Patient/p1"]
    every = told(shown(ask(site, "GET /_history")))
    assert [url for _, url, _ in every] == ["Patient/p2", "Goal", "Patient/p1"]
    assert told(shown(ask(site, "GET /Observation/_history"))) == []


def test_a_history_is_paged_and_starts_where_it_is_told(made: Any, ask: Any) -> None:
    site = made(patients=5)
    for number in range(5):
        ask(site, "PUT /Patient/p1", patient("p1", f"N{number}"))
        site.clock.advance(60)
    first = shown(ask(site, "GET /Patient/_history?_count=2"))
    assert (first["total"], len(first["entry"])) == (5, 2)
    following = next(link["url"] for link in first["link"] if link["relation"] == "next")
    second = shown(ask(site, "GET " + following.partition("/a/fhir/R4")[2]))
    assert [etag for _, _, etag in told(second)] == ['W/"4"', 'W/"3"']
    since = second["entry"][0]["response"]["lastModified"]
    assert len(told(shown(ask(site, f"GET /Patient/_history?_since={since}")))) == 3
    assert ask(site, "GET /Patient/_history?_since=soon").problem.parameter == "_since"
    assert ask(site, "GET /Patient/_history?_count=many").problem.parameter == "_count"
    assert ask(site, "GET /Patient/_history?_page=made-up").reply.status == 410


def test_the_statement_claims_them_and_vendors_without_them_refuse(made: Any, ask: Any) -> None:
    rest = orjson.loads(ask(made(), "GET /metadata").reply.body)["rest"][0]
    entry = next(one for one in rest["resource"] if one["type"] == "Patient")
    assert {"delete", "history-instance", "history-type"} <= {one["code"] for one in entry["interaction"]}
    assert {"code": "history-system"} in rest["interaction"]
    for vendor in ("epic", "oracle"):
        for path in ("/_history", "/Patient/_history", "/Patient/x/_history"):
            assert ask(made(vendor), f"GET {path}").problem.status == 405


def test_a_history_tells_less_when_asked_for_less_on_every_page(made: Any, ask: Any) -> None:
    site = made()
    for active in (True, False, True):
        body = {"resourceType": "Patient", "id": "x", "active": active, "maritalStatus": {"text": "m"}}
        ask(site, "PUT /Patient/x", body)
    first = shown(ask(site, "GET /Patient/x/_history?_elements=active&_count=2"))
    following = next(link["url"] for link in first["link"] if link["relation"] == "next")
    second = shown(ask(site, "GET " + following.partition("/a/fhir/R4")[2]))
    versions = [entry["resource"] for page in (first, second) for entry in page["entry"]]
    assert [(one["active"], "maritalStatus" in one) for one in versions] == [
        (True, False),
        (False, False),
        (True, False),
    ]
    assert ask(site, "GET /Patient/_history?_summary=all").problem.parameter == "_summary"


def test_what_was_made_anew_after_its_end_is_told_as_created_on_any_page(made: Any, ask: Any) -> None:
    site = made()
    patient = {"resourceType": "Patient", "id": "q"}
    for request in ("PUT", "DELETE", "PUT", "PUT"):
        ask(site, f"{request} /Patient/q", patient if request == "PUT" else None)
    found = []
    for query in ("", "?_count=2"):
        bundle = orjson.loads(ask(site, f"GET /Patient/q/_history{query}").reply.body)
        found.append([entry["response"]["status"] for entry in bundle["entry"]])
    assert found == [["200", "201", "204", "201"], ["200", "201"]]
