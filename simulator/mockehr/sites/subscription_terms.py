"""What a Subscription means at one site: its style, its terms, the endpoint that they make, what it is told of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from mockehr.core.changes import Change
from mockehr.core.errors import ConfigError, UnknownName
from mockehr.core.exchange import JSON
from mockehr.events import Hook, Policy, Topic, policy_from, topics
from mockehr.events.channel import CHANNELS
from mockehr.events.style import Fault, Offer, Style, Terms, styles
from mockehr.fhir.interactions.search import charts_per_page
from mockehr.fhir.search import Query, TooCostly, compile_query
from mockehr.fhir.search.neighbours import Neighbours
from mockehr.fhir.terminology import Library

if TYPE_CHECKING:
    from mockehr.sites.site import Site

PREFIX: Final = "Subscription/"
"""Before the id: the name of the endpoint that a Subscription makes."""
NO_HEADERS: Final[Mapping[str, str]] = MappingProxyType({})
Predicate = Callable[[JSON], bool]


def settings_of(site: Site) -> Mapping[str, Any]:
    """The section `events` of the site's personality."""
    found: Mapping[str, Any] = site.personality.settings["events"]
    return found


def offered_styles(site: Site) -> list[Style]:
    """The styles of Subscriptions that a site takes, in its order. Raises ConfigError for one that there is not."""
    try:
        return [styles().get(name) for name in settings_of(site)["subscriptions"]]
    except UnknownName as error:
        raise ConfigError(
            "The setting events.subscriptions cannot be used.", [error.what], nearest=error.nearest
        ) from None


def offered_topics(site: Site) -> tuple[Topic, ...]:
    """The topics that can be subscribed to, by name. Raises ConfigError for one that there is not."""
    told = settings_of(site)["topics"]
    kinds = site.fhir.types
    if not told:
        return tuple(topic for _, topic in topics().items() if topic.resource in kinds)
    try:
        return tuple(topics().get(name) for name in told)
    except UnknownName as error:
        raise ConfigError("The setting events.topics cannot be used.", [error.what], nearest=error.nearest) from None


def offer_of(site: Site) -> Offer:
    """What the site offers to subscribers."""
    return Offer(
        frozenset(site.fhir.types),
        settings_of(site),
        lambda kind, query: next((one.text for one in query_of(site, kind, query).problems), ""),
        offered_topics(site),
        site.fhir.fhir_version,
    )


def read_terms(
    site: Site, document: JSON, headers: Mapping[str, str] = NO_HEADERS
) -> tuple[Style | None, Terms | tuple[Fault, ...]]:
    """The style of a Subscription and its terms, or all for which it cannot be honoured."""
    offered = offered_styles(site)
    style = next((one for one in offered if one.fits(document)), None)
    if style is None:
        names = " or ".join(one.name for one in offered) or "none"
        text = f"criteria are written in no way that is known here; Subscriptions are of the style {names}"
        return None, (Fault(text, "Subscription.criteria"),)
    return style, style.read(document, headers, offer_of(site))


def policy_of(site: Site, style: Style, terms: Terms) -> Policy:
    """The rules of delivery: the style's, the site's settings over them, then what the Subscription asks for."""
    told = settings_of(site)
    policy = policy_from(dict(told["policy"]), style.policy)
    if not CHANNELS[terms.channel].pushed:  # who is not there misses it: nothing is tried again, and nothing fails
        policy = replace(policy, ladder=(), repeats=False, off_after=0, exhausted="drop")
    if terms.timeout:
        policy = replace(policy, timeout=terms.timeout)
    wait = float(told["gather"])
    return replace(policy, batch=terms.most, batch_wait=wait) if wait > 0 else policy


def hook_of(id: str, terms: Terms, policy: Policy, document: JSON, chooses: Callable[[Change], bool]) -> Hook:
    """The endpoint that a Subscription makes."""
    criteria = str(document.get("criteria", ""))
    return Hook(
        PREFIX + id,
        url_of(terms),
        terms.secret,
        terms.resources,
        terms.kinds,
        terms.payload,
        topics=terms.topics,
        form=terms.form,
        signing=terms.signing,
        policy=policy,
        headers=terms.headers,
        chooses=chooses,
        subscription=id,
        media=terms.media,
        canonical=criteria if terms.topics else "",
    )


def url_of(terms: Terms) -> str:
    """Where deliveries go: the endpoint, or what the channel has in place of one."""
    return CHANNELS[terms.channel].url or terms.endpoint


def query_of(site: Site, kind: str, query: str) -> Query:
    """A search string compiled with the site's own search, over all that is stored."""
    store = site.store

    def resolve(of: str, id: str) -> JSON | None:
        record = store.read(of, id)
        return None if record is None or record.deleted else record.document

    return compile_query(
        kind,
        query,
        strict=True,
        base_url=site.base_url,
        resolve=resolve,
        referrers=Neighbours(store, charts_per_page(site.fhir), site.base_url),
        library=Library(store),
        fhir_version=site.fhir.fhir_version,
        own=site.fhir.own_parameters,
    )


def predicates_of(site: Site, filters: Iterable[tuple[str, str]]) -> Mapping[str, Predicate]:
    """Type → what a resource of that type has to be. Types without a filter are missing.

    Each look compiles anew, since what a chain leads to may have been written meanwhile.
    """
    found: dict[str, list[str]] = {}
    for kind, query in filters:
        found.setdefault(kind, []).append(query)
    return MappingProxyType({kind: _predicate(site, kind, "&".join(queries)) for kind, queries in found.items()})


def _predicate(site: Site, kind: str, query: str) -> Predicate:
    plain: dict[str, Query] = {}
    linked = "." in query.partition("=")[0] or "_has" in query or "%2E" in query.upper()

    def matches(document: JSON) -> bool:
        compiled = None if linked else plain.get(site.base_url)
        if compiled is None:
            compiled = plain[site.base_url] = query_of(site, kind, query)
        try:
            return not compiled.problems and compiled.matches(document)
        except TooCostly:  # nobody can tell within bounds; to tell too much is the lesser evil
            return True

    return matches
