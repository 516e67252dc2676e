"""Changes told to others: signed webhooks, retries, dead letters."""

from mockehr.events.outbox import Delivery, Outbox
from mockehr.events.sign import signature, verify
from mockehr.events.subscription import Hook

__all__ = ["Delivery", "Hook", "Outbox", "signature", "verify"]
