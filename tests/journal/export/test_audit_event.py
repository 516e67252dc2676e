from __future__ import annotations

from base64 import b64decode
from dataclasses import replace
from typing import Any, get_args

import orjson
import pytest
from fhir.resources.R4B.auditevent import AuditEvent

from mockehr.core.errors import UnknownName
from mockehr.core.exchange import JSON
from mockehr.fhir.validate import validate_document
from mockehr.journal.audit import Access, What
from mockehr.journal.export import audit_event, audit_lines

READ = Access(
    entry=12,
    at=1_767_614_400.5,
    channel="fhir",
    direction="in",
    what="read",
    detail="read",
    method="GET",
    path="/Observation/o1",
    query="",
    resource_type="Observation",
    resources=("Observation/o1",),
    patients=("p1",),
    client="portal",
    user="Practitioner/d0",
    peer="192.0.2.7",
    status=200,
    outcome="success",
)
SEARCH = replace(
    READ, what="search", detail="search", path="/Observation", query="code=8867-4", patients=("p1", "p2")
)
MESSAGE = replace(
    READ, channel="mllp-in", what="message-in", detail="ADT^A08", method="SEND", path="/", user="", client="LAB",
    peer="engine", resource_type="Patient", resources=("Patient/p1",),
)  # fmt: skip
DELIVERY = replace(
    MESSAGE, channel="webhook", direction="out", what="delivery", detail="Patient.update", outcome="failed", status=0,
    reason="connection refused", client="hook-1",
)  # fmt: skip
REFUSED = replace(
    READ, outcome="refused", status=401, reason="no-token: A token is required", client="", user="", peer=""
)


def codes(agents: list[JSON]) -> dict[str, JSON]:
    return {agent["type"]["coding"][0]["code"]: agent for agent in agents}


def test_a_read_follows_the_pattern_of_a_restful_read() -> None:
    document = audit_event(READ, "north")
    assert (document["id"], document["recorded"], document["outcome"]) == (
        "access-12",
        "2026-01-05T12:00:00.500Z",
        "0",
    )
    assert (document["type"]["code"], document["subtype"][0]["code"], document["action"]) == ("rest", "read", "R")
    agents = codes(document["agent"])
    assert agents["110152"]["who"]["identifier"]["value"] == agents["110152"]["name"] == "portal"
    assert agents["110152"]["network"] == {"address": "192.0.2.7", "type": "2"}
    assert agents["110153"]["who"] == {"display": "north"}
    assert (agents["IRCP"]["who"], agents["IRCP"]["requestor"]) == ({"reference": "Practitioner/d0"}, True)
    assert (agents["110152"]["requestor"], agents["110153"]["requestor"]) == (False, False)
    assert document["source"]["site"] == "north"
    shown = [(entity["what"]["reference"], entity["role"]["code"]) for entity in document["entity"]]
    assert shown == [("Patient/p1", "1"), ("Observation/o1", "4")]


def test_a_search_tells_of_every_patient_and_of_the_question() -> None:
    document = audit_event(SEARCH, "north")
    assert (document["subtype"][0]["code"], document["action"]) == ("search", "E")
    *patients, question = document["entity"]
    assert [entity["what"]["reference"] for entity in patients] == ["Patient/p1", "Patient/p2"]
    assert (question["role"]["code"], b64decode(question["query"])) == ("24", b"/Observation?code=8867-4")
    assert codes(document["agent"])["110153"]["name"] == "portal"


def test_a_message_in_is_an_import_by_the_sending_application() -> None:
    document = audit_event(MESSAGE, "north")
    assert (document["type"]["code"], document["action"]) == ("110107", "C")
    assert "A08" in [coding["code"] for coding in document["subtype"]]
    sender = codes(document["agent"])["110153"]
    assert (sender["name"], sender["requestor"], sender["network"]) == (
        "LAB",
        True,
        {"address": "engine", "type": "1"},
    )
    assert [entity["what"]["reference"] for entity in document["entity"]] == ["Patient/p1"]


def test_a_delivery_is_an_export_that_the_site_itself_began() -> None:
    document = audit_event(DELIVERY, "north")
    assert (document["type"]["code"], document["outcome"], document["outcomeDesc"]) == (
        "110106",
        "8",
        "connection refused",
    )
    agents = codes(document["agent"])
    assert (agents["110153"]["who"], agents["110153"]["requestor"]) == ({"display": "north"}, True)
    assert (agents["110152"]["name"], agents["110152"]["requestor"]) == ("hook-1", False)


def test_a_refusal_says_why_and_names_a_nobody() -> None:
    document = audit_event(REFUSED, "north")
    assert (document["outcome"], document["outcomeDesc"]) == ("4", "no-token: A token is required")
    assert codes(document["agent"])["110152"]["who"] == {"display": "unknown"}


def test_what_can_be_no_reference_is_told_as_text() -> None:
    entities = audit_event(replace(READ, patients=("../x y",), resources=("Observation/\udce9",)), "north")["entity"]
    assert [entity["what"] for entity in entities] == [
        {"display": "Patient/../x y"},
        {"display": "Observation/\\udce9"},
    ]


EXPORTS: list[Any] = [READ, SEARCH, MESSAGE, DELIVERY, REFUSED]
EXPORTS += [replace(READ, what=what, detail="$x") for what in get_args(What)]


@pytest.mark.parametrize("access", EXPORTS, ids=lambda access: f"{access.detail}-{access.what}-{access.outcome}")
def test_every_document_is_valid_by_two_judges(access: Access) -> None:
    document = audit_event(access, "north")
    faults = [issue for issue in validate_document(document) if issue.severity in ("error", "fatal")]
    assert faults == []
    AuditEvent.model_validate(document)


def test_lines_come_in_both_forms_in_order() -> None:
    fhir, plain = (audit_lines([READ, SEARCH], form, "north").splitlines() for form in ("fhir", "ndjson"))
    assert [orjson.loads(line)["action"] for line in fhir] == ["R", "E"]
    assert [orjson.loads(line)["what"] for line in plain] == ["read", "search"]
    assert audit_lines([], "fhir", "north") == b""
    with pytest.raises(UnknownName, match="fhir"):
        audit_lines([READ], "fihr", "north")
