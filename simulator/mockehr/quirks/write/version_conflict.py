"""Somebody else was faster."""

from __future__ import annotations

from dataclasses import dataclass

from mockehr.core.exchange import Exchange
from mockehr.core.problem import Kind, Problem
from mockehr.quirks.base import Act, quirk

MARK = "https://ehr.example.org/StructureDefinition/reviewed-by"


@quirk("version-conflict", family="write", ledger=("D9",), channels=("fhir",), interactions=("update", "patch"))
@dataclass(frozen=True, slots=True)
class VersionConflict:
    """Just before an update arrives, somebody else writes the same resource: it has a new version and an extension
    `reviewed-by` that the client does not know of.

    With `If-Match` the vendor refuses the update by itself (412; FHIR R4 http.html#concurrency); with `status` 409 or
    412 any update is refused, as by servers that lock. Without either it overwrites the other's change, which is the
    lost update.

    Seen: Oracle Health answers 409 to an update of a version that is not the last (its documentation;
    vendors-epic-oracle.md B4, B7). Coping: on 409 or 412 read again, put one's own change onto what is there now, and
    send that with its `If-Match`.
    """

    status: int = 0

    def __post_init__(self) -> None:
        if self.status not in (0, 409, 412):
            raise ValueError(f"status is {self.status}; it must be 0 (the vendor's own answer), 409 or 412")

    def on_request(self, exchange: Exchange, act: Act) -> None:
        """Write first."""
        asked = exchange.interaction
        if asked is None or not asked.id:
            act.leave("nobody knows yet what is updated")
            return
        mark = f"reviewer {act.dice.hex(8)}"
        added = {"extension": [{"url": MARK, "valueString": mark}]}
        if not act.world.write_over(asked.resource_type, asked.id, added):
            act.leave("there is nothing to write over")
            return
        exchange.notes["written_between"] = mark
        act.why = f"{asked.resource_type}/{asked.id} has a new version by {mark}"
        if self.status:
            exchange.client = exchange.client or act.world.claimant(exchange)
            kind: Kind = "conflict" if self.status == 409 else "precondition-failed"
            text = f"{asked.resource_type}/{asked.id} was changed by somebody else"
            exchange.result = Problem(self.status, kind, text, resource_type=asked.resource_type, value=asked.id)
