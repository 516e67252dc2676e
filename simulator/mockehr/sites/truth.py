"""Comparing what a client ended up with against what is true, record by record, as they come."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Final

from mockehr.core.exchange import JSON
from mockehr.sites.differences import (
    PERSONS,
    Alteration,
    alike,
    as_served,
    content,
    differences,
    judged,
    row_differences,
    stable,
)
from mockehr.sites.exceptions import Parked, State, handled
from mockehr.sites.holdings.model import Holding, Row, Unreadable
from mockehr.sites.identity import unmerged, wrongly_merged
from mockehr.sites.truth_report import Duplicate, TruthReport

__all__ = ["SECOND_RECORD", "VOLATILE", "Alteration", "Duplicate", "Facts", "TruthReport", "compare", "compare_with"]

VOLATILE: Final = ("meta.versionId", "meta.lastUpdated", "text")
"""Elements of a resource that differ between equal records: bookkeeping, and narrative made from the rest."""
SECOND_RECORD: Final = "half-done merge"
"""What is wrong with the second record of a person, where it is parked."""
_MERGED: Final = ("duplicate", "identity")
"""Types of failure of a second record."""
_TELLING: Final = ("resourceType", "id", "identifier", "active", "link", "subject", "patient", "beneficiary")
"""The members of a record that say whose it is."""


def _nothing() -> Mapping[str, Any]:
    return MappingProxyType({})


def _undisturbed(key: str) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known besides the truth. All are by `Type/id`.

    `corrupted` maps a key to the name of what the site did to it; `served` optionally has that record as the client
    was given it, so that keeping it faithfully is told from altering it. Without it every difference of a corrupted
    record counts as inherited, except encoding damage, which a client can undo. `repair` are keys of corrupted
    records that may not be kept as served. A corrupted record that is not in the truth is one that the site shows
    twice: it may be kept, unless it is to be repaired. `failures` has the types of failure under which a corrupted
    record should be parked. `aliases` maps a merged person to the survivor, both as `Patient/id`. `disturbed` says
    of a key whether a rule disturbed an exchange that named it, so that parking it is not in vain. `ignore` lists
    top-level paths (one or two steps) to leave out.
    """

    corrupted: Mapping[str, str] = field(default_factory=_nothing)
    served: Mapping[str, JSON] = field(default_factory=_nothing)
    repair: Collection[str] = ()
    failures: Mapping[str, tuple[str, ...]] = field(default_factory=_nothing)
    aliases: Mapping[str, str] = field(default_factory=_nothing)
    disturbed: Callable[[str], bool] = _undisturbed
    ignore: Sequence[str] = VOLATILE


def compare(
    expected: Mapping[str, JSON], given: Iterable[Holding], *, parked: Iterable[Parked] = (), **facts: Any
) -> TruthReport:
    """Compare a client's records with the truth. `facts` are those of Facts, by name."""
    return compare_with(expected, given, Facts(**facts), parked)


def compare_with(
    expected: Mapping[str, JSON], given: Iterable[Holding], facts: Facts, parked: Iterable[Parked] = ()
) -> TruthReport:
    """Compare a client's records with the truth.

    `expected` maps `Type/id` to the clean resource. Records are looked at as they come, and not kept but for what
    says whose they are. What is `parked` is not lost.
    """
    comparison = _Comparison(expected, facts)
    for holding in given:
        comparison.take(holding)
    return comparison.report(tuple(parked))


@dataclass(slots=True)
class _Comparison:
    """One comparison under way."""

    expected: Mapping[str, JSON]
    facts: Facts
    times: Counter[str] = field(default_factory=Counter)
    """How often each key was given, in the order of first times."""
    held: dict[str, list[JSON]] = field(default_factory=lambda: defaultdict(list))
    """What says of each record whose it is."""
    strange: dict[str, JSON] = field(default_factory=dict)
    """The first record under each key that the truth does not have."""
    differing: dict[str, list[tuple[Alteration, bool]]] = field(default_factory=dict)
    """Differences of each record, with whether the client merely kept what it was served."""
    states: dict[str, State] = field(default_factory=dict)
    """What became of corrupted records that are held."""
    unreadable: list[Unreadable] = field(default_factory=list)

    def take(self, holding: Any) -> None:
        """Look at one record, and at a second one of its key only to count it."""
        if isinstance(holding, Unreadable):
            self.unreadable.append(holding)
            return
        key = holding.key if isinstance(holding, Row) else _key(holding)
        self.times[key] += 1
        if isinstance(holding, Row):
            self.held[key].append(_skeleton(holding))
        elif isinstance(holding, dict):
            self.held[key].append({name: holding[name] for name in _TELLING if name in holding})
        else:
            self.held[key].append({})
        if self.times[key] > 1 or key in self.facts.aliases:
            return
        if key in self.expected:
            self._differ(key, holding)
        elif self._is_double(key):
            self.states[key] = "kept"
        else:
            self.strange[key] = holding if isinstance(holding, dict) else {}

    def _is_double(self, key: str) -> bool:
        """Whether the site shows it besides the true record."""
        return key in self.facts.corrupted and key not in self.facts.repair

    def _differ(self, key: str, holding: JSON | Row) -> None:
        facts, clean, row = self.facts, self.expected[key], isinstance(holding, Row)
        corruption, served = facts.corrupted.get(key, ""), facts.served.get(key)
        if isinstance(holding, Row):
            items = list(row_differences(clean, holding, facts.aliases))
        else:
            left = stable(clean, facts.ignore, facts.aliases)
            right = stable(holding, facts.ignore, facts.aliases)
            items = [] if alike(left, right) else list(differences(key, left, right))
        if items:
            self.differing[key] = [judged(one, corruption, served, key in facts.repair, row) for one in items]
        if corruption:
            kept = [as_served(one, served, row) if served is not None else not one.damage for one in items]
            self.states[key] = "repaired" if not items else "kept" if all(kept) else "altered"

    def report(self, parked: Sequence[Parked]) -> TruthReport:
        """What came of it."""
        aliases = self.facts.aliases
        known = [self._known(one) for one in parked]
        ends = dict(self._ends({one.key for one in known}))
        there = {*self.times, *aliases, *(one.key for one in known)}
        every = [item for key in self.expected for item in self.differing.get(key, ())]
        own = [item for item, inherited in every if not inherited]
        plain = [item for item in own if not item.damage]
        renamed = _same_content(self.expected, self.strange, self.facts.ignore)
        return TruthReport(
            expected=len(self.expected),
            given=self.times.total(),
            lost=tuple(key for key in self.expected if key not in there),
            duplicated=tuple(_duplicated(self.times, renamed)),
            foreign=tuple(key for key in self.strange if key not in renamed),
            altered=tuple(item for item in plain if not _is_wrong_patient(item)),
            misdecoded=tuple(item for item in own if item.damage),
            wrongly_merged=tuple(wrongly_merged(self.expected, self.held, aliases)),
            wrong_patient=tuple(item for item in plain if _is_wrong_patient(item)),
            unmerged=tuple(unmerged(self.held, aliases)),
            inherited=tuple(item for item, inherited in every if inherited),
            unreadable=tuple(self.unreadable),
            parked=tuple(known),
            parked_in_vain=tuple(one for one in known if not one.corruption and not self.facts.disturbed(one.key)),
            vanished=tuple(key for key, state in ends.items() if state == "lost"),
            handled=handled(ends, {**self.facts.failures, **dict.fromkeys(aliases, _MERGED)}),
        )

    def _known(self, parked: Parked) -> Parked:
        """What was parked, with what was wrong with it."""
        if parked.key in self.facts.aliases:
            return replace(parked, corruption=SECOND_RECORD, fitting=_MERGED)
        corruption = self.facts.corrupted.get(parked.key, "")
        return replace(parked, corruption=corruption, fitting=self.facts.failures.get(parked.key, ()))

    def _ends(self, aside: Collection[str]) -> Iterator[tuple[str, State]]:
        """What became of every corrupted record that the client was to have, or could have come by."""
        facts = self.facts
        for key in facts.corrupted:
            true = key in self.expected
            if key in aside:
                yield key, "parked"
            elif key in self.times:
                yield key, self.states.get(key, "kept")
            elif true or key in facts.served:
                yield key, "lost" if true else "repaired"
        for key in facts.aliases:
            standing = key in self.times and any(True for _ in unmerged(self.held, {key: facts.aliases[key]}))
            yield key, "parked" if key in aside else "kept" if standing else "repaired"


def _key(resource: Any) -> str:
    if not isinstance(resource, dict):
        return "(no resource)"
    return f"{resource.get('resourceType', '(no type)')}/{resource.get('id', '(no id)')}"


def _skeleton(row: Row) -> JSON:
    """A row as far as it says whose it is."""
    skeleton: JSON = {"resourceType": row.resource_type, "id": row.id}
    for path in PERSONS:
        if isinstance(row.elements.get(path), str):
            skeleton[path.partition(".")[0]] = {"reference": row.elements[path]}
    return skeleton


def _is_wrong_patient(item: Alteration) -> bool:
    """Whether it is filed under somebody else."""
    return item.path in PERSONS and isinstance(item.expected, str) and isinstance(item.got, str)


def _duplicated(times: Mapping[str, int], renamed: Mapping[str, str]) -> Iterator[Duplicate]:
    others: dict[str, list[str]] = defaultdict(list)
    for key, original in renamed.items():
        others[original].append(key)
    for key in [*times, *(key for key in others if key not in times)]:
        found = times.get(key, 0) + sum(times[other] for other in others.get(key, []))
        if found > 1 and key not in renamed:
            yield Duplicate(key, found, tuple(others.get(key, ())))


def _same_content(expected: Mapping[str, JSON], unknown: Mapping[str, JSON], ignore: Sequence[str]) -> dict[str, str]:
    """Unknown keys whose content is that of an expected record, mapped to it: the same record under another id."""
    if not unknown:
        return {}
    contents = {content(resource, ignore): key for key, resource in expected.items()}
    found = {key: contents.get(content(resource, ignore), "") for key, resource in unknown.items()}
    return {key: original for key, original in found.items() if original}
