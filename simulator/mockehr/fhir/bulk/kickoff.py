"""Deciding on a kick-off: what is exported of whom, whether the client may have it, and whether it may be now."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from math import ceil
from typing import TYPE_CHECKING

from mockehr.core.exchange import JSON, Exchange
from mockehr.core.problem import Problem, not_found
from mockehr.fhir.bulk.job import Job, Query
from mockehr.fhir.bulk.production import Workshop
from mockehr.fhir.bulk.request import Asked, Reading, wants_async
from mockehr.fhir.bulk.settings import BulkSettings
from mockehr.fhir.bulk.source import Source
from mockehr.fhir.operations.base import Input
from mockehr.fhir.search.neighbours import RECORDED_TYPES

if TYPE_CHECKING:
    from mockehr.fhir.server import FhirServer

Granted = Callable[[str], "tuple[Query, ...] | None"]
"""Resource type → what of it a client may export: alternatives, of which one is enough; None for nothing."""
Limits = tuple[tuple[str, tuple[Query, ...]], ...]


def workshop_of(server: FhirServer, source: Source, settings: BulkSettings, job: Job) -> Workshop:
    """What makes the chunks of a job."""
    return Workshop(server, source, job, shared=settings.shared_types, lines=settings.file_resources)


class Order:
    """One kick-off."""

    def __init__(
        self,
        server: FhirServer,
        source: Source,
        settings: BulkSettings,
        grants: Callable[[Exchange], Granted | Problem],
        exchange: Exchange,
    ) -> None:
        self._server = server
        self._source = source
        self._settings = settings
        self._grants = grants
        self._exchange = exchange

    def draft(self, given: Input) -> Job | Problem:
        """The job without its id, or why there is none."""
        exchange = self._exchange
        asked = exchange.interaction
        assert asked is not None
        level = "group" if asked.id else "patient" if asked.resource_type else "system"
        settings = self._settings
        missing = headerless(settings, exchange)
        if missing is not None:
            return missing
        if settings.prefer_required and not wants_async(exchange):
            text = "an export is asked for with the header Prefer: respond-async"
            return Problem(400, "bad-request", text, parameter="Prefer")
        listed = self._members(asked.id) if asked.id else None
        if isinstance(listed, Problem):
            return listed
        granted = self._grants(exchange)
        if isinstance(granted, Problem):
            return granted
        if settings.group_scope and asked.id and granted("Group") is None:
            return _uncovered("Group")
        wanted = Reading(self._server, settings, exchange, level).read(given)
        if isinstance(wanted, Problem):
            return wanted
        if wanted.associated and granted("Provenance") is None:
            return _uncovered("Provenance")
        types = self._types(wanted, granted)
        if isinstance(types, Problem):
            return types
        return self._written(
            level, wanted, types, _limits((*types, "Provenance") if wanted.associated else types, granted), listed
        )

    def _members(self, group: str) -> tuple[str, ...] | Problem | None:
        """Ids of the members of a Group that was written; None for a computed one, 404 for none."""
        record = self._server.store.read("Group", group)
        if record is None:
            return not_found("Group", group)
        if record.deleted:
            return Problem(410, "gone", f"{record.key} was deleted", resource_type="Group", value=group)
        if record.version == 1 and self._source.roll(group) is not None:
            return None
        return tuple(dict.fromkeys(_members_in(record.document, self._exchange.base_url)))

    def _types(self, wanted: Asked, granted: Granted) -> tuple[str, ...] | Problem:
        if wanted.types is not None:
            refused = next((kind for kind in wanted.types if granted(kind) is None), "")
            return _uncovered(refused) if refused else wanted.types
        offered = self._settings.types or tuple(self._server.types)
        apart = self._settings.on_request | RECORDED_TYPES  # of these there are more with every exchange
        found = tuple(kind for kind in offered if kind not in apart and granted(kind) is not None)
        return found or _uncovered(next(iter(offered), "Patient"))

    def _written(
        self, level: str, wanted: Asked, types: tuple[str, ...], limits: Limits, listed: tuple[str, ...] | None
    ) -> Job | Problem:
        exchange = self._exchange
        assert exchange.interaction is not None
        settings, now = self._settings, self._server.clock.now()
        query = f"?{exchange.query}" if exchange.query else ""
        job = Job(
            id="", number=0, client=exchange.client, level=level, group=exchange.interaction.id,
            request=f"{exchange.base_url}{exchange.path}{query}", base_url=exchange.base_url,
            kicked_off=now, due=now, expires=now, last=self._server.store.last, types=types, since=wanted.since,
            filters=tuple(wanted.filters), limits=limits, elements=wanted.elements,
            associated=wanted.associated, patients=listed, size=0, counted=True, chunk=settings.chunk,
        )  # fmt: skip
        if wanted.patients is not None:
            members = workshop_of(self._server, self._source, self._settings, job).members
            stranger = next((one for one in wanted.patients if not members.covers(one)), "")
            if stranger:
                text = f"Patient/{stranger} is not among those who are exported"
                return Problem(400, "parameter-invalid", text, parameter="patient", value=stranger)
            job = replace(job, patients=wanted.patients)
        size = workshop_of(self._server, self._source, self._settings, job).members.size
        counted = size <= settings.counted_up_to
        due = now + settings.at_least + settings.per_patient * size
        return replace(
            job, size=size, counted=counted, chunk=settings.chunk if counted else settings.large_chunk,
            due=due, expires=due + settings.kept,
        )  # fmt: skip


def headerless(settings: BulkSettings, exchange: Exchange) -> Problem | None:
    """The refusal of a request without a header that the vendor wants with all of them, or with another value."""
    for name, value in settings.headers.items():
        given = exchange.headers.get(name.lower(), "")
        if not given or given != (value or given):
            text = f"the header {name} is {'wrong' if given else 'missing'}"
            return Problem(400, "bad-request", text, parameter=name)
    return None


def refused(settings: BulkSettings, draft: Job, lately: bool, jobs: Sequence[Job]) -> Problem | None:
    """What speaks against another export now: one of the same group a while ago (`lately`), or one that runs."""
    now = draft.kicked_off
    if settings.once_in and lately:
        return Problem(settings.once_status, "rate-limited", settings.once_text, resource_type="Group")
    mine = [job for job in jobs if job.client == draft.client and now < job.due]
    alike = [job for job in mine if job.request == draft.request]
    for most, found in ((settings.running, mine), (settings.running_alike, alike)):
        if most and len(found) >= most:
            wait = str(max(1, ceil(found[0].due - now)))
            return Problem(settings.running_status, "rate-limited", settings.running_text, retry_after=wait)
    return None


def turn_of(job: Job) -> str:
    """By what it is known that a client exported a group."""
    return f"{job.client} {job.group}"


def _limits(types: Sequence[str], granted: Granted) -> tuple[tuple[str, tuple[Query, ...]], ...]:
    found = ((kind, granted(kind)) for kind in types)
    return tuple((kind, queries) for kind, queries in found if queries and () not in queries)


def _members_in(document: JSON, base_url: str) -> Iterator[str]:
    """Ids of the patients of this server who are members of a Group and not inactive."""
    members = document.get("member")
    for member in members if isinstance(members, list) else ():
        entity = member.get("entity") if isinstance(member, dict) else None
        text = str(entity.get("reference", "")) if isinstance(entity, dict) else ""
        below = text.removeprefix(f"{base_url}/")
        if below.startswith("Patient/") and member.get("inactive") is not True:
            yield below.removeprefix("Patient/").partition("/")[0]


def _uncovered(kind: str) -> Problem:
    return Problem(403, "scope-missing", f"The token does not cover the export of {kind}", resource_type=kind)
