"""What clients may do in a time, as the vendor has it."""

from __future__ import annotations

from typing import Any

import pytest

from mockehr.core.errors import ConfigError
from mockehr.core.exchange import Exchange, Reply
from mockehr.sites.build import build_site
from mockehr.sites.options import SiteOptions
from mockehr.sites.site import Site

HEADERS = {"X-Limit": "{limit}", "X-Left": "{remaining}", "X-Reset": "{reset}"}


def site_with(*budgets: dict[str, Any], headers: dict[str, str] | None = None) -> Site:
    rates = {"budgets": list(budgets), "headers": HEADERS if headers is None else headers}
    options = SiteOptions("x", patients=1, stepped=True, open_access=True, start=1000.0, settings={"rates": rates})
    return build_site(options)


def ask(site: Site, peer: str = "127.0.0.1", method: str = "GET") -> Reply:
    reply = site.handle(Exchange("fhir", method, "/metadata", peer=peer, base_url="http://x/fhir/R4")).reply
    assert reply is not None
    return reply


def test_what_is_left_is_told_and_what_is_beyond_is_refused() -> None:
    site = site_with({"limit": 2, "window": 10})
    assert [(r.status, r.header("x-left"), r.header("x-reset")) for r in (ask(site), ask(site))] == [
        (200, "1", "10"),
        (200, "0", "10"),
    ]
    refused = ask(site)
    assert (refused.status, refused.header("retry-after"), refused.header("x-limit")) == (429, "10", "2")


def test_a_window_opens_with_the_first_request_or_on_the_clock() -> None:
    rolling, aligned = ({"limit": 1, "window": 60, "aligned": told} for told in (False, True))
    for budget, first in ((rolling, "60"), (aligned, "20")):  # the clock says 1000, and 1020 is a full minute
        site = site_with(budget)
        ask(site)
        assert ask(site).header("retry-after") == first
        site.clock.advance(float(first))
        assert ask(site).status == 200


def test_each_address_has_its_own_unless_it_is_the_site_s() -> None:
    own, shared = site_with({"limit": 1, "window": 9}), site_with({"limit": 1, "window": 9, "per": "site"})
    assert [ask(own, peer).status for peer in ("a", "b", "a")] == [200, 200, 429]
    assert [ask(shared, peer).status for peer in ("a", "b")] == [200, 429]


def test_the_wait_is_told_as_a_date_or_not_at_all() -> None:
    site = site_with({"limit": 1, "window": 20, "wait": "date"})
    ask(site)
    assert ask(site).header("retry-after") == "Thu, 01 Jan 1970 00:17:00 GMT"
    site = site_with({"limit": 1, "window": 20, "wait": ""})
    ask(site)
    assert ask(site).header("retry-after") == ""


def test_the_tightest_of_several_budgets_is_the_one_that_is_told() -> None:
    site = site_with({"limit": 100, "window": 86400}, {"limit": 2, "window": 60})
    assert ask(site).header("x-limit") == "2"
    ask(site)
    assert ask(site).status == 429


def test_a_budget_of_some_methods_counts_only_those() -> None:
    site = site_with({"limit": 1, "window": 60, "methods": ["POST"]})
    assert [ask(site).status for _ in range(3)] == [200, 200, 200]


def test_a_site_without_budgets_counts_nothing_and_a_reset_forgets() -> None:
    assert ask(site_with()).header("x-limit") == ""
    site = site_with({"limit": 1, "window": 60})
    ask(site)
    site.reset()
    assert ask(site).status == 200


@pytest.mark.parametrize(
    "budget", [{"limit": 0, "window": 1}, {"limit": 1, "window": 1, "per": "me"}, {"limit": 1, "widow": 1}]
)
def test_what_is_no_budget_is_refused(budget: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        site_with(budget)
