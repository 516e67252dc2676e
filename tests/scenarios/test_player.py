"""Phases: what lets them begin and end, what is armed and done in them, and what the scorecard says of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mockehr.core.errors import ConfigError
from mockehr.core.exchange import Exchange
from mockehr.scenarios.probe import Finding
from mockehr.scenarios.schema import Scenario
from mockehr.scenarios.trial import Trial
from mockehr.sites.configured import known_names
from mockehr.sites.site import Site

NORTH: dict[str, Any] = {"name": "north", "patients": 6, "clock": "stepped", "open_access": True}
SOUTH: dict[str, Any] = {**NORTH, "name": "south"}
SLOW: dict[str, Any] = {"use": "latency", "with": {"delay": 2.0}}


def trial(*phases: dict[str, Any], sites: tuple[dict[str, Any], ...] = (NORTH,), **more: Any) -> Trial:
    told = {"title": "t", "sites": list(sites), "phases": list(phases), "roster": {"size": 2}, **more}
    return Trial(Scenario.model_validate(told, context={"known": known_names()}))


def begun(*phases: dict[str, Any], **more: Any) -> tuple[Trial, Site]:
    made = trial(*phases, **more)
    made.begin()
    return made, made.sites[0]


def ask(site: Site, path: str = "/Patient", **more: Any) -> Exchange:
    return site.handle(Exchange("fhir", more.pop("method", "GET"), path, base_url="http://x/north", **more))


def told(made: Trial) -> list[tuple[str, str, float, float | None]]:
    """The timeline in seconds since the run began."""
    zero = 1_767_614_400.0
    return [
        (span.phase, span.site, span.began - zero, None if span.ended is None else span.ended - zero)
        for span in made.timeline()
    ]


def armed(site: Site) -> list[str]:
    return [rule.name for rule in site.rules]


def finding(made: Trial, name: str, folder: Path, site: str = "north") -> Finding | None:
    card = next(card for card in made.judge(folder).cards if card.site == site)
    return next((one for one in card.findings if one.probe == name), None)


def test_phases_begin_and_end_by_the_site_s_clock_and_their_rules_with_them() -> None:
    made, site = begun(
        {"name": "storm", "start": {"at": 30.0}, "for": 60.0, "rules": {"*": [SLOW]}},
        {"name": "calm", "start": {"after": "storm", "wait": 10.0}},
    )
    assert (told(made), armed(site), site.mischief.phase) == ([], [], "")
    site.clock.advance(30)
    assert (armed(site), site.mischief.phase) == (["storm:latency"], "storm")
    site.clock.advance(60)
    assert (armed(site), site.mischief.phase) == ([], "")
    site.clock.advance(600)
    assert told(made) == [("storm", "north", 30, 90), ("calm", "north", 100, None)]


def test_nothing_is_played_before_the_run_begins() -> None:
    made = trial({"name": "storm", "rules": {"north": [SLOW]}})
    ask(made.sites[0])
    assert (told(made), armed(made.sites[0])) == ([], [])


def test_phases_follow_one_another_and_one_ends_at_the_latest_when_the_next_begins() -> None:
    made, site = begun({"name": "one"}, {"name": "two", "start": {"at": 5.0}, "for": 5.0}, {"name": "three"})
    site.clock.advance(60)
    assert told(made) == [("one", "north", 0, 5), ("two", "north", 5, 10), ("three", "north", 10, None)]


def test_a_phase_begins_after_so_many_exchanges_like_that_and_the_next_one_counts_from_its_end() -> None:
    made, site = begun(
        {"name": "one", "start": {"count": {"resource": "Patient", "status": "2xx", "n": 2}}, "for": 10.0},
        {"name": "two", "start": {"after": "one", "count": {"n": 1}}},
    )
    ask(site, "/Patient")
    ask(site, "/Observation", query="patient=1")
    ask(site, "/Patient/unknown")
    assert told(made) == []
    ask(site, "/Patient")
    assert told(made) == [("one", "north", 0, None)]
    site.clock.advance(10)
    assert [one[0] for one in told(made)] == ["one"]
    ask(site)
    assert [one[0] for one in told(made)] == ["one", "two"]


def test_a_phase_begins_by_a_change_and_ends_by_a_probe() -> None:
    made, site = begun(
        {
            "name": "storm",
            "start": {"event": "patient.created"},
            "until": {"probe": "no-blind-repeat", "verdict": "fail"},
            "rules": {"*": [{"use": "lost-response"}]},
        }
    )
    body = b'{"resourceType": "Patient"}'
    post = {"method": "POST", "headers": {"content-type": "application/fhir+json"}, "body": body}
    assert told(made) == []
    assert [one.outcome for one in ask(site, **post).decisions] == []  # phases change between exchanges
    assert told(made) == [("storm", "north", 0, None)]
    ask(site, **post)
    assert told(made) == [("storm", "north", 0, None)]
    ask(site, **post)
    assert told(made) == [("storm", "north", 0, 0)]
    assert "no-blind-repeat says fail" in made.timeline()[0].why


def test_a_misspelt_event_pathway_or_argument_is_told_before_anything_runs() -> None:
    with pytest.raises(ConfigError) as refused:
        trial(
            {
                "name": "storm",
                "start": {"event": "patint.created"},
                "begin": [{"use": "chest-pian"}],
                "do": [{"use": "clock advance"}],
                "rules": {"*": [{"use": "latency", "with": {"delay": "long"}}]},
            }
        )
    said = str(refused.value)
    assert "nearest: patient.created" in said
    assert "nearest: chest-pain" in said
    assert "clock advance wants by" in said
    assert "latency.with.delay" in said


def test_a_rule_of_the_site_can_be_for_one_phase_only() -> None:
    quirks = [{**SLOW, "when": {"phase": "storm"}}]
    made, site = begun({"name": "storm", "start": {"at": 5.0}, "for": 5.0}, sites=({**NORTH, "quirks": quirks},))
    outcomes = []
    for _ in range(3):
        outcomes.append([one.outcome for one in ask(site).decisions])
        site.clock.advance(5)
    assert outcomes == [["skipped"], ["fired"], ["skipped"]]
    assert told(made) == [("storm", "north", 5, 10)]


def test_every_exchange_is_noted_with_the_phase_it_fell_into() -> None:
    made, site = begun(
        {"name": "a", "start": {"at": 1.0}, "for": 1.0}, {"name": "b", "start": {"at": 3.0}, "for": 1.0}
    )
    for _ in range(5):
        ask(site)
        site.clock.advance(1)
    notes = [one.notes["phase"] for one in site.journal]
    assert notes == ["before", "a", "between", "b", "after"]
    assert [made.player.stretch_of("north", number) for number in range(1, 6)] == notes


def test_operations_are_done_at_the_start_and_time_never_runs_backwards(tmp_path: Path) -> None:
    deeds = [{"use": "clock advance", "with": {"by": "2h"}}, {"use": "user remove", "with": {"username": "nobody"}}]
    made, site = begun({"name": "night", "start": {"at": 10.0}, "do": deeds, "for": 60.0}, {"name": "day"})
    site.clock.advance(20)
    assert told(made) == [("night", "north", 10, 7210), ("day", "north", 7210, None)]
    assert site.clock.now() == 1_767_614_400.0 + 7210
    trouble = finding(made, "phases-played", tmp_path)
    assert trouble is not None
    assert "user remove: There is no user named 'nobody'" in trouble.evidence[0].text


def test_a_phase_of_one_site_can_wait_for_another_site() -> None:
    made, _ = begun(
        {"name": "outage", "sites": ["north"], "for": 10.0},
        {"name": "switched", "sites": ["south"], "start": {"after": "outage"}, "until": {"count": {"n": 1}}},
        {"name": "back", "sites": ["north"], "start": {"count": {"site": "south", "n": 1}}},
        sites=(NORTH, SOUTH),
    )
    north, south = made.sites
    south.clock.advance(50)
    assert [one[0] for one in told(made)] == ["outage"]
    north.clock.advance(10)
    assert [one[0] for one in told(made)] == ["outage", "switched"]
    ask(south)
    assert [one[0] for one in told(made)] == ["outage", "back", "switched"]


def load(what: str, **more: Any) -> dict[str, Any]:
    return {"what": what, "every": 2.0, "name": f"bg-{what}", **more}


def test_background_load_is_bounded_drawn_from_the_seed_and_never_held_against_the_client(tmp_path: Path) -> None:
    kinds = ("read", "search", "write", "token", "hl7")
    phase = {
        "name": "busy",
        "for": 20.0,
        "load": [load(kind, readers=2) for kind in kinds] + [load("read", name="few", at_most=3)],
    }
    runs = []
    for _ in range(2):
        made, site = begun({**phase}, sites=({**NORTH, "open_access": False},))
        site.clock.advance(60)
        runs.append([(one.at, one.channel, one.path, one.notes["load"]) for one in site.journal])
        served = [one for one in site.journal if one.reply is not None and (one.reply.status < 300)]
        assert len(served) == len(site.journal) == 10 * 2 * 5 + 3
        assert {one.client for one in site.journal if one.channel == "fhir"} == {
            *(f"bg-{kind}" for kind in kinds[:3]),
            "few",
        }
        roster = set(made.rosters["north"])
        assert all(change.patient not in roster for change in site.log.changes)
        assert {found.verdict for _, found in made.judge(tmp_path)} <= {"not-applicable", "fail"}
        assert {found.probe for _, found in made.judge(tmp_path) if found.verdict == "fail"} <= {"truth"}
    assert runs[0] == runs[1]


def test_load_is_not_counted_unless_it_is_named() -> None:
    phase = {"name": "busy", "load": [load("read")], "until": {"count": {"n": 1}}}
    made, site = begun({**phase})
    site.clock.advance(10)
    assert told(made) == [("busy", "north", 0, None)]
    made, site = begun({**phase, "until": {"count": {"client": "bg-read", "n": 3}}})
    site.clock.advance(10)
    assert told(made) == [("busy", "north", 0, 4)]


def test_the_scorecard_tells_of_phases_that_never_began(tmp_path: Path) -> None:
    made, site = begun({"name": "storm", "start": {"at": 30.0}, "for": 10.0})
    ask(site)
    card = made.judge(tmp_path)
    assert card.unproved == ("phases-played",)
    assert not card.passed
    site.clock.advance(30)
    assert made.judge(tmp_path).unproved == ()


STEADY: dict[str, Any] = {"measure": "error-rate", "at_most": 0.5, "over": 2}


@pytest.mark.parametrize(("bad", "verdict"), [(1, "pass"), (2, "fail")])
def test_the_steady_state_is_measured_before_during_and_after(tmp_path: Path, bad: int, verdict: str) -> None:
    made, site = begun({"name": "storm", "start": {"at": 5.0}, "for": 5.0}, steady=[STEADY])
    ask(site), ask(site)
    site.clock.advance(5)
    for path in ("/Patient/unknown",) * bad + ("/Patient",):
        ask(site, path)
    site.clock.advance(5)
    ask(site), ask(site)
    found = finding(made, "steady-state", tmp_path)
    assert found is not None
    assert found.verdict == verdict
    if verdict == "fail":
        assert found.evidence[0].entry == 3
        assert found.evidence[0].text == "storm: error-rate 0.667 (2 of 3), wanted at most 0.5"
    else:
        assert [one.text.partition(":")[0] for one in found.evidence] == ["before", "storm", "after"]


@pytest.mark.parametrize(
    ("told_so", "said"),
    [
        ({"measure": "exchanges", "at_least": 4}, "before: exchanges 3, wanted at least 4"),
        (
            {"measure": "failures", "at_most": 0, "of": {"resource": "Patient"}},
            "before: failures 1, wanted at most 0",
        ),
        ({"measure": "unanswered", "at_most": 0}, "before: unanswered 1, wanted at most 0"),
        ({"measure": "slowest", "at_most": 1}, "before: slowest 2, wanted at most 1"),
        ({"probe": "no-blind-repeat"}, "before: no-blind-repeat failed: "),
    ],
)
def test_each_measure_breaks_by_what_it_measures(tmp_path: Path, told_so: dict[str, Any], said: str) -> None:
    quirks = [SLOW, {"use": "lost-response", "when": {"first": 1}}]
    made, site = begun(steady=[told_so], sites=({**NORTH, "quirks": quirks},))
    post = {"method": "POST", "headers": {"content-type": "application/fhir+json"}}
    for _ in range(2):
        ask(site, body=b'{"resourceType": "Patient"}', **post)
    ask(site, "/Observation", query="patient=1")
    found = finding(made, "steady-state", tmp_path)
    assert found is not None
    assert found.verdict == "fail"
    assert found.evidence[0].text.startswith(said)


def test_a_steady_probe_that_does_not_fail_holds(tmp_path: Path) -> None:
    made, site = begun(steady=[{"probe": "no-blind-repeat"}, {"measure": "failures", "at_most": 0}])
    ask(site)
    found = finding(made, "steady-state", tmp_path)
    assert found is not None
    assert found.verdict == "pass"


def test_a_phase_is_rolled_back_at_all_sites_when_the_steady_state_breaks(tmp_path: Path) -> None:
    made, north = begun(
        {"name": "storm", "for": 60.0, "rules": {"*": [SLOW]}, "rollback": True},
        {"name": "worse"},
        steady=[STEADY],
        sites=(NORTH, SOUTH),
    )
    ask(north, "/Patient/unknown")
    assert armed(north) == ["storm:latency"]
    ask(north, "/Patient/unknown")
    assert armed(north) == armed(made.sites[1]) == []
    for site in made.sites:
        site.clock.advance(600)
    assert told(made) == [("storm", "north", 0, 0), ("storm", "south", 0, 0)]
    found = finding(made, "steady-state", tmp_path)
    assert found is not None
    assert found.verdict == "fail"
    assert found.evidence[0].text.startswith("rolled back: storm: error-rate 1 (2 of 2)")
    played = finding(made, "phases-played", tmp_path, "south")
    assert played is not None
    assert played.evidence[0].text == "worse never began"


def test_a_phase_is_rolled_back_only_by_the_conditions_that_it_names() -> None:
    steady = [STEADY, {"name": "few", "measure": "exchanges", "at_most": 3}]
    made, site = begun({"name": "storm", "rollback": {"when": ["few"]}}, steady=steady)
    for _ in range(3):
        ask(site, "/Patient/unknown")
    assert told(made) == [("storm", "north", 0, None)]
    ask(site)
    assert told(made) == [("storm", "north", 0, 0)]
    assert "rolled back at north: storm: few 4" in made.timeline()[0].why
