"""Lines that are no records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mockehr.core.exchange import Exchange
from mockehr.quirks.base import Act, one_of, quirk
from mockehr.quirks.exported import FILES, file_name, lines_of, send_octets

FORMS: Final = ("half", "no-json", "null", "blank", "joined")
_NO_JSON: Final = b"ORA-01555: snapshot too old"


@quirk("bulk-bad-line", family="bulk", ledger=("D13",), channels=("files",), interactions=FILES)
@dataclass(frozen=True, slots=True)
class BulkBadLine:
    """One line of a file is no record: `half` of one, something that is `no-json`, or `null`, each in the place of a
    record; a `blank` line between two records; or two records `joined` on one line.

    Coping: judge each line on its own, skip blank ones, keep the others; fetch the file again for what cannot be
    read, and say which line it was.
    """

    form: str = "half"

    def __post_init__(self) -> None:
        one_of("form", self.form, FORMS)

    def on_result(self, exchange: Exchange, act: Act) -> None:
        """Spoil one line of the file."""
        lines = lines_of(exchange)
        if len(lines) < 2 and (not lines or self.form == "joined"):
            act.leave("too few lines")
            return
        number = act.dice.below(len(lines) - (self.form == "joined"))
        line, count = lines[number], len(lines)
        ends = [b"\n"] * count
        if self.form == "blank":
            ends[number] = b"\n\n"
        elif self.form == "joined":
            ends[number] = b""
        else:
            lines[number] = {"half": line[: len(line) // 2], "no-json": _NO_JSON, "null": b"null"}[self.form]
        act.why = f"line {number + 1} of {count} of file {file_name(exchange)} is {self.form}"
        octets = b"".join(part + end for part, end in zip(lines, ends, strict=True))
        lost = self.form in ("half", "no-json", "null")
        send_octets(exchange, octets, count - (self.form == "joined"), act.why if lost else "")
