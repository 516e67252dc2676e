"""The nine stages of an outbound webhook: the site itself speaks, and whoever has sockets sends what they leave."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from mockehr.core.exchange import Exchange
from mockehr.core.pipeline import Pipeline
from mockehr.events import Delivery, Sender
from mockehr.fhir.record import encode

if TYPE_CHECKING:
    from mockehr.sites.site import Site


def delivery_stages(site: Site) -> Callable[[Delivery], None]:
    """What runs a delivery's exchange through its stages; afterwards it is ready to be sent, held back or dropped.

    Rules act before the notification is written (`on_deliver`), so that they may change what it says and how it is
    signed, and after (`on_wire`). The entry is closed when the delivery is over (`Outbox.listen`): until then the
    journal must not drop its body.
    """
    mischief, outbox = site.mischief, site.outbox
    drawn_up: list[Delivery] = []  # whose exchange runs; a rule's act may draw up another one meanwhile

    def disturb_arrival(exchange: Exchange) -> None:
        if mischief.armed("webhook", "on_deliver"):
            mischief.amend("on_deliver", drawn_up[-1], exchange)

    def perform(exchange: Exchange) -> None:
        outbox.write(drawn_up[-1])
        note(drawn_up[-1])

    def render(exchange: Exchange) -> None:
        outbox.sign(drawn_up[-1])
        if mischief.armed("webhook", "on_wire"):
            mischief.disturb("on_wire", exchange)

    pipeline = Pipeline(
        {
            "open_entry": lambda exchange: site.journal.open(exchange),
            "disturb_arrival": disturb_arrival,
            "authorise": _nothing,
            "name_interaction": _nothing,
            "perform": perform,
            "shape": _nothing,
            "disturb_reply": _nothing,
            "render": render,
            "close_entry": _nothing,
        }
    )

    def prepare(delivery: Delivery) -> None:
        drawn_up.append(delivery)
        try:
            pipeline.run(delivery.exchange)
        finally:
            drawn_up.pop()

    return prepare


def note(delivery: Delivery) -> None:
    """Keep what its events are about, as `Type/id/_history/version`: for probes, whatever its form discloses."""
    if delivery.events:
        changes = [event.change for event in delivery.events]
        about = [f"{change.resource_type}/{change.id}/_history/{change.version}" for change in changes]
        delivery.exchange.notes |= {"about": about, "payload": delivery.payload}


def sender_of(site: Site) -> Sender:
    """The site as those know it who write notifications."""
    return Sender(
        site.name,
        encode,
        lambda: site.base_url or f"https://{site.name}.example.org{site.fhir_path.rstrip('/')}",
        site.clock.now,
        site.personality.settings.get("events", {}),
        site.personality.fhir_version,
    )


def _nothing(exchange: Exchange) -> None:
    """This channel has nothing to do at this stage."""
