from __future__ import annotations

from collections.abc import Callable

import pytest

from mockehr.cli.places import (
    Feed,
    Hearing,
    Receiver,
    Served,
    feed,
    fronting,
    hearing,
    of_known_sites,
    receiver,
    served,
)
from mockehr.core.errors import UnknownName, UsageError


@pytest.mark.parametrize(
    ("text", "site"),
    [
        ("north=epic@9001", Served("north", "epic", 9001)),
        ("north=epic@0", Served("north", "epic", 0)),
        ("north=epic", Served("north", "epic")),
        ("north", Served("north")),
        ("north=", Served("north")),
        ("north@9001", Served("north", "generic", 9001)),
    ],
)
def test_a_site_is_a_name_perhaps_a_personality_and_perhaps_a_port(text: str, site: Served) -> None:
    assert served(text) == site


def test_peers_are_told_by_site_and_place() -> None:
    assert hearing("north=0") == Hearing("north", 0)
    assert feed("north=lab.example.org:2575") == Feed("north", "lab.example.org", 2575)
    assert feed("north=[::1]:2575") == Feed("north", "::1", 2575)
    url = "http://127.0.0.1:9000/hook?a=b"
    assert receiver(f"north={url}", "s") == Receiver("north", url, "s")
    assert fronting("hub=north, south") == ("hub", ("north", "south"))


@pytest.mark.parametrize(
    ("read", "text", "said"),
    [
        (served, "=epic", "names no site"),
        (served, "a/b=epic", "names no site"),
        (served, "north=epic@", "'' is no port"),
        (served, "north=epic@web", "'web' is no port"),
        (served, "north=epic@65536", "'65536' is no port"),
        (hearing, "2575", "says too little"),
        (hearing, "north=-1", "'-1' is no port"),
        (feed, "north=2575", "names no peer"),
        (feed, "north=lab:0", "names no peer"),
        (feed, "north=lab", "'lab' is no port"),
        (lambda text: receiver(text, ""), "north=lab.example.org", "is no URL"),
        (lambda text: receiver(text, ""), "north", "says too little"),
        (fronting, "hub", "says too little"),
    ],
)
def test_what_cannot_be_read_is_refused_with_an_example(read: Callable[[str], object], text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said) as refused:
        read(text)
    assert refused.value.remedy


def test_a_peer_of_no_site_is_refused_with_the_nearest() -> None:
    sites = [Served("north"), Served("south")]
    of_known_sites([Hearing("south", 0)], sites)
    with pytest.raises(UnknownName) as refused:
        of_known_sites([Feed("nroth", "lab", 1)], sites)
    assert refused.value.nearest.startswith("north")
