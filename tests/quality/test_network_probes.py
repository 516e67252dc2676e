"""The probes of the network tell clients that cope from clients that do not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mockehr.core.exchange import LEFT, PROXY, TOOK, Effects, Exchange, Interaction

PAGE = b"<!DOCTYPE html><html><body>Bad gateway</body></html>"
Script = Callable[[Any], object]


def hung(traffic: Any, request: str, left: float | None) -> Exchange:
    call: Exchange = traffic.call(request, 503, effects=Effects(hang=True))
    if left is not None:
        call.notes[LEFT] = left
    return call


def slow(traffic: Any, request: str, *, at: float, seconds: float, left: float | None = None) -> Exchange:
    traffic.now = 1_767_614_400.0 + at
    call: Exchange = traffic.call(request, effects=Effects(reply_delay=seconds))
    if left is not None:
        call.notes[LEFT] = left
    return call


def twin(traffic: Any, first: Exchange, *, changed: bool, body: Any = None, **headers: str) -> Exchange:
    kind = first.path.strip("/") or "Bundle"
    answer = body or {"resourceType": kind}
    call: Exchange = traffic.call(f"{first.method} {first.path}", 201, answer, headers=headers)
    call.interaction = first.interaction
    call.notes[PROXY] = first.number
    call.changes = (2,) if changed else ()
    call.returned = (f"{kind}/2",) if changed else ()
    return call


def created(traffic: Any) -> Exchange:
    call: Exchange = traffic.call("POST /Observation", 201)
    call.changes, call.returned = (1,), ("Observation/1",)
    return call


def beats(traffic: Any, *gaps: float, quirk: str = "outage") -> None:
    """Failures with those pauses between them."""
    traffic.call("GET /Patient/0", 503, quirk=quirk)
    for number, gap in enumerate(gaps, 1):
        traffic.wait(gap - 1.0)
        traffic.call(f"GET /Patient/{number}", 503, quirk=quirk)


def dripped(traffic: Any, took: float) -> None:
    traffic.call("GET /Patient/1", effects=Effects(drip=(10, 1.0))).notes[TOOK] = took


def broken_page(traffic: Any, *, again: str) -> None:
    """The second page of a search is cut; then what is asked `again`."""
    traffic.page("GET /Observation?patient=1", ["Observation/1"], "/Observation?s=2")
    traffic.call("GET /Observation?s=2", effects=Effects(reset="midway"))
    traffic.call(f"GET {again}")


def transaction(traffic: Any, status: str) -> None:
    first = traffic.call("POST /", 200)
    first.changes, first.interaction = (1,), Interaction("transaction")
    entry = {"response": {"status": status}}
    twin(traffic, first, changed=True, body={"resourceType": "Bundle", "entry": [entry]})


def repaired(traffic: Any) -> None:
    twin(traffic, created(traffic), changed=True)
    traffic.call("DELETE /Observation/2", 204).changes = (3,)


CASES: list[tuple[str, str, str, Script]] = [
    ("bounded-timeouts", "pass", "given up on a hang", lambda t: hung(t, "GET /Patient/1", 20.0)),
    ("bounded-timeouts", "fail", "waits still", lambda t: hung(t, "GET /Patient/1", None)),
    ("bounded-timeouts", "fail", "waited for minutes", lambda t: hung(t, "GET /Patient/1", 600.0)),
    ("bounded-timeouts", "pass", "broke off what came late", lambda t: slow(t, "GET /a", at=0, seconds=90, left=20)),
    ("bounded-timeouts", "fail", "sat through what came late", lambda t: slow(t, "GET /a", at=0, seconds=90)),
    ("bounded-timeouts", "fail", "sat through a drip", lambda t: dripped(t, 120.0)),
    ("bounded-timeouts", "not-applicable", "a short drip", lambda t: dripped(t, 12.0)),
    ("no-pile-up", "pass", "one after the other", lambda t: [
        slow(t, f"GET /{n}", at=3 * n, seconds=2) for n in range(9)
    ]),
    ("no-pile-up", "fail", "all at once", lambda t: [slow(t, f"GET /{n}", at=n / 10, seconds=60) for n in range(9)]),
    ("no-pile-up", "pass", "given up one by one", lambda t: [
        slow(t, f"GET /{n}", at=5 * n, seconds=60, left=4) for n in range(9)
    ]),
    ("no-pile-up", "fail", "the same on top", lambda t: [slow(t, "GET /a", at=n, seconds=9) for n in (0, 3)]),
    ("no-pile-up", "pass", "the same after leaving", lambda t: [
        slow(t, "GET /a", at=n, seconds=9, left=3.1) for n in (0, 3)
    ]),
    ("no-pile-up", "not-applicable", "nothing slow", lambda t: t.call("GET /Patient/1")),
    ("backs-off-in-outage", "pass", "longer and longer", lambda t: beats(t, 0.5, 1, 2, 4, 8, 16, 30, 30)),
    ("backs-off-in-outage", "fail", "at once", lambda t: beats(t, *[0.1] * 9)),
    ("backs-off-in-outage", "fail", "anew with each request", lambda t: beats(t, *[0.5, 1, 2, 4, 8] * 6)),
    ("backs-off-in-outage", "fail", "patient first, then not", lambda t: beats(t, 30, 30, 30, *[0.5] * 8)),
    ("backs-off-in-outage", "not-applicable", "three failures", lambda t: beats(t, 0.1, 0.1)),
    ("never-parses-html", "pass", "asked again", lambda t: [
        t.call("GET /Patient/1", 502, PAGE), t.call("GET /Patient/2"), t.call("GET /Patient/1")
    ]),
    ("never-parses-html", "fail", "went on", lambda t: [
        t.call("GET /Patient/1", 200, PAGE), t.call("GET /Patient/2")
    ]),
    ("never-parses-html", "fail", "died", lambda t: [t.call("GET /Patient/1"), t.call("GET /Patient/2", 503, PAGE)]),
    ("never-parses-html", "pass", "left alone in the end", lambda t: [
        t.call("GET /Patient/1"), *(t.call(f"GET /Patient/{n}", 503, PAGE) for n in (2, 3, 4))
    ]),
    ("never-parses-html", "not-applicable", "errors in FHIR", lambda t: t.call("GET /Patient/1", 502)),
    ("repeats-broken-reads", "pass", "the page again", lambda t: broken_page(t, again="/Observation?s=2")),
    ("repeats-broken-reads", "pass", "the search again", lambda t: broken_page(t, again="/Observation?patient=1")),
    ("repeats-broken-reads", "fail", "the next search", lambda t: broken_page(t, again="/Observation?patient=2")),
    ("repeats-broken-reads", "fail", "what would not unpack", lambda t: [
        t.call("GET /Patient/1", quirk="damaged-gzip"), t.call("GET /Patient/2")
    ]),
    ("repeats-broken-reads", "not-applicable", "all whole", lambda t: t.call("GET /Patient/1")),
    ("duplicates-harmless", "pass", "guarded", lambda t: twin(
        t, created(t), changed=True, **{"if-none-exist": "identifier=a|1"}
    )),
    ("duplicates-harmless", "pass", "found again", lambda t: twin(t, created(t), changed=False)),
    ("duplicates-harmless", "fail", "two records", lambda t: twin(t, created(t), changed=True)),
    ("duplicates-harmless", "pass", "two records, one deleted", repaired),
    ("duplicates-harmless", "fail", "two in a transaction", lambda t: transaction(t, "201 Created")),
    ("duplicates-harmless", "pass", "the same put twice in one", lambda t: transaction(t, "200 OK")),
    ("duplicates-harmless", "not-applicable", "nothing doubled", created),
    ("no-blind-repeat", "not-applicable", "what the proxy sends is not the client's", lambda t: twin(
        t, created(t), changed=True
    )),
    ("no-blind-repeat", "fail", "a create on a dead connection", lambda t: [
        t.call("POST /Observation", 503, effects=Effects(lost=True)), t.call("POST /Observation")
    ]),
]  # fmt: skip


@pytest.mark.parametrize(("probe", "verdict", "script"), [
    pytest.param(probe, verdict, script, id=f"{probe}-{verdict}-{what}") for probe, verdict, what, script in CASES
])  # fmt: skip
def test_a_probe_tells_who_copes(probe: str, verdict: str, script: Script, traffic: Any) -> None:
    script(traffic)
    found = traffic.judged(probe)
    assert found.verdict == verdict, found
    assert bool(found.evidence) is (verdict != "not-applicable")


@pytest.mark.parametrize("probe", ["no-pile-up", "backs-off-in-outage"])
def test_on_a_clock_that_stands_still_no_pause_is_judged(probe: str, traffic: Any) -> None:
    for number in range(9):
        traffic.call(f"GET /Patient/{number}", 503, effects=Effects(reply_delay=60.0)).at = 5.0
    assert "clock" in traffic.judged(probe).summary
    assert traffic.judged(probe).verdict == "not-applicable"
