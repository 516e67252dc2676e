"""Steps several times over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import BeforeValidator, Field

from mockehr.config.settings import Section
from mockehr.pathways.act import Act
from mockehr.pathways.scalars import Span
from mockehr.pathways.step import Step

if TYPE_CHECKING:
    from mockehr.pathways.schema import AnyStep


class Times(Section):
    """How often: evenly between two whole numbers."""

    low: int = Field(alias="from", ge=0, le=1000)
    high: int = Field(alias="to", ge=0, le=1000)


def _both(value: Any) -> Any:
    return {"from": value, "to": value} if isinstance(value, int) else value


class Repeat(Step):
    """`times: 3`, or `times: {from: 2, to: 5}`, with `every: 6h` between one time and the next."""

    NAME: ClassVar[str] = "repeat"

    times: Annotated[Times, BeforeValidator(_both, json_schema_input_type=int | Times)]
    every: Span | None = None
    steps: list[AnyStep] = Field(min_length=1)

    def run(self, act: Act) -> None:
        """The steps within come next."""
        times = (
            self.times.low
            if self.times.high <= self.times.low
            else act.stream.between(self.times.low, self.times.high)
        )
        act.enter(self.steps, times, self.every)
