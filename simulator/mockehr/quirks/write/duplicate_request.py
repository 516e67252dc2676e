"""One request of the client, delivered twice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, cast

from mockehr.core.exchange import PROXY, Exchange
from mockehr.quirks.base import Act, one_of, quirk


@quirk(
    "duplicate-request",
    family="write",
    ledger=("C9",),
    channels=("fhir",),
    interactions=("create", "update", "patch", "delete", "transaction", "batch"),
)
@dataclass(frozen=True, slots=True)
class DuplicateRequest:
    """A proxy delivers the client's request a second time, and the system does it again. Only the `first` or the
    `last` `answer` goes back. The journal has an entry for each; that of the proxy names the other (`proxy`).

    Seen: Nginx gave a POST to the next server when the first one failed, until 1.9.13, and does so when told to
    (`non_idempotent`; openresty/openresty#200), as HAProxy does with `retry-on 503` (measured in wazuh/wazuh#38156);
    RFC 9110 section 9.2.2 forbids it. athenahealth takes no idempotency key on any of 40 operations, so a create that
    is sent again is a second record (api-evangelist, conventions; vendors-others.md 1.7). Coping: If-None-Exist on
    creates, If-Match on changes, so that the second has nothing to do.
    """

    answer: str = "first"

    def __post_init__(self) -> None:
        one_of("answer", self.answer, ("first", "last"))

    def on_request(self, exchange: Exchange, act: Act) -> None:
        """Have the edge deliver it again."""
        if PROXY in exchange.notes:
            act.leave("delivered by the proxy")
            return
        exchange.effect().twice = cast(Literal["first", "last"], self.answer)
        act.why = f"the {self.answer} answer goes back"
