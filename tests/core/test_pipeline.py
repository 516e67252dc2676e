from __future__ import annotations

import pytest

from mockehr.core.exchange import Exchange
from mockehr.core.pipeline import STAGES, Pipeline
from mockehr.core.problem import not_found


def test_the_nine_stages_run_in_order() -> None:
    seen: list[str] = []
    Pipeline({name: lambda e, name=name: seen.append(name) for name in reversed(STAGES)}).run(Exchange("fhir"))  # type: ignore[misc]
    assert seen == list(STAGES)
    assert len(STAGES) == 9


def test_a_refusal_skips_what_comes_before_shape_and_nothing_after() -> None:
    seen: list[str] = []
    stages = {name: lambda e, name=name: seen.append(name) for name in STAGES}

    def refuse(exchange: Exchange) -> None:
        exchange.result = not_found("Patient", "1")

    exchange = Pipeline({**stages, "disturb_arrival": refuse}).run(Exchange("fhir"))  # type: ignore[dict-item]
    assert seen == ["open_entry", "shape", "disturb_reply", "render", "close_entry"]
    assert exchange.problem is not None
    assert exchange.problem.status == 404


def test_a_missing_or_foreign_stage_is_refused() -> None:
    with pytest.raises(ValueError, match="foreign"):
        Pipeline({**{name: lambda e: None for name in STAGES}, "extra": lambda e: None})
    with pytest.raises(ValueError, match="missing"):
        Pipeline({})
