"""What clients may do in a time, as the vendor has it."""

from __future__ import annotations

from typing import Any

import orjson
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


def batch(site: Site, *targets: str) -> tuple[Reply, list[str]]:
    entries = [{"request": {"method": "GET", "url": target}} for target in targets]
    body = orjson.dumps({"resourceType": "Bundle", "type": "batch", "entry": entries})
    reply = site.handle(Exchange("fhir", "POST", "/", body=body, base_url="http://x/fhir/R4", peer="a")).reply
    assert reply is not None
    return reply, [entry["response"]["status"][:3] for entry in orjson.loads(reply.body)["entry"]]


def batching(how: str) -> Site:
    rates = {"budgets": [{"limit": 3, "window": 60}], "batch": how}
    return build_site(SiteOptions("x", patients=1, stepped=True, open_access=True, settings={"rates": rates}))


def test_a_bundle_counts_as_one_request_or_as_many() -> None:
    assert batch(batching("whole"), *["Patient/p0"] * 4)[1] == ["200"] * 4
    reply, statuses = batch(batching("entries"), *["Patient/p0"] * 4)
    assert statuses == ["200", "200", "429", "429"]  # the Bundle itself is the third
    assert reply.header("retry-after") == "60"


def test_after_one_refusal_the_rest_of_a_poisoned_bundle_is_refused_unasked() -> None:
    site = batching("poisoned")
    assert batch(site, *["Patient/p0"] * 6)[1] == ["200", "200", "429", "429", "429", "429"]
    assert sum(window.used for window in site.budgets._windows.values()) == 4


def test_a_budget_of_interactions_counts_these_alone() -> None:
    site = site_with(
        {"limit": 1, "window": 9, "interactions": ["cap*"]}, {"limit": 2, "window": 9, "beyond": ["cap*"]}
    )
    assert [ask(site).status for _ in range(2)] == [200, 429]
    exchange = Exchange("fhir", "GET", "/Patient", peer="127.0.0.1", base_url="http://x/fhir/R4")
    statuses = []
    for _ in range(3):
        reply = site.handle(Exchange("fhir", "GET", "/Patient", peer=exchange.peer, base_url=exchange.base_url)).reply
        assert reply is not None
        statuses.append(reply.status)
    assert statuses == [200, 200, 429]


@pytest.mark.parametrize(
    ("at", "allowed"),
    [
        (1_767_618_000.0, 1),  # Monday, 5 January 2026, 06:00 in the mountains
        (1_767_617_999.0, 3),  # a second earlier
        (1_767_661_200.0, 3),  # 18:00
        (1_767_555_000.0, 3),  # the Sunday before
        (1_783_339_200.0, 1),  # Monday, 6 July 2026, 06:00 in summer
        (1_783_339_199.0, 3),
    ],
)
def test_at_peak_times_of_a_zone_less_is_allowed(at: float, allowed: int) -> None:
    budget = {"limit": 1, "window": 60, "peak": "Mon-Fri 06:00-18:00 Mountain", "off_peak": 3}
    rates = {"budgets": [budget], "headers": {"X-Limit": "{limit}"}}
    options = SiteOptions("x", patients=1, stepped=True, open_access=True, start=at, settings={"rates": rates})
    site = build_site(options)
    assert [ask(site).status for _ in range(4)] == [200] * allowed + [429] * (4 - allowed)
    assert ask(site).header("x-limit") == str(allowed)


@pytest.mark.parametrize(
    "told", [{"peak": "always", "off_peak": 2}, {"off_peak": 2}, {"peak": "Mon-Fri 06:00-18:00 UTC"}]
)
def test_peaks_that_mean_nothing_are_refused(told: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="no budget"):
        site_with({"limit": 1, "window": 9, **told})


@pytest.mark.parametrize("told", [{"limit": 5}, {"limit": "5", "window": 60}, {"limit": True, "window": 60}, 5])
def test_a_budget_without_its_numbers_is_refused_in_words(told: Any) -> None:
    with pytest.raises(ConfigError, match="without a limit and a window in numbers"):
        site_with(told)


def test_a_budget_of_nothing_is_told_by_what_was_said() -> None:
    with pytest.raises(ConfigError, match=r"^limit: 0, window: -5 is no budget\."):
        site_with({"limit": 0, "window": -5})


def test_the_least_of_budgets_is_one_request_a_second_and_shorter_windows_are_fractions() -> None:
    site = site_with({"limit": 1, "window": 0.5})
    assert [ask(site).status for _ in range(2)] == [200, 429]


@pytest.mark.parametrize("told", [{"limit": 0}, {"window": 0}, {"per": "moon"}, {"wait": "never"}])
def test_budgets_that_let_nobody_through_or_mean_nothing_are_refused(told: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="no budget"):
        site_with({"limit": 1, "window": 9, **told})
