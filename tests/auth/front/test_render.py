"""Pages as HTML, and the policy under which browsers show them."""

from __future__ import annotations

import base64
import hashlib
import re

from mockehr.auth.front.render import page_headers, page_html
from mockehr.auth.front.steps import Page
from mockehr.auth.people import Choice
from mockehr.auth.refusal import Refused

ATTACK = "\"><script>alert('x')</script>"


def shown(page: Page) -> str:
    return page_html(page, hospital="North", action="/north/authorize").decode()


def test_the_style_on_the_page_is_the_one_that_the_policy_lets_in() -> None:
    style = re.search(r"<style>(.*?)</style>", shown(Page("sign-in", "1")), re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    policy = dict(page_headers())["Content-Security-Policy"]
    assert f"style-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'")


def test_nothing_that_people_wrote_becomes_markup() -> None:
    choice = Choice(ATTACK, ATTACK, ATTACK)
    told = {
        "client_name": ATTACK,
        "notice": ATTACK,
        "text": ATTACK,
        "person": ATTACK,
        "subject": choice,
        "choices": (choice,),
        "scopes": (choice,),
        "refused": Refused("denied", ATTACK),
        "searchable": True,
        "changeable": True,
    }
    for name in ("sign-in", "choose-patient", "choose-encounter", "consent", "refused", "error"):
        page = shown(Page(name, ATTACK, ATTACK, **told))
        assert "<script" not in page, name
        assert "&lt;script&gt;" in page, name


def test_who_is_signed_in_and_whose_record_it_is_are_told() -> None:
    told = Page("consent", "1", person="Dr. Ada Doe", subject=Choice("p1", "Pat One", "born 1970-01-01"))
    text = re.sub(r"<[^>]+>|\s+", " ", shown(told))
    assert re.search(r"Signed in as +Dr\. Ada Doe", text)
    assert re.search(r"Record of +Pat One *, born 1970-01-01", text)
    assert "somebody else" not in text


def test_only_who_may_open_others_is_offered_a_search() -> None:
    choices = (Choice("p1", "Pat One"), Choice("p2", "Pat Two"))
    assert 'type="search"' not in shown(Page("choose-patient", "1", choices=choices))
    assert 'type="search"' in shown(Page("choose-patient", "1", choices=choices, searchable=True))
