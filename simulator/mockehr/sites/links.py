"""HL7 v2 feeds that a site sends: changes become messages in the site's dialect, in order, link by link."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from mockehr.core.changes import Change
from mockehr.core.exchange import JSON, Exchange, Interaction, Reply
from mockehr.hl7.emit import Event, emit
from mockehr.sites.mllp_stages import prepare_message
from mockehr.sites.site import Site


@dataclass(slots=True)
class Link:
    """One feed to one peer. `messages` are types and triggers it carries, may hold `*`; `ready` waits to be sent."""

    name: str
    host: str
    port: int
    messages: tuple[str, ...] = ("*",)
    number: int = 0
    ready: deque[Exchange] = field(default_factory=deque)
    acknowledged: int = 0
    failed: int = 0

    def carries(self, kind: str) -> bool:
        """Whether messages of that kind go over this link."""
        return any(fnmatchcase(kind, pattern) for pattern in self.messages)


class Links:
    """All feeds of one site, listening to its changes. What came in over HL7 is not sent back out."""

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
        if change.source == "hl7" or not self.links:
            return
        kind = kind_of(change)
        if not kind:
            return
        resources = _resources(self._site, change)
        if not any(resource["resourceType"] == "Patient" for resource in resources):
            return
        for link in self.links.values():
            if link.carries(kind):
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
            link.number = link.acknowledged = link.failed = 0

    def _post(self, link: Link, kind: str, change: Change, resources: list[JSON]) -> None:
        link.number = self.next_number(link)
        site = self._site
        body = emit(Event(kind, site.clock.now(), link.number, occurred=change.at), resources, site.dialect)
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


def kind_of(change: Change) -> str:
    """The message that tells of a change, or the empty string if none does."""
    if change.event:
        return f"ADT^{change.event}"
    if change.resource_type == "Patient" and change.kind == "delete":
        return ""  # ADT^A29 is no message that this site sends, and A08 would say the contrary
    if change.resource_type == "Patient":
        return "ADT^A28" if change.kind == "create" else "ADT^A08"
    if change.resource_type == "Encounter" and change.kind != "delete":
        status = change.document.get("status")
        return {"in-progress": "ADT^A01", "finished": "ADT^A03", "cancelled": "ADT^A11"}.get(str(status), "")
    return "ORU^R01" if change.resource_type == "DiagnosticReport" and change.kind != "delete" else ""


def _resources(site: Site, change: Change) -> list[JSON]:
    """The changed resource, its patient, and what it refers to directly."""
    found = [change.document]
    if change.resource_type != "Patient" and change.patient:
        patient = site.store.read("Patient", change.patient)
        if patient is not None and not patient.deleted:
            found.append(patient.document)
    references = [change.document.get("encounter"), *change.document.get("result", [])]
    for reference in references:
        kind, _, id = str((reference or {}).get("reference", "")).rpartition("/")
        record = site.store.read(kind, id) if id else None
        if record is not None and not record.deleted:
            found.append(record.document)
    return found
