"""Identifiers in PID-3 that only look like those before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mockehr.core.exchange import Exchange
from mockehr.hl7.message import Message
from mockehr.quirks.base import Act, one_of, quirk

FORMS: Final = ("reversed", "no-authority", "no-type", "legacy", "null-first", "zeros-lost", "dashed")


@quirk("identifier-layout", family="message", ledger=("G8",), channels=("mllp-out",))
@dataclass(frozen=True, slots=True)
class IdentifierLayout:
    """PID-3 comes `reversed` (the record number is not first any more), with `no-authority` (CX.4) or `no-type`
    (CX.5), as `legacy` (the record number in PID-2 only), with a null repetition first (`null-first`), or the
    number itself with leading `zeros-lost` or `dashed`.

    Coping: choose the identifier by authority and type and not by position, compare numbers as the site writes them,
    and hold back what names nobody (arc#3220, #4979, trusted-intermediary#1207, prime-reportstream#454).
    """

    form: str = "reversed"

    def __post_init__(self) -> None:
        one_of("form", self.form, FORMS)

    def on_message(self, exchange: Exchange, act: Act) -> None:
        """Rewrite PID-3."""
        message = Message(exchange.body)
        pid = message.segment("PID")
        value = pid.field(3) if pid is not None else b""
        if pid is None or not value:
            act.leave("no PID-3 in it")
            return
        marks = message.delimiters
        pieces = [item.split(marks.component) for item in value.split(marks.repetition)]
        if self.form == "legacy":
            pid.set_bytes(pieces[0][0], 2)
        wanted = marks.repetition.join(marks.component.join(item) for item in self._laid_out(pieces))
        if wanted == value:
            act.leave("it is so already")
            return
        pid.set_bytes(wanted, 3)
        exchange.body = bytes(message)
        act.why = self.form

    def _laid_out(self, pieces: list[list[bytes]]) -> list[list[bytes]]:
        if self.form == "reversed":
            return pieces[::-1]
        if self.form == "legacy":
            return pieces[1:]
        if self.form == "null-first":
            return [[b'""', b"", b"", b"NLMIN", b"PPN"], *pieces]
        if self.form in ("no-authority", "no-type"):
            place = 3 if self.form == "no-authority" else 4
            return [[b"" if number == place else part for number, part in enumerate(item)] for item in pieces]
        first, *rest = pieces
        number = first[0].lstrip(b"0") or b"0" if self.form == "zeros-lost" else first[0][:3] + b"-" + first[0][3:]
        return [[number, *first[1:]], *rest]
