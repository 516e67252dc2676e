"""Acknowledgements that are none by the letter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mockehr.core.exchange import Exchange
from mockehr.hl7.delimiters import Delimiters
from mockehr.hl7.message import Message
from mockehr.quirks.base import Act, one_of, quirk

FORMS: Final = (
    "unframed", "words", "msa-only", "nak-text", "other-delimiters", "other-type", "not-swapped", "bad-time", "cut",
    "in-pieces", "line-feeds",
)  # fmt: skip


@quirk("ack-malformed", family="hl7", ledger=("G2",), channels=("mllp-in",))
@dataclass(frozen=True, slots=True)
class AckMalformed:
    """The acknowledgement comes `unframed` (neither 0B nor 1C 0D), as `words` (`fail`), with its MSA only
    (`msa-only`), as `nak-text` that is no HL7, in `other-delimiters` than the message, under `other-type`
    (`ACK^O01`), with sender and receiver `not-swapped`, with a `bad-time` in MSH-7, `cut` behind MSA-1, octet by
    octet (`in-pieces`), or with `line-feeds`.

    Coping: read MSA by the acknowledgement's own delimiters, match by MSA-2 alone, and count what names nothing as
    no answer (mirth#1153, #2986, #3065, #3687, python-hl7#44).
    """

    form: str = "unframed"

    def __post_init__(self) -> None:
        one_of("form", self.form, FORMS)

    def on_ack(self, exchange: Exchange, act: Act) -> None:
        """Spoil it."""
        reply = exchange.reply
        if reply is None or not reply.body.startswith(b"MSH") or b"\rMSA" not in reply.body:
            act.leave("nobody asked for an acknowledgement, or it is none any more")
            return
        act.why = self.form
        if self.form == "unframed":
            exchange.effect().start = exchange.effect().end = b""
        elif self.form == "in-pieces":
            exchange.effect().split = 1
        else:
            reply.body = self._spoilt(reply.body)

    def _spoilt(self, body: bytes) -> bytes:
        ack = Message(body)
        if self.form == "words":
            return b"fail"
        if self.form == "msa-only":
            return body[body.index(b"\rMSA") + 1 :]
        if self.form == "nak-text":
            return b"MSA|AR|" + ack.get("MSA-2").encode() + b'|free text "NACK sent from receiver"'
        if self.form == "other-delimiters":
            return bytes(ack.translate(Delimiters(b":", b";", b"~", b"\\", b"&")))
        if self.form == "cut":
            return body[: body.index(b"\rMSA") + 7]
        if self.form == "line-feeds":
            return body.replace(b"\r", b"\n")
        if self.form == "not-swapped":
            names = {number: ack.bytes_at(f"MSH-{(number - 1) % 4 + 3}") or b"" for number in (3, 4, 5, 6)}
            for number, name in names.items():
                ack.set_bytes(f"MSH-{number}", name)
        else:
            place, value = ("MSH-9", b"ACK^O01") if self.form == "other-type" else ("MSH-7", b"2026-13-45")
            ack.set_bytes(place, value)
        return bytes(ack)
