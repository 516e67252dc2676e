"""The nine stages of channel `feed`: the `changed` feeds of a proprietary API, which reading empties.

(docs.athenahealth.com, "Changed data subscriptions".) Errors and the answers to POST and DELETE are in the plainest
form of that API; which feeds a site has, where, and how late they are, say the settings `events.changed`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs, parse_qsl, urlencode

from mockehr.core.errors import UnknownName
from mockehr.core.exchange import JSON, Exchange, Interaction, Reply
from mockehr.core.pipeline import Stage
from mockehr.core.problem import Problem
from mockehr.events.changed import ChangedFeeds, Waiting
from mockehr.events.feed import FEEDS
from mockehr.events.rows import row, stamp, unstamped
from mockehr.sites.fhir_stages import authorise_by
from mockehr.sites.token_stages import surrounding

if TYPE_CHECKING:
    from mockehr.personalities.model import Personality, SiteFacts
    from mockehr.sites.site import Site

TAILS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "/changed": "changed",
        "/changed/subscription": "changed-subscription",
        "/changed/subscription/events": "changed-events",
    }
)
"""What follows a feed's name in a path → what is there."""
METHODS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {"changed": ("GET",), "changed-subscription": ("GET", "POST", "DELETE"), "changed-events": ("GET",)}
)
_NAMES: Final = MappingProxyType({"POST": "changed-subscribe", "DELETE": "changed-unsubscribe"})
_FILTERS: Final = ("patientid", "departmentid", "providerid")
ANYBODY: Final = "anybody"
"""Whose subscription it is where nobody needs a token."""


def feed_paths(vendor: Personality, facts: SiteFacts) -> Iterator[tuple[str, str, str]]:
    """(path below the site's root, what is there, name of the feed) of every feed that a site has."""
    settings = vendor.settings["events"]["changed"]
    base = str(settings["path"]).replace("{tenant}", vendor.tenant(facts)).rstrip("/")
    for feed in (settings["feeds"] or FEEDS) if base else ():
        if feed not in FEEDS:
            raise UnknownName("feed", feed, FEEDS)
        yield from ((f"{base}/{feed}{tail}", what, feed) for tail, what in TAILS.items())


def changed_feeds(site: Site) -> ChangedFeeds:
    """The feeds of a site, which hear of its changes from now on if there are any."""
    settings = site.personality.settings["events"]["changed"]
    feeds = ChangedFeeds(site.clock.now, latency=float(settings["latency"]), settling=float(settings["settling"]))
    if settings["path"]:
        site.log.listen(lambda change: feeds.hear(site.upgrades.told(change)))
    return feeds


def feed_stages(site: Site) -> Mapping[str, Stage]:
    """The stages, bound to the site once."""
    at = {path: feed for path, _, feed in feed_paths(site.personality, site.facts)}

    def perform(exchange: Exchange) -> None:
        exchange.result = _answer(site, exchange, at[exchange.path])
        if site.mischief.armed("feed", "on_result"):
            site.mischief.disturb("on_result", exchange)

    return surrounding(site, authorise_by(site), name_feed(site), perform, _shape)


def name_feed(site: Site) -> Stage:
    """Stage `name_interaction`: `changed`, `changed-subscription`, `changed-subscribe`, `changed-unsubscribe` …"""

    def name(exchange: Exchange) -> None:
        if exchange.interaction is not None:
            return
        what = site.endpoints.name(exchange.path)
        if what == "changed-subscription":
            what = _NAMES.get(exchange.method, what)
        exchange.interaction = Interaction(what)

    return name


def _shape(exchange: Exchange) -> None:
    answer = exchange.result
    if isinstance(answer, Reply):
        exchange.reply = answer
    elif isinstance(answer, Problem):
        headers = [("Allow", answer.where)] if answer.status == 405 else []
        headers += [("Retry-After", answer.retry_after)] if answer.retry_after else []
        exchange.reply = Reply(answer.status, headers, document={"error": answer.text})
    else:
        exchange.reply = Reply(200, document=answer)


def _answer(site: Site, exchange: Exchange, feed: str) -> JSON | Problem:
    what = site.endpoints.name(exchange.path)
    method = "GET" if exchange.method == "HEAD" else exchange.method
    if method not in METHODS[what]:
        allowed = ", ".join(METHODS[what])
        return Problem(405, "interaction-unknown", f"This path takes {allowed}", where=allowed)
    if what == "changed-events":
        return _named(FEEDS[feed].events)
    key = exchange.client or ANYBODY
    if what == "changed":
        return _changed(site, exchange, key, feed)
    if method == "GET":
        return {"status": site.changed.status(key, feed)} | _named(site.changed.events(key, feed))
    # A DELETE has no form: its event is in the query.
    told = dict(parse_qsl(exchange.query)) | dict(parse_qsl(exchange.body.decode("utf-8", "replace")))
    change = site.changed.subscribe if method == "POST" else site.changed.unsubscribe
    try:
        change(key, feed, told.get("eventname", ""))
    except UnknownName as error:
        return Problem(400, "parameter-invalid", str(error), "eventname")
    return {"success": True}


def _named(events: Any) -> JSON:
    return {"subscriptions": [{"eventname": name} for name in events]}


def _changed(site: Site, exchange: Exchange, key: str, feed: str) -> JSON | Problem:
    """What has changed; reading it consumes it, unless `leaveunprocessed` or `showprocessed…` is given."""
    settings = site.personality.settings["events"]["changed"]
    asked = parse_qs(exchange.query)
    offset = float(settings["utc_offset"]) * 3600
    try:
        found, consumed = _found(site, asked, key, feed, offset)
        consumed = consumed and exchange.method == "GET"  # a HEAD shows nothing, so it must take nothing
        limit = min(_count(asked, "limit", int(settings["page"])), int(settings["largest"]))
        skipped = _count(asked, "offset", 0)
    except ValueError as error:
        return Problem(400, "parameter-invalid", str(error))
    if not found and site.changed.status(key, feed) == "INACTIVE":
        return Problem(400, "not-found", f"You are not subscribed to the changes of {feed}")
    rows = [(one, row(one.change, offset)) for one in found]
    rows = [(one, made) for one, made in rows if all(_meant(made, name, asked) for name in _FILTERS)]
    page = rows[skipped : skipped + limit]
    if consumed:
        site.changed.process(one for one, _ in page)
    exchange.returned = tuple(f"{one.change.resource_type}/{one.change.id}" for one, _ in page)
    body: JSON = {FEEDS[feed].key: [made for _, made in page], "totalcount": len(rows)}
    if skipped + limit < len(rows):
        # What was consumed is no longer counted from.
        body["next"] = _link(exchange, limit, skipped if consumed else skipped + limit)
    if skipped:
        body["previous"] = _link(exchange, limit, max(0, skipped - limit))
    return body


def _found(
    site: Site, asked: Mapping[str, list[str]], key: str, feed: str, offset: float
) -> tuple[list[Waiting], bool]:
    """What is asked for, and whether reading consumes it; raises ValueError."""
    start, end = (_moment(asked, f"showprocessed{name}datetime", offset) for name in ("start", "end"))
    if start is not None or end is not None:
        # A stamp has whole seconds: the second that it names is meant to its end.
        until = site.clock.now() if end is None else end + 0.999999
        return site.changed.processed(key, feed, start or 0.0, until), False
    left = asked.get("leaveunprocessed", ["false"])[-1].lower()
    if left not in ("true", "false"):
        raise ValueError(f"leaveunprocessed is true or false, not {left!r}")
    return site.changed.unprocessed(key, feed), left == "false"


def _moment(asked: Mapping[str, list[str]], name: str, offset: float) -> float | None:
    if name not in asked:
        return None
    try:
        return unstamped(asked[name][-1], offset)
    except ValueError:
        example = stamp(0.0)
        raise ValueError(f"{name} is a moment such as {example}, not {asked[name][-1]!r}") from None


def _count(asked: Mapping[str, list[str]], name: str, usual: int) -> int:
    text = asked.get(name, [str(usual)])[-1]
    if not (text.isascii() and text.isdigit()) or (name == "limit" and not int(text)):
        raise ValueError(f"{name} is a whole number, not {text!r}")
    return int(text)


def _meant(made: JSON, name: str, asked: Mapping[str, list[str]]) -> bool:
    """Whether a record fits a filter: several values mean any of them."""
    wanted = {value for text in asked.get(name, ()) for value in text.split(",")}
    return not wanted or str(made.get(name, "")) in wanted


def _link(exchange: Exchange, limit: int, offset: int) -> str:
    pairs = [(name, value) for name, value in parse_qsl(exchange.query) if name not in ("limit", "offset")]
    return f"{exchange.path}?{urlencode([*pairs, ('limit', limit), ('offset', offset)])}"
