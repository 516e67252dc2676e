from __future__ import annotations

import json

from mockehr.core.exchange import Exchange, Interaction, Reply
from mockehr.core.problem import not_found
from mockehr.journal import digest, entry, line


def test_secrets_never_leave() -> None:
    exchange = Exchange(
        "token", "POST", "/token", headers={"authorization": "Basic s3cret"}, body=b"client_secret=s3cret&scope=a"
    )
    text = json.dumps(entry(exchange))
    assert "s3cret" not in text
    assert digest("Basic s3cret") in text
    assert "scope=a" in text


def test_what_differs_between_equal_runs_is_left_out() -> None:
    exchange = Exchange("fhir", headers={"host": "h", "date": "d", "accept": "a"})
    exchange.reply = Reply(headers=[("Date", "now"), ("ETag", "1")], body=b"abc")
    shown = entry(exchange)
    assert shown["headers"] == {"accept": "a"}
    assert shown["reply"] == {"status": 200, "headers": [["ETag", "1"]], "octets": 3, "digest": digest(b"abc")}


def test_a_long_body_is_cut_with_its_size_and_digest() -> None:
    assert entry(Exchange("fhir", body=b"z" * 3000))["body"].endswith(f"… (3000 octets, {digest(b'z' * 3000)})")


def test_interaction_and_problem_are_shown_and_empty_facts_are_not() -> None:
    exchange = Exchange("fhir", interaction=Interaction("read", "Patient", "1"))
    exchange.result = not_found("Patient", "1")
    shown = entry(exchange)
    assert shown["interaction"] == {"name": "read", "resource_type": "Patient", "id": "1"}
    assert shown["problem"]["kind"] == "not-found"
    assert "changes" not in shown


def test_a_line_is_json_even_with_octets_that_were_no_text() -> None:
    assert json.loads(line(Exchange("fhir", path="/\udce9", notes={"\udce9": ["\udcff"]})))["path"] == "/\\udce9"


def test_codes_launches_cookies_and_passwords_never_leave() -> None:
    form = b"pending=p&username=clinician&password=s3cret"
    exchange = Exchange("authorize", "POST", "/oauth2/authorize/sign-in", "launch=s3cret&state=s", body=form)
    exchange.reply = Reply(
        303,
        [("Location", "https://app.example.org/cb?code=s3cret&state=s"), ("Set-Cookie", "session=s3cret; Path=/")],
    )
    shown = entry(exchange)
    assert "s3cret" not in json.dumps(shown)
    assert shown["query"] == f"launch=<{digest('s3cret')}>&state=s"
    assert "username=clinician" in shown["body"]
    told = dict(shown["reply"]["headers"])
    assert told["Location"] == f"https://app.example.org/cb?code=<{digest('s3cret')}>&state=s"
    assert told["Set-Cookie"] == f"session=<{digest('s3cret')}>; Path=/"


def test_secrets_of_notifications_and_of_signed_addresses_never_leave() -> None:
    document = {
        "resourceType": "Subscription",
        "channel": {"header": ["authorization: Bearer s3cret", "X-Tenant: t"]},
    }
    written = entry(Exchange("fhir", "POST", "/Subscription", body=json.dumps(document).encode()))
    xml = b'<Subscription><channel><header value="X-Api-Key: s3cret"/></channel></Subscription>'
    challenge = Exchange("webhook", body=b'{"verification-token":"s3cret","challenge":"c"}')
    fetched = Exchange("files", query="X-Amz-Date=20260105T120000Z&X-Amz-Signature=s3cret")
    sent = Exchange("files", path="/bulk/files/1")
    sent.reply = Reply(307, [("Location", "http://localhost/bulk/store/1?X-Amz-Expires=300&X-Amz-Signature=s3cret")])
    every = [
        written,
        entry(Exchange("fhir", "PUT", "/Subscription/1", body=xml)),
        entry(challenge),
        entry(Exchange("webhook", "GET", query="verification-token=s3cret&challenge=c")),
        entry(Exchange("webhook", headers={"x-api-key": "s3cret"})),
        entry(fetched),
        entry(sent),
    ]
    assert ["s3cret" in json.dumps(one) for one in every] == [False] * len(every)
    assert json.loads(written["body"])["channel"]["header"][1] == "X-Tenant: t"
    assert "challenge=c" in every[3]["query"]
    assert every[5]["query"].startswith("X-Amz-Date=20260105T120000Z&")


def test_the_location_of_a_record_is_shown_as_it_is() -> None:
    exchange = Exchange("fhir", query="code=8867-4")
    exchange.reply = Reply(201, [("Location", "http://a/Patient/1/_history/1")])
    shown = entry(exchange)
    assert shown["query"] == "code=8867-4"
    assert shown["reply"]["headers"] == [["Location", "http://a/Patient/1/_history/1"]]
