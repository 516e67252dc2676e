"""The nine stages of an outbound webhook: the site itself speaks, and whoever has sockets sends what they leave."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mockehr.core.exchange import Exchange
from mockehr.core.pipeline import Pipeline
from mockehr.events import Delivery, Sender
from mockehr.fhir.record import encode

if TYPE_CHECKING:
    from mockehr.sites.site import Site


def prepare_delivery(site: Site, delivery: Delivery) -> None:
    """Run a delivery's exchange through its stages; afterwards it is ready to be sent, held back or dropped.

    Rules act before the notification is written (`on_deliver`), so that they may change what it says and how it is
    signed, and after (`on_wire`). The entry is closed when the delivery is over (`Outbox.listen`): until then the
    journal must not drop its body.
    """
    mischief = site.mischief

    def disturb_arrival(exchange: Exchange) -> None:
        if mischief.armed("webhook", "on_deliver"):
            mischief.amend("on_deliver", delivery, exchange)

    def perform(exchange: Exchange) -> None:
        site.outbox.write(delivery)

    def render(exchange: Exchange) -> None:
        site.outbox.sign(delivery)
        if mischief.armed("webhook", "on_wire"):
            mischief.disturb("on_wire", exchange)

    Pipeline(
        {
            "open_entry": site.journal.open,
            "disturb_arrival": disturb_arrival,
            "authorise": _nothing,
            "name_interaction": _nothing,
            "perform": perform,
            "shape": _nothing,
            "disturb_reply": _nothing,
            "render": render,
            "close_entry": _nothing,
        }
    ).run(delivery.exchange)


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
