"""Files that end too early."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mockehr.core.exchange import Exchange
from mockehr.quirks.base import Act, one_of, quirk
from mockehr.quirks.exported import FILES, file_name, lines_of, send_octets

FORMS: Final = ("mid-line", "line-end", "connection-cut")


@quirk("bulk-file-truncated", family="bulk", ledger=("D13", "C5"), channels=("files",), interactions=FILES)
@dataclass(frozen=True, slots=True)
class BulkFileTruncated:
    """Only a `share` of a file's lines arrives. Cut `mid-line` its last line is half a record, at the `line-end` all
    lines are sound; in both cases `Content-Length` fits what was sent, so that only the manifest's `count` (or the
    broken record) tells. With `connection-cut` the connection ends in the middle of a line, under the full length.

    Coping: compare lines with `count` and octets with `Content-Length`, refuse a last line that is no JSON, and fetch
    the file again (a rest by `Range` where the ETag is the same).
    """

    form: str = "mid-line"
    share: float = 0.5

    def __post_init__(self) -> None:
        one_of("form", self.form, FORMS)
        if not 0 <= self.share < 1:
            raise ValueError(f"share is {self.share:g}; it must be from 0 up to, not with, 1")

    def takes_part(self, channel: str, capability: str) -> bool:
        """The octets are cut where they are found, the connection where they are sent."""
        return (self.form == "connection-cut") is (capability == "on_wire")

    def on_result(self, exchange: Exchange, act: Act) -> None:
        """Send less than there is, as if it were all."""
        lines = lines_of(exchange)
        kept = int(len(lines) * self.share)
        if not lines:
            act.leave("no lines")
            return
        whole = b"".join(line + b"\n" for line in lines[:kept])
        rest = lines[kept][: len(lines[kept]) // 2] if self.form == "mid-line" else b""
        told = f"file {file_name(exchange)} ends " + (f"within line {kept + 1}" if rest else f"after line {kept}")
        act.why = f"{told} of {len(lines)}"
        send_octets(exchange, whole + rest, kept + bool(rest), act.why)

    def on_wire(self, exchange: Exchange, act: Act) -> None:
        """Mark where the connection is cut."""
        reply = exchange.reply
        lines = reply.body.split(b"\n")[:-1] if reply is not None and "lines" in exchange.notes else []
        if not lines:
            act.leave("no lines")
            return
        kept = int(len(lines) * self.share)
        exchange.effect().cut_at = sum(len(line) + 1 for line in lines[:kept]) + len(lines[kept]) // 2
        act.why = f"the connection ends within line {kept + 1} of {len(lines)} of file {file_name(exchange)}"
