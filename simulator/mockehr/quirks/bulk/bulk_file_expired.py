"""Files that are gone before they are fetched."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from mockehr.core.exchange import Exchange, Reply
from mockehr.core.problem import Kind, Problem
from mockehr.fhir.bulk.job import Segment
from mockehr.quirks.base import Act, quirk
from mockehr.quirks.exported import FILES, check_jobs, check_status, file_name, strikes, struck
from mockehr.quirks.rule import Seconds

KINDS: Final = MappingProxyType[int, Kind]({403: "not-found", 404: "not-found", 410: "gone"})
_STORE: Final = MappingProxyType({403: "AccessDenied", 404: "NoSuchKey", 410: "Gone"})
"""What object stores call it (Amazon S3 API, "Error responses")."""


@quirk("bulk-file-expired", family="bulk", ledger=("D13",), channels=("files",), interactions=FILES)
@dataclass(frozen=True, slots=True)
class BulkFileExpired:
    """Files of an export are answered 404 (or `status` 403 or 410) once `after` has passed since the first of them
    was asked for, long before the `Expires` that the manifest came with.

    The vendor says so in its words, an object store behind a redirect in XML. It happens to `jobs` exports of each
    client (0: to every one). Coping: ask for the manifest again, which may have
    new addresses, then order the export again; keep nothing that is half an export for a whole one.
    """

    after: Seconds = 0.0
    status: int = 404
    jobs: int = 1

    def __post_init__(self) -> None:
        check_status(self.status, tuple(KINDS))
        check_jobs(self.jobs)

    def on_result(self, exchange: Exchange, act: Act) -> None:
        """Say that there is no such file."""
        if not isinstance(exchange.result, Segment):
            act.leave("no file")
            return
        job = str(exchange.notes["job"])
        open_for = act.now - act.memory.setdefault(f"first {job}", act.now)
        if not struck(act.memory, exchange.client, job) and open_for < self.after:
            act.leave(f"has been there for {open_for:g} of {self.after:g} s")
            return
        if not strikes(act.memory, exchange.client, job, self.jobs):
            act.leave(f"happened {self.jobs} times to {exchange.client or 'everybody'}")
            return
        exchange.result = self._refusal(exchange)
        exchange.notes.pop("lines", None)
        act.why = f"file {file_name(exchange)} expired after {open_for:g} s"

    def _refusal(self, exchange: Exchange) -> Problem | Reply:
        text, asked = "The file has expired", exchange.interaction
        if asked is None or asked.name != "bulk-stored":
            return Problem(self.status, KINDS[self.status], text, value=file_name(exchange))
        body = f"<Error><Code>{_STORE[self.status]}</Code><Message>{text}</Message></Error>"
        return Reply(self.status, [], body.encode(), content_type="application/xml")
