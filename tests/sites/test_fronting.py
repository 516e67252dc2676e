"""Sites in front of sites: who finds whom, what crosses between them, and what is left when one of them goes."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from mockehr.config.explain import validate
from mockehr.config.load import load_text
from mockehr.config.settings import SiteConfig
from mockehr.control.facade import Control
from mockehr.core.errors import MockehrError, UnknownName, UsageError
from mockehr.core.exchange import Exchange
from mockehr.sites.build import build_site
from mockehr.sites.configured import build_configured, known_names
from mockehr.sites.directory import Directory
from mockehr.sites.fronting import Connection
from mockehr.sites.options import SiteOptions
from mockehr.sites.site import Site

MEDIA = {"content-type": "application/fhir+json"}


def platform(name: str, *behind: str, vendor: str = "redox") -> Site:
    return build_site(SiteOptions(name, vendor, stepped=True, open_access=True, fronts=behind))


def hospital(name: str, vendor: str = "generic", patients: int = 3) -> Site:
    return build_site(SiteOptions(name, vendor, patients=patients, stepped=True))


def pair(vendor: str = "redox") -> tuple[Directory, Site, Site]:
    """A directory, the site in front, the one behind."""
    directory = Directory()
    return directory, directory.add(platform("hub", "north", vendor=vendor)), directory.add(hospital("north"))


def connection(front: Site, place: int = 0) -> Connection:
    assert front.front is not None
    return front.front.behind[place]


def asking(front: Site) -> Exchange:
    """An exchange of the site in front, for which it asks."""
    exchange = Exchange("fhir", path="/x")
    front.journal.open(exchange)
    return exchange


@pytest.mark.parametrize("order", [("hub", "north"), ("north", "hub")])
def test_names_are_found_whatever_the_order_of_adding(order: tuple[str, str]) -> None:
    directory = Directory()
    for name in order:
        directory.add(platform("hub", "north") if name == "hub" else hospital("north"))
    directory.check()
    hub, north = directory.get("hub"), directory.get("north")
    assert connection(hub).site is north


def test_a_name_that_is_missing_is_told_with_the_nearest_and_a_remedy() -> None:
    directory = Directory()
    directory.add(platform("hub", "nroth"))
    directory.add(hospital("north"))
    with pytest.raises(UnknownName) as caught:
        directory.check()
    assert "nroth" in caught.value.what
    assert caught.value.nearest == "north"
    assert "north" in caught.value.remedy


def test_a_platform_in_front_of_nothing_is_told_what_to_say() -> None:
    directory = Directory()
    directory.add(platform("hub"))
    with pytest.raises(UsageError, match="in front of nothing") as caught:
        directory.check()
    assert "--fronts hub=NAME" in caught.value.remedy


def test_a_hospitals_own_system_stands_in_front_of_nothing() -> None:
    with pytest.raises(UsageError, match="stands in front of nothing"):
        platform("hub", "north", vendor="epic")


@pytest.mark.parametrize("behind", [("hub",), ("north", "north")])
def test_neither_itself_nor_anybody_twice_stands_behind_a_site(behind: tuple[str, ...]) -> None:
    with pytest.raises(UsageError, match="is to stand in front of"):
        platform("hub", *behind)


def test_a_circle_is_refused_and_leaves_the_directory_as_it_was() -> None:
    directory = Directory()
    directory.add(platform("a", "b"))
    with pytest.raises(UsageError, match="circle: b → a → b"):
        directory.add(platform("b", "a"))
    assert [site.name for site in directory] == ["a"]


def test_both_journals_have_an_entry_and_each_names_the_other() -> None:
    _, hub, north = pair()
    exchange = asking(hub)
    answer = connection(hub).ask(exchange, "GET", "/Patient?_count=1")
    assert answer.status == 200
    (entry,) = north.journal
    assert exchange.notes["behind"] == [{"site": "north", "entry": entry.number, "status": 200}]
    assert entry.notes["front"] == {"site": "hub", "entry": exchange.number}
    assert entry.client == "hub"


def test_the_site_in_front_is_a_registered_client_behind_and_no_longer_when_it_goes() -> None:
    directory, hub, north = pair()
    connection(hub).ask(asking(hub), "GET", "/Patient")
    assert north.auth.clients.find("hub") is not None
    assert len(north.auth.tokens.working("hub")) == 1
    directory.remove("hub")
    assert north.auth.clients.find("hub") is None


def test_a_client_of_its_name_that_was_registered_with_less_can_do_less() -> None:
    directory = Directory()
    north = directory.add(hospital("north"))
    Control(directory).call("site client", site="north", client_id="hub", scopes="system/Patient.r")
    hub = directory.add(platform("hub", "north"))
    assert connection(hub).ask(asking(hub), "GET", "/Patient/p0").status == 200
    assert connection(hub).ask(asking(hub), "GET", "/Observation?patient=p0").status == 403
    directory.remove("hub")
    assert north.auth.clients.find("hub") is not None


def test_a_client_that_was_struck_off_has_no_token() -> None:
    _, hub, north = pair()
    north.auth.clients.remove("hub")
    assert connection(hub).ask(asking(hub), "GET", "/Patient").status == 401


def test_a_token_that_was_ended_is_found_out_and_renewed_once() -> None:
    _, hub, north = pair()
    connection(hub).ask(asking(hub), "GET", "/Patient")
    north.expire_tokens("hub")
    exchange = asking(hub)
    assert connection(hub).ask(exchange, "GET", "/Patient").status == 200
    assert [one["status"] for one in exchange.notes["behind"]] == [401, 200]


def test_a_token_that_is_over_by_its_time_is_renewed_before() -> None:
    _, hub, north = pair()
    connection(hub).ask(asking(hub), "GET", "/Patient")
    north.clock.advance(3601)
    exchange = asking(hub)
    assert connection(hub).ask(exchange, "GET", "/Patient").status == 200
    assert len(exchange.notes["behind"]) == 1


def test_only_a_body_has_a_content_type() -> None:
    _, hub, north = pair()
    connection(hub).ask(asking(hub), "GET", "/Patient/p0")
    connection(hub).ask(asking(hub), "POST", "/Patient", b'{"resourceType":"Patient"}')
    read, created = north.journal
    assert "content-type" not in read.headers
    assert created.headers["content-type"] == MEDIA["content-type"]
    assert created.reply is not None
    assert created.reply.status == 201


@pytest.mark.parametrize(
    ("rule", "method", "why", "status"),
    [
        ({"use": "lost-response"}, "POST", "lost", 0),
        ({"use": "reset"}, "GET", "lost", 0),
        ({"use": "truncated-body"}, "GET", "cut", 0),
        ({"use": "rate-limit", "with": {"budget": 1, "status": 503}}, "GET", "", 503),
    ],
)
def test_quirks_behind_show_in_front(rule: dict[str, object], method: str, why: str, status: int) -> None:
    _, hub, north = pair()
    connection(hub).ask(asking(hub), "GET", "/Patient/p0")
    north.arm(rule)
    body = b'{"resourceType":"Patient"}' if method == "POST" else b""
    for _ in range(2):
        answer = connection(hub).ask(asking(hub), method, "/Patient" if body else "/Patient/p0", body, MEDIA)
    assert (answer.status, answer.why) == (status, why)


def test_a_delay_behind_is_a_delay_in_front_up_to_its_patience() -> None:
    _, hub, north = pair()
    north.arm({"use": "latency", "with": {"delay": "90s"}})
    exchange = asking(hub)
    assert connection(hub).ask(exchange, "GET", "/Patient", patience=120).delay == 90
    assert exchange.effect().reply_delay == 90
    late = connection(hub).ask(asking(hub), "GET", "/Patient", patience=60)
    assert (late.status, late.why, late.delay) == (0, "timeout", 60)


def test_a_site_behind_that_goes_is_gone_and_another_of_its_name_takes_its_place() -> None:
    directory, hub, _ = pair()
    directory.remove("north")
    gone = connection(hub).ask(asking(hub), "GET", "/Patient")
    assert (gone.status, gone.why, gone.text) == (0, "gone", "north cannot be reached")
    assert not connection(hub).there
    again = directory.add(hospital("north", patients=1))
    assert connection(hub).ask(asking(hub), "GET", "/Patient").document["total"] == 1
    assert len(again.journal) == 1


def test_resetting_one_does_not_reset_the_other() -> None:
    _, hub, north = pair()
    hub.arm({"use": "latency"})
    connection(hub).ask(asking(hub), "POST", "/Patient", b'{"resourceType":"Patient"}', MEDIA)
    north.reset()
    assert len(hub.journal) == 1
    assert [rule.name for rule in hub.rules] == ["latency"]
    assert connection(hub).ask(asking(hub), "GET", "/Patient").document["total"] == 3
    connection(hub).ask(asking(hub), "POST", "/Patient", b'{"resourceType":"Patient"}', MEDIA)
    assert len(connection(hub).changes(0)) == 2
    hub.reset()
    assert len(hub.journal) == 0
    assert connection(hub).changes(0) == []
    assert len(north.log.changes) == 1
    assert connection(hub).ask(asking(hub), "GET", "/Patient").document["total"] == 4


def test_changes_behind_are_heard_in_front_and_no_more_when_one_of_them_went() -> None:
    directory, hub, north = pair()
    north.store.commit({"resourceType": "Patient", "id": "a"}, kind="create", source="control")
    assert [change.id for change in connection(hub).changes(0)] == ["a"]
    assert connection(hub).changes(connection(hub).heard) == []
    gone = directory.remove("hub")
    north.store.commit({"resourceType": "Patient", "id": "b"}, kind="create", source="control")
    assert connection(gone).heard == 1


def test_a_site_that_was_turned_away_and_comes_again_is_heard_once() -> None:
    directory, full = Directory(), [True]
    hub = directory.add(platform("hub", "north"))

    def watcher(site: Site, joined: bool) -> None:
        if joined and full:
            raise UsageError("No port is free.", remedy="Wait.")

    directory.watch(watcher)
    north = hospital("north")
    with pytest.raises(UsageError):
        directory.add(north)
    assert not connection(hub).there
    full.clear()
    directory.add(north)
    north.store.commit({"resourceType": "Patient", "id": "x"}, kind="create", source="control")
    assert connection(hub).heard == 1


def test_two_in_front_of_one_are_each_told_once() -> None:
    directory = Directory()
    fronts = [directory.add(platform(name, "north")) for name in ("a", "b")]
    north = directory.add(hospital("north"))
    north.store.commit({"resourceType": "Patient", "id": "x"}, kind="create", source="control")
    assert [connection(one).heard for one in fronts] == [1, 1]


def test_a_message_is_handed_to_the_reception_behind() -> None:
    _, hub, north = pair()
    message = (
        b"MSH|^~\\&|A|B|C|D|20260105120000||ADT^A28|M1|P|2.5.1\rEVN|A28|20260105120000\r"
        b"PID|1||90001^^^WARD^MR||Muster^Max||19800304|M\r"
    )
    exchange = asking(hub)
    answer = connection(hub).hand(exchange, message)
    assert b"MSA|AA|M1" in answer.body
    assert exchange.notes["behind"][0]["entry"] == next(iter(north.journal)).number
    assert north.log.changes[0].source == "hl7"


def test_a_file_says_who_stands_in_front_of_whom(tmp_path: Path) -> None:
    text = "name: hub\npersonality: redox\nfronts: north, south\n"
    config = validate(SiteConfig, load_text(text.encode(), source="site.yaml"), known=known_names())
    hub = build_configured(config, seed=1, base=tmp_path)
    assert hub.options.fronts == ("north", "south")
    assert hub.charts is None


def test_control_adds_a_front_and_refuses_one_in_front_of_nobody() -> None:
    directory = Directory()
    directory.add(hospital("north"))
    control = Control(directory)
    made = control.call("site add", name="hub", personality="redox", fronts="north")
    assert made["fronts"] == ["north"]
    for fronts, wrong in (("nroth", UnknownName), ("", UsageError)):
        with pytest.raises(wrong):
            control.call("site add", name="hub2", personality="redox", fronts=fronts)
    assert [site.name for site in directory] == ["north", "hub"]


def test_a_server_does_not_start_with_a_front_in_front_of_nobody() -> None:
    import asyncio

    from mockehr.edge.server import Server

    directory = Directory()
    directory.add(platform("hub", "north"))

    async def start() -> None:
        await Server(directory).start()

    with pytest.raises(MockehrError, match="site behind hub named 'north'"):
        asyncio.run(start())


def test_links_of_every_page_lead_back_to_the_front() -> None:
    _, hub, north = pair()
    first = hub.handle(
        Exchange("fhir", path="/north/Development/Patient", query="_count=1", base_url="http://h/fhir")
    )
    assert first.reply is not None
    bundle = orjson.loads(first.reply.body)
    assert {link["url"].partition("/Patient")[0] for link in bundle["link"]} == {"http://h/fhir/north/Development"}
    assert north.fhir_path.encode() not in first.reply.body
