"""Field types of pathway files: spans of time and of values, percentages, rates, codes with their names."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, Any, Final, Self

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator

from mockehr.config.scalars import Duration
from mockehr.config.settings import Section
from mockehr.core.chance import Stream
from mockehr.core.clock import duration
from mockehr.core.exchange import JSON
from mockehr.population.chart.codes import CVX, ICD10, ICD10_PCS, LOINC, RXNORM, concept, drug, table, vaccine

_PERCENT = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*%\s*")
_RATE = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*/\s*(s|m|min|h|d|w)\s*")
_TABLES: Final = {ICD10: "icd10cm", LOINC: "loinc", RXNORM: "rxnorm", CVX: "cvx", ICD10_PCS: "icd10pcs"}


class TimeSpan(Section):
    """A duration drawn anew each time, evenly between two bounds."""

    low: Duration = Field(alias="from")
    high: Duration = Field(alias="to")

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> Self:
        if self.low > self.high:
            raise ValueError("`from` is longer than `to`")
        return self

    def draw(self, stream: Stream) -> float:
        """Seconds."""
        return self.low if self.low == self.high else stream.uniform(self.low, self.high)


class ValueSpan(Section):
    """A number drawn anew each time, evenly between two bounds."""

    low: float = Field(alias="from")
    high: float = Field(alias="to")

    def draw(self, stream: Stream) -> float:
        """A number."""
        return stream.uniform(self.low, self.high)


def _both_ends(value: Any) -> Any:
    return {"from": value, "to": value} if isinstance(value, str | int | float) else value


Span = Annotated[
    TimeSpan, BeforeValidator(_both_ends, json_schema_input_type=Annotated[float | str | TimeSpan, Field()])
]
"""How long: `20m`, or `{from: 30m, to: 2h}`."""

Amount = Annotated[ValueSpan, BeforeValidator(_both_ends, json_schema_input_type=float | ValueSpan)]
"""How much: `7.1`, or `{from: 6, to: 9}`."""


def _share(value: Any) -> Any:
    if isinstance(value, str):
        found = _PERCENT.fullmatch(value)
        if found is None:
            raise ValueError(f"{value!r} is no share: write it like 40% or 0.4")
        return float(found[1]) / 100
    return value


Percent = Annotated[
    float,
    Field(ge=0, le=1),
    BeforeValidator(_share),
    WithJsonSchema({"anyOf": [{"type": "number", "minimum": 0, "maximum": 1}, {"type": "string", "pattern": "%"}]}),
]
"""A share, written `40%` or 0.4."""


def rate(text: str | float) -> float:
    """Arrivals a second, from `200/h`, `5/min` or `1/d`; a plain number counts by the hour. Raises ValueError."""
    if isinstance(text, int | float):
        return float(text) / 3600
    found = _RATE.fullmatch(text)
    if found is None:
        try:
            return float(text) / 3600
        except ValueError:
            raise ValueError(f"{text!r} is no rate: write it like 200/h, 5/min or 1/d") from None
    return float(found[1]) / duration(f"1{found[2]}")


def text_of_rate(per_second: float) -> str:
    """A rate as people read it: `200/h`."""
    return f"{per_second * 3600:.6g}/h"


def _as_code(value: Any) -> Any:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _named(system: str) -> Callable[[str], str]:
    def check(text: str) -> str:
        code, _, display = text.strip().partition(" ")
        if not display and code not in table(_TABLES[system]):
            raise ValueError(
                f"{code!r} is not in mockehr's own table: write its name behind it, as in `{code} its name`"
            )
        return text.strip()

    return check


def coded(system: str, text: str) -> JSON:
    """The CodeableConcept of a code as files write it: alone, or with its name behind it. Never change it."""
    code, _, display = text.partition(" ")
    if not display and system == RXNORM:
        return drug(code)
    if not display and system == CVX:
        return vaccine(code)
    return concept(system, code, display.strip() or table(_TABLES[system])[code]["display"])


def code_alone(text: str) -> str:
    """The code without its name."""
    return text.partition(" ")[0]


Diagnosis = Annotated[str, BeforeValidator(_as_code), AfterValidator(_named(ICD10))]
"""ICD-10-CM: a code of mockehr's table, or a code and its name: `I21.4 Non-ST elevation myocardial infarction`."""
Loinc = Annotated[str, BeforeValidator(_as_code), AfterValidator(_named(LOINC))]
"""LOINC, in the same way."""
Drug = Annotated[str, BeforeValidator(_as_code, json_schema_input_type=str | int), AfterValidator(_named(RXNORM))]
"""RxNorm, in the same way."""
Vaccine = Annotated[str, BeforeValidator(_as_code, json_schema_input_type=str | int), AfterValidator(_named(CVX))]
"""CVX, in the same way; codes that begin with 0 need quotes."""
Operation = Annotated[str, BeforeValidator(_as_code), AfterValidator(_named(ICD10_PCS))]
"""ICD-10-PCS, in the same way."""
