"""Records that could not be exported."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote

import orjson

from mockehr.core.exchange import JSON, Exchange, Reply
from mockehr.fhir.bulk import Answer
from mockehr.fhir.bulk.job import Segment
from mockehr.quirks.base import Act, World, quirk
from mockehr.quirks.exported import FILES, POLLS, change_manifest, file_name, lines_of, send_lines

MARK: Final = "errors=1"
"""Query of a file's address at which lies what is missing in it."""
FEWEST: Final = 2
"""Files with fewer records are left whole; of all others one of so many first ones fails."""


@quirk("bulk-error-file", family="bulk", ledger=("D13",), channels=("files",), interactions=(*POLLS, *FILES))
@dataclass(frozen=True, slots=True)
class BulkErrorFile:
    """A `share` of each file's records (at least one) could not be exported: it is missing in `output`, and the
    manifest's `error` lists a file with an OperationOutcome for each, which names it as `Type/id`. Counts are right.

    `types` are the types that this happens to; none: all of them. A manifest without counts stays as it is. The rule
    is about an export as a whole: narrow it by client, not by `when`. Coping: fetch `error`, too; read the records
    that it names one by one, or export them again; never take an export with errors for a whole one.
    """

    share: float = 0.1
    types: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1:
            raise ValueError(f"share is {self.share:g}; it must lie in 0..1")

    def on_result(self, exchange: Exchange, act: Act) -> None:
        """Write the manifest, the file, or the file of its errors as if some records had failed."""
        if isinstance(exchange.result, Answer) and exchange.result.document is not None:
            self._list(exchange, exchange.result, act)
        elif isinstance(exchange.result, Segment) and self._means(exchange.result.note.kind):
            self._send(exchange, exchange.result, act)
        else:
            act.leave("neither a manifest nor a file that is meant")

    def on_reply(self, exchange: Exchange, act: Act) -> None:
        """Where files are redirected, lead to the errors and not to the file."""
        reply = exchange.reply
        if isinstance(exchange.result, Reply) and reply is not None and reply.status == 307 and _of_errors(exchange):
            reply.set_header("Location", _marked(reply.header("Location")))
            act.why = f"leads to the errors of {exchange.path}"
        else:
            act.leave("no redirect to errors")

    def _means(self, kind: str) -> bool:
        return kind in self.types if self.types else True

    def _list(self, exchange: Exchange, answer: Answer, act: Act) -> None:
        document = answer.document or {}
        output: list[JSON] = []
        errors: list[JSON] = list(document["error"])
        for listed in document["output"]:
            count = listed.get("count", 0)
            gone = len(self._failed(act.world, answer.job.id, _name_in(listed["url"]), count))
            if not gone or not self._means(listed["type"]):
                output.append(listed)
                continue
            output.append({**listed, "count": count - gone})
            errors.append({"type": "OperationOutcome", "url": _marked(listed["url"]), "count": gone})
        failed = sum(listed["count"] for listed in errors[len(document["error"]) :])
        if not failed:
            act.leave("no counted file that is meant")
            return
        change_manifest(exchange, output=output, error=errors)
        act.why = f"{failed} records are in error"

    def _send(self, exchange: Exchange, segment: Segment, act: Act) -> None:
        lines, name = lines_of(exchange), file_name(exchange)
        failed = self._failed(act.world, str(exchange.notes["job"]), name, len(lines))
        if segment.note.section != "output" or not failed:
            act.leave("nothing failed in it")
            return
        keys = [_key(lines[number]) for number in failed]
        if _of_errors(exchange):
            send_lines(exchange, [_outcome(key) for key in keys])
            act.why = f"tells of {', '.join(keys)}"
        else:
            send_lines(exchange, [line for number, line in enumerate(lines) if number not in failed])
            act.why = f"file {name} lacks {', '.join(keys)}"

    def _failed(self, world: World, job: str, name: str, count: int) -> Sequence[int]:
        """Which lines of a file failed, from 0; the same whoever asks, however often, in whichever process."""
        if count < FEWEST:
            return ()
        names = ("bulk-error-file", job, name)
        one = int(world.draw(*names) * FEWEST)  # whatever another rule cut off or added at the end
        return [n for n in range(count) if n == one or world.draw(*names, n) < self.share]


def _name_in(url: str) -> str:
    """The name of a file, which an address ends in; an extension is not part of it."""
    return unquote(re.split(r"[/?&=]", url)[-1]).removesuffix(".ndjson")


def _marked(url: str) -> str:
    return f"{url}{'&' if '?' in url else '?'}{MARK}"


def _of_errors(exchange: Exchange) -> bool:
    return MARK in exchange.query.split("&")


def _key(line: bytes) -> str:
    # Corrupted records may be no UTF-8; their type and id are.
    record: Any = orjson.loads(line.decode("utf-8", "replace"))
    return f"{record['resourceType']}/{record['id']}"


def _outcome(key: str) -> bytes:
    text = f"{key} could not be exported"
    issue = {"severity": "error", "code": "exception", "details": {"text": text}, "diagnostics": key}
    return orjson.dumps({"resourceType": "OperationOutcome", "issue": [issue]})
