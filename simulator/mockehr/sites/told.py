"""What the receiver of an HL7 feed must end up with, and how its records compare with that."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from mockehr.core.errors import UnknownName, UsageError
from mockehr.hl7.witness import KINDS, Witness
from mockehr.sites.attempts import control_id_of
from mockehr.sites.exceptions import Parked
from mockehr.sites.expected import disturbed
from mockehr.sites.feeds import Link
from mockehr.sites.holdings import Holding, Unreadable
from mockehr.sites.site import Site
from mockehr.sites.truth import Facts, TruthReport, compare_with

JUDGED: Final = ("Message", "Person", "Visit", "Result")
"""Kinds of records that are compared unless told."""


def watch(site: Site, link: Link) -> Witness:
    """A witness that hears, from now on, every message of a feed as it was meant; the same one when asked again."""
    witness = site.links.witnesses.get(link.name)
    if witness is None:
        witness = site.links.witnesses[link.name] = Witness()
    return witness


def witness_of(site: Site, link: str) -> Witness:
    """The witness of a feed; raises UnknownName for the feed, UsageError if nobody watched it."""
    if link not in site.links.links:
        raise UnknownName("link", link, site.links.links)
    found = site.links.witnesses.get(link)
    if found is None:
        raise UsageError(
            f"Nobody watched what went over {link}.",
            remedy=f"Run `mockehr truth watch {link}` before it sends, or name it under truth.told of a scenario.",
        )
    return found


def kinds_from(names: Sequence[str]) -> tuple[str, ...]:
    """Kinds of records by name; JUDGED for none. Raises UnknownName."""
    for name in names:
        if name not in KINDS:
            raise UnknownName("kind of record", name, KINDS)
    return tuple(names) or JUDGED


def told_of(
    site: Site, link: str, given: Iterable[Holding], kinds: Sequence[str] = (), parked: Iterable[Parked] = ()
) -> TruthReport:
    """A receiver's records compared with what the feed told, kind by kind.

    Records look like those of `Witness.records`: `resourceType` is a kind, `id` the number that the feed calls it by;
    elements that a witness does not know are not looked at. A Message stands for each time that one was applied; one
    that a rule let follow another is passed over. A Message that is `parked` is not lost; parking is in vain unless a
    rule disturbed it.
    """
    witness = witness_of(site, link)
    added = {control_id_of(one.body) for one in site.journal if "follows" in one.notes}
    wanted = kinds_from(kinds)
    expected = {f"{one['resourceType']}/{one['id']}": one for one in witness.records(wanted)}
    known: dict[str, set[str]] = {kind: {"resourceType", "id"} for kind in wanted}
    for one in expected.values():
        known[one["resourceType"]].update(one)
    held = (
        {name: value for name, value in one.items() if name in known[one["resourceType"]]}
        if isinstance(one, dict)
        else one
        for one in given
        if isinstance(one, Unreadable)
        or (
            isinstance(one, dict)
            and one.get("resourceType") in known
            and not (one["resourceType"] == "Message" and one.get("id") in added)
        )
    )
    aliases = {f"Person/{loser}": f"Person/{survivor}" for loser, survivor in witness.merged.items()}
    facts = Facts(aliases=aliases if "Person" in wanted else {}, disturbed=disturbed(site), ignore=())
    return compare_with(expected, held, facts, parked)
