"""The nine stages of an outbound webhook: the site itself speaks, `perform` is left to whoever has sockets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mockehr.core.exchange import Exchange
from mockehr.core.pipeline import Pipeline
from mockehr.events import Delivery

if TYPE_CHECKING:
    from mockehr.sites.site import Site


def prepare_delivery(site: Site, delivery: Delivery) -> None:
    """Run a delivery's exchange through its stages; afterwards it is ready to be sent, or dropped.

    The event was named and its body signed when the delivery was drawn up, so those stages have nothing left to do.
    The entry is closed when the delivery is over (`Outbox.listen`): until then the journal must not drop its body.
    """

    def disturb_arrival(exchange: Exchange) -> None:
        site.mischief.amend("on_deliver", delivery, exchange)

    Pipeline(
        {
            "open_entry": site.journal.open,
            "disturb_arrival": disturb_arrival,
            "authorise": _nothing,
            "name_interaction": _nothing,
            "perform": _nothing,
            "shape": _nothing,
            "disturb_reply": _nothing,
            "render": _nothing,
            "close_entry": _nothing,
        }
    ).run(delivery.exchange)


def _nothing(exchange: Exchange) -> None:
    """This channel has nothing to do at this stage."""
