"""What a client should hold: the clean charts of the patients that it looks after, narrowed to what it syncs."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from types import MappingProxyType
from typing import Final
from urllib.parse import parse_qsl

from mockehr.core.errors import ConfigError, UnknownName, UsageError, nearest_names
from mockehr.core.exchange import JSON
from mockehr.fhir.search import Query, compile_query
from mockehr.sites.attempts import control_id_of
from mockehr.sites.charts import Charts
from mockehr.sites.exceptions import Parked, fitting
from mockehr.sites.holdings import Holding
from mockehr.sites.site import Site
from mockehr.sites.truth import Facts, TruthReport, compare_with

ALL_PATIENTS: Final = 10_000
"""Patients of a site that are compared without being named, at most."""
_IDS: Final = re.compile(rb'(?:"id"\s*:|<id value=)\s*"([A-Za-z0-9.-]{1,64})"')
PATIENTS_ONLY: Final = MappingProxyType({"Patient": ""})


def truth_of(
    site: Site,
    roster: Sequence[str],
    types: Mapping[str, str],
    given: Iterable[Holding],
    parked: Iterable[Parked] = (),
) -> TruthReport:
    """A client's records compared with the clean charts of the patients on its roster.

    `types` maps each resource type that was to be synced to the query that narrows it (`category=laboratory`, or
    empty). Second records of half-done merges count as their survivors. What is `parked` is not lost; parking is in
    vain where neither a corruption touched the record nor a rule an exchange that named it. Raises UsageError if the
    site has no charts or not such a patient, ConfigError for a query that cannot be used.
    """
    charts = _charts(site)
    queries = queries_of(site, types)
    seconds = {charts.patient_id(second): charts.patient_id(one) for second, one in charts.survivors()}
    wanted = _Wanted()
    for id in dict.fromkeys(seconds.get(id, id) for id in roster):
        index = charts.index_of(id)
        if index is None or not 0 <= index < charts.size:
            raise UsageError(f"{id} is no patient of {site.name}.", remedy="Use ids from `mockehr site patients`.")
        wanted.add(charts, index, queries)
    changes = site.upgrades.changes
    expected, served = wanted.expected, wanted.served
    if changes.types:  # a client may have read before an upgrade, or after
        expected = {key: changes.compared(document) for key, document in expected.items()}
        served = {key: changes.compared(document) for key, document in served.items()}
        given = (changes.compared(one) if isinstance(one, dict) else one for one in given)
    facts = Facts(
        corrupted=wanted.corrupted,
        served=served,
        repair=wanted.repair,
        failures=wanted.failures,
        aliases={f"Patient/{second}": f"Patient/{one}" for second, one in seconds.items() if second in roster},
        disturbed=disturbed(site),
    )
    return compare_with(expected, given, facts, parked)


@dataclass(slots=True)
class _Wanted:
    """What a client should hold, and what is known of it; all by `Type/id`."""

    expected: dict[str, JSON] = field(default_factory=dict)
    served: dict[str, JSON] = field(default_factory=dict)
    corrupted: dict[str, str] = field(default_factory=dict)
    failures: dict[str, tuple[str, ...]] = field(default_factory=dict)
    repair: set[str] = field(default_factory=set)

    def add(self, charts: Charts, index: int, queries: Mapping[str, Query]) -> None:
        """Add what is wanted of one chart."""
        self.expected |= _wanted(charts, index, queries, dirty=False)
        touched = charts.corrupted(index)
        shown = _wanted(charts, index, queries, dirty=True) if touched else {}
        for key, infections in touched.items():
            self.corrupted[key] = ", ".join(infection.name for infection in infections)
            ailments = [infection.ailment.about for infection in infections]
            kinds = [kind for one in ailments for kind in fitting(one.name, one.ledger)]
            self.failures[key] = tuple(dict.fromkeys(kinds))
            self.served |= {key: shown[key]} if key in shown else {}
            self.repair |= {key} if any(infection.coping == "repair" for infection in infections) else set()


def disturbed(site: Site) -> Callable[[str], bool]:
    """Whether a rule fired on an exchange that named a record, by its `Type/id`; a message goes by its control id."""

    @cache
    def named() -> frozenset[str]:
        found: set[str] = set()
        for one in site.journal:
            if any(decision.outcome == "fired" for decision in one.decisions):
                found.update(one.path.split("/"))
                octets = one.reply.body if one.reply is not None else b""
                found.update(id.decode() for text in (octets, one.body) for id in _IDS.findall(text))
                if one.channel in ("mllp-in", "mllp-out"):
                    found.add(control_id_of(one.body))
        return frozenset(found)

    return lambda key: key.partition("/")[2] in named()


def everybody(site: Site) -> list[str]:
    """Ids of all patients; raises UsageError for a site without charts, or with more than ALL_PATIENTS."""
    charts = _charts(site)
    if charts.size > ALL_PATIENTS:
        what = f"{site.name} has {charts.size} patients, too many to compare them all."
        raise UsageError(what, remedy="Say which, by ids as from `mockehr site patients`.")
    return [charts.patient_id(index) for index in range(charts.size)]


def corrupted(site: Site, name: str) -> Iterator[str]:
    """Ids of all patients that the armed corruption touches, in a fixed order, made as they are asked for.

    Raises UnknownName if no such corruption is armed.
    """
    charts = _charts(site)
    infection = charts.infections.get(name)
    if infection is None:
        raise UnknownName("armed corruption", name, charts.infections)
    return (charts.patient_id(index) for index in infection.patients())


def queries_of(site: Site, types: Mapping[str, str]) -> dict[str, Query]:
    """The queries that narrow each type, compiled; raises ConfigError naming every type and query that is no use."""
    queries: dict[str, Query] = {}
    problems: list[str] = []
    for kind, text in types.items():
        pairs = parse_qsl(text, keep_blank_values=True) if isinstance(text, str) else []
        if kind not in site.fhir.types:
            near = nearest_names(kind, site.fhir.types, limit=1)
            problems.append(f"{kind} is not offered by {site.name}" + (f"; nearest: {near[0]}" if near else ""))
        elif text and not pairs:
            problems.append(f"{kind}: {text!r} is no query such as category=laboratory")
        else:
            queries[kind] = compile_query(kind, pairs, strict=True, fhir_version=site.fhir.fhir_version)
            problems += [f"{kind}: {problem.text}" for problem in queries[kind].problems]
    if problems:
        raise ConfigError("A query that narrows the truth cannot be used.", problems)
    return queries


def _charts(site: Site) -> Charts:
    if site.charts is None:
        raise UsageError(f"The site {site.name} has no charts to compare with.", remedy="Give it patients.")
    return site.charts


def _wanted(charts: Charts, index: int, queries: Mapping[str, Query], *, dirty: bool) -> dict[str, JSON]:
    made: dict[str, JSON] = {}
    for document, _ in charts.dress(index, dirty=dirty):
        query = queries.get(document["resourceType"])
        if query is not None and query.matches(document):
            made[f"{document['resourceType']}/{document['id']}"] = document
    return made
