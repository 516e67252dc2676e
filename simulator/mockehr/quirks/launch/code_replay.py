"""An authorization code that comes twice."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import parse_qs

from mockehr.auth.launches import Opening
from mockehr.auth.refusal import Refused
from mockehr.core.exchange import Exchange
from mockehr.quirks.base import Act, quirk

WAYS: Final = ("callback", "used")


@quirk("code-replay", family="launch", ledger=("B9",), channels=("launch", "token"))
@dataclass(frozen=True, slots=True)
class CodeReplay:
    """By way of the `callback`: the browser loads the address that the app is called back at twice (a reload, a
    prefetch, a proxy), with the same code. `used`: the code was redeemed by somebody else before the app came, so the
    token endpoint refuses it.

    Coping: redeem each code once, answer the second callback from what the first one gave, and begin the launch anew
    where the code is dead.
    """

    way: str = "callback"

    def __post_init__(self) -> None:
        if self.way not in WAYS:
            raise ValueError(f"way is {self.way!r}; it must be one of {', '.join(WAYS)}")

    def takes_part(self, channel: str, capability: str) -> bool:
        """When the app is opened, or when it asks for its token."""
        at = ("launch", "on_launch") if self.way == "callback" else ("token", "on_request")
        return (channel, capability) == at

    def on_launch(self, opening: Opening, act: Act) -> Opening:
        """Let the browser come back twice."""
        act.why = "the callback is loaded twice"
        return replace(opening, callbacks=2)

    def on_request(self, exchange: Exchange, act: Act) -> None:
        """Refuse the code as used, and make it so."""
        code = parse_qs(exchange.body.decode("utf-8", "replace")).get("code", [""])[0]
        if not code or not act.world.forget_code(code):
            act.leave("the code was not good anyway" if code else "no code is sent")
            return
        act.why = "the code was used before"
        exchange.result = Refused("code-used", "The code was used before; the tokens that it gave are ended.")
