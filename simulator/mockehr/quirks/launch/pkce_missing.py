"""A server that does not want, or does not look at, PKCE."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mockehr.core.exchange import Exchange
from mockehr.quirks.base import Act, quirk

TOLD: Final = ("plain", "nothing", "S256")


@quirk("pkce-missing", family="launch", ledger=("B9",), channels=("discovery", "authorize", "token"))
@dataclass(frozen=True, slots=True)
class PkceMissing:
    """Discovery `told` of `plain` as the only code challenge method, or of `nothing` (or of `S256`, as it should).
    With `ignored` the server looks at neither challenge nor verifier: all go through.

    Coping: send an S256 challenge and its verifier whatever is told, or refuse to go on; never fall back to `plain`
    or to none.
    """

    told: str = "plain"
    ignored: bool = True

    def __post_init__(self) -> None:
        if self.told not in TOLD:
            raise ValueError(f"told is {self.told!r}; it must be one of {', '.join(TOLD)}")

    def takes_part(self, channel: str, capability: str) -> bool:
        """Documents are told, requests are looked at."""
        if channel == "discovery":
            return capability == "on_reply" and self.told != "S256"
        return capability == "on_request" and self.ignored

    def on_request(self, exchange: Exchange, act: Act) -> None:
        """Let the server not look at challenge and verifier."""
        act.why = "challenge and verifier are not looked at"
        exchange.notes["auth"] = {**exchange.notes.get("auth", {}), "pkce": "ignored"}

    def on_reply(self, exchange: Exchange, act: Act) -> None:
        """Tell of other challenge methods."""
        document = exchange.reply.document if exchange.reply is not None else None
        if document is None or "code_challenge_methods_supported" not in document:
            act.leave("no document that tells of challenge methods")
            return
        assert exchange.reply is not None
        act.why = f"tells of {self.told}"
        exchange.reply.document = {**document, "code_challenge_methods_supported": ["plain"]}
        if self.told == "nothing":
            del exchange.reply.document["code_challenge_methods_supported"]
