"""Characters in another set than MSH-18 says."""

from __future__ import annotations

from dataclasses import dataclass

from mockehr.core.exchange import Exchange
from mockehr.hl7.charset import codec_of
from mockehr.hl7.message import Message
from mockehr.quirks.base import Act, quirk


@quirk("wrong-charset", family="message", ledger=("G6",), channels=("mllp-out",))
@dataclass(frozen=True, slots=True)
class WrongCharset:
    """The octets are of the charset `sent`, while MSH-18 says `declared` (empty: nothing); `mark` puts a byte order
    mark before MSH. The defaults are the commonest lie: Windows-1252 under the name of UTF-8.

    Coping: decode by what the octets are where the declaration does not hold, and never store U+FFFD (mirth#5277,
    BridgeLink#188, camel#10880).
    """

    sent: str = "cp1252"
    declared: str = "UNICODE UTF-8"
    mark: bool = False

    def __post_init__(self) -> None:
        if codec_of(self.sent) is None:
            raise ValueError(f"sent is {self.sent!r}; write a name of table 0211 or one such as cp1252")

    def on_message(self, exchange: Exchange, act: Act) -> None:
        """Encode anew and declare what is wanted."""
        message = Message(exchange.body)
        message.set_bytes("MSH-18", self.declared.encode("ascii", "replace"))
        text = bytes(message).decode(message.charset.codec, "replace")
        body = text.encode(codec_of(self.sent) or self.sent, "replace")
        if text.isascii() and not self.mark and body == exchange.body:
            act.leave("nothing but ASCII in it, and declared so already")
            return
        exchange.body = (b"\xef\xbb\xbf" if self.mark else b"") + body
        act.why = f"{self.sent} sent, {self.declared or 'nothing'} declared"
