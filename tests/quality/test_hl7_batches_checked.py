"""Who takes a broken batch file fails, and so does who sets a sound one aside."""

from __future__ import annotations

import pytest

from mockehr.core.exchange import Decision, Exchange
from mockehr.scenarios.probe import Case, Finding
from mockehr.scenarios.probes.hl7_batches_checked import BROKEN, PARKED, Hl7BatchesChecked
from mockehr.sites.exceptions import Parked


def laid(number: int, file: str, form: str = "", outcome: str = "fired") -> Exchange:
    exchange = Exchange("mllp-out", "FILE", "/lab", number=number, notes={"file": file})
    if form:
        exchange.decisions = (Decision("odd", "odd-batch", "on_batch", outcome, form),)  # type: ignore[arg-type]
    return exchange


def judged(*exchanges: Exchange, aside: tuple[str, ...] = ()) -> Finding:
    parked = tuple(Parked(f"Message/{file}", "parse") for file in aside)
    return Hl7BatchesChecked().judge(Case(exchanges, expected={PARKED: parked}))


@pytest.mark.parametrize("form", sorted(BROKEN))
def test_a_broken_file_has_to_be_set_aside(form: str) -> None:
    files = laid(1, "a.hl7"), laid(2, "b.hl7", form)
    found = judged(*files)
    assert (found.verdict, found.evidence[0].entry) == ("fail", 2)
    assert judged(*files, aside=("b.hl7",)).verdict == "pass"


def test_a_sound_file_is_not_to_be_set_aside() -> None:
    found = judged(laid(1, "a.hl7"), laid(2, "b.hl7", "truncated"), aside=("a.hl7", "b.hl7"))
    assert (found.verdict, [one.entry for one in found.evidence]) == ("fail", [1])


@pytest.mark.parametrize(
    ("form", "outcome"), [("twice", "fired"), ("repeated", "fired"), ("empty", "skipped"), ("", "")]
)
def test_without_a_broken_file_there_is_no_occasion(form: str, outcome: str) -> None:
    assert judged(laid(1, "a.hl7", form, outcome)).verdict == "not-applicable"
