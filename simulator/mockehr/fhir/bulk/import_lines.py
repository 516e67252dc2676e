"""Storing the lines of one NDJSON file: each for itself, or all or none. What is refused takes nothing else along."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from mockehr.core.changes import Kind
from mockehr.core.exchange import JSON, Exchange
from mockehr.core.problem import Problem
from mockehr.fhir.bulk.import_job import ImportFile, ImportJob, Outcome
from mockehr.fhir.bulk.segments import GZIP, LEVEL
from mockehr.fhir.lossless import BOM, Unreadable, parse
from mockehr.fhir.record import encode
from mockehr.fhir.validate import DEEPEST, ID_FORM, too_deep
from mockehr.fhir.writes import Body, admitted, check, commit

if TYPE_CHECKING:
    from mockehr.fhir.server import FhirServer

AT_ONCE: Final = 20
"""Lines that are read and stored in one go."""
TOLD: Final = 10_000
"""Refused lines of one file that are told of one by one."""


class FileImport:
    """The import of one file; `steps` does it, then `outcome` tells what became of it."""

    def __init__(
        self, server: FhirServer, job: ImportJob, file: ImportFile, *, atomic: bool, keep_meta: bool
    ) -> None:
        """`atomic`: nothing is stored if a line is refused. `keep_meta`: resources are stored to the octet."""
        self._server = server
        self._file = file
        self._atomic = atomic
        self._keep_meta = keep_meta
        # In whose name it is written; also for whoever has to be asked whether he can honour a resource.
        self._exchange = Exchange("fhir", "PUT", base_url=job.base_url, client=job.client, number=job.entry)
        self._created = self._updated = self._refused = 0
        self._told: list[bytes] = []

    @property
    def outcome(self) -> Outcome:
        """What became of it."""
        lines = self._told
        if self._refused > TOLD:
            lines = [*lines, outcome_line(f"{self._file.url}: {self._refused - TOLD} more lines were refused")]
        told = b"".join(line + b"\n" for line in lines)
        packed = zlib.compress(told, LEVEL, GZIP) if told else b""
        return Outcome(self._created, self._updated, self._refused, packed)

    def fail(self, why: str) -> None:
        """Note that the whole file cannot be had."""
        self._refused += 1
        self._told.append(outcome_line(f"{self._file.url} cannot be fetched: {why}", code="transient"))

    def steps(self, octets: bytes) -> Iterator[None]:
        """Store what the file holds, some lines a step. Where it is all or nothing, storing is one step."""
        good: list[Body] = []
        waiting: list[tuple[int, bytes]] = []
        for number, line in enumerate(_lines(octets), 1):
            if line.strip():
                waiting.append((number, line))
            if len(waiting) >= AT_ONCE:
                good += self._read(waiting)
                waiting = []
                yield
        good += self._read(waiting)
        if self._atomic and self._refused:
            self._told.append(outcome_line(f"{self._file.url}: nothing of it was stored, since lines were refused"))
        elif self._atomic:
            with self._server.store.transaction():
                for body in good:
                    self._store(body)
        yield

    def _read(self, lines: list[tuple[int, bytes]]) -> list[Body]:
        """Read some lines, and store what is good; where it is all or nothing, give it back to be stored later."""
        good = []
        with self._server.store.transaction():
            for number, line in lines:
                body = self._checked(line)
                if isinstance(body, Problem):
                    self._refuse(number, body)
                elif self._atomic:
                    good.append(body)
                else:
                    self._store(body)
        return good

    def _checked(self, line: bytes) -> Body | Problem:
        try:
            document = parse(line.strip())
        except Unreadable as error:
            return Problem(400, "body-invalid", f"it cannot be read: {error}")
        kind = self._file.kind
        if not isinstance(document, dict):
            return Problem(400, "body-invalid", "it is no resource")
        if document.get("resourceType") != kind:
            text = f"it is of type {document.get('resourceType')!r:.60}, and the file was announced as {kind}"
            return Problem(422, "body-invalid", text, expression=("resourceType",))
        if too_deep(document):
            return Problem(422, "body-invalid", f"it is nested more than {DEEPEST} levels deep")
        id = document.get("id")
        if id is not None and (not isinstance(id, str) or not ID_FORM.fullmatch(id)):
            return Problem(422, "body-invalid", f"{id!r:.80} is no id", expression=(f"{kind}.id",))
        taken = self._server.taken(document)
        body = Body(taken, line.strip().removeprefix(BOM) if taken is document else b"")
        refusal = check(self._server, taken, kind, id or "")
        current = self._server.store.read(kind, id) if id else None
        return refusal or admitted(self._server, self._exchange, body, current)

    def _store(self, body: Body) -> None:
        server, kind = self._server, self._file.kind
        id = body.document.get("id") or server.new_id(kind)
        current = server.store.read(kind, id)
        if self._keep_meta and body.document.get("id"):
            what: Kind = "create" if current is None else "update"
            server.store.commit(
                body.document, kind=what, source="fhir", entry=self._exchange.number, body=body.octets
            )
        else:
            commit(server, self._exchange, body, id, current)
        if current is None or current.deleted:
            self._created += 1
        else:
            self._updated += 1

    def _refuse(self, number: int, problem: Problem) -> None:
        self._refused += 1
        if len(self._told) < TOLD:
            where = replace(problem, text=f"{self._file.url}: line {number}: {problem.text}")
            self._told.append(outcome_line(where.text, expression=problem.expression))


def outcome_line(text: str, *, code: str = "invalid", expression: tuple[str, ...] = ()) -> bytes:
    """An OperationOutcome as a line."""
    issue: JSON = {"severity": "error", "code": code, "diagnostics": text}
    if expression:
        issue["expression"] = list(expression)
    return encode({"resourceType": "OperationOutcome", "issue": [issue]})


def _lines(octets: bytes) -> Iterator[bytes]:
    """The lines of a file, one after the other; only line feeds part them."""
    start = 0
    while start < len(octets):
        end = octets.find(b"\n", start)
        end = len(octets) if end < 0 else end
        yield octets[start:end]
        start = end + 1
