"""What a client should hold: the clean charts of the patients that it looks after, narrowed to what it syncs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Final
from urllib.parse import parse_qsl

from mockehr.core.errors import ConfigError, UnknownName, UsageError, nearest_names
from mockehr.core.exchange import JSON
from mockehr.fhir.search import Query, compile_query
from mockehr.sites.charts import Charts
from mockehr.sites.site import Site
from mockehr.sites.truth import TruthReport, compare

ALL_PATIENTS: Final = 10_000
"""Patients of a site that are compared without being named, at most."""
PATIENTS_ONLY: Final = MappingProxyType({"Patient": ""})


def truth_of(site: Site, roster: Sequence[str], types: Mapping[str, str], given: Iterable[JSON]) -> TruthReport:
    """A client's records compared with the clean charts of the patients on its roster.

    `types` maps each resource type that was to be synced to the query that narrows it (`category=laboratory`, or
    empty). Second records of half-done merges count as their survivors. Raises UsageError if the site has no charts
    or not such a patient, ConfigError for a query that cannot be used.
    """
    charts = _charts(site)
    queries = queries_of(site, types)
    seconds = {charts.patient_id(second): charts.patient_id(one) for second, one in charts.survivors()}
    expected: dict[str, JSON] = {}
    served: dict[str, JSON] = {}
    corrupted: dict[str, str] = {}
    repair: set[str] = set()
    for id in dict.fromkeys(seconds.get(id, id) for id in roster):
        index = charts.index_of(id)
        if index is None or not 0 <= index < charts.size:
            raise UsageError(f"{id} is no patient of {site.name}.", remedy="Use ids from `mockehr site patients`.")
        expected |= _wanted(charts, index, queries, dirty=False)
        touched = charts.corrupted(index)
        shown = _wanted(charts, index, queries, dirty=True) if touched else {}
        for key, infections in touched.items():
            corrupted[key] = ", ".join(infection.name for infection in infections)
            served |= {key: shown[key]} if key in shown else {}
            repair |= {key} if any(infection.coping == "repair" for infection in infections) else set()
    aliases = {f"Patient/{second}": f"Patient/{one}" for second, one in seconds.items() if second in roster}
    changes = site.upgrades.changes
    if changes.types:  # a client may have read before an upgrade, or after
        expected = {key: changes.compared(document) for key, document in expected.items()}
        served = {key: changes.compared(document) for key, document in served.items()}
        given = [changes.compared(document) for document in given]
    return compare(expected, given, corrupted=corrupted, aliases=aliases, served=served, repair=repair)


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
