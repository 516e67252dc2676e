"""A notification of athenahealth's Event Subscription Platform: a history Bundle that is neither R4 nor R5.

(athenahealth/aone-fhir-subscriptions, README, "Event Payload".) It opens with a SubscriptionStatus, which R4 does not
have; its counters are texts and begin anew in every Bundle; each event comes with an AuditEvent of the same id. It
never carries what happened, whatever is asked for.
"""

from __future__ import annotations

from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

from mockehr.core.changes import Change
from mockehr.core.clock import instant
from mockehr.core.exchange import JSON
from mockehr.events.athena import TOPIC_BASE, TOPICS, AthenaTopic, is_told, topics_of
from mockehr.events.delivery import Delivery, Event
from mockehr.events.form import Form, Sender
from mockehr.events.policy import PRESETS

PROFILE: Final = (
    "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-subscription-notification"
)
CODES: Final = "https://fhir.athena.io/CodeSystem/SubscriptionTopic"
PRACTICE: Final = "195900"
"""The practice of the vendor's sandbox."""
_ACTIONS: Final = {"create": "C", "update": "U", "delete": "D"}


def write(delivery: Delivery, sender: Sender) -> None:
    """A Bundle with one SubscriptionStatus, and an AuditEvent for each event."""
    subscription = f"Subscription/{delivery.hook.subscription or delivery.hook.name}"
    told = [(event, _topic_of(event)) for event in delivery.events]
    status = _status(delivery, sender, subscription, told)
    entries = [
        _entry(status, f"{subscription}/$status"),
        *(_entry(audit := _audit_event(event, topic, sender), f"AuditEvent/{audit['id']}") for event, topic in told),
    ]
    early = float(_setting(sender, "timestamp_early", 0))
    bundle: JSON = {
        "resourceType": "Bundle",
        "id": _uuid(sender, "bundle", delivery.hook.name, delivery.id),
        "meta": {"profile": [PROFILE]},
        "type": "history",
        "timestamp": instant(sender.now() - early, millis=True),
        "entry": entries,
    }
    delivery.exchange.body = sender.encode(bundle)
    delivery.exchange.headers["content-type"] = "application/fhir+json"


def _status(
    delivery: Delivery, sender: Sender, subscription: str, told: list[tuple[Event, AthenaTopic | None]]
) -> JSON:
    # The counters are those of this Bundle; who adds them up, or looks for gaps, is misled.
    events = [_notice(number, event, topic, sender) for number, (event, topic) in enumerate(told, 1)]
    status: JSON = {
        "resourceType": "SubscriptionStatus",
        "id": _uuid(sender, "status", delivery.hook.name, delivery.id),
        "status": "active",
        "type": f"{delivery.kind}-notification" if events else delivery.kind,
        "eventsSinceSubscriptionStart": str(len(events)),
        "eventsInNotification": len(events),
    }
    if events:
        status["notificationEvent"] = events
    status["subscription"] = {"reference": subscription}
    topic = next((topic for _, topic in told if topic is not None), None)
    if topic is not None:
        status["topic"] = TOPIC_BASE + topic.name
    return status


def _notice(number: int, event: Event, topic: AthenaTopic | None, sender: Sender) -> JSON:
    change = event.change
    notice: JSON = {
        "id": _event_id(event, sender),
        "eventNumber": str(number),
        "timestamp": instant(change.at, millis=True),
        "focus": _focus(change, topic, sender),
    }
    if change.patient and change.resource_type != "Patient":
        patient = _named("Patient", change.patient, "patient", sender)
        notice["additionalContext"] = [{"type": "Patient", **patient}]
    return notice


def _focus(change: Change, topic: AthenaTopic | None, sender: Sender) -> JSON:
    """By reference, by identifier or by both: as the vendor has the resource, unless the setting `focus` says."""
    subject = topic.name.partition(".")[0] if topic is not None else change.resource_type
    named = _named(change.resource_type, change.id, subject.lower(), sender)
    wish = _setting(sender, "focus", "vendor")
    if wish == "vendor" and topic is not None:
        wish = "both" if topic.fhir and topic.v1 else "reference" if topic.fhir else "identifier"
    return {wish: named[wish]} if wish in named else named


def _named(kind: str, id: str, subject: str, sender: Sender) -> JSON:
    practice = str(_setting(sender, "practice", PRACTICE))
    # The vendor's FHIR ids end in the id of its proprietary API: a-432.E-528595.
    value = id.rpartition("-")[2] if id.startswith("a-") else id
    system = f"urn:athenahealth:athenanet:{subject}:{practice}"
    return {"reference": f"{kind}/{id}", "identifier": {"system": system, "value": value}}


def _audit_event(event: Event, topic: AthenaTopic | None, sender: Sender) -> JSON:
    change = event.change
    name = topic.name if topic is not None else f"{change.resource_type}.{change.kind}"
    return {
        "resourceType": "AuditEvent",
        "id": _event_id(event, sender),
        "meta": {"versionId": "0"},
        "type": {"system": CODES, "code": name},
        "action": _ACTIONS[change.kind],
        "recorded": instant(change.at, millis=True),
        "agent": [{"who": {"display": sender.name}, "requestor": False}],
        "source": {"observer": {"display": sender.name}},
        "entity": [{"what": _focus(change, topic, sender)}],
    }


def _entry(resource: JSON, url: str) -> JSON:
    return {
        "fullUrl": f"urn:uuid:{resource['id']}",
        "resource": resource,
        "request": {"method": "GET", "url": url},
        "response": {"status": "200"},
    }


def _topic_of(event: Event) -> AthenaTopic | None:
    """What the endpoint asked for, or else the first that the change is an event of."""
    return TOPICS.get(event.topic) or next(topics_of(event.change), None)


def _event_id(event: Event, sender: Sender) -> str:
    return _uuid(sender, "event", event.id)


def _uuid(sender: Sender, *names: str) -> str:
    """Made of names alone, so that every attempt and every copy has the same."""
    return str(uuid5(NAMESPACE_URL, "/".join((sender.name, *names))))


def _setting(sender: Sender, name: str, usual: Any) -> Any:
    return sender.settings.get("athena", {}).get(name, usual)


ATHENA = Form("athena", write, "hub", PRESETS["athena"], payloads=("id-only",), tells=is_told, topics=TOPICS)
