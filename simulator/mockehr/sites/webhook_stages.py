"""The nine stages of an outbound webhook: the site itself speaks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from mockehr.core.exchange import Exchange
from mockehr.core.pipeline import Stage
from mockehr.events import Delivery

if TYPE_CHECKING:
    from mockehr.sites.site import Site


def prepare_delivery(site: Site, delivery: Delivery) -> None:
    """Run a delivery's exchange through its stages; afterwards it is ready to be sent, or dropped."""
    exchange = delivery.exchange
    site.journal.open(exchange)
    site.mischief.amend("on_deliver", delivery, exchange)
    site.journal.close(exchange)


def webhook_stages(site: Site) -> Mapping[str, Stage]:
    """The stages by name. Signing and naming happened when the delivery was drawn up; nothing is shaped here yet."""

    def nothing(exchange: Exchange) -> None:
        """This channel has nothing to do at this stage."""

    return {
        "open_entry": site.journal.open,
        "disturb_arrival": nothing,
        "authorise": nothing,
        "name_interaction": nothing,
        "perform": nothing,
        "shape": nothing,
        "disturb_reply": nothing,
        "render": nothing,
        "close_entry": site.journal.close,
    }
