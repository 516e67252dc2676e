"""Records that appear behind the watermark."""

from __future__ import annotations

from dataclasses import dataclass

from mockehr.core.exchange import Exchange
from mockehr.quirks.base import Act, quirk
from mockehr.quirks.rule import Seconds
from mockehr.quirks.unseen import SEARCHES, hide


@quirk("watermark-skew", family="events", ledger=("F9",), channels=("fhir",), interactions=SEARCHES)
@dataclass(frozen=True, slots=True)
class WatermarkSkew:
    """Searches and histories find a `share` of what was written only `by` after its `meta.lastUpdated`.

    To who polls that is the same as a clock that lies behind, or a transaction that takes long: records turn up
    behind a watermark that was taken from later ones. Reads by id find them at once. Coping: begin each poll some
    time before the last watermark, and know records that come again by id and version.
    """

    by: Seconds = 30.0
    share: float = 0.5

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1:
            raise ValueError(f"share is {self.share:g}; it must be above 0 and at most 1")

    def on_result(self, exchange: Exchange, act: Act) -> None:
        """Take out what is not indexed yet."""

        def hidden(key: str, committed: float) -> bool:
            # drawn for each version, by the second since that is what all answers tell alike
            recent = committed + self.by > act.now
            return recent and act.world.draw("watermark-skew", key, int(committed)) < self.share

        taken = hide(exchange, act.world, hidden)
        if not taken:
            act.leave(f"found nothing to keep back for {self.by:g} s")
            return
        exchange.notes["unseen"] = list(taken)
        act.why = f"not found yet: {', '.join(taken[:5])}" + (" …" if taken[5:] else "")
