"""Records in a file of another type."""

from __future__ import annotations

from dataclasses import dataclass

from mockehr.core.exchange import Exchange
from mockehr.fhir.bulk.job import Segment
from mockehr.quirks.base import Act, quirk
from mockehr.quirks.exported import FILES, file_name, lines_of, send_lines


@quirk("bulk-stray-line", family="bulk", ledger=("D13",), channels=("files",), interactions=FILES)
@dataclass(frozen=True, slots=True)
class BulkStrayLine:
    """A record slips into a file of another type: the last one of a file of the same export that was fetched before.

    Bulk Data Access 2.0 wants one type in each file. Coping: go by each record's own `resourceType`, never by the
    manifest's `type` or the file's name, and keep records by type and id.
    """

    def on_result(self, exchange: Exchange, act: Act) -> None:
        """Add a record that was seen before, if it is of another type."""
        segment, lines = exchange.result, lines_of(exchange)
        if not isinstance(segment, Segment) or not lines:
            act.leave("no lines")
            return
        job, kind = str(exchange.notes["job"]), segment.note.kind
        before: dict[str, bytes] = act.memory.setdefault(job, {})
        stray = next((name for name in before if name != kind), "")
        before.setdefault(kind, lines[-1])
        if not stray:
            act.leave("no file of another type was fetched before")
            return
        place = act.dice.below(len(lines) + 1)
        send_lines(exchange, [*lines[:place], before[stray], *lines[place:]])
        act.why = f"line {place + 1} of file {file_name(exchange)} is a {stray}, not a {kind}"
