"""Changes told to others: topics, forms of notifications, signatures, retries, dead letters."""

# The folders first: imported later they would take the names of the functions `forms` and `topics`.
import mockehr.events.forms
import mockehr.events.topics  # noqa: F401
from mockehr.events.delivery import Delivery, Event
from mockehr.events.form import Form, Sender, forms
from mockehr.events.hook import Hook
from mockehr.events.outbox import Outbox
from mockehr.events.policy import Policy, policy_from
from mockehr.events.sign import signature, verify
from mockehr.events.topic import Topic, topic_at, topics

__all__ = [
    "Delivery",
    "Event",
    "Form",
    "Hook",
    "Outbox",
    "Policy",
    "Sender",
    "Topic",
    "forms",
    "policy_from",
    "signature",
    "topic_at",
    "topics",
    "verify",
]
