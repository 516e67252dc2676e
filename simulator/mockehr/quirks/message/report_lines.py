"""One report over many OBX."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mockehr.core.exchange import Exchange
from mockehr.hl7.message import Message
from mockehr.quirks.base import Act, one_of, quirk

FORMS: Final = ("line-each", "no-code", "running-numbers", "repetitions")


@quirk("report-lines", family="message", ledger=("G10",), channels=("mllp-out",))
@dataclass(frozen=True, slots=True)
class ReportLines:
    """A text of several lines comes with a `line-each` OBX (blank lines too), with OBX-3 empty in all of them
    (`no-code`), or as `repetitions` (`~`) of one OBX-5; `running-numbers` lets OBX-1 run on from one message to
    the next.

    Coping: put the lines of one report together in their order, blank ones included; take OBX-1 for no key (lfh#86,
    #61, trusted-intermediary#1207).
    """

    form: str = "line-each"

    def __post_init__(self) -> None:
        one_of("form", self.form, FORMS)

    def on_message(self, exchange: Exchange, act: Act) -> None:
        """Rewrite the text results."""
        message = Message(exchange.body)
        if self.form == "running-numbers":
            self._number(message, act)
        else:
            self._split(message)
        if bytes(message) == exchange.body:
            act.leave("no text of several lines in it")
            return
        exchange.body = bytes(message)
        act.why = self.form

    def _number(self, message: Message, act: Act) -> None:
        last = int(act.memory.get("last", 40))
        for obx in message.all("OBX"):
            last += 1
            obx.set_bytes(str(last).encode(), 1)
        act.memory["last"] = last

    def _split(self, message: Message) -> None:
        marks = message.delimiters
        breaks = marks.escape + b".br" + marks.escape
        for obx in message.all("OBX"):
            value = obx.field(5) or b""
            if obx.field(2) not in (b"FT", b"TX", b"ST") or breaks not in value:
                continue
            lines = value.split(breaks)
            if self.form == "repetitions":
                obx.set_bytes(b"TX", 2)
                obx.set_bytes(marks.repetition.join(lines), 5)
                continue
            place = next(number for number, one in enumerate(message.segments) if one is obx)
            obx.set_bytes(b"TX", 2)
            if self.form == "no-code":
                obx.set_bytes(b"", 3)
            for number, line in enumerate(lines[1:], 1):
                copy = message.insert(place + number, bytes(obx))
                copy.set_bytes(line, 5)
                copy.set_bytes(str(number + 1).encode(), 4)
            obx.set_bytes(lines[0], 5)
            obx.set_bytes(b"1", 4)
