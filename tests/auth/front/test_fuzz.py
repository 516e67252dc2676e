"""Whatever is sent to the authorization server's endpoints: no exception, no 5xx, and nobody is sent elsewhere."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote_from_bytes, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.sites.browser import CALLBACK, FORM, ROOT, Browser, claims, location

from mockehr.sites.site import Site

VENDORS = ("generic", "epic", "oracle")
NAMES = (
    *("response_type", "client_id", "redirect_uri", "scope", "state", "aud", "code_challenge", "nonce", "max_age"),
    *("code_challenge_method", "launch", "prompt", "pending", "username", "password", "patient", "encounter", "text"),
    *("decision", "grant_type", "code", "code_verifier", "refresh_token", "client_secret", "assertion", "token"),
    *("client_assertion", "client_assertion_type", "token_type_hint", "hop", "of", "app", "x"),
)
WORDS = (
    *(b"code", b"app", b"portal", b"s3cret", b"authorization_code", b"refresh_token", b"client_credentials", b"S256"),
    *(b"none", b"login", b"allow", b"deny", b"clinician", b"patient", b"openid", b"launch", b"patient/*.rs", b"p0"),
    *(b"urn:ietf:params:oauth:grant-type:jwt-bearer", b"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
    *(
        CALLBACK.encode(),
        b"https://evil.example.com",
        b"v" * 43,
        b"a.b.c",
        b"e30.e30.AA",
        b"\xff",
        b"\0",
        b"\r\nX: y",
    ),
    *(b"patient/Observation.rs?category=", b"user/x.q", b"9" * 400, b"-1", b"{}", b"\xed\xa0\x80"),
)
values = st.one_of(st.sampled_from(WORDS), st.binary(max_size=40), st.text(max_size=20).map(str.encode))
pairs = st.lists(st.tuples(st.sampled_from(NAMES), values), max_size=14)
headers = st.dictionaries(
    st.sampled_from(("authorization", "cookie", "origin", "access-control-request-method", "accept", "content-type")),
    st.one_of(
        st.sampled_from(("Basic cG9ydGFsOnMzY3JldA==", "Basic x", "Bearer ", "Bearer x", "mockehr_session=x", "*/*")),
        st.text(st.characters(max_codepoint=255), max_size=30),
    ),
    max_size=3,
)


@pytest.fixture(scope="module")
def browsers() -> dict[str, Browser]:
    found = {name: Browser(name, registration="open" if name == "generic" else "token") for name in VENDORS}
    return found


def places(site: Site) -> list[str]:
    """Every address of the authorization server, and one below the pages about errors."""
    return [*site.endpoints.paths, "/errors/x/instances/y" if site.personality.name == "oracle" else site.token_path]


def encoded(fields: list[tuple[str, bytes]], raw: bool) -> str:
    return "&".join(f"{name}={value.decode('latin-1') if raw else quote_from_bytes(value)}" for name, value in fields)


def judge(browser: Browser, sent: Any) -> None:
    """No 5xx, no broken header, and no way out but the app's registered address or a page of the site."""
    reply = sent.reply
    assert reply is not None
    assert reply.status < 500
    for name, value in reply.headers:
        assert not {"\r", "\n", "\0"} & set(name + value), (name, value)
    where = location(sent)
    if where:
        assert where.startswith((f"{CALLBACK}?", f"{ROOT}/", "/")), where
        assert urlsplit(where).netloc in ("", "north.example.org", "app.example.org")
    if reply.header("content-type").startswith("application/json") and reply.body:
        json.loads(reply.body)


@given(
    st.data(),
    st.sampled_from(VENDORS),
    st.sampled_from(("GET", "POST", "HEAD", "PUT", "OPTIONS")),
    pairs,
    headers,
    st.booleans(),
)
def test_no_request_breaks_the_server(
    browsers: dict[str, Browser],
    data: st.DataObject,
    vendor: str,
    method: str,
    fields: list[tuple[str, bytes]],
    sent: dict[str, str],
    raw: bool,
) -> None:
    browser = browsers.get(vendor)
    assert browser is not None
    path = data.draw(st.sampled_from(places(browser.site)))
    text = encoded(fields, raw)
    browser.cookies.clear()
    told = {name.replace("-", "_"): value for name, value in {"content-type": FORM, **sent}.items()}
    for url, body in ((f"{path}?{text}", ""), (path, text)):
        judge(browser, browser.send(method, url, body.encode("latin-1", "replace"), **told))


@given(st.data(), st.sampled_from(VENDORS), pairs)
def test_a_right_request_with_anything_laid_over_it_leads_nowhere_else(
    browsers: dict[str, Browser], data: st.DataObject, vendor: str, fields: list[tuple[str, bytes]]
) -> None:
    browser = browsers[vendor]
    browser.cookies.clear()
    changed = {
        name: value.decode("utf-8", "surrogateescape").encode("utf-8", "replace") for name, value in fields[:3]
    }
    if data.draw(st.booleans()):
        changed.setdefault("launch", browser.launch().encode())
        changed.setdefault("scope", b"launch patient/Patient.rs")
    judge(browser, browser.begin(**changed))


@given(st.sampled_from(VENDORS), st.sampled_from(("continue", "sign-in", "choose-patient", "consent")), pairs)
def test_an_open_page_takes_any_answer(
    browsers: dict[str, Browser], vendor: str, name: str, fields: list[tuple[str, bytes]]
) -> None:
    from tests.sites.browser import field_of, page_of

    browser = browsers[vendor]
    browser.cookies.clear()
    pending = field_of(page_of(browser.begin()), "pending")[0]
    rest = [pair for pair in fields if pair[0] != "pending"]
    body = encoded([("pending", pending.encode()), *rest], raw=False)
    judge(browser, browser.post(f"{browser.where.authorize}/{name}", body))


leaves = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=12))


def _containers(part: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(part, max_size=3) | st.dictionaries(st.text(max_size=8), part, max_size=3)


documents = st.recursive(leaves, _containers, max_leaves=8)
metadata = st.dictionaries(
    st.sampled_from(
        ("redirect_uris", "scope", "jwks", "jwks_uri", "grant_types", "token_endpoint_auth_method", "software_id")
    ),
    st.one_of(
        documents,
        st.lists(st.sampled_from(("https://a.example.org", "http://localhost", "x:y", "authorization_code"))),
    ),
)


@given(st.one_of(metadata, documents))
def test_any_metadata_are_registered_or_refused(browsers: dict[str, Browser], document: Any) -> None:
    browser = browsers["generic"]
    sent = browser.send("POST", browser.where.register, json.dumps(document, allow_nan=True))
    judge(browser, sent)
    assert sent.reply is not None
    assert sent.reply.status in (201, 400)


def test_a_right_request_is_let_in_here() -> None:
    """What is judged above is a server that works."""
    browser = Browser()
    made = browser.granted(scope="launch/patient openid patient/Patient.rs")
    assert claims(made["id_token"])["aud"] == "app"
