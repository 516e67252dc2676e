"""Notifications of topic-based Subscriptions (Subscriptions R5 Backport IG 1.1.0, "Channels" and "Payloads").

Bundles of type history, in the media type that the Subscription asks for.
"""

from __future__ import annotations

from typing import Final

from mockehr.events.delivery import Delivery
from mockehr.events.form import Form, Sender
from mockehr.events.notification import Notice, bundle_of
from mockehr.events.policy import Policy


def write(delivery: Delivery, sender: Sender) -> None:
    """A handshake, a heartbeat, or one or more events."""
    hook = delivery.hook
    type = "event-notification" if delivery.events else delivery.kind
    notice = Notice(hook, type, delivery.told, delivery.events, delivery.payload, mark=delivery.id)
    media = hook.media or "application/fhir+json"
    delivery.exchange.body = sender.written(bundle_of(notice, sender), media)
    delivery.exchange.headers["content-type"] = media if "/" in media else f"application/fhir+{media}"


BACKPORT: Final = Form("backport", write, policy=Policy(off_after=10))
