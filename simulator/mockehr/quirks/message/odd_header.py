"""A header that says what is not so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mockehr.core.exchange import Exchange
from mockehr.hl7.message import Message
from mockehr.quirks.base import Act, one_of, quirk

KINDS: Final = ("as-is", "no-structure", "event-as-structure", "custom-event")


@quirk("odd-header", family="message", ledger=("G1", "G6"), channels=("mllp-out",))
@dataclass(frozen=True, slots=True)
class OddHeader:
    """MSH says another `version` (`2.3`, `2.9`, `2.5.1^USA`), another processing id (`T` in a production feed),
    another sending application, or a `kind` of another form: `no-structure`, `event-as-structure`
    (`ADT^A08^ADT_A08`), or `custom-event` (`ADT^Z99`, with EVN-1 unchanged). What is empty stays as it is.

    Coping: route by type and trigger alone, read the fields rather than the version, refuse test traffic by MSH-11
    and say so (mirth#3065, trusted-intermediary#1207, nHapi#261).
    """

    version: str = ""
    kind: str = "event-as-structure"
    processing_id: str = ""
    application: str = ""

    def __post_init__(self) -> None:
        one_of("kind", self.kind, KINDS)

    def on_message(self, exchange: Exchange, act: Act) -> None:
        """Rewrite the header."""
        message = Message(exchange.body)
        kind, _, trigger = message.header.kind.partition("^")
        mark = message.delimiters.component.decode("latin-1")
        forms = {
            "no-structure": f"{kind}{mark}{trigger}",
            "event-as-structure": f"{kind}{mark}{trigger}{mark}{kind}_{trigger}",
            "custom-event": f"{kind}{mark}Z99",
        }
        wanted = {9: forms.get(self.kind, ""), 12: self.version, 11: self.processing_id, 3: self.application}
        for field, value in wanted.items():
            if value:
                message.set_bytes(f"MSH-{field}", value.encode("ascii", "replace"))
        if bytes(message) == exchange.body:
            act.leave("the header is so already")
            return
        exchange.body = bytes(message)
        act.why = ", ".join(f"MSH-{field} {value}" for field, value in wanted.items() if value)
