"""Exports at a site: every record that the store has, no other, as of one moment."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.sites.exporter import ASYNC, ROOT, Exporter, site_of, truth

from mockehr.core.errors import ConfigError
from mockehr.core.exchange import Exchange
from mockehr.sites.build import build_site
from mockehr.sites.options import SiteOptions
from mockehr.sites.site import Site


def write(site: Site, document: dict[str, Any], id: str = "") -> str:
    """Have a resource written by a client of everything; its id."""
    scopes = Exporter(site, "writer", "system/*.cruds")
    kind = document["resourceType"]
    path = f"/{kind}/{id}" if id else f"/{kind}"
    body = json.dumps(document | ({"id": id} if id else {}), indent=1).encode()
    reply = scopes.send("PUT" if id else "POST", scopes.base + path, {"content-type": "application/fhir+json"}, body)
    assert reply.status in (200, 201), reply
    return id or reply.header("Location").partition(f"/{kind}/")[2].partition("/")[0]


def delete(site: Site, key: str) -> None:
    scopes = Exporter(site, "writer", "system/*.cruds")
    assert scopes.send("DELETE", f"{scopes.base}/{key}").status in (200, 204)


def weigh(patient: str, value: int = 70) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": {"text": "weight"},
        "subject": {"reference": f"Patient/{patient}"},
        "valueQuantity": {"value": value, "unit": "kg"},
    }


def disturb(site: Site) -> None:
    """Written, changed and deleted records, a patient of each kind, and corrupted ones."""
    site.arm({"use": "windows-1252-names", "name": "bad", "with": {"rate": 0.5}})
    site.arm({"use": "half-done-merges", "name": "twice"})
    new = write(site, {"resourceType": "Patient", "name": [{"family": "Written"}]})
    for patient in ("p1", new):
        write(site, weigh(patient))
    write(
        site,
        {"resourceType": "Flag", "status": "active", "code": {"text": "x"}, "subject": {"reference": "Patient/p2"}},
    )
    write(site, {"resourceType": "Patient", "name": [{"family": "Changed"}]}, "p3")
    delete(site, "Patient/p4")
    gone = next(record for record in site.store.chart("p5", "Condition"))
    delete(site, gone.key)
    write(site, {"resourceType": "Organization", "name": "Written House"})


@pytest.mark.parametrize("at", ["", "/Patient", "/Group/d0"])
def test_an_export_has_every_record_of_the_store_and_no_other(at: str) -> None:
    site = site_of(patients=20, bulk={"chunk": 7, "file_resources": 50})
    disturb(site)
    got = Exporter(site).export(at)
    wanted = truth(site)
    if not at:  # the whole system: what is left of who was deleted, too, and the Group
        wanted |= {r.key: r.body for kind in site.fhir.types for r in site.store.chart("p4", kind)}
        wanted |= {r.key: r.body for r in site.store.shared("Group")}
    assert got.keys() == wanted.keys()
    assert all(json_of(got[key]) == json_of(wanted[key]) for key in wanted)
    assert "Patient/p4" not in got
    assert sum(1 for line in got.values() if not is_utf8(line)) > 1


def json_of(octets: bytes) -> Any:
    return json.loads(octets.decode("utf-8", "surrogateescape"))


def is_utf8(octets: bytes) -> bool:
    try:
        octets.decode()
    except UnicodeDecodeError:
        return False
    return True


@pytest.mark.parametrize("vendor", ["epic", "oracle"])
def test_vendors_export_what_their_servers_have(vendor: str) -> None:
    site = site_of(vendor, patients=6)
    client = Exporter(site)
    got = client.export(client.group())
    settings = site.bulk.settings
    wanted = {
        key: body
        for key, body in truth(site).items()
        if (not settings.types or key.partition("/")[0] in settings.types)
        and key.partition("/")[0] in site.fhir.types
        and key.partition("/")[0] not in settings.on_request
    }
    assert got == wanted
    assert len({key.partition("/")[0] for key in got}) > 12


def test_what_is_written_while_an_export_is_made_is_not_in_it() -> None:
    site = site_of(patients=9, bulk={"chunk": 3})
    write(site, weigh("p1", 50))
    kept = write(site, {"resourceType": "Patient", "name": [{"family": "Early"}]})
    changed = write(site, weigh("p6", 60))
    client, wanted = Exporter(site), truth(site)
    reply = client.kick_off("/Patient")
    first = client.send("GET", reply.header("Content-Location"))
    assert first.status == 202
    disturb_later(site, kept, changed)
    manifest = client.manifest(reply)
    assert client.records(manifest) == {key: flat(body) for key, body in wanted.items()}
    before = {listed["url"]: client.fetch(listed) for listed in manifest["output"]}
    site.bulk.shelf.clear()
    write(site, weigh("p1", 99))
    assert {listed["url"]: client.fetch(listed) for listed in manifest["output"]} == before


def disturb_later(site: Site, patient: str, observation: str) -> None:
    site.clock.advance(1)
    write(site, weigh("p1", 80))
    write(site, weigh("p6", 61), observation)
    write(site, weigh("p6", 62), observation)
    write(site, {"resourceType": "Patient", "name": [{"family": "Late"}]})
    write(site, {"resourceType": "Patient", "name": [{"family": "Changed"}]}, "p3")
    delete(site, "Patient/p4")
    delete(site, f"Patient/{patient}")
    delete(site, next(iter(site.store.chart("p5", "Condition"))).key)
    write(site, {"resourceType": "Organization", "name": "Late House"})


def flat(body: bytes) -> bytes:
    return body.replace(b"\n", b" ")


def test_groups_are_functions_of_the_population_and_keep_who_was_written() -> None:
    site = site_of(patients=200)
    record = site.store.read("Patient", "p7")
    assert record is not None
    family = record.document["name"][0]["family"]
    site = site_of(patients=200, groups={"all": {}, "first": {"patients": 5}, "named": {"query": f"family={family}"}})
    new = write(site, {"resourceType": "Patient", "name": [{"family": family}]})
    client = Exporter(site, scopes="system/Patient.rs")
    charts = [site.store.read("Patient", id) for id in site.store.base.everyone()]
    named = {one.id for one in charts if one is not None and one.document["name"][0]["family"] == family}
    assert "p7" in named
    assert client.export(client.group("named"), "?_type=Patient").keys() == {f"Patient/{id}" for id in named | {new}}
    assert client.export(client.group("first"), "?_type=Patient").keys() == {f"Patient/p{n}" for n in range(5)}
    assert len(client.export(client.group("all"), "?_type=Patient")) == 201
    group = json.loads(Exporter(site).send("GET", client.base + client.group("first")).body)
    assert group["quantity"] == 5
    assert [one["entity"]["reference"] for one in group["member"]] == [f"Patient/p{n}" for n in range(5)]


def test_a_group_that_was_written_is_exported_and_strangers_in_it_are_errors() -> None:
    site = site_of(patients=9)
    members = [{"entity": {"reference": f"Patient/{id}"}} for id in ("p2", "p5", "p404", "p8")]
    members[3]["inactive"] = True  # type: ignore[assignment]
    id = write(site, {"resourceType": "Group", "type": "person", "actual": True, "member": members})
    client = Exporter(site)
    manifest = client.manifest(client.kick_off(f"/Group/{id}"))
    assert client.records(manifest).keys() == truth(site, ["p2", "p5"]).keys()
    (error,) = manifest["error"]
    assert "Patient/p404" in json.loads(client.fetch(error)[0])["issue"][0]["diagnostics"]


def test_since_gives_what_changed_and_tells_of_what_was_deleted() -> None:
    site = site_of(patients=9)
    write(site, weigh("p1", 1))
    site.clock.advance(86400)
    since = "2026-01-06T11:00:00Z"
    new = write(site, weigh("p1", 2))
    delete(site, "Patient/p4")
    client = Exporter(site)
    manifest = client.manifest(client.kick_off("/Patient", f"?_since={since}"))
    assert client.records(manifest).keys() == {f"Observation/{new}"}
    (deleted,) = manifest["deleted"]
    bundle = json.loads(client.fetch(deleted)[0])
    assert deleted["type"] == "Bundle"
    assert bundle["type"] == "transaction"
    assert bundle["entry"] == [{"request": {"method": "DELETE", "url": "Patient/p4"}}]
    assert "deleted" not in client.manifest(client.kick_off("/Patient"))


def test_type_filters_of_one_type_are_alternatives() -> None:
    site = site_of(patients=9)
    query = (
        "?_type=Observation,Patient&_typeFilter=Observation%3Fcategory%3Dlaboratory%2CObservation%3Fcode%3D85354-9"
    )
    got = Exporter(site).export("/Patient", query)
    wanted = {
        key: body
        for key, body in truth(site).items()
        if key.startswith("Patient/")
        or (key.startswith("Observation/") and (b'"code":"laboratory"' in body or b"85354-9" in body))
    }
    assert got == wanted
    assert len(got) < sum(1 for key in truth(site) if key.startswith(("Patient/", "Observation/")))


@pytest.mark.parametrize("query", ["?_type=", "?_type=,,"])
def test_a_type_without_a_value_says_nothing(query: str) -> None:
    site = site_of(patients=1)
    assert Exporter(site).export("/Patient", query) == truth(site)


def test_types_that_are_not_known_are_left_out_on_request() -> None:
    site = site_of(patients=1)
    got = Exporter(site).export("/Patient", "?_type=Patient,Patent", prefer="respond-async, handling=lenient")
    assert got.keys() == {"Patient/p0"}


def test_a_comma_within_a_type_filter_parts_values_of_its_search() -> None:
    site = site_of(patients=9)
    got = Exporter(site).export("/Patient", "?_type=Patient&_typeFilter=Patient%3Fgender%3Dmale,female")
    assert len(got) == 9


def test_elements_leave_the_named_and_mandatory_ones_and_a_tag() -> None:
    site = site_of(patients=3)
    got = Exporter(site).export("/Patient", "?_type=Patient,Observation&_elements=Patient.birthDate,status")
    for key, line in got.items():
        document = json.loads(line)
        assert document["meta"]["tag"][0]["code"] == "SUBSETTED"
        if key.startswith("Patient/"):
            assert document.keys() == {"resourceType", "id", "meta", "birthDate"}
        else:
            assert document.keys() == {"resourceType", "id", "meta", "status", "code"}


@pytest.mark.parametrize(("word", "count"), [("LatestProvenanceResources", 1), ("RelevantProvenanceResources", 2)])
def test_provenance_comes_along_as_asked(word: str, count: int) -> None:
    site = site_of(patients=1)
    target = next(iter(site.store.chart("p0", "Immunization")))
    site.store.commit(
        {
            "resourceType": "Provenance",
            "id": "later",
            "target": [{"reference": target.key}],
            "recorded": "2026-01-05T13:00:00Z",
        },
        kind="create", source="control", patient="p0",
    )  # fmt: skip
    of_one = f"_typeFilter=Immunization?_id={target.id}"
    got = Exporter(site).export("/Patient", f"?_type=Immunization&{of_one}&includeAssociatedData={word}")
    assert sum(1 for key in got if key.startswith("Provenance/")) == count
    assert "Provenance/later" in got
    alone = Exporter(site).export("/Patient", f"?_type=Immunization&{of_one}")
    assert alone.keys() == {target.key}


def test_provenance_that_comes_along_is_covered_by_the_token() -> None:
    site, query = site_of(patients=2), "?_type=Immunization&includeAssociatedData=RelevantProvenanceResources"
    assert Exporter(site, scopes="system/Immunization.rs").kick_off("/Patient", query).status == 403
    part = Exporter(site, scopes="system/Immunization.rs system/Provenance.rs?_id=none")
    assert {key.partition("/")[0] for key in part.export("/Patient", query)} == {"Immunization"}
    whole = Exporter(site, scopes="system/Immunization.rs system/Provenance.rs")
    assert {key.partition("/")[0] for key in whole.export("/Patient", query)} == {"Immunization", "Provenance"}


def test_nothing_is_lost_between_two_exports_at_one_time() -> None:
    site = site_of(patients=3)
    client = Exporter(site)
    site.clock.advance(86400)
    reply = client.kick_off("/Patient")
    new = write(site, weigh("p1"))
    delete(site, "Patient/p2")
    first = client.manifest(reply)
    assert f"Observation/{new}" not in client.records(first)
    second = client.manifest(client.kick_off("/Patient", f"?_since={first['transactionTime']}"))
    assert client.records(second).keys() == {f"Observation/{new}"}
    assert len(second["deleted"]) == 1


def test_listed_patients_are_exported_and_others_are_refused() -> None:
    site = site_of(patients=9, groups={"all": {}, "first": {"patients": 5}})
    client = Exporter(site)

    def posted(at: str, *ids: str) -> Any:
        texts = [id if "/" in id else f"Patient/{id}" for id in ids]
        parameters = [{"name": "patient", "valueReference": {"reference": text}} for text in texts]
        body = json.dumps({"resourceType": "Parameters", "parameter": parameters}).encode()
        told = ASYNC | {"content-type": "application/fhir+json"}
        return client.send("POST", f"{client.base}{at}/$export", told, body)

    manifest = client.manifest(posted("/Patient", "p7", "p2"))
    assert client.records(manifest).keys() == truth(site, ["p2", "p7"]).keys()
    assert posted("/Patient", f"{client.base}/Patient/p7").status == 202
    for stranger in (
        "p99",
        "https://other.example.org/fhir/R4/Patient/p7",
        "Observation/p7",
        "Patient/p7/_history/1",
    ):
        assert posted("/Patient", "p2", stranger).status == 400, stranger
    assert posted(client.group("first"), "p7").status == 400
    assert posted("", "p7").status == 400
    assert client.kick_off("/Patient", "?patient=Patient/p1").status == 400


@pytest.mark.parametrize(
    ("query", "part"),
    [
        ("?_typ=Patient", "_type"),
        ("?_type=Patent", "Patient"),
        ("?_since=yesterday", "instant"),
        ("?_outputFormat=csv", "ndjson"),
        ("?_typeFilter=Patient", "search"),
        ("?_typeFilter=Patient?nme=x", "name"),
        ("?_typeFilter=Patient?_sort=name", "shown"),
        ("?_type=Patient&_typeFilter=Observation?code=1", "Observation"),
        ("?includeAssociatedData=LatestProvenance", "LatestProvenanceResources"),
    ],
)
def test_what_cannot_be_used_is_named_and_ignored_on_request(query: str, part: str) -> None:
    client = Exporter(site_of(patients=1))
    refused = client.kick_off("/Patient", query)
    assert refused.status == 400
    issue = json.loads(refused.body)["issue"][0]
    assert part in issue["details"]["text"]
    lenient = client.kick_off("/Patient", query, prefer="respond-async, handling=lenient")
    assert lenient.status == 202


@pytest.mark.parametrize(
    "format", ["application/fhir+ndjson", "application%2Ffhir%2Bndjson", "application/ndjson", "ndjson"]
)
def test_three_spellings_of_the_format_are_known(format: str) -> None:
    assert Exporter(site_of(patients=1)).kick_off("", f"?_outputFormat={format}").status == 202


@pytest.mark.parametrize(
    ("scopes", "patient", "query", "status"),
    [
        ("system/Patient.rs", "", "?_type=Patient", 202),
        ("system/Patient.read", "", "", 202),
        ("system/Patient.rs", "", "?_type=Patient,Observation", 403),
        ("system/Patient.r", "", "?_type=Patient", 403),
        ("system/Group.rs", "", "?_type=Patient", 403),
        ("user/Patient.rs", "", "?_type=Patient", 403),
        ("patient/Patient.rs", "p1", "?_type=Patient", 403),
        ("system/Patient.rs", "p1", "?_type=Patient", 403),
        ("openid", "", "", 403),
    ],
)
def test_an_export_needs_system_scopes_of_its_types(scopes: str, patient: str, query: str, status: int) -> None:
    client = Exporter(site_of(patients=2), scopes=scopes, patient=patient)
    assert client.kick_off("/Patient", query).status == status


def test_without_types_a_token_gets_what_it_covers_and_no_more() -> None:
    site = site_of(patients=4)
    client = Exporter(site, scopes="system/Patient.rs system/Observation.rs?category=laboratory")
    got = client.export("/Patient")
    wanted = {
        key: body
        for key, body in truth(site).items()
        if key.startswith("Patient/") or (key.startswith("Observation/") and b'"code":"laboratory"' in body)
    }
    assert got == wanted


def test_a_job_is_asked_after_until_it_is_due_and_gone_when_it_expires() -> None:
    site = site_of(patients=100, bulk={"at_least": 40, "per_patient": 0.6, "kept": 1000})
    client = Exporter(site)
    where = client.kick_off("", "?_type=Patient").header("Content-Location")
    site.clock.advance(50)
    running = client.send("GET", where)
    assert (running.status, running.body) == (202, b"")
    assert (running.header("X-Progress"), running.header("Retry-After")) == ("50% complete", "5")
    site.clock.advance(50)
    done = client.send("GET", where)
    assert done.status == 200
    assert done.header("Expires") == "Mon, 05 Jan 2026 12:18:20 GMT"
    manifest = json.loads(done.body)
    assert manifest["transactionTime"] == "2026-01-05T12:00:00.000Z"
    assert manifest["request"] == f"{client.base}/$export?_type=Patient"
    assert manifest["requiresAccessToken"] is True
    file = manifest["output"][0]["url"]
    assert Exporter(site, "another").send("GET", where).status == 404
    assert Exporter(site, "another").send("GET", file).status == 404
    assert client.send("GET", file, {"authorization": ""}).status == 401
    site.clock.advance(1000)
    assert client.send("GET", where).status == 404
    assert client.send("GET", file).status == 404


@pytest.mark.parametrize("wait", [0, 3600])
def test_a_deleted_job_is_gone(wait: int) -> None:
    site = site_of(patients=2)
    client = Exporter(site)
    where = client.kick_off().header("Content-Location")
    site.clock.advance(wait)
    assert Exporter(site, "another").send("DELETE", where).status == 404
    assert client.send("DELETE", where).status == 202
    after = client.send("GET", where)
    assert after.status == 404
    assert json.loads(after.body)["resourceType"] == "OperationOutcome"
    assert client.send("DELETE", where).status == 404
    assert not site.bulk.work(1)


def test_polling_too_often_is_refused_where_the_vendor_does() -> None:
    site = site_of(patients=1, bulk={"too_often": True, "retry_after": 10, "at_least": 100})
    client = Exporter(site)
    where = client.kick_off().header("Content-Location")
    assert client.send("GET", where).status == 202
    site.clock.advance(4)
    early = client.send("GET", where)
    assert (early.status, early.header("Retry-After")) == (429, "6")
    site.clock.advance(10)
    assert client.send("GET", where).status == 202


def test_a_kick_off_without_the_preference_is_refused() -> None:
    client = Exporter(site_of(patients=1))
    assert client.send("GET", f"{client.base}/$export").status == 400
    for prefer, accepted in (
        ("respond-async, handling=lenient", 202),
        ("handling=lenient;respond-async", 202),
        ("Respond-Async", 202),
        ("dont-respond-async", 400),
        ("respond-asynchronously", 400),
    ):
        assert client.send("GET", f"{client.base}/$export", {"prefer": prefer}).status == accepted, prefer
    assert client.send("HEAD", f"{client.base}/$export", ASYNC).status == 405
    assert client.send("GET", f"{client.base}/Patient/p0/$export", ASYNC).status == 404
    assert client.send("GET", f"{client.base}/Group/$export", ASYNC).status == 404
    assert client.send("GET", f"{client.base}/Group/none/$export", ASYNC).status == 404


def test_large_exports_are_there_at_once_uncounted_and_hold_the_same() -> None:
    site = site_of(patients=25, bulk={"counted_up_to": 5, "large_chunk": 10})
    disturb(site)
    client = Exporter(site)
    reply = client.kick_off("/Patient")
    assert not site.bulk.work(1), "nothing is made ahead"
    manifest = client.manifest(reply)
    assert not any("count" in listed for listed in manifest["output"])
    got, wanted = client.records(manifest), truth(site)
    assert got.keys() == wanted.keys()
    kinds = [listed["type"] for listed in manifest["output"]]
    assert kinds.count("Flag") == 1, "listed only where it can be"
    assert kinds.count("Patient") == 4, "three stretches that are computed, one that was written"


def test_the_same_export_gives_the_same_octets_in_the_order_of_chunks() -> None:
    def once() -> list[tuple[str, bytes]]:
        client = Exporter(site_of(patients=12, bulk={"chunk": 5}))
        manifest = client.manifest(client.kick_off("/Patient"))
        chunks = [int(listed["url"].rsplit(".", 3)[1]) for listed in manifest["output"]]
        assert chunks == sorted(chunks)
        assert set(chunks) == {0, 1, 2, 3}
        return [(listed["url"], b"\n".join(client.fetch(listed))) for listed in manifest["output"]]

    assert once() == once()


def test_an_export_leaves_the_cache_of_charts_alone() -> None:
    site = site_of(patients=30)
    assert site.charts is not None
    kept = site.charts.dressed(3)
    Exporter(site).export("/Patient")
    assert site.charts.dressed(3) is kept
    assert len(site.charts._cache) == 1


def test_files_that_were_forgotten_are_made_again() -> None:
    site = site_of(patients=12, bulk={"chunk": 3, "cache_octets": 1})
    client = Exporter(site)
    assert client.export("/Patient").keys() == truth(site).keys()
    assert site.bulk.shelf.octets < 200_000


def test_a_site_without_charts_exports_what_was_written() -> None:
    site = build_site(SiteOptions("a", stepped=True))
    ids = [write(site, {"resourceType": "Patient", "name": [{"family": f"F{n}"}]}) for n in range(3)]
    seen = write(site, weigh(ids[1]))
    wanted = {f"Patient/{id}" for id in ids} | {f"Observation/{seen}"}
    assert Exporter(site).export().keys() == wanted
    assert Exporter(site).export("/Patient").keys() == wanted


@pytest.mark.behaviour(
    "epic", "group-only", "system-export", "bulk-addresses", "bulk-manifest", "no-since", "once-a-day", "progress"
)
def test_epic_exports_a_group_once_a_day_unless_it_was_cancelled_in_time() -> None:
    site = site_of("epic", patients=2)
    client = Exporter(site)
    first = client.kick_off(client.group())
    where = first.header("Content-Location")
    assert where.startswith(f"{ROOT}/interconnect-fhir-oauth/api/FHIR/BulkRequest/")
    assert len(where.rpartition("/")[2]) == 32
    again = client.kick_off(client.group())
    assert again.status == 400
    assert b"The Client requested this Group too recently" in again.body
    assert client.send("GET", where).header("X-Progress") == "Searched 0 of 2 patients"
    assert client.send("DELETE", where).status == 202
    second = client.kick_off(client.group())
    manifest = client.manifest(second)
    assert manifest["requiresAccessToken"] == "true"
    assert all(listed["url"].startswith(second.header("Content-Location") + "/") for listed in manifest["output"])
    assert client.send("DELETE", second.header("Content-Location")).status == 202
    assert client.kick_off(client.group()).status == 400
    site.clock.advance(86400)
    assert client.kick_off(client.group()).status == 202
    nowhere = client.kick_off()
    assert (nowhere.status, nowhere.content_type or nowhere.header("Content-Type")) == (404, "text/html")
    assert client.send("GET", client.base + client.group(), {"accept": "application/json"}).status == 200
    assert client.kick_off(client.group(), "?_since=2026-01-01T00:00:00Z").status == 400


@pytest.mark.behaviour(
    "oracle",
    "bulk-addresses",
    "bulk-group-not-read",
    "bulk-progress",
    "bulk-signed-files",
    "bulk-one-at-a-time",
    "bulk-filters",
    "bulk-accompanied",
    "throttled-bodies",
)
def test_oracle_runs_one_export_of_a_client_and_signs_where_its_files_lie() -> None:
    site = site_of("oracle", patients=3)
    client = Exporter(site)
    reply = client.kick_off(client.group())
    where = reply.header("Content-Location")
    assert where.startswith(f"{client.base}/bulk-export/jobs/")
    busy = client.kick_off(client.group())
    assert (busy.status, json.loads(busy.body)["issue"][0]["code"]) == (429, "throttled")
    assert Exporter(site, "another").kick_off(client.group()).status == 202
    running = client.send("GET", where)
    assert (running.header("X-Progress"), running.header("Retry-After")) == ("in-progress", "600")
    manifest = client.manifest(reply)
    url = manifest["output"][0]["url"]
    assert url.startswith(f"{client.base}/bulk-export/files/")
    told = client.send("GET", url)
    assert (told.status, told.body) == (307, b"")
    there = told.header("Location")
    assert client.send("GET", there).status == 200  # of one origin, so that a token may come along
    bare = {"authorization": ""}
    assert client.send("GET", there, bare).status == 200
    assert client.send("GET", there[:-1] + ("0" if there[-1] != "0" else "1"), bare).status == 403
    site.clock.advance(301)
    assert client.send("GET", there, bare).status == 403
    assert client.send("GET", client.base + client.group()).status == 405
    assert client.kick_off(client.group(), "?_typeFilter=Observation?nonsense=1").status == 422
    assert client.kick_off(client.group(), "?_typeFilter=Patient?gender=male").status == 422
    assert client.kick_off(client.group(), "?_type=Practitioner").status == 400
    twice = "?_typeFilter=Condition?category=problem-list-item,Condition?category=encounter-diagnosis"
    assert client.kick_off(client.group(), twice).status == 400


def test_settings_that_mean_nothing_are_refused_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match="'grup'"):
        site_of(bulk={"levels": ["grup"]})
    with pytest.raises(ConfigError, match=r"groups\.x"):
        site_of(groups={"x": {"quer": "a"}})
    with pytest.raises(ConfigError, match="cannot be computed"):
        site_of(groups={"x": {"query": "active=true"}})


def test_addresses_bodies_and_statuses_are_the_vendors_business() -> None:
    site = site_of(
        patients=2,
        bulk={
            "status_url": "{root}/v1/bulk/status?groupId={group}&jobId={job}",
            "file_url": "{base}/$export-file?job={job}&name={file}",
            "kickoff_body": {"status": "accepted", "jobId": "{job}"},
            "status_body": {"status": "busy"},
            "file_status": 202,
        },
    )
    client = Exporter(site)
    reply = client.kick_off(client.group())
    where = reply.header("Content-Location")
    body = json.loads(reply.body)
    assert where == f"{ROOT}/v1/bulk/status?groupId=d0&jobId={body['jobId']}"
    assert json.loads(client.send("GET", where).body) == {"status": "busy"}
    url = client.manifest(reply)["output"][0]["url"]
    assert url.startswith(f"{client.base}/$export-file?job={body['jobId']}&name=")
    assert client.send("GET", url).status == 202


def test_a_site_that_offers_no_export_has_no_such_paths() -> None:
    site = site_of(patients=1, bulk={"levels": []})
    client = Exporter(site)
    assert client.kick_off().status == 404
    assert site.endpoints.channel("/bulk/jobs/x") is None
    statement = json.loads(site.handle(Exchange("fhir", path="/metadata", base_url=client.base)).reply.body)  # type: ignore[union-attr]
    assert not any("bulkdata" in one for one in statement.get("instantiates", ()))


def test_the_capability_statement_tells_of_exports() -> None:
    site = site_of(patients=1)
    exchange = site.handle(Exchange("fhir", path="/metadata", base_url="http://x/fhir/R4"))
    assert exchange.reply is not None
    statement = json.loads(exchange.reply.body)
    assert "http://hl7.org/fhir/uv/bulkdata/CapabilityStatement/bulk-data" in statement["instantiates"]
    rest = statement["rest"][0]
    of_group = next(one for one in rest["resource"] if one["type"] == "Group")
    told = {one["name"]: one["definition"] for one in of_group["operation"]}
    assert told["export"].endswith("/group-export")
    assert {one["name"]: one["definition"] for one in rest["operation"]}["export"].endswith("/export")


def test_a_reset_ends_all_exports() -> None:
    site = site_of(patients=3)
    where = Exporter(site).kick_off().header("Content-Location")
    site.reset()
    client = Exporter(site)
    site.clock.advance(3600)
    assert client.send("GET", where).status == 404
    assert not site.bulk.work(1)


def test_exports_end_when_the_site_goes_back_to_a_snapshot_and_their_names_are_not_given_again() -> None:
    client = Exporter(site_of())
    client.site.snapshots.take("before")
    done, files = client.kick_off(), client.manifest(client.kick_off())["output"]
    client.site.snapshots.restore("before")
    assert client.send("GET", done.header("Content-Location")).status == 404
    assert client.send("GET", files[0]["url"]).status == 404
    assert client.kick_off().header("Content-Location") != done.header("Content-Location")
