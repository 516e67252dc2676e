"""Whom a Subscription belongs to, kept with it: what its client may see decides what it is told.

Kept in an extension of the stored Subscription, so that it is known after a restart and to every process; it is never
shown. An extension of that URL that a client sends is replaced.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from mockehr.auth.scopes import Scopes
from mockehr.core.changes import Change
from mockehr.core.exchange import JSON, Exchange
from mockehr.core.problem import Problem
from mockehr.fhir.record import Record, encode

if TYPE_CHECKING:
    from mockehr.sites.site import Site

EXTENSION: Final = "https://mockehr.example.org/StructureDefinition/subscriber"


@dataclass(frozen=True, slots=True)
class Subscriber:
    """The rights with which a Subscription was written. Without `scope` nobody asked for any: all may be told."""

    client: str = ""
    scope: str = ""
    patient: str = ""
    own: tuple[str, ...] = ()
    secret: str = ""
    """With which its notifications are signed, where that was told apart from the document."""

    def exchange(self, base_url: str) -> Exchange:
        """As who asks, for those who decide what may be seen."""
        scopes = Scopes.parse(self.scope) if self.scope else None
        return Exchange(
            "fhir", client=self.client, scopes=scopes, patient=self.patient, own=self.own, base_url=base_url
        )


def subscriber_of(exchange: Exchange, secret: str = "") -> Subscriber:
    """Who writes a Subscription."""
    scope = exchange.scopes.text if isinstance(exchange.scopes, Scopes) else ""
    return Subscriber(exchange.client, scope, exchange.patient, exchange.own, secret)


def kept_with(document: JSON, subscriber: Subscriber) -> JSON:
    """The Subscription with its subscriber; the very same where nothing is to be kept."""
    parts: list[JSON] = [
        {"url": name, "valueString": value}
        for name, value in (
            ("client", subscriber.client),
            ("scope", subscriber.scope),
            ("patient", subscriber.patient),
            *(("own", one) for one in subscriber.own),
            ("secret", subscriber.secret),
        )
        if value
    ]
    others = [one for one in _extensions(document) if one.get("url") != EXTENSION]
    if not parts and len(others) == len(_extensions(document)):
        return document
    made = {key: value for key, value in document.items() if key != "extension"}
    listed = [*others, {"url": EXTENSION, "extension": parts}] if parts else others
    return made | ({"extension": listed} if listed else {})


def kept_in(document: JSON) -> Subscriber:
    """The subscriber that was kept with a Subscription; one of all rights where none was."""
    found = next((one for one in _extensions(document) if one.get("url") == EXTENSION), {})
    pairs = [(str(one.get("url")), str(one.get("valueString", ""))) for one in _extensions(found)]
    told = dict(pairs)
    own = tuple(value for name, value in pairs if name == "own")
    return Subscriber(
        told.get("client", ""), told.get("scope", ""), told.get("patient", ""), own, told.get("secret", "")
    )


def disclosed(document: JSON) -> JSON:
    """A resource as everybody sees it, without the subscriber that is kept with it; the very same where none is."""
    if document.get("resourceType") != "Subscription" or not any(
        one.get("url") == EXTENSION for one in _extensions(document)
    ):
        return document
    return kept_with(document, Subscriber())


def disclosing(shown: Callable[[Record], Record]) -> Callable[[Record], Record]:
    """How records go out, where Subscriptions are kept with their subscribers: their rights and secrets stay here."""

    def outgoing(record: Record) -> Record:
        if record.resource_type != "Subscription":
            return shown(record)
        document = disclosed(record.document)
        told = record if document is record.document else replace(record, document=document, body=encode(document))
        return shown(told)

    return outgoing


def refusal_of(subscriber: Subscriber, kinds: tuple[str, ...]) -> Problem | None:
    """Why a client may not subscribe to events of those types: it could not read what they are about."""
    scopes = Scopes.parse(subscriber.scope)
    if not subscriber.scope:
        return None
    for kind in kinds:
        if not scopes.allows(kind, "read"):
            text = f"The token does not cover read of {kind}, which the Subscription would tell of"
            return Problem(403, "scope-missing", text, resource_type=kind, value="read")
    return None


def foreign(subscriber: Subscriber, exchange: Exchange, kinds: tuple[str, ...]) -> Problem | None:
    """Why the client of an exchange may not be told what a subscriber is told.

    Events are chosen by the rights of the subscriber. Others, a token of the same client for another patient among
    them, have other rights. Where nobody is known to have subscribed, the token has to cover what is told of.
    """
    asking = subscriber_of(exchange)
    if not asking.scope:  # nobody asks for rights here
        return None
    if not subscriber.scope:
        if asking.patient or asking.own:
            text = "The token is confined to a patient, and the Subscription is not"
            return Problem(403, "scope-missing", text, resource_type="Subscription", value="read")
        return refusal_of(asking, kinds)
    if (asking.client, asking.patient, asking.own) == (subscriber.client, subscriber.patient, subscriber.own):
        return refusal_of(asking, kinds)
    text = "The Subscription is another client's, or for another patient: its events are told to that one only"
    return Problem(403, "scope-missing", text, resource_type="Subscription", value="read")


def may_hear(site: Site, subscriber: Subscriber, change: Change) -> bool:
    """Whether a subscriber may be told of a change: whether its client, which has to be active, may read it."""
    gone = change.kind == "delete"
    document = (change.before or change.document) if gone else change.document
    record = Record(
        change.resource_type, change.id, change.version, change.at, document, b"", change.patient, deleted=gone
    )
    return may_see(site, subscriber, record)


def may_see(site: Site, subscriber: Subscriber, record: Record) -> bool:
    """Whether a subscriber's client may read a record at present."""
    if not subscriber.scope:
        return True
    client = site.auth.clients.find(subscriber.client)
    if client is None and subscriber.client in site.auth.clients.struck_off:
        return False
    if client is not None and not client.is_active(site.clock.now()):
        return False
    asking = subscriber.exchange(site.base_url)
    if not asking.scopes.allows(record.resource_type, "read"):
        return False
    part = site.fhir.part(asking, record.resource_type, "read")
    return part is None or (part.concerns(record) if record.deleted else part.covers(record))


def _extensions(element: JSON) -> list[JSON]:
    listed = element.get("extension")
    return [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
