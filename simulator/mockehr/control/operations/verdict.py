"""Comparing a client's records with the truth. (The scorecard: `mockehr.scenarios.operations`.)"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain, islice
from typing import Any

from mockehr.control.operation import Document, operation
from mockehr.sites.exceptions import Parked, parked_from
from mockehr.sites.expected import PATIENTS_ONLY, corrupted, everybody, truth_of
from mockehr.sites.holdings import Unreadable, row_from
from mockehr.sites.site import Site
from mockehr.sites.told import kinds_from, told_of, watch, witness_of


@operation("truth compare", "POST", "/truth")
def compare(
    site: Site,
    records: Sequence[Any] = (),
    patients: Sequence[Any] = (),
    types: Document = PATIENTS_ONLY,
    rows: Sequence[Any] = (),
    parked: Sequence[Any] = (),
) -> dict[str, Any]:
    """Compare a client's records with the clean charts: what is lost, doubled, altered, wrongly merged or foreign.

    `records` are FHIR resources. `rows` are records of which some elements are known: resourceType, id, and elements
    by path. `parked` is what the client set aside: resourceType and id, a reference or a messageId, with `type` and
    `reason`. `patients` are the ids that the client looked after; none: everybody, up to 10 000. `types` has each
    resource type that it synced and the query that narrows it, or an empty text.
    """
    roster = [str(id) for id in patients] or everybody(site)
    aside = list(parked_from((f"parked {number}", one) for number, one in enumerate(parked, 1)))
    wrong = [Unreadable("", one) for one in aside if isinstance(one, str)]
    given = chain(records, (row_from(one) for one in rows), wrong)
    report = truth_of(site, roster, types, given, [one for one in aside if isinstance(one, Parked)])
    return {**report.as_json(), "text": report.text()}


@operation("truth corrupted", "GET", "/truth/corrupted/{name}")
def touched(site: Site, name: str, offset: int = 0, limit: int = 1000) -> dict[str, Any]:
    """Ids of patients that an armed corruption touches, in a fixed order, up to `limit` of them from `offset`."""
    return {"ids": list(islice(corrupted(site, name), offset, offset + limit))}


@operation("truth watch", "POST", "/truth/watch")
def watched(site: Site, link: str) -> dict[str, Any]:
    """Note from now on what an HL7 feed tells, as it was meant: what its receiver must end up with."""
    watch(site, site.links.get(link))
    return {"watching": link}


@operation("truth told", "GET", "/truth/told/{link}")
def told(site: Site, link: str, kinds: Sequence[str] = ()) -> dict[str, Any]:
    """What the receiver of a watched feed must have: the messages in the order of events, and what follows from them.

    `kinds` are Message, Person, Visit, Result (these unless told), Order, Appointment and Document.
    """
    witness = witness_of(site, link)
    return {"records": list(witness.records(kinds_from(kinds))), "merged": witness.merged}


@operation("truth compare-told", "POST", "/truth/told")
def compare_told(site: Site, link: str, records: Sequence[Any], kinds: Sequence[str] = ()) -> dict[str, Any]:
    """Compare what the receiver of a watched feed has with what it must have.

    `records` look as `truth told` shows them: a Message for each time that one was applied, and so on.
    """
    return told_of(site, link, list(records), kinds).as_json()
