"""Where imports are ordered, asked after and cancelled. It fetches nothing: whoever has sockets brings the files.

What is kept lies in drawers, which several processes may share; the process that took an order carries it out.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from mockehr.core.clock import instant
from mockehr.core.exchange import JSON, Exchange, Reply
from mockehr.core.problem import Problem
from mockehr.fhir.bulk.addresses import Addresses
from mockehr.fhir.bulk.import_job import ImportFile, ImportJob, ImportSettings, Outcome
from mockehr.fhir.bulk.import_lines import FileImport
from mockehr.fhir.bulk.import_request import read_files
from mockehr.fhir.bulk.job import Drawer
from mockehr.fhir.bulk.names import Key
from mockehr.fhir.bulk.request import wants_async
from mockehr.fhir.bulk.segments import GZIP
from mockehr.fhir.operations.base import Input

if TYPE_CHECKING:
    from mockehr.fhir.server import FhirServer

Writable = Callable[[str], bool]
"""Resource type → whether a client may create and update all resources of it."""
NDJSON: Final = "application/fhir+ndjson"


class ImportDesk:
    """The imports of one site."""

    def __init__(
        self,
        server: FhirServer,
        settings: ImportSettings,
        addresses: Addresses,
        drawers: Mapping[str, Drawer] | Any,
        key: Key,
        writable: Callable[[Exchange], Writable | Problem],
    ) -> None:
        """`writable` tells what the client of an exchange may write."""
        self.settings = settings
        self.addresses = addresses
        self.under_way: dict[str, Any] = {}
        """By a job's id, what a loop carries it out with; whoever can wait may wait for it."""
        self._ordered: list[ImportJob] = []
        self._server = server
        self._drawers = drawers
        self._key = key
        self._writable = writable

    # kick-off

    def kick_off(self, exchange: Exchange, given: Input) -> Reply | Problem:
        """202 and where to ask, or why nothing is imported."""
        if not wants_async(exchange):
            text = "an import is asked for with the header Prefer: respond-async"
            return Problem(400, "bad-request", text, parameter="Prefer")
        writable = self._writable(exchange)
        if isinstance(writable, Problem):
            return writable
        files = read_files(self._server, self.settings, given)
        if isinstance(files, Problem):
            return files
        refused = next((file.kind for file in files if not writable(file.kind)), "")
        if refused:
            text = f"The token does not cover the import of {refused}, which is to create and to update all of it"
            return Problem(403, "scope-missing", text, resource_type=refused)
        job = self._accept(exchange, files)
        exchange.notes["job"] = job.id
        return Reply(202, [("Content-Location", self.addresses.import_status(job.base_url, job.id))])

    def _accept(self, exchange: Exchange, files: tuple[ImportFile, ...]) -> ImportJob:
        now, drawer = self._server.clock.now(), self._drawers["imports"]
        number = drawer.next_number()
        due = now + self.settings.at_least
        query = f"?{exchange.query}" if exchange.query else ""
        job = ImportJob(
            id=self._key("bulk-import", number)[:16].hex(), number=number, client=exchange.client,
            request=f"{exchange.base_url}{exchange.path}{query}", base_url=exchange.base_url, entry=exchange.number,
            kicked_off=now, due=due, expires=due + self.settings.kept, files=files,
        )  # fmt: skip
        drawer.put(job.id, job, job.expires)
        self._ordered.append(job)
        return job

    # afterwards

    def job(self, id: str, client: str | None) -> ImportJob | Problem:
        """A job of that client's (None: of anybody's); 404 for any other."""
        found = self._drawers["imports"].get(id, self._server.clock.now())
        if not isinstance(found, ImportJob) or client not in (None, found.client):
            return Problem(404, "not-found", f"there is no import {id[:100]}", value=id[:100])
        return found

    def poll(self, job: ImportJob) -> Reply:
        """202 and how far it is, or 200 and what became of each file."""
        done = [self._outcome(job, place) for place in range(len(job.files))]
        finished = [one for one in done if one is not None]
        if len(finished) == len(done) and self._server.clock.now() >= job.due:
            return Reply(200, [], b"", self._manifest(job, finished), "application/json")
        words = {"{done}": str(len(finished)), "{total}": str(len(done))}
        text = self.settings.progress
        for name, value in words.items():
            text = text.replace(name, value)
        reply = Reply(202, [("X-Progress", text)] if text else [])
        if self.settings.retry_after:
            reply.headers.append(("Retry-After", str(self.settings.retry_after)))
        return reply

    def errors(self, job: ImportJob, name: str) -> Reply | Problem:
        """What was refused of one file, as NDJSON of OperationOutcomes."""
        place = int(name) if name.isascii() and name.isdigit() and len(name) < 7 else -1
        found = self._outcome(job, place) if 0 <= place < len(job.files) else None
        if found is None or not found.told:
            return Problem(404, "not-found", f"there is no file {name[:100]}", value=name[:100])
        return Reply(200, [], zlib.decompress(found.told, GZIP), None, NDJSON)

    def cancel(self, job: ImportJob) -> None:
        """End a job. What was stored until now stays."""
        now = self._server.clock.now()
        self._drawers["imports"].take(job.id, now)
        for place in range(len(job.files)):
            self._drawers["import-outcomes"].take(f"{job.id}/{place}", now)

    def _outcome(self, job: ImportJob, place: int) -> Outcome | None:
        found = self._drawers["import-outcomes"].get(f"{job.id}/{place}", self._server.clock.now())
        return found if isinstance(found, Outcome) else None

    def _manifest(self, job: ImportJob, outcomes: list[Outcome]) -> JSON:
        each = list(enumerate(zip(job.files, outcomes, strict=True)))
        return {
            "transactionTime": instant(job.kicked_off, millis=True),
            "request": job.request,
            "requiresAccessToken": True,
            "output": [{"type": file.kind, "inputUrl": file.url, "count": one.stored} for _, (file, one) in each],
            "error": [
                {
                    "type": "OperationOutcome",
                    "inputUrl": file.url,
                    "count": one.refused,
                    "url": self.addresses.import_file(job.base_url, job.id, str(place)),
                }
                for place, (file, one) in each
                if one.refused
            ],
        }

    # work, for whoever fetches

    def take_orders(self) -> list[ImportJob]:
        """What was ordered here and nobody took in hand yet."""
        taken, self._ordered = self._ordered, []
        return taken

    def wanted(self, job: ImportJob) -> bool:
        """Whether a job has not been cancelled, and did not expire."""
        return isinstance(self.job(job.id, None), ImportJob)

    def store(self, job: ImportJob, place: int, octets: bytes) -> Iterator[None]:
        """Store the lines of a file that was fetched, some a step."""
        work = self._work(job, place)
        for step in work.steps(octets):
            yield step
            if not self.wanted(job):
                return
        self._note(job, place, work)

    def fail(self, job: ImportJob, place: int, why: str) -> None:
        """Note that a file could not be fetched; `why` is a clause without a full stop."""
        work = self._work(job, place)
        work.fail(why)
        self._note(job, place, work)

    def _work(self, job: ImportJob, place: int) -> FileImport:
        settings = self.settings
        atomic = settings.atomic == "file"
        return FileImport(self._server, job, job.files[place], atomic=atomic, keep_meta=settings.keep_meta)

    def _note(self, job: ImportJob, place: int, work: FileImport) -> None:
        self._drawers["import-outcomes"].put(f"{job.id}/{place}", work.outcome, job.expires)

    def end_all(self) -> None:
        """End all jobs; what was stored until now is left to others, and their names are not given again."""
        for job in self._drawers["imports"].every(self._server.clock.now()):
            self.cancel(job)
        self.clear()

    def clear(self) -> None:
        """Forget what this process has in hand; drawers are their owner's."""
        self._ordered.clear()
