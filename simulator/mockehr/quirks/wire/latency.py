"""Slow answers."""

from __future__ import annotations

from dataclasses import dataclass

from mockehr.core.exchange import Exchange
from mockehr.quirks.base import Act, quirk
from mockehr.quirks.rule import Seconds


@quirk(
    "latency",
    family="wire",
    ledger=("C3",),
    channels=("fhir", "discovery", "token", "files", "feed", "proprietary", "mllp-in"),
)
@dataclass(frozen=True, slots=True)
class Latency:
    """Answers come late: `delay` seconds, spread by `jitter` either way, and now and then a `spike`.

    With `before_work` the wait comes before anything is committed, otherwise after. Coping: bounded time-outs, no
    second request while the first still runs.
    """

    delay: Seconds = 0.2
    jitter: Seconds = 0.0
    spike: Seconds = 0.0
    spike_share: float = 0.01
    before_work: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.spike_share <= 1:
            raise ValueError(f"spike_share is {self.spike_share:g}; it must lie in 0..1")

    def on_request(self, exchange: Exchange, act: Act) -> None:
        """Set the delay."""
        wait = max(0.0, self.delay + act.dice.uniform(-self.jitter, self.jitter))
        if self.spike and act.dice.chance(self.spike_share):
            wait = float(self.spike)
        effects = exchange.effect()
        if self.before_work:
            effects.arrival_delay += wait
        else:
            effects.reply_delay += wait
        act.why = f"{wait:.3f} s"
