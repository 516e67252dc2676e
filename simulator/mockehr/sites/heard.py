"""What a receiver of events must end up with: the present state of everything that it was to be told of."""

from __future__ import annotations

from collections.abc import Iterable

from mockehr.core.exchange import JSON
from mockehr.sites.exceptions import Parked
from mockehr.sites.expected import disturbed
from mockehr.sites.holdings import Holding
from mockehr.sites.site import Site
from mockehr.sites.truth import Facts, TruthReport, compare_with


def heard_of(site: Site, endpoint: str, given: Iterable[Holding], parked: Iterable[Parked] = ()) -> TruthReport:
    """A receiver's records compared with the resources as they are now that changed while it was to hear of them.

    Whatever became of the events: the receiver is to find out. What was deleted must not be among its records. What
    is `parked` is not lost; parking is in vain unless a rule disturbed an exchange that named it. Raises UnknownName
    for the endpoint.
    """
    hook = site.outbox.lane(endpoint).hook
    about = {(one.resource_type, one.id): None for one in site.log.changes if hook.wants(one)}
    expected: dict[str, JSON] = {}
    for kind, id in about:
        record = site.store.read(kind, id)
        if record is not None and not record.deleted:
            expected[record.key] = site.fhir.shown(record).document
    return compare_with(expected, given, Facts(disturbed=disturbed(site)), parked)
