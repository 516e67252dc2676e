"""Codes that only the laboratory knows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mockehr.core.exchange import Exchange
from mockehr.hl7.message import Message
from mockehr.quirks.base import Act, one_of, quirk

FORMS: Final = ("local-only", "local-first", "text-only", "empty")
_PLACES: Final = {"OBX": 3, "OBR": 4, "DG1": 3, "RXA": 5, "RXE": 2, "AL1": 3}
_UNITS: Final = {
    b"mg/dL": b"MGDL", b"mmol/L": b"MMOLL", b"umol/L": b"\xb5mol/L", b"10*3/uL": b"x10E3", b"ug/dL": b"mcg/dl",
    b"10*9/L": b"10e9/l", b"g/dL": b"G/DL",
}  # fmt: skip


@quirk("local-codes", family="message", ledger=("G7",), channels=("mllp-out",))
@dataclass(frozen=True, slots=True)
class LocalCodes:
    """Tests, diagnoses, drugs and vaccines are coded by a mnemonic of the house: `local-only`, `local-first` (the
    standard code in components 4 to 6), `text-only`, or `empty`; units (OBX-6) are as people write them.

    Coping: look at both triplets, keep an unknown code with its text, map by table and never by position
    (trusted-intermediary#1277, prime-reportstream#3052).
    """

    form: str = "local-only"
    units: bool = True
    """Whether units are rewritten too."""

    def __post_init__(self) -> None:
        one_of("form", self.form, FORMS)

    def on_message(self, exchange: Exchange, act: Act) -> None:
        """Rewrite the codes."""
        message = Message(exchange.body)
        changed = 0
        for segment in message.segments:
            place = _PLACES.get(segment.id, 0)
            value = segment.field(place) if place else None
            if value:
                segment.set_bytes(self._coded(value, message.delimiters.component), place)
                changed += 1
            if self.units and segment.id == "OBX":
                unit = segment.bytes_at(6, 1, 1)
                if unit in _UNITS:
                    segment.set_bytes(_UNITS[unit], 6)
        if not changed:
            act.leave("no code in it")
            return
        exchange.body = bytes(message)
        act.why = f"{self.form} in {changed} fields"

    def _coded(self, value: bytes, mark: bytes) -> bytes:
        pieces = value.split(mark)
        text = pieces[1] if len(pieces) > 1 else b""
        words = b"".join(word for word in (text or pieces[0]).upper().split())
        mnemonic = bytes(octet for octet in words if chr(octet).isalnum())[:6] or b"TEST"
        if self.form == "local-only":
            return mark.join((mnemonic, text, b"L"))
        if self.form == "local-first":
            return mark.join((mnemonic, text, b"L", *pieces[:3]))
        return mark + text if self.form == "text-only" else b""
