"""Bulk exports as a test sees them: what an export must give, without ordering one, and whether a client has it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final

from mockehr.core.errors import UnknownName, UsageError, VerdictFailed
from mockehr.core.exchange import JSON, Exchange, Interaction
from mockehr.core.problem import Problem
from mockehr.fhir.bulk import Job
from mockehr.fhir.bulk.kickoff import Order, workshop_of
from mockehr.fhir.bulk.manifest import whole
from mockehr.fhir.bulk.segments import unpacked
from mockehr.fhir.operations.base import Input
from mockehr.sites.bulk import ChartSource, NoSource, granted
from mockehr.sites.damage import fairly_read
from mockehr.sites.site import Site
from mockehr.sites.truth import TruthReport, compare

EVERYONE: Final = "everyone"
Call = Callable[..., Any]
"""Runs a function where the site lives: `(function, *arguments)`."""


class BulkExports:
    """What can be exported of one site, as it is now.

    Nothing is ordered and no rule acts: no job, no journal entry, no quirk. Where methods take `group` it is the name
    or the id of a Group, or empty for all patients; `types`, `since`, `filters` (`Condition?code=…`) and `patients`
    (ids) are what a client would ask for, and what the vendor does not offer raises UsageError.
    """

    def __init__(self, site: Site, call: Call) -> None:
        self._site = site
        self._call = call

    def groups(self) -> dict[str, str]:
        """Name → id of every computed Group."""
        charts = self._site.charts
        return {} if charts is None else {name: charts.groups.id_of(name) for name in charts.groups.rolls}

    def jobs(self) -> list[Job]:
        """Every export that clients ordered and that has not expired, oldest first."""
        found: list[Job] = self._call(self._site.bulk.jobs)
        return found

    def export(
        self,
        group: str = EVERYONE,
        *,
        types: Sequence[str] = (),
        since: str = "",
        filters: Sequence[str] = (),
        patients: Sequence[str] = (),
    ) -> dict[str, list[JSON]]:
        """The records of an export by type, as a careful reader gets them, in the order of its files.

        Charts are drawn for every member: keep groups small. Raises UnknownName for a group that is not there.
        """
        __tracebackhide__ = True
        given: dict[str, list[Any]] = {
            "_type": [",".join(types)] if types else [],
            "_since": [since] if since else [],
            "_typeFilter": list(filters),
            "patient": [{"reference": f"Patient/{one}"} for one in patients],
        }
        asked = Input({name: values for name, values in given.items() if values})
        found: dict[str, list[JSON]] = self._call(_exported, self._site, self._group_id(group), asked)
        return found

    def compare(self, given: Iterable[JSON], group: str = EVERYONE, **asked: Any) -> TruthReport:
        """A client's records against those of the export that it should have; `asked` as for `export`."""
        __tracebackhide__ = True
        found = self.export(group, **asked)
        expected = {f"{kind}/{record['id']}": record for kind, records in found.items() for record in records}
        return compare(expected, given)

    def assert_exported(self, given: Iterable[JSON], group: str = EVERYONE, **asked: Any) -> None:
        """Raise VerdictFailed, saying what is lost, doubled, altered or foreign, unless a client has just that."""
        __tracebackhide__ = True
        report = self.compare(given, group, **asked)
        if not report.ok:
            raise VerdictFailed(report.text(), remedy=f"Repeat with seed {self._site.options.seed}.")

    def _group_id(self, group: str) -> str:
        known = self.groups()
        if group in ("", *known.values()) or self._call(self._site.store.read, "Group", group) is not None:
            return group
        if group not in known:
            raise UnknownName("group", group, known)
        return known[group]


def _exported(site: Site, group: str, asked: Input) -> dict[str, list[JSON]]:
    exchange = Exchange("fhir", "POST", f"/Group/{group}/$export" if group else "/Patient/$export")
    exchange.headers["prefer"] = "respond-async"
    exchange.interaction = Interaction("$export", "Group" if group else "Patient", group)
    source = ChartSource(site.charts) if site.charts is not None else NoSource()
    job = Order(site.fhir, source, site.bulk.settings, granted, exchange).draft(asked)
    if isinstance(job, Problem):
        raise UsageError(f"{site.name} refuses such an export: {job.text}.", remedy="Ask for what its vendor offers.")
    workshop = workshop_of(site.fhir, source, site.bulk.settings, job)
    found: dict[str, list[JSON]] = {}
    for number in range(workshop.chunks):
        for segment in whole(workshop.make(number)):
            if segment.note.section == "output":
                found.setdefault(segment.note.kind, []).extend(_records(unpacked(segment.packed)))
    return found


def _records(octets: bytes) -> Iterator[JSON]:
    for line in octets.split(b"\n")[:-1]:
        try:
            yield json.loads(line)
        except UnicodeDecodeError:
            yield _read(json.loads(line.decode("utf-8", "surrogateescape")))


def _read(node: Any) -> Any:
    """A record with the texts that a careful reader makes of octets that are no UTF-8."""
    if isinstance(node, str):
        return fairly_read(node)
    if isinstance(node, dict):
        return {name: _read(value) for name, value in node.items()}
    return [_read(item) for item in node] if isinstance(node, list) else node
