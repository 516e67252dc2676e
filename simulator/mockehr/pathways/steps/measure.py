"""Vital signs at the bedside. HL7 tells nothing of them unless `event` says so."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, Field

from mockehr.pathways.act import Act
from mockehr.pathways.names import one_of
from mockehr.pathways.scalars import Amount, ValueSpan
from mockehr.pathways.step import Step
from mockehr.pathways.vital_signs import PRESSURE, SIGNS, write_pressure, write_sign

Sign = Annotated[str, AfterValidator(one_of("vital sign", (*SIGNS, *PRESSURE)))]


class Measure(Step):
    """One Observation for each sign; `systolic` and `diastolic` make one together."""

    NAME: ClassVar[str] = "measure"

    signs: dict[Sign, Amount] = Field(min_length=1)

    @classmethod
    def expand(cls, value: Any) -> Any:
        """The signs may stand in the step itself: `- measure: {heart_rate: 96}`."""
        if not isinstance(value, dict) or "signs" in value:
            return super().expand(value)
        own = {name: value[name] for name in value if name in Step.model_fields}
        return {"signs": {name: value[name] for name in value if name not in own}, **own}

    def run(self, act: Act) -> None:
        """Observations."""
        values = {name: _drawn(act, name, amount) for name, amount in self.signs.items()}
        if "systolic" in values:
            diastolic = values.get("diastolic", values["systolic"] * 0.62)
            write_pressure(act, values["systolic"], min(diastolic, values["systolic"] - 15))
        for name, value in values.items():
            if name not in PRESSURE:
                write_sign(act, name, value)


def _drawn(act: Act, name: str, amount: ValueSpan) -> float:
    """A value within the bounds; a body's size stays about where it was between them."""
    if name not in ("weight", "height"):
        return amount.draw(act.stream)
    sizes = act.someone.sizes
    if name not in sizes:
        sizes[name] = act.stream.random()
    value = amount.low + (amount.high - amount.low) * sizes[name]
    scale = act.stream.uniform(0.992, 1.008) if name == "weight" else 1.0
    return min(max(value * scale, amount.low), amount.high)
