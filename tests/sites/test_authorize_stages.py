"""What browsers see of a site, over its pipeline."""

from __future__ import annotations

import re
from urllib.parse import quote, urlencode, urlsplit

import pytest
from tests.sites.browser import CALLBACK, FORM, Browser, document, field_of, location, page_of

from mockehr.core.exchange import Exchange


@pytest.fixture
def browser() -> Browser:
    return Browser()


def test_a_whole_standalone_launch_by_pages(browser: Browser) -> None:
    found = browser.finish(browser.begin())
    assert found["state"] == "s t/a"
    made = document(browser.tokens(found["code"]))
    assert made["patient"] == browser.patient()
    read = browser.read(f"Patient/{made['patient']}", made["access_token"])
    assert document(read)["id"] == made["patient"]


def test_the_request_may_be_posted(browser: Browser) -> None:
    assert "code" in browser.finish(browser.post(browser.where.authorize, browser.request()))


def test_a_form_is_a_form(browser: Browser) -> None:
    sent = browser.post(browser.where.authorize, browser.request(), content_type="application/json")
    assert sent.reply is not None
    assert (sent.reply.status, sent.notes["refused"]) == (400, "content-type")
    odd = browser.post(browser.where.authorize, browser.request(), content_type=f"{FORM}; charset=utf-8")
    assert "Sign in" in page_of(odd)


def test_an_answer_leads_to_a_page_that_can_be_loaded_again(browser: Browser) -> None:
    page = browser.begin()
    sent = browser.answer(page, "clinician")
    assert sent.reply is not None
    assert sent.reply.status == 303
    assert location(sent).startswith(f"{browser.where.authorize}/continue?pending=")
    assert page_of(browser.get(location(sent))) == page_of(browser.get(location(sent)))


def test_to_look_uses_nothing_up(browser: Browser) -> None:
    handle = browser.launch()
    url = f"{browser.where.authorize}?{browser.request(launch=handle, scope='launch patient/Patient.rs')}"
    looked = browser.send("HEAD", url)
    assert looked.reply is not None
    assert (looked.reply.status, looked.reply.body, location(looked)) == (200, b"", "")
    assert "code" in browser.finish(browser.get(url))


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "PATCH"])
def test_other_methods_are_refused(browser: Browser, method: str) -> None:
    reply = browser.send(method, f"{browser.where.authorize}?{browser.request()}").reply
    assert reply is not None
    assert (reply.status, reply.header("allow")) == (405, "GET, POST")


def test_what_may_not_be_told_to_the_app_is_told_on_a_page(browser: Browser) -> None:
    sent = browser.begin(redirect_uri="https://evil.example.com/")
    text = page_of(sent)
    assert sent.reply is not None
    assert (sent.reply.status, location(sent), sent.notes["refused"]) == (400, "", "redirect-uri-unregistered")
    assert "redirect-uri-unregistered" in text
    assert 'href="https://evil' not in text


def test_why_an_app_was_sent_back_stands_in_the_journal(browser: Browser) -> None:
    sent = browser.begin(response_type="token")
    assert sent.reply is not None
    assert (sent.reply.status, sent.client, sent.notes["refused"]) == (302, "app", "response-type")
    assert location(sent).startswith(f"{CALLBACK}?error=unsupported_response_type&")


def test_the_cookie_is_for_the_site_out_of_reach_of_scripts_and_new_at_every_sign_in(browser: Browser) -> None:
    browser.cookies["mockehr_session"] = "planted"
    cookies = []
    for _ in range(2):
        sent = browser.answer(browser.begin(prompt="login"), "clinician")
        assert sent.reply is not None
        cookies.append(sent.reply.header("set-cookie"))
    assert all(one.startswith("mockehr_session=") and "planted" not in one for one in cookies)
    assert all({"HttpOnly", "Secure", "SameSite=Lax"} <= set(re.split("; ", one)) for one in cookies)
    assert cookies[0] != cookies[1]
    assert "Choose a patient" in page_of(browser.begin())


@pytest.mark.parametrize("cookie", ["mockehr_session", "=;=", "mockehr_session=\x00; a", "a=b" * 999, "\xff=\xfe"])
def test_cookies_that_nobody_set_mean_nothing(browser: Browser, cookie: str) -> None:
    url = f"{browser.where.authorize}?{browser.request()}"
    assert "Sign in" in page_of(browser.get(url, cookie=cookie))


def test_pages_load_nothing_are_not_stored_and_tell_nobody(browser: Browser) -> None:
    page = browser.begin()
    assert page.reply is not None
    policy = page.reply.header("content-security-policy")
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "base-uri 'none'" in policy
    assert page.reply.header("cache-control") == "no-store"
    assert page.reply.header("referrer-policy") == "no-referrer"
    assert page.reply.header("x-content-type-options") == "nosniff"
    assert "<script" not in page_of(page)


def test_pages_of_other_origins_are_told_nothing_by_pages_for_people(browser: Browser) -> None:
    url = f"{browser.where.authorize}?{browser.request()}"
    reply = browser.get(url, origin="https://app.example.org").reply
    assert reply is not None
    assert reply.header("access-control-allow-origin") == ""


def test_the_users_name_and_the_client_stand_in_the_journal(browser: Browser) -> None:
    browser.finish(browser.begin(), "nurse")
    entries = [one for one in browser.site.journal if one.channel == "authorize"]
    assert [one.interaction.name for one in entries if one.interaction] == [
        *("authorize", "sign-in", "continue", "choose-patient", "continue", "consent"),
    ]
    assert {one.client for one in entries} == {"app"}
    assert entries[1].notes["user"] == "nurse"


def test_a_page_of_nobody_is_over(browser: Browser) -> None:
    for name in ("continue", "sign-in", "choose-patient", "choose-encounter", "consent"):
        sent = browser.post(f"{browser.where.authorize}/{name}", {"pending": "x"})
        assert sent.reply is not None
        assert (sent.reply.status, sent.notes["refused"]) == (400, "session-over")


def test_patients_are_found_by_name_on_the_page(browser: Browser) -> None:
    sent = browser.answer(browser.begin(), "clinician")
    id = field_of(page_of(browser.get(location(sent))), "pending")[0]
    page = browser.get(f"{browser.where.authorize}/choose-patient?pending={quote(id)}&text=zzzz")
    assert field_of(page_of(page), "patient") == []
    page = browser.get(f"{browser.where.authorize}/choose-patient?pending={quote(id)}&text=")
    assert browser.patient() in field_of(page_of(page), "patient")


def test_a_link_decides_nothing(browser: Browser) -> None:
    page = browser.begin()
    while location(page) or not field_of(page_of(page), "scope"):
        page = browser.get(location(page)) if location(page) else browser.answer(page, "clinician")
    text = page_of(page)
    pending, scopes = field_of(text, "pending")[0], field_of(text, "scope")
    assert scopes
    for decision in ("", "&decision=allow&scope=patient/Patient.rs"):
        assert page_of(browser.get(f"{browser.where.authorize}/consent?pending={quote(pending)}{decision}")) == text
    assert "code" in browser.finish(page)


@pytest.mark.parametrize("host", ["[", "a]b", "[::1", "a:b:c", ""])
def test_a_host_that_is_none_gets_pages_like_any_other(browser: Browser, host: str) -> None:
    path = urlsplit(browser.where.authorize).path
    base = f"https://{host}{browser.site.fhir_path}"
    exchange = Exchange("authorize", "GET", path, browser.request(aud=base), base_url=base)
    browser.site.handle(exchange)
    assert f'action="{path}/sign-in"' in page_of(exchange)
    pending = field_of(page_of(exchange), "pending")[0]
    form = urlencode({"pending": pending, "username": "clinician"}).encode()
    posted = Exchange("authorize", "POST", f"{path}/sign-in", "", {"content-type": FORM}, form, base_url=base)
    browser.site.handle(posted)
    assert posted.reply is not None
    assert "; Path=/; HttpOnly; SameSite=Lax; Secure" in posted.reply.header("set-cookie")


def test_whoever_follows_a_link_has_answered_nothing(browser: Browser) -> None:
    [pending] = set(field_of(page_of(browser.begin()), "pending"))
    where = browser.where.authorize
    asked = f"{where}/sign-in?pending={quote(pending)}&username=clinician"
    assert "Sign in" in page_of(browser.get(asked))
    page = browser.answer(browser.get(f"{where}/continue?pending={quote(pending)}"), "clinician")
    shown = page_of(browser.get(location(page)))
    [pending] = set(field_of(shown, "pending"))
    chosen = field_of(shown, "patient")[0]
    for link in (
        f"choose-patient?pending={quote(pending)}&patient={chosen}",
        f"choose-encounter?pending={quote(pending)}&encounter=e",
        f"consent?pending={quote(pending)}&decision=allow",
    ):
        assert "Choose a patient" in page_of(browser.get(f"{where}/{link}"))
