"""Time passes."""

from __future__ import annotations

from typing import Any, ClassVar

from mockehr.pathways.act import Act
from mockehr.pathways.scalars import Span
from mockehr.pathways.step import Step


class Delay(Step):
    """`- delay: 20m`, or `- delay: {from: 30m, to: 2h}`."""

    NAME: ClassVar[str] = "delay"
    SHORT: ClassVar[str] = "time"

    time: Span

    @classmethod
    def expand(cls, value: Any) -> Any:
        """The bounds may stand in the step itself."""
        if not isinstance(value, dict) or "time" in value:
            return super().expand(value)
        bounds = {name: value[name] for name in value if name in ("from", "to")}
        return {"time": bounds, **{name: value[name] for name in value if name not in bounds}}

    def run(self, act: Act) -> None:
        """Nothing else."""
        act.pause(self.time.draw(act.stream))
