"""Styles of Subscriptions and what a site offers to subscribers."""

from __future__ import annotations

import pytest

from mockehr.core.errors import UnknownName
from mockehr.events.style import Offer, styles


def test_styles_are_found_by_name_and_a_miss_says_what_is_nearest() -> None:
    assert {"backport", "r4"} <= set(styles())
    with pytest.raises(UnknownName, match="backport"):
        styles().get("bakport")


def test_each_style_knows_its_own_criteria() -> None:
    topical = {"criteria": "http://hl7.org/SubscriptionTopic/admission"}
    plain = {"criteria": "Encounter?subject=Patient/1"}
    assert [styles().get(name).fits(topical) for name in ("backport", "r4")] == [True, False]
    assert [styles().get(name).fits(plain) for name in ("backport", "r4")] == [False, True]
    timed = {"criteria": "Encounter?date=gt2020-01-01T10:00:00Z"}
    assert [styles().get(name).fits(timed) for name in ("backport", "r4")] == [False, True]


def test_a_site_offers_the_channels_that_it_names() -> None:
    assert list(Offer(frozenset(), {"channels": ["rest-hook"]}).channels) == ["rest-hook"]
    assert set(Offer(frozenset()).channels) == {"rest-hook", "websocket"}
