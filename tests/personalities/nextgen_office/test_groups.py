"""NextGen Office's groups and their export. Sources: personalities/nextgen_office/notes.md, section Bulk."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import pytest

from mockehr.core.exchange import Reply

House = Any
Houses = Callable[..., House]
BULK = "/api/bulkfhir/r4"


@pytest.fixture
def office(house: Houses) -> House:
    return house("nextgen_office", 6, fresh=1)


@pytest.fixture(scope="module")
def reader(house: Houses) -> House:
    return house("nextgen_office", 30)


def sent(house: House, method: str, target: str, body: Any = None, **headers: str) -> Reply:
    octets = body if isinstance(body, bytes) else orjson.dumps(body) if body is not None else b""
    reply: Reply = house.ask(method, f"{BULK}{target}", None, octets, **headers)
    return reply


def made(house: House, *indexes: int, **headers: str) -> Reply:
    ids = [house.patient(index) for index in indexes]
    return sent(house, "POST", "/Group", {"resourceType": "Group", "name": "Some", "patientIds": ids}, **headers)


def members(group: dict[str, Any]) -> list[str]:
    return [one["entity"]["reference"].partition("/")[2] for one in group.get("member", ())]


@pytest.mark.behaviour("nextgen_office", "bulk-base", "patient-search")
def test_patients_are_searched_page_by_page_until_nobody_is_found(reader: House) -> None:
    seen: list[str] = []
    for page, count in ((1, 20), (2, 10)):
        bundle = orjson.loads(sent(reader, "GET", f"/$patient-search?page={page}").body)
        assert len(bundle["entry"]) == count
        assert ("next" in [one["relation"] for one in bundle["link"]]) == (page == 1)
        seen += [one["resource"]["id"] for one in bundle["entry"]]
    assert len(set(seen)) == 30
    assert sent(reader, "GET", "/$patient-search?page=3").status == 404
    one = orjson.loads(sent(reader, "GET", f"/$patient-search?patientChartNo=HF{seen[4]}").body)
    assert [entry["resource"]["id"] for entry in one["entry"]] == [seen[4]]
    late = orjson.loads(sent(reader, "GET", "/$patient-search?encDate=ge2025-06-01").body)["entry"]
    assert 0 < len(late) <= 20
    for entry in late[:3]:
        dates = reader.read(f"Encounter?patient={entry['resource']['id']}&date=ge2025-06-01")
        assert dates["total"]
    for wrong in ("page=0", "page=x", "encDate=soon"):
        assert sent(reader, "GET", f"/$patient-search?{wrong}").status == 400
    for nobody in ("patientChartNo=HF1", "patientChartNo=428", "encDate=ge2100-01-01"):
        assert sent(reader, "GET", f"/$patient-search?{nobody}").status == 404


@pytest.mark.behaviour("nextgen_office", "group-create", "group-read")
def test_a_group_that_is_made_can_be_read_and_deleted(office: House) -> None:
    assert sent(office, "GET", "/Group").status == 404
    before = len(office.site.log.changes)
    reply = made(office, 0, 2)
    group = orjson.loads(reply.body)
    assert reply.status == 201
    assert members(group) == [office.patient(0), office.patient(2)]
    assert reply.header("Location").endswith(f"{BULK}/Group/{group['id']}")
    assert [one.kind for one in office.site.log.changes[before:]] == ["create"]
    assert orjson.loads(sent(office, "GET", f"/Group/{group['id']}").body) == group
    assert [one["resource"] for one in orjson.loads(sent(office, "GET", "/Group").body)["entry"]] == [group]
    assert sent(office, "DELETE", f"/Group/{group['id']}").status == 200
    assert sent(office, "GET", f"/Group/{group['id']}").status == 404
    assert sent(office, "GET", "/Group").status == 404


@pytest.mark.behaviour("nextgen_office", "group-update")
def test_a_put_takes_patients_in_and_out(office: House) -> None:
    id = orjson.loads(made(office, 0, 1).body)["id"]
    more, fewer = [office.patient(3), office.patient(1)], [office.patient(0)]
    body = {
        "resourceType": "Group",
        "id": id,
        "name": "New",
        "patientIdsToInclude": more,
        "patientIdsToExclude": fewer,
    }
    reply = sent(office, "PUT", f"/Group/{id}", body)
    assert reply.status == 200
    assert members(orjson.loads(reply.body)) == [office.patient(1), office.patient(3)]
    assert orjson.loads(sent(office, "GET", f"/Group/{id}").body)["name"] == "New"
    assert sent(office, "PUT", "/Group/nothing", body).status == 404


@pytest.mark.behaviour("nextgen_office", "group-ids")
@pytest.mark.parametrize("ids", [["1"], [], "1", None, [{}], [True], [["1"]]])
def test_ids_of_nobody_are_refused_and_nothing_is_written(office: House, ids: Any) -> None:
    before = len(office.site.log.changes)
    reply = sent(office, "POST", "/Group", {"resourceType": "Group", "patientIds": ids})
    assert (reply.status, orjson.loads(reply.body)["resourceType"]) == (422, "OperationOutcome")
    assert sent(office, "POST", "/Group", b"{").status == 400
    assert sent(office, "POST", "/Group", {"resourceType": "Patient"}).status == 422
    assert len(office.site.log.changes) == before


@pytest.mark.behaviour("nextgen_office", "group-quota")
def test_a_client_has_so_many_groups_and_no_more(house: Houses) -> None:
    office = house("nextgen_office", 3, settings={"bulk_groups": {"quota": 2}})
    first = orjson.loads(made(office, 0).body)["id"]
    assert made(office, 1).status == 201
    assert made(office, 2).status == 403
    assert sent(office, "DELETE", f"/Group/{first}").status == 200
    assert made(office, 2).status == 201


def test_groups_are_those_of_one_client_and_none_of_a_patients_app(house: Houses) -> None:
    office = house("nextgen_office", 3, fresh=2, open_access=False)
    mine = office.bearer("system/*.rs")
    assert made(office, 0).status == 401
    id = orjson.loads(made(office, 0, authorization=mine).body)["id"]
    assert sent(office, "GET", f"/Group/{id}", authorization=mine).status == 200
    assert made(office, 0, authorization=office.bearer("patient/*.rs", patient=office.patient(0))).status == 403
    assert made(office, 0, authorization=office.bearer("system/Observation.rs")).status == 403


@pytest.mark.behaviour("nextgen_office", "export")
def test_nothing_but_a_group_is_exported(house: Houses, office: House) -> None:
    id = orjson.loads(made(office, 1, 4).body)["id"]
    for ask in (lambda path: sent(office, "GET", path, prefer="respond-async"),
                lambda path: office.fhir(path[1:], prefer="respond-async")):  # fmt: skip
        for path in ("/$export", "/Patient/$export", f"/Patient/{office.patient()}/$export"):
            assert ask(path).status in (400, 404), path
    assert sent(office, "GET", f"/Group/{id}/$export", prefer="respond-async").status == 202
    wide = house("nextgen_office", 3, settings={"bulk": {"levels": ["system", "patient", "group"]}})
    assert wide.fhir("Patient/$export", prefer="respond-async").status == 202


@pytest.mark.behaviour("nextgen_office", "export", "export-poll")
def test_a_group_is_exported_below_the_same_base(office: House) -> None:
    id = orjson.loads(made(office, 1, 4).body)["id"]
    order = f"/Group/{id}/$export?_type=Patient"
    assert sent(office, "GET", order).status == 400
    reply = sent(office, "GET", order, prefer="respond-async")
    assert reply.status == 202
    where = reply.header("Content-Location").partition(BULK)[2]
    assert where.startswith("/$export-poll-status?_jobId=")
    assert sent(office, "GET", order, prefer="respond-async").status == 429
    assert sent(office, "GET", where).status == 202
    office.site.clock.advance(3600)
    polled = sent(office, "GET", where)
    assert polled.status == 200
    [file] = orjson.loads(polled.body)["output"]
    assert file["type"] == "Patient"
    assert BULK in file["url"]
    assert sent(office, "DELETE", where).status == 202
    assert sent(office, "GET", where).status == 404
