"""Parameters of `$export` that are refused, and what the refusal says."""

from __future__ import annotations

import json

import pytest
from tests.sites.exporter import Exporter, site_of

from mockehr.fhir.elements import resource_types


@pytest.fixture(scope="module")
def client() -> Exporter:
    return Exporter(site_of(patients=1))


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("_type=Patent", "did you mean Patient"),
        ("_type=AuditEvent", "AuditEvent is not exported here"),
        ("_since=2026-01-05", "no instant"),
        ("_since=soon", "no instant"),
        ("_since=2026-01-05T12:00:00Z&_since=2026-01-06T12:00:00Z", "no instant"),
        ("_outputFormat=text/csv", "application/fhir+ndjson"),
        ("_typ=Patient", "did you mean _type"),
    ],
)
def test_a_parameter_that_cannot_be_met_is_refused_with_what_could(query: str, said: str, client: Exporter) -> None:
    reply = client.kick_off("/Patient", f"?{query}")
    assert reply.status == 400
    assert said in json.dumps(json.loads(reply.body)["issue"])


def test_a_type_of_the_standard_that_the_server_has_not_is_not_exported(client: Exporter) -> None:
    kind = next(kind for kind in resource_types("4.0.1") if kind not in client.site.fhir.types)
    reply = client.kick_off("/Patient", f"?_type={kind}")
    assert (reply.status, f"{kind} is not exported here" in str(reply.body)) == (400, True)


@pytest.mark.parametrize(
    "format", ["application/fhir+ndjson", "application/fhir%2Bndjson", "application/ndjson", "ndjson"]
)
def test_every_name_of_ndjson_is_taken_even_with_a_plus_sign_that_nobody_encoded(
    format: str, client: Exporter
) -> None:
    assert client.kick_off("/Patient", f"?_outputFormat={format}").status == 202


def test_a_vendor_exports_the_types_that_it_names_and_no_other() -> None:
    client = Exporter(site_of("oracle", patients=1))
    kinds = client.site.bulk.settings.types
    assert "Patient" in kinds
    other = next(kind for kind in sorted(client.site.fhir.types) if kind not in kinds)
    assert client.kick_off(client.group(), f"?_type={other}").status == 400
