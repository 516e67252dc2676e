"""PATCH with JSON Patch and FHIRPath Patch (FHIR R4 http.html#patch, fhirpatch.html; RFC 6902)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import pytest

from mockehr.core.exchange import Exchange
from mockehr.sites.site import Site

Ask = Callable[..., Exchange]
JSON_PATCH = "application/json-patch+json"
FHIR_JSON = "application/fhir+json"
PERSON = {
    "resourceType": "Patient",
    "id": "a",
    "active": True,
    "name": [{"use": "official", "family": "Okafor", "given": ["Ada", "B."]}, {"use": "nickname", "given": ["Addy"]}],
    "birthDate": "1980-02-03",
    "_birthDate": {"extension": [{"url": "http://example.org/born", "valueTime": "10:00:00"}]},
    "deceasedBoolean": False,
    "extension": [
        {"url": "http://example.org/a", "valueString": "x"},
        {"url": "http://example.org/b", "valueCode": "y"},
    ],
}
OBSERVATION = (
    b'{"resourceType":"Observation","id":"o","status":"final","code":{"text":"weight"},'
    b'"valueQuantity":{"value":1.10,"unit":"kg"}}'
)


@pytest.fixture
def site(made: Callable[..., Site], ask: Ask) -> Site:
    one = made()
    ask(one, "PUT /Patient/a", PERSON)
    ask(one, "PUT /Observation/o", OBSERVATION)
    return one


def operation(kind: str, **parts: Any) -> dict[str, Any]:
    def part(name: str, value: Any) -> dict[str, Any]:
        if name == "value":
            return {"name": name, **value}
        key = "valueInteger" if isinstance(value, int) else "valueString"
        return {"name": name, key: value}

    return {
        "name": "operation",
        "part": [{"name": "type", "valueCode": kind}, *(part(*one) for one in parts.items())],
    }


def fhirpath(*operations: dict[str, Any]) -> dict[str, Any]:
    return {"resourceType": "Parameters", "parameter": list(operations)}


def test_a_json_patch_makes_a_new_version(site: Site, ask: Ask) -> None:
    patch = [
        {"op": "test", "path": "/active", "value": True},
        {"op": "replace", "path": "/active", "value": False},
        {"op": "add", "path": "/name/0/given/-", "value": "C."},
        {"op": "remove", "path": "/name/1"},
    ]
    exchange = ask(site, "PATCH /Patient/a", patch, content_type=JSON_PATCH)
    assert exchange.reply is not None
    document = orjson.loads(exchange.reply.body)
    assert exchange.reply.status == 200
    assert (document["active"], document["name"]) == (
        False,
        [{"use": "official", "family": "Okafor", "given": ["Ada", "B.", "C."]}],
    )
    assert exchange.reply.header("ETag") == 'W/"2"'
    assert len(exchange.changes) == 1


def test_what_a_patch_leaves_alone_keeps_its_digits(site: Site, ask: Ask) -> None:
    exchange = ask(site, "PATCH /Observation/o", [{"op": "add", "path": "/note", "value": [{"text": "x"}]}],
                   content_type=JSON_PATCH)  # fmt: skip
    assert exchange.reply is not None
    assert b'"value":1.10' in exchange.reply.body


@pytest.mark.parametrize(
    ("operations", "path", "wanted"),
    [
        ([operation("add", path="Patient", name="gender", value={"valueCode": "female"})], ["gender"], "female"),
        (
            [operation("add", path="Patient.name[0]", name="given", value={"valueString": "C."})],
            ["name", 0, "given"],
            ["Ada", "B.", "C."],
        ),
        (
            [operation("add", path="Patient", name="name", value={"valueHumanName": {"text": "new"}})],
            ["name", 2],
            {"text": "new"},
        ),
        (
            [operation("add", path="Patient", name="multipleBirth", value={"valueInteger": 2})],
            ["multipleBirthInteger"],
            2,
        ),
        (
            [operation("insert", path="Patient.name[0].given", index=0, value={"valueString": "Z"})],
            ["name", 0, "given", 0],
            "Z",
        ),
        ([operation("move", path="Patient.name", source=1, destination=0)], ["name", 0, "use"], "nickname"),
        (
            [operation("replace", path="Patient.birthDate", value={"valueDate": "1999-01-01"})],
            ["birthDate"],
            "1999-01-01",
        ),
        (
            [
                operation(
                    "replace", path="Patient.name.where(use = 'nickname').given.first()", value={"valueString": "Di"}
                )
            ],
            ["name", 1, "given"],
            ["Di"],
        ),
        (
            [operation("replace", path="Patient.extension('http://example.org/b').value", value={"valueCode": "z"})],
            ["extension", 1, "valueCode"],
            "z",
        ),
        ([operation("replace", path="Patient.deceased", value={"valueBoolean": True})], ["deceasedBoolean"], True),
        (
            [
                operation(
                    "add",
                    path="Patient",
                    name="contact",
                    value={
                        "part": [
                            {"name": "telecom", "valueContactPoint": {"system": "phone", "value": "555-0101"}},
                            {"name": "telecom", "valueContactPoint": {"system": "phone", "value": "555-0102"}},
                            {"name": "gender", "valueCode": "male"},
                        ]
                    },
                )
            ],
            ["contact"],
            [{"telecom": [{"system": "phone", "value": f"555-010{one}"} for one in (1, 2)], "gender": "male"}],
        ),
        (
            [
                operation(
                    "add",
                    path="Patient",
                    name="link",
                    value={
                        "part": [
                            {"name": "other", "part": [{"name": "reference", "valueString": "Patient/o"}]},
                            {"name": "type", "valueCode": "seealso"},
                        ]
                    },
                )
            ],
            ["link"],
            [{"other": {"reference": "Patient/o"}, "type": "seealso"}],
        ),
    ],
)
def test_a_fhirpath_patch_sets_what_its_path_means(
    site: Site, ask: Ask, operations: list[Any], path: list[Any], wanted: Any
) -> None:
    exchange = ask(site, "PATCH /Patient/a", fhirpath(*operations), content_type=FHIR_JSON)
    assert exchange.reply is not None
    assert exchange.reply.status == 200, exchange.reply.body
    found = orjson.loads(exchange.reply.body)
    for step in path:
        found = found[step]
    assert found == wanted


def test_a_delete_takes_what_stands_beside_a_primitive_too_and_may_find_nothing(site: Site, ask: Ask) -> None:
    patch = fhirpath(operation("delete", path="Patient.birthDate"), operation("delete", path="Patient.photo"))
    exchange = ask(site, "PATCH /Patient/a", patch, content_type=FHIR_JSON)
    assert exchange.reply is not None
    assert {"birthDate", "_birthDate"} & set(orjson.loads(exchange.reply.body)) == set()


@pytest.mark.parametrize(
    ("media", "body", "status", "word"),
    [
        (JSON_PATCH, b"{", 400, "cannot be read"),
        (JSON_PATCH, {"op": "add"}, 400, "list of operations"),
        (JSON_PATCH, [{"op": "change", "path": "/active"}], 400, "op is one of"),
        (JSON_PATCH, [{"op": "add", "path": "/active"}], 400, "value is missing"),
        (JSON_PATCH, [{"op": "remove", "path": 5}], 400, "JSON Pointer"),
        (JSON_PATCH, [{"op": "test", "path": "/active", "value": False}], 422, "fails"),
        (JSON_PATCH, [{"op": "remove", "path": "/nothing"}], 422, "[0]"),
        (JSON_PATCH, [{"op": "replace", "path": "", "value": []}], 422, "no object"),
        (JSON_PATCH, [{"op": "replace", "path": "/gender", "value": 5}], 422, "[0]"),
        (JSON_PATCH, [{"op": "add", "path": "/gender", "value": 5}], 422, "gender"),
        (JSON_PATCH, [{"op": "replace", "path": "/resourceType", "value": "Observation"}], 422, "Observation"),
        (JSON_PATCH, [{"op": "replace", "path": "/id", "value": "b"}], 422, "id"),
        ("application/merge-patch+json", {}, 415, "json-patch"),
        ("", [], 415, "json-patch"),
        (FHIR_JSON, {"resourceType": "Patient"}, 400, "Parameters"),
        (FHIR_JSON, fhirpath({"name": "x"}), 400, "'operation'"),
        (FHIR_JSON, fhirpath(operation("shout", path="Patient")), 400, "type is one of"),
        (FHIR_JSON, fhirpath(operation("replace", path="Patient.birthDate")), 400, "value is missing"),
        (
            FHIR_JSON,
            fhirpath(operation("replace", path="Patient.name", value={"valueString": "x"})),
            422,
            "2 elements",
        ),
        (FHIR_JSON, fhirpath(operation("replace", path="Patient.nam", value={"valueString": "x"})), 422, "'nam'"),
        (
            FHIR_JSON,
            fhirpath(operation("add", path="Patient", name="birthDate", value={"valueDate": "2000"})),
            422,
            "already",
        ),
        (FHIR_JSON, fhirpath(operation("add", path="Patient", name="nam", value={"valueDate": "2000"})), 422, "name"),
        (
            FHIR_JSON,
            fhirpath(operation("insert", path="Patient.name", index=9, value={"valueHumanName": {}})),
            422,
            "0 to 2",
        ),
        (FHIR_JSON, fhirpath(operation("delete", path="Patient.name")), 422, "takes one"),
        (FHIR_JSON, fhirpath(operation("delete", path="Patient.name.all(true)")), 422, "beyond"),
        (FHIR_JSON, fhirpath(operation("delete", path="Patient")), 422, "whole resource"),
        (
            FHIR_JSON,
            fhirpath(operation("replace", path="Patient.active", value={"valueHumanName": {"text": "x"}})),
            422,
            "boolean",
        ),
    ],
)
def test_a_patch_that_is_none_or_does_not_fit_is_refused_and_changes_nothing(
    site: Site, ask: Ask, media: str, body: Any, status: int, word: str
) -> None:
    exchange = ask(site, "PATCH /Patient/a", body, content_type=media)
    assert exchange.reply is not None
    assert (exchange.reply.status, exchange.changes) == (status, ())
    assert word in orjson.loads(exchange.reply.body)["issue"][0]["details"]["text"]


def test_a_patch_needs_a_resource_and_its_precondition(site: Site, ask: Ask) -> None:
    patch = [{"op": "replace", "path": "/active", "value": False}]
    wanted = {
        "PATCH /Patient/nobody": 404,
        "PATCH /Patient?active=true": 200,
        "PATCH /Patient?active=true&_id=a": 404,
        "PATCH /Patient?active=false": 200,
        "PATCH /Patient": 400,
    }
    for request, status in wanted.items():
        exchange = ask(site, request, patch, content_type=JSON_PATCH)
        assert exchange.reply is not None
        assert (request, exchange.reply.status) == (request, status)
    stale = ask(site, "PATCH /Patient/a", patch, content_type=JSON_PATCH, if_match='W/"1"')
    assert stale.reply is not None
    assert stale.reply.status == 412


@pytest.mark.parametrize(
    ("refused", "word"),
    [
        (operation("move", path="Patient.name", source=0, destination=2), "from 0 to 1"),
        (operation("add", path="Patient", name="deceased", value={"valueDateTime": "2020-01-01"}), "use replace"),
    ],
)
def test_a_fhirpath_patch_moves_within_its_list_and_keeps_one_of_a_choice(
    site: Site, ask: Ask, refused: dict[str, Any], word: str
) -> None:
    exchange = ask(site, "PATCH /Patient/a", fhirpath(refused), content_type=FHIR_JSON)
    assert exchange.reply is not None
    assert (exchange.reply.status, exchange.changes) == (422, ())
    assert word in orjson.loads(exchange.reply.body)["issue"][0]["details"]["text"]


def test_the_last_item_of_a_list_takes_the_list_with_it(site: Site, ask: Ask) -> None:
    taken = fhirpath(
        operation("delete", path="Patient.name[1].given[0]"), operation("delete", path="Patient.name[1]")
    )
    exchange = ask(site, "PATCH /Patient/a", taken, content_type=FHIR_JSON)
    assert exchange.reply is not None
    assert exchange.reply.status == 200, exchange.reply.body
    last = fhirpath(operation("delete", path="Patient.name[0]"))
    exchange = ask(site, "PATCH /Patient/a", last, content_type=FHIR_JSON)
    assert exchange.reply is not None
    assert exchange.reply.status == 200, exchange.reply.body
    assert "name" not in orjson.loads(exchange.reply.body)
