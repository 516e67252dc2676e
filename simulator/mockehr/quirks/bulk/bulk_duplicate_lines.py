"""Lines that come twice."""

from __future__ import annotations

from dataclasses import dataclass

from mockehr.core.exchange import Exchange
from mockehr.quirks.base import Act, quirk
from mockehr.quirks.exported import FILES, file_name, lines_of, send_lines


@quirk("bulk-duplicate-lines", family="bulk", ledger=("D13",), channels=("files",), interactions=FILES)
@dataclass(frozen=True, slots=True)
class BulkDuplicateLines:
    """The first `lines` records of a file come again at its end, as when the workers of an export overlap.

    The file then has more lines than the manifest's `count` says. Coping: keep records by type and id.
    """

    lines: int = 2

    def __post_init__(self) -> None:
        if self.lines < 1:
            raise ValueError(f"lines is {self.lines}; it must be 1 or more")

    def on_result(self, exchange: Exchange, act: Act) -> None:
        """Repeat lines of the file."""
        lines = lines_of(exchange)
        if not lines:
            act.leave("no lines")
            return
        again = lines[: self.lines]
        send_lines(exchange, [*lines, *again])
        act.why = f"lines 1 to {len(again)} of file {file_name(exchange)} come again as {len(lines) + 1} and on"
