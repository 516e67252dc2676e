"""Health Gorilla's webhook: the resource itself, in no Bundle, and unsigned.

(developer.healthgorilla.com, "Webhook delivery and security", "Handling failures and retries".) Its two pages on
retries contradict each other: the first is the rule here, the other is the preset `health-gorilla-steady`.
"""

from __future__ import annotations

from mockehr.events.delivery import Delivery
from mockehr.events.form import Form, Sender
from mockehr.events.policy import PRESETS


def write(delivery: Delivery, sender: Sender) -> None:
    """The resource as it was stored (as it was before, of one that was deleted); nothing where there is no event."""
    exchange, change = delivery.exchange, delivery.change
    exchange.body = sender.encode(change.document) if change is not None else b""
    exchange.headers |= {"content-type": "application/fhir+json", "user-agent": "HealthGorilla-FHIR-Webhook"}
    # The header is documented as optional, its values are not: here they are as Subscriptions of R4 are about.
    if change is not None and sender.settings.get("health_gorilla", {}).get("event_type", True):
        exchange.headers["x-healthgorilla-event-type"] = f"{change.resource_type}.{change.kind}"


HEALTH_GORILLA = Form("health-gorilla", write, "none", PRESETS["health-gorilla"], payloads=("full",))
