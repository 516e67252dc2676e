"""The page on which users see which apps they let in, and take it back."""

from __future__ import annotations

import pytest
from tests.sites.browser import Browser, document, field_of, location, page_of

from mockehr.core.exchange import Exchange

SCOPE = "launch/patient openid offline_access patient/Patient.rs patient/Observation.rs?category=laboratory"


def cookie_of(exchange: Exchange) -> str:
    assert exchange.reply is not None
    return exchange.reply.header("set-cookie").partition(";")[0]


def signed_in(browser: Browser, username: str = "clinician") -> dict[str, str]:
    browser.cookies.clear()
    sent = browser.post(browser.where.manage, {"username": username})
    browser.cookies.clear()
    assert location(sent) == browser.where.manage
    return {"cookie": cookie_of(sent)}


def test_nobody_sees_anything_before_signing_in() -> None:
    browser = Browser()
    browser.granted(scope=SCOPE)
    assert "Take its access away" in page_of(browser.get(browser.where.manage))  # still signed in
    browser.cookies.clear()
    page = page_of(browser.get(browser.where.manage))
    assert "Sign in to see which apps you let in" in page
    assert "pharmacist" in page
    assert not field_of(page, "withdraw")


def test_an_app_that_was_let_in_is_listed_and_loses_its_access() -> None:
    browser = Browser()
    made = browser.granted(scope=SCOPE)
    cookie = signed_in(browser)
    page = page_of(browser.get(browser.where.manage, **cookie))
    assert "See results and observations (only category laboratory)" in page
    [family] = field_of(page, "withdraw")
    assert location(browser.post(browser.where.manage, {"withdraw": family}, **cookie)) == browser.where.manage
    assert "No app has access" in page_of(browser.get(browser.where.manage, **cookie))
    read = browser.read(f"Patient/{made['patient']}", made["access_token"])
    document(read, 401)
    renewed = browser.ask(grant_type="refresh_token", refresh_token=made["refresh_token"])
    assert document(renewed, 400)["error"] == "invalid_grant"


def test_what_others_let_in_is_neither_seen_nor_touched() -> None:
    browser = Browser()
    made = browser.granted(scope=SCOPE)
    own = signed_in(browser)
    [family] = field_of(page_of(browser.get(browser.where.manage, **own)), "withdraw")
    other = signed_in(browser, "nurse")
    assert "No app has access" in page_of(browser.get(browser.where.manage, **other))
    browser.post(browser.where.manage, {"withdraw": family}, **other)
    browser.post(browser.where.manage, {"withdraw": family})
    assert document(browser.read(f"Patient/{made['patient']}", made["access_token"]))["id"] == made["patient"]


def test_a_wrong_name_is_told_and_signing_out_ends_the_session() -> None:
    browser = Browser()
    assert "do not belong together" in page_of(browser.post(browser.where.manage, {"username": "nobody"}))
    cookie = signed_in(browser)
    assert "Signed in as" in page_of(browser.get(browser.where.manage, **cookie))
    browser.post(browser.where.manage, {"leave": "yes"}, **cookie)
    assert "Sign in to see" in page_of(browser.get(browser.where.manage, **cookie))


@pytest.mark.behaviour("oracle", "management-page")
def test_vendors_have_it_where_they_say() -> None:
    oracle = Browser("oracle")
    assert oracle.site.smart_configuration(oracle.where.base)["management_endpoint"] == oracle.where.manage
    assert "Sign in to see" in page_of(oracle.get(oracle.where.manage))
    assert Browser("epic").where.manage == ""
