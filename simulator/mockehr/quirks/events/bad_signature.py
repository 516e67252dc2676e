"""Deliveries that nobody signed who may."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mockehr.core.exchange import Exchange
from mockehr.events import Delivery
from mockehr.quirks.base import Act, one_of, quirk

FORMS: Final = ("wrong-secret", "altered-body", "missing")


@quirk("bad-signature", family="events", ledger=("F4",), channels=("webhook",))
@dataclass(frozen=True, slots=True)
class BadSignature:
    """A delivery's signature does not hold, as of one that somebody forged.

    `form`: `wrong-secret` is signed with another secret; `altered-body` names another resource than when it was
    signed; `missing` has no signature at all. Endpoints without a secret are left alone. Coping: verify the octets as
    they came, compare in constant time, answer 401 and apply nothing; the site's own retry is signed well.
    """

    form: str = "wrong-secret"

    def __post_init__(self) -> None:
        one_of("form", self.form, FORMS)

    def takes_part(self, channel: str, capability: str) -> bool:
        """What was signed is altered on the wire, all else before it is signed."""
        return (capability == "on_wire") is (self.form == "altered-body")

    def on_deliver(self, delivery: Delivery, act: Act) -> None:
        """Sign with a secret that is none, or with nothing."""
        if not delivery.hook.secret:
            act.leave(f"{delivery.hook.name} has no secret")
            return
        delivery.secret = "" if self.form == "missing" else act.dice.hex(32)

    def on_wire(self, exchange: Exchange, act: Act) -> None:
        """Let it name a resource that there is not."""
        if not act.world.secret_of(exchange.peer):
            act.leave(f"{exchange.peer} has no secret")
            return
        asked = exchange.interaction
        id = asked.id.encode() if asked is not None else b""
        forged = exchange.body.replace(id, id + b"0") if id else exchange.body
        exchange.body = forged if forged != exchange.body else exchange.body + b" "
