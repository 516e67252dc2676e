"""Topics as resources of type SubscriptionTopic, which R4B has (FHIR R4B subscriptiontopic.html)."""

from __future__ import annotations

from mockehr.core.exchange import JSON
from mockehr.events.topic import Topic


def topic_resource(topic: Topic) -> JSON:
    """A topic as a SubscriptionTopic whose id is its name.

    What it is known as elsewhere is in `derivedFrom`, so that `derived-or-self` finds it by any of its canonicals.
    """
    made: JSON = {
        "resourceType": "SubscriptionTopic",
        "id": topic.name,
        "url": topic.canonical,
        "title": topic.title,
        "derivedFrom": list(topic.known_as),
        "status": "active",
        "description": topic.description,
        "resourceTrigger": [
            {
                "description": topic.description,
                "resource": topic.resource,
                "supportedInteraction": ["create", "update"],
            }
        ],
        "canFilterBy": [
            {
                "description": f"Compared with the search parameter {parameter} of {topic.resource}.",
                "resource": topic.resource,
                "filterParameter": name,
            }
            for name, parameter in topic.filters.items()
        ],
    }
    includes = [path for path in topic.related.values() if path.startswith(f"{topic.resource}:")]
    if includes:
        made["notificationShape"] = [{"resource": topic.resource, "include": includes}]
    return {name: value for name, value in made.items() if value}
