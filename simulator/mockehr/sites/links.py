"""HL7 v2 feeds that a site sends: changes become messages in the site's dialect, in order, link by link."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from mockehr.core.changes import Change
from mockehr.core.errors import UsageError
from mockehr.core.exchange import JSON, Exchange, Interaction, Reply
from mockehr.hl7.dialect import Dialect
from mockehr.hl7.emit import Event, emit, told_by
from mockehr.sites.mllp_stages import prepare_message
from mockehr.sites.site import Site


@dataclass(slots=True)
class Link:
    """One feed to one peer. `messages` are types and triggers it carries, may hold `*`; `ready` waits to be sent."""

    name: str
    host: str
    port: int
    messages: tuple[str, ...] = ("*",)
    dialect: Dialect | None = None
    """How this peer is written to; None: as the site writes to all."""
    relay: bool = False
    """Whether what came in over HL7 is told on."""
    number: int = 0
    ready: deque[Exchange] = field(default_factory=deque)
    acknowledged: int = 0
    failed: int = 0
    untold: list[tuple[int, str]] = field(default_factory=list)
    """Changes of which no message could be written: number of the change, and why."""

    def carries(self, kind: str) -> bool:
        """Whether messages of that kind go over this link."""
        return any(fnmatchcase(kind, pattern) for pattern in self.messages)


class Links:
    """All feeds of one site, listening to its changes. What came in over HL7 goes out over links that relay only."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self.links: dict[str, Link] = {}
        self.wake: Callable[[], None] = lambda: None
        self.settled: Callable[[Link, Exchange], None] = lambda link, exchange: None
        """Called with every message that the peer has answered, or not."""
        self.next_number: Callable[[Link], int] = lambda link: link.number + 1
        """The number of a link's next message; drawn from elsewhere where several processes send for one site."""

    def add(self, link: Link) -> Link:
        """Send over this link from now on."""
        self.links[link.name] = link
        self.wake()
        return link

    def hear(self, change: Change) -> None:
        """Listener of the change log."""
        resources: list[JSON] | None = None
        for link in self.links.values():
            if change.source == "hl7" and not link.relay:
                continue
            kind = told_by(change, link.dialect or self._site.dialect)
            if not kind or not link.carries(kind):
                continue
            if resources is None:
                resources = gather(self._site, change)
            self._post(link, kind, change, resources)

    def settle(self, link: Link, exchange: Exchange, *, code: str, matched: bool, ack: bytes, error: str) -> None:
        """What the peer answered."""
        exchange.reply = Reply(200 if code in ("AA", "CA") and matched else 400, body=ack)
        exchange.notes["ack"] = code
        if error:
            exchange.notes["failure"] = error
        if exchange.reply.status == 200:
            link.acknowledged += 1
        else:
            link.failed += 1
        self._site.journal.close(exchange)
        self.settled(link, exchange)

    def reset(self) -> None:
        """Forget what waits and count from 1 again; links stay."""
        for link in self.links.values():
            link.ready.clear()
            link.untold.clear()
            link.number = link.acknowledged = link.failed = 0

    def _post(self, link: Link, kind: str, change: Change, resources: list[JSON]) -> None:
        link.number = self.next_number(link)
        site = self._site
        dialect = link.dialect or site.dialect
        try:
            body = emit(Event(kind, site.clock.now(), link.number, occurred=change.at), resources, dialect)
        except UsageError as error:
            # Written with less than the message needs (an order without a patient): nothing can be told of it.
            link.number -= 1
            link.untold.append((change.number, error.what))
            return
        exchange = Exchange(
            "mllp-out",
            method="SEND",
            path=f"/{link.name}",
            body=body,
            direction="out",
            peer=link.name,
            patient=change.patient,
            interaction=Interaction(kind, change.resource_type, change.id),
        )
        exchange.changes += (change.number,)
        prepare_message(site, exchange)
        link.ready.append(exchange)
        self.wake()


def gather(site: Site, change: Change) -> list[JSON]:
    """What a message about a change may tell of: the changed resource, its patient, what it refers to directly, and
    for the visit among these whom and what it refers to."""
    found: dict[str, JSON] = {f"{change.resource_type}/{change.id}": change.document}
    if change.patient:
        _add(site, found, f"Patient/{change.patient}")
    for name in references_of(change.document):
        _add(site, found, name)
    for document in list(found.values()):
        if document["resourceType"] in ("Encounter", "PractitionerRole"):
            for name in references_of(document):
                _add(site, found, name)
    return list(found.values())


def references_of(node: Any) -> list[str]:
    """Every `Type/id` that a document refers to, in its order."""
    if isinstance(node, dict):
        own = node.get("reference")
        names = [own] if isinstance(own, str) and own.count("/") == 1 else []
        return names + [name for value in node.values() for name in references_of(value)]
    if isinstance(node, list):
        return [name for item in node for name in references_of(item)]
    return []


def _add(site: Site, found: dict[str, JSON], name: str) -> None:
    if name in found:
        return
    kind, _, id = name.partition("/")
    record = site.store.read(kind, id)
    if record is not None and not record.deleted:
        found[name] = record.document
