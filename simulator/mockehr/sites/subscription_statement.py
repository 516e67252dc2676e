"""What a CapabilityStatement says of Subscriptions (Subscriptions R5 Backport IG 1.1.0, "Conformance")."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mockehr.core.exchange import JSON
from mockehr.fhir.elements import R4B
from mockehr.sites.subscription_terms import offered_styles, offered_topics

if TYPE_CHECKING:
    from mockehr.sites.site import Site

_GUIDE: Final = "http://hl7.org/fhir/uv/subscriptions-backport/"
TOPIC: Final = _GUIDE + "StructureDefinition/capabilitystatement-subscriptiontopic-canonical"
SERVER: Final = _GUIDE + "CapabilityStatement/backport-subscription-server"


def describe_subscriptions(site: Site, document: JSON) -> None:
    """Add topics and profiles to the statement of a site that takes Subscriptions; leave any other as it is."""
    resources: list[JSON] = document["rest"][0].get("resource", [])
    entry = next((one for one in resources if one["type"] == "Subscription"), None)
    offered = offered_styles(site)
    profiles = [style.profile for style in offered if style.profile]
    if entry is None or not profiles:
        return
    version = site.fhir.fhir_version
    document["instantiates"] = [*document.get("instantiates", ()), SERVER + ("" if version == R4B else "-r4")]
    entry["supportedProfile"] = [*entry.get("supportedProfile", ()), *profiles]
    listed = [
        {"url": TOPIC, "valueCanonical": canonical}
        for topic in offered_topics(site)
        for canonical in topic.canonicals
    ]
    if listed:
        entry["extension"] = [*entry.get("extension", ()), *listed]
