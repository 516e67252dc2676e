"""What the CapabilityStatement says of Subscriptions."""

from __future__ import annotations

from typing import Any

import pytest
from tests.sites.subscribing import ADMISSION, answer, ask, made

from mockehr.fhir.validate import validate_document
from mockehr.sites.subscription_statement import SERVER, TOPIC


def entry(statement: Any) -> Any:
    return next(one for one in statement["rest"][0]["resource"] if one["type"] == "Subscription")


@pytest.mark.parametrize(("version", "suffix"), [("4.0.1", "-r4"), ("4.3.0", "")])
def test_topics_profile_operations_and_the_guide_are_named(version: str, suffix: str) -> None:
    statement = answer(ask(made({"fhir_version": version}), "GET", "/metadata"))
    told = entry(statement)
    assert SERVER + suffix in statement["instantiates"]
    canonicals = [one["valueCanonical"] for one in told["extension"] if one["url"] == TOPIC]
    assert ADMISSION in canonicals
    assert [url for url in told["supportedProfile"] if url.endswith("/backport-subscription")]
    assert {"status", "events"} <= {one["name"] for one in told["operation"]}
    assert not [issue for issue in validate_document(statement, version=version) if issue.fails]


def test_a_site_of_plain_r4_subscriptions_names_no_topics() -> None:
    statement = answer(ask(made({"events": {"subscriptions": ["r4"]}}), "GET", "/metadata"))
    assert "extension" not in entry(statement)
    assert not [url for url in statement["instantiates"] if "subscriptions-backport" in url]
