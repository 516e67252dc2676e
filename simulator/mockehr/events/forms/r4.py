"""What an R4 Subscription of channel rest-hook is sent (FHIR R4 subscription.html, "Channel types").

Without a payload an empty POST goes to the endpoint. With one the endpoint is the base of a FHIR server, and the
resource that changed is put there under its id.
"""

from __future__ import annotations

from typing import Final

from mockehr.events.delivery import Delivery
from mockehr.events.form import Form, Sender
from mockehr.events.policy import Policy


def write(delivery: Delivery, sender: Sender) -> None:
    """The resource as it was after the change, or nothing at all."""
    exchange, event = delivery.exchange, next(iter(delivery.events), None)
    if event is None or delivery.payload != "full":
        exchange.body = b""
        return
    media = delivery.hook.media or "application/fhir+json"
    change = event.change
    exchange.method = "PUT"
    exchange.path = f"{exchange.path.rstrip('/')}/{change.resource_type}/{change.id}"
    exchange.body = sender.written(change.document, media)
    exchange.headers["content-type"] = media if "/" in media else f"application/fhir+{media}"


R4: Final = Form("r4", write, policy=Policy(off_after=10), payloads=("empty", "full"))
