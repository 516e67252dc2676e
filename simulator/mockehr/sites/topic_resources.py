"""The topics of a site among its resources, where its FHIR has a type for them (R4B: SubscriptionTopic)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from mockehr.events.topic_resource import topic_resource
from mockehr.fhir.record import Record, encode
from mockehr.fhir.store import Base
from mockehr.sites.subscription_terms import offered_styles, offered_topics

if TYPE_CHECKING:
    from mockehr.sites.site import Site

KIND: Final = "SubscriptionTopic"


class WithTopics:
    """A site's base with a SubscriptionTopic for each topic that can be subscribed to (`mockehr.fhir.store.Base`)."""

    def __init__(self, base: Base, site: Site) -> None:
        self._base = base
        self._site = site
        self._read = base.read
        self._at = site.clock.now()
        self._records: dict[str, Record] | None = None
        # all else as it is, without a step in between
        self.chart = base.chart
        self.patients = base.patients
        self.everyone = base.everyone
        self.hides = base.hides
        self.issues = base.issues

    @property
    def generation(self) -> int:
        """See Base."""
        return self._base.generation

    def read(self, resource_type: str, id: str) -> Record | None:
        """One record, or None."""
        return self._topics().get(id) if resource_type == KIND else self._read(resource_type, id)

    def shared(self, resource_type: str) -> Sequence[Record]:
        """Records of a type that belongs to nobody's chart."""
        return list(self._topics().values()) if resource_type == KIND else self._base.shared(resource_type)

    def _topics(self) -> dict[str, Record]:
        """By id; made when they are first asked for, and from then on the same."""
        if self._records is None:
            site, at = self._site, self._at
            found = offered_topics(site) if offered_styles(site) else ()
            documents = [site.fhir.stamp(topic_resource(topic), 1, at) for topic in found]
            self._records = {one["id"]: Record(KIND, one["id"], 1, at, one, encode(one)) for one in documents}
        return self._records
