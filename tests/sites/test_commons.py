"""Words that processes share, and what a site has through them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from mockehr.core.errors import EnvironmentProblem
from mockehr.core.exchange import Exchange
from mockehr.sites.build import build_site
from mockehr.sites.commons import Commons, Connections, Count, Words, prepare
from mockehr.sites.options import SiteOptions
from mockehr.sites.site import Site

COUNTING = (
    "import sys; from pathlib import Path; from mockehr.sites.commons import Words\n"
    "words = Words(Path(sys.argv[1]), 2)\n"
    "print(*(words.change(1) for _ in range(500)))"
)


def made() -> Site:
    return build_site(SiteOptions("north", patients=30, stepped=True, open_access=True))


def asked(site: Site, query: str) -> Exchange:
    exchange = Exchange("fhir", path="/Patient", query=query, base_url="http://x/fhir")
    return site.handle(exchange)


def test_processes_that_count_at_once_never_get_the_same_number(tmp_path: Path) -> None:
    path = tmp_path / "words"
    words = Words(path, 2)
    counting = [
        subprocess.Popen(
            [sys.executable, "-c", COUNTING, str(path)],
            stdout=subprocess.PIPE,
            text=True,
            env={"PYTHONPATH": str(Path(__file__).resolve().parents[2] / "simulator")},
        )
        for _ in range(2)
    ]
    said = [process.communicate(timeout=60)[0].split() for process in counting]
    assert sorted(int(number) for numbers in said for number in numbers) == list(range(1, 1001))
    assert (words.read(0), words.read(1)) == (0, 1000)
    words.close()


def test_a_word_can_be_set_and_counts_on_from_there(tmp_path: Path) -> None:
    words = Words(tmp_path / "words", 1)
    count = Count(words, 0)
    assert [count.next(), count.next(), count.read()] == [1, 2, 2]
    count.restart()
    assert [count.read(), count.next()] == [0, 1]
    words.close()


def test_each_process_tells_its_connections_and_sees_who_has_fewest(tmp_path: Path) -> None:
    first, second = (Connections(tmp_path, place, 2) for place in range(2))
    first.tell(3)
    second.tell(5)
    assert (first.least(), second.least()) == (3, 3)
    first.close()
    second.close()


@pytest.fixture
def pair(tmp_path: Path):
    sites = [made(), made()]
    prepare(sites[0], tmp_path)
    held = [Commons(site, tmp_path) for site in sites]
    yield sites
    for one in held:
        one.close()


def test_entries_deliveries_and_messages_are_numbered_as_one(pair: list[Site]) -> None:
    numbers = [asked(pair[turn % 2], "_count=1").number for turn in range(4)]
    assert numbers == [1, 2, 3, 4]
    assert [exchange.number for exchange in pair[1].journal] == [2, 4]
    assert pair[1].journal.get(4).number == 4
    assert [site.outbox.next_number() for site in pair] == [1, 2]


def test_a_page_token_of_one_leads_on_at_the_other_and_is_over_where_the_search_finds_less_now(
    pair: list[Site],
) -> None:
    whole = [key for page in range(1) for key in asked(pair[0], "_count=30").returned]
    first = asked(pair[0], "_count=10")
    seen, token, turn = list(first.returned), first.result.next_token, 1
    while token:
        page = asked(pair[turn % 2], f"{pair[0].fhir.restrictions.page_parameter}={token}")
        seen += page.returned
        token, turn = page.result.next_token, turn + 1
    assert seen == whole
    assert len(seen) == 30

    parameter = pair[0].fhir.restrictions.page_parameter
    stranger = asked(pair[1], f"{parameter}=nobody-s")
    assert stranger.problem is not None
    assert stranger.problem.kind == "page-expired"
    alive = asked(pair[0], "_count=20").result.next_token
    assert asked(pair[1], f"{parameter}={alive}").problem is None
    pair[1].fhir.pages.clear()
    for site in pair:
        over = asked(site, f"{parameter}={alive}").problem
        assert over is not None
        assert over.kind == "page-expired"


def test_the_end_that_is_given_to_a_page_holds_everywhere(pair: list[Site]) -> None:
    token = asked(pair[0], "_count=10").result.next_token
    parameter = pair[0].fhir.restrictions.page_parameter
    pair[1].expire_page(token, pair[1].clock.now() + 10)
    asked(pair[1], "_count=1")  # an exchange ends
    assert [asked(site, f"{parameter}={token}").problem for site in pair] == [None, None]
    for site in pair:
        site.clock.advance(10)
    ended = [asked(site, f"{parameter}={token}").problem for site in pair]
    assert [problem.kind for problem in ended if problem is not None] == ["page-expired"] * 2


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentProblem, match="cannot be"):
        prepare(made(), tmp_path / "missing")
    with pytest.raises(EnvironmentProblem, match="workers have in common"):
        Commons(made(), tmp_path / "missing")
