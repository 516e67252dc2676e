"""Version ids that do not count by one."""

from __future__ import annotations

from dataclasses import dataclass, replace

from mockehr.core.exchange import Exchange
from mockehr.fhir.writes import Written
from mockehr.quirks.base import Act, quirk


@quirk(
    "version-ids-skip", family="write", ledger=("D9",), channels=("fhir",), interactions=("create", "update", "patch")
)
@dataclass(frozen=True, slots=True)
class VersionIdsSkip:
    """After each write the server writes `by` more versions itself, so that the answer and the next read have a
    version id further on: 1, 4, 7 …

    FHIR R4 resource.html#Meta promises no order of version ids, let alone that they count by one.

    Seen: Oracle Health's look like `42-0` and `0$0` and had come to 1773 in its sandbox, Epic rewrites what was just
    created (vendors-epic-oracle.md B7, B11, A7); one write that leaves ids out is not on record. Coping: take `ETag`
    and `meta.versionId` as opaque, never reckon the next one, never tell from a number how often something changed.
    """

    by: int = 2

    def __post_init__(self) -> None:
        if not 1 <= self.by <= 20:
            raise ValueError(f"by is {self.by}; it must lie in 1..20")

    def on_result(self, exchange: Exchange, act: Act) -> None:
        """Touch what was just written."""
        written = exchange.result
        if not isinstance(written, Written) or not written.changed:
            act.leave("nothing was written")
            return
        record = written.record
        for _ in range(self.by):
            act.world.write_over(record.resource_type, record.id, {})
        exchange.result = replace(written, record=act.world.versions_of(record.resource_type, record.id)[-1])
        act.why = f"{record.key} is {self.by} versions further on"
