"""What a receiver of events must end up with: the present state of everything that it was to be told of."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mockehr.core.exchange import JSON
from mockehr.sites.site import Site
from mockehr.sites.truth import TruthReport, compare


def heard_of(site: Site, endpoint: str, given: Iterable[Any]) -> TruthReport:
    """A receiver's records compared with the resources as they are now that changed while it was to hear of them.

    Whatever became of the events: the receiver is to find out. What was deleted must not be among its records. Raises
    UnknownName for the endpoint.
    """
    hook = site.outbox.lane(endpoint).hook
    about = {(one.resource_type, one.id): None for one in site.log.changes if hook.wants(one)}
    expected: dict[str, JSON] = {}
    for kind, id in about:
        record = site.store.read(kind, id)
        if record is not None and not record.deleted:
            expected[record.key] = site.fhir.shown(record).document
    return compare(expected, given)
