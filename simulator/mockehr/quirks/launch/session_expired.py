"""An EHR session that ends while an app is being opened."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qs

from mockehr.core.exchange import Exchange
from mockehr.quirks.base import Act, quirk

POINTS: Final = ("authorize", "token")


@quirk("session-expired", family="launch", ledger=("B5",), channels=("authorize", "token"))
@dataclass(frozen=True, slots=True)
class SessionExpired:
    """The user's session ends between launch and callback: the launch is not known any more `at` the authorization
    endpoint, or the code is dead at the `token` endpoint. The refusal is the vendor's own.

    A vendor who shows the first on a page of its own, as Epic does, tells the app nothing: there an app can only be
    put to the test `at` the `token` endpoint.

    Coping: begin the launch once more (without the dead handle), keep what is needed to find out why, and never go
    round in circles. Arm it with `when: {at_most: 1}` for a launch that works the second time.
    """

    at: str = "authorize"

    def __post_init__(self) -> None:
        if self.at not in POINTS:
            raise ValueError(f"at is {self.at!r}; it must be one of {', '.join(POINTS)}")

    def takes_part(self, channel: str, capability: str) -> bool:
        """At one of the two endpoints."""
        return channel == self.at

    def on_request(self, exchange: Exchange, act: Act) -> None:
        """Forget what the request relies on; the server refuses it by itself."""
        text = exchange.body.decode("utf-8", "replace") if exchange.method == "POST" else exchange.query
        form, name = parse_qs(text), "launch" if self.at == "authorize" else "code"
        held = form.get(name, [""])[0]
        if not held:
            act.leave(f"no {name} is sent")
            return
        ended = act.world.forget_launch(held) if name == "launch" else act.world.forget_code(held)
        if ended:
            act.why = f"the {name} is forgotten"
        else:
            act.leave(f"the {name} was not good anyway")
