"""Updates that must say what they update."""

from __future__ import annotations

from dataclasses import dataclass

from mockehr.core.exchange import Exchange
from mockehr.core.problem import Problem
from mockehr.quirks.base import Act, quirk


@quirk(
    "if-match-required",
    family="write",
    ledger=("D9",),
    channels=("fhir",),
    interactions=("update", "patch", "delete"),
)
@dataclass(frozen=True, slots=True)
class IfMatchRequired:
    """An update without `If-Match` is refused with `status` 412, or 428 (RFC 6585 section 3).

    FHIR R4 has `versioned-update` for servers that insist (valueset-versioning-policy.html); some do for some types
    only (`where: resource`).

    Seen: Oracle Health answers updates and patches without it with 412 (its documentation; vendors-epic-oracle.md B4,
    B7). Coping: send the ETag of what was read last with every update; when refused, read again and send that.
    """

    status: int = 412

    def __post_init__(self) -> None:
        if self.status not in (412, 428):
            raise ValueError(f"status is {self.status}; it must be 412 or 428")

    def on_request(self, exchange: Exchange, act: Act) -> None:
        """Refuse what has no If-Match."""
        if exchange.headers.get("if-match", "").strip():
            act.leave("it has If-Match")
            return
        kind = exchange.interaction.resource_type if exchange.interaction is not None else ""
        exchange.client = exchange.client or act.world.claimant(exchange)
        text = "This server wants If-Match with every update"
        exchange.result = Problem(self.status, "precondition-required", text, resource_type=kind)
        act.why = f"{self.status}: no If-Match"
