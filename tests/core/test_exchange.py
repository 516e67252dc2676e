from __future__ import annotations

from mockehr.core.exchange import Exchange, Reply
from mockehr.core.problem import not_found


def test_headers_are_found_and_replaced_whatever_their_case() -> None:
    reply = Reply(headers=[("ETag", "1"), ("etag", "2")])
    assert reply.header("ETAG") == "1"
    reply.set_header("Etag", "3")
    assert reply.headers == [("Etag", "3")]
    assert reply.header("nope") == ""


def test_effects_are_made_once_and_a_problem_is_a_result_that_is_one() -> None:
    exchange = Exchange("fhir")
    assert exchange.effects is None
    assert exchange.effect() is exchange.effect()
    exchange.result = {"a": 1}
    assert exchange.problem is None
    exchange.result = not_found("Patient", "x")
    assert exchange.problem is exchange.result
