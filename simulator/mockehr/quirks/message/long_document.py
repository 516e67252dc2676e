"""Documents that are long, and wrapped in odd ways."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from typing import Final

from mockehr.core.exchange import Exchange
from mockehr.hl7.delimiters import DEFAULT, translate
from mockehr.hl7.message import Message
from mockehr.quirks.base import Act, one_of, quirk

FORMS: Final = ("pdf", "wrapped", "bare", "split", "rtf", "separator")
_PDF: Final = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\n"
_LINE: Final = 76


@quirk("long-document", family="message", ledger=("G10",), channels=("mllp-out",))
@dataclass(frozen=True, slots=True)
class LongDocument:
    """An OBX with a document of `kilobytes` is added at the end: a base64 `pdf`, one `wrapped` at 76 characters with
    line breaks in escapes, one with all components but the last left out (`bare`), one `split` over several OBX,
    an `rtf` text with backslashes that nobody escaped, or a text with an octet 1C in it (`separator`).

    Coping: stream rather than copy, take no limit of 64 KiB for granted, put the pieces together before decoding
    (nHapi#594, mirth#1665, #3412, arc#3463).
    """

    kilobytes: int = 1024
    form: str = "pdf"

    def __post_init__(self) -> None:
        one_of("form", self.form, FORMS)
        if not 1 <= self.kilobytes <= 50_000:
            raise ValueError(f"kilobytes is {self.kilobytes}; it must be between 1 and 50000")

    def on_message(self, exchange: Exchange, act: Act) -> None:
        """Append the document."""
        message = Message(exchange.body)
        if message.header.kind.partition("^")[0] not in ("ORU", "MDM"):
            act.leave("no results or documents in it")
            return
        number = len(message.all("OBX"))
        marks = message.delimiters
        for piece in self._pieces():
            number += 1
            kind = b"ED" if self.form not in ("rtf", "separator") else b"TX"
            code = b"PDF^Document^L" if kind == b"ED" else b"REPORT^Report^L"
            line = b"OBX|%d|%b|%b||||||||F" % (number, kind, code)
            obx = message.append(translate(line, DEFAULT, marks))
            obx.set_bytes(piece if kind == b"TX" else translate(piece, DEFAULT, marks), 5)
        exchange.body = bytes(message)
        act.why = f"{self.form}, {len(exchange.body)} octets"

    def _pieces(self) -> list[bytes]:
        size = self.kilobytes * 1024
        if self.form == "rtf":
            return [b"{\\rtf1\\ansi " + b"Normal chest. \\par " * (size // 20) + b"}"]
        if self.form == "separator":
            return [b"Normal chest.\x1c " * (size // 15)]
        data = b64encode((_PDF * (size // len(_PDF) + 1))[: size * 3 // 4])
        lead = b"" if self.form == "bare" else b"application^pdf^Base64"
        if self.form == "wrapped":
            data = b"\\.br\\".join(data[start : start + _LINE] for start in range(0, len(data), _LINE))
        if self.form != "split":
            return [b"^" + lead + b"^" + data if lead else b"^^^^" + data]
        step = max(len(data) // 4 // 4 * 4, 4)
        return [b"^" + lead + b"^" + data[start : start + step] for start in range(0, len(data), step)]
