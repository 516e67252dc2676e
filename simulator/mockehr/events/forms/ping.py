"""What a websocket says of an R4 Subscription: `ping` and its id (FHIR R4 subscription.html, channel websocket)."""

from __future__ import annotations

from mockehr.events.delivery import Delivery
from mockehr.events.form import Form, Sender
from mockehr.events.policy import Policy


def write(delivery: Delivery, sender: Sender) -> None:
    """The one word and the id; nothing is said of what happened."""
    delivery.exchange.body = f"ping {delivery.hook.subscription}".encode()
    delivery.exchange.headers |= {"content-type": "text/plain"}


PING = Form("ping", write, policy=Policy(ladder=()), payloads=("empty",))
