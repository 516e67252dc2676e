"""Pathways drawn at a rate, started by hand, stopped, and forgotten on reset."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from mockehr.config.explain import validate
from mockehr.config.load import load_text
from mockehr.config.settings import PathwaysConfig, SiteConfig
from mockehr.core.errors import ConfigError, DuplicateName, UnknownName, UsageError
from mockehr.pathways.schema import pathway_from
from mockehr.sites.build import build_site
from mockehr.sites.configured import build_configured, known_names
from mockehr.sites.options import SiteOptions
from mockehr.sites.pathway_setup import furnish_pathways
from mockehr.sites.pathway_trial import play
from mockehr.sites.site import Site

DAY = 86400.0
STAY = "name: stay\ntitle: t\nshare: 1\nsteps: [{admit: ICU}, {delay: {from: 1h, to: 40h}}, {discharge: }]"
CALL = "name: call\ntitle: t\nshare: 3\nsteps: [{add_person: }]"


def furnished(*texts: str, rate: float = 0.0, **settings: object) -> Site:
    site = build_site(SiteOptions("a", patients=300, stepped=True, seed=3))
    for text in texts:
        site.pathways.add(pathway_from(load_text(text)))
    furnish_pathways(site, PathwaysConfig.model_validate({"rate": rate, **settings}), Path())
    return site


def from_file(text: str, base: Path) -> Site:
    config = validate(SiteConfig, load_text(text, source="s.yaml"), known=known_names())
    return build_configured(config, seed=1, base=base)


def test_patients_arrive_at_the_rate_and_by_the_shares() -> None:
    site = furnished(STAY, CALL, rate=20)
    site.clock.advance(10 * DAY)
    told = site.pathways.report()
    assert 4500 < told["arrived"] < 5100
    stays = sum(change.event == "ADT^A01" for change in site.log.changes)
    assert 0.22 < stays / told["arrived"] < 0.28


def test_arrivals_are_exponential() -> None:
    site = furnished(CALL, rate=60)
    site.clock.advance(2 * DAY)
    times = [change.at for change in site.log.changes if change.event == "ADT^A28"]
    gaps = [later - first for first, later in pairwise(times)]
    mean = sum(gaps) / len(gaps)
    spread = (sum((gap - mean) ** 2 for gap in gaps) / len(gaps)) ** 0.5
    assert 0.93 < mean / 60 < 1.07
    assert 0.9 < spread / mean < 1.1


def test_another_rate_counts_from_now_on_and_none_ends_arrivals() -> None:
    site = furnished(CALL, rate=10)
    site.clock.advance(DAY)
    site.pathways.draw_at(0.0)
    arrived = site.pathways.report()["arrived"]
    site.clock.advance(5 * DAY)
    assert (site.pathways.report()["arrived"], site.clock.pending()) == (arrived, 0)
    site.pathways.draw_at(100 / 3600)
    site.clock.advance(DAY)
    assert site.pathways.report()["arrived"] - arrived > 2000


@pytest.mark.slow
def test_no_bed_ever_holds_two_and_every_open_visit_has_its_own() -> None:
    site = furnished(use="all", rate=1.2, beds=24)
    for _ in range(6):
        site.clock.advance(5 * DAY)
        visits = [record.document for record in site.store.overlay("Encounter")]
        lying = [one for one in visits if one["status"] in ("in-progress", "onleave")]
        places = [
            place["location"]["identifier"]["value"]
            for one in lying
            for place in one.get("location", [])
            if place["status"] == "active" and "identifier" in place["location"]
        ]
        assert len(places) == len(set(places))
        assert set(places) == {bed.point for bed in site.pathways.hospital.beds.taken}
        over = [one for one in visits if one["status"] in ("finished", "cancelled")]
        assert not any(
            place["status"] == "active" for one in over for place in one.get("location", []) if "period" in place
        )
    assert site.pathways.counts["failed"] == 0
    assert site.pathways.counts["done"] > 300
    assert any(bed.hallway for bed in site.pathways.hospital.beds.taken)


def test_where_patients_wait_a_bed_is_given_to_the_first_and_all_get_one() -> None:
    site = furnished(STAY, wards={"ICU": 1}, full="wait")
    for _ in range(4):
        site.pathways.start("stay")
    assert (len(site.pathways.hospital.beds.taken), site.pathways.report()["waiting"]) == (1, 3)
    site.clock.advance(30 * DAY)
    assert site.pathways.counts == {"done": 4}
    points = [
        (change.at, place["location"]["display"])
        for change in site.log.changes
        if change.event == "ADT^A01"
        for place in change.document["location"]
    ]
    assert {name for _, name in points} == {"ICU 101 A"}
    discharges = [change.at for change in site.log.changes if change.event == "ADT^A03"]
    assert [at for at, _ in points][1:] == discharges[:-1]


def test_somebody_who_waits_can_be_stopped_and_the_next_one_gets_the_bed() -> None:
    site = furnished(STAY, wards={"ICU": 1}, full="wait")
    numbers = [site.pathways.start("stay") for _ in range(3)]
    site.pathways.stop(numbers[1])
    site.clock.advance(30 * DAY)
    assert site.pathways.counts == {"done": 2, "stopped": 1}


def test_a_run_is_started_for_a_patient_and_with_persons_as_told() -> None:
    site = furnished(CALL)
    assert site.charts is not None
    wanted = site.charts.patient_id(7)
    site.pathways.start("call", patient=wanted)
    assert site.log.changes[-1].patient == wanted
    site.pathways.start("call", persons={"main": {"of": "new", "family": "Quill", "postcode": 60601}})
    new = site.log.changes[-1].document
    assert (new["name"][0]["family"], new["address"][0]["postalCode"]) == ("Quill", "60601")


@pytest.mark.parametrize(
    ("name", "told", "said"),
    [
        ("chest-pian", {}, "nearest: chest-pain"),
        ("call", {"persons": {"mian": {}}}, "nearest: main"),
        ("call", {"persons": {"main": {"familly": "X"}}}, "nearest: family"),
    ],
)
def test_what_cannot_be_started_is_told_with_the_nearest(name: str, told: dict[str, object], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        furnished(CALL).pathways.start(name, **told)  # type: ignore[arg-type]


def test_a_patient_who_is_not_there_begins_no_run() -> None:
    site = furnished(CALL)
    with pytest.raises(UnknownName, match="no patient named 'nobody'"):
        site.pathways.start("call", patient="nobody")
    assert (site.pathways.report()["arrived"], site.pathways.report()["over"]) == (0, [])


def test_a_stopped_run_does_nothing_more() -> None:
    site = furnished(STAY)
    number = site.pathways.start("stay")
    changes = len(site.log.changes)
    site.pathways.stop(number)
    site.clock.advance(10 * DAY)
    assert (len(site.log.changes), site.clock.pending()) == (changes, 0)
    other = site.pathways.start("stay")
    with pytest.raises(UsageError, match=f"No run {number} is under way.*\n.*under way: {other}"):
        site.pathways.stop(number)


def test_a_reset_begins_anew_and_gives_the_same_again() -> None:
    site = furnished(STAY, CALL, rate=5)
    site.clock.advance(3 * DAY)
    first = [(change.resource_type, change.id, change.event) for change in site.log.changes]
    site.reset()
    assert site.pathways.hospital.beds.taken == {}
    site.clock.advance(3 * DAY)
    again = [(change.resource_type, change.id, change.event) for change in site.log.changes]
    assert len(first) > 100
    assert [one[::2] for one in again] == [one[::2] for one in first]


def test_two_pathways_of_one_name_are_refused() -> None:
    with pytest.raises(DuplicateName, match="stay"):
        furnished(STAY, STAY.replace("title: t", "title: other"))


def test_a_site_file_lets_patients_come(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(STAY)
    section = "pathways: {use: [chest-pain], files: [own.yaml], rate: 48/d, beds: 80, wards: {ED: 9}, full: wait}"
    site = from_file(f"name: north\npatients: 50\nclock: stepped\n{section}\n", tmp_path)
    site.clock.advance(4 * DAY)
    runs = site.pathways
    assert (sum(runs.sizes.values()), runs.sizes["ED"], runs.full) == (80, 9, "wait")
    assert {one.pathway for one in runs.over} == {"chest-pain", "stay"}
    assert 140 < runs.report()["arrived"] < 250


@pytest.mark.parametrize(
    ("section", "said"),
    [
        (
            "{use: [chest-pian]}",
            "s.yaml:2: pathways.use[0]: there is no pathway named 'chest-pian'; nearest: chest-pain",
        ),
        ("{use: all, rate: often}", "pathways: rate: 'often' is no rate: write it like 200/h"),
        ("{use: all, wards: {EDD: 3}}", "pathways: wards.EDD: there is no such ward; nearest: ED"),
        ("{use: all, beds: 4}", "pathways: beds: 4 are too few"),
        ("{files: [own.yaml]}", "own.yaml:3: steps[0].admitt: there is no such setting; nearest: admit"),
        ("{files: [none.yaml]}", "none.yaml"),
        ("{rate: 5/h}", "There is no pathway that could be drawn"),
        ("{usse: all}", "s.yaml:2: pathways.usse: there is no such setting; nearest: use"),
    ],
)
def test_a_section_that_does_not_hold_is_refused_with_its_place(section: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text("name: own\ntitle: t\nsteps: [{admitt: MED}]\n")
    with pytest.raises(ConfigError) as caught:
        from_file(f"name: north\npathways: {section}\n", tmp_path)
    assert said in str(caught.value)


def test_a_trial_says_what_a_pathway_does() -> None:
    trial = play(pathway_from(load_text(STAY)))
    assert trial.messages == ("ADT^A01", "ADT^A03")
    assert (trial.steps, trial.open_visits) == (3, 0)
    assert 0.04 < trial.days < 1.7


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ("[{discharge: }]", "there was no visit so far"),
        ("[{resource: {resourceType: Flag, status: wrong}}]", "Flag"),
        ("[{delay: 4000d}]", "it still runs after ten years"),
    ],
)
def test_a_trial_tells_what_is_wrong(steps: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        play(pathway_from(load_text(f"name: p\ntitle: t\nsteps: {steps}")))


def test_a_trial_counts_visits_that_are_left_open() -> None:
    trial = play(pathway_from(load_text("name: p\ntitle: t\nsteps: [{admit: MED}]")), runs=2)
    assert trial.open_visits == 2
    assert "leaves 2 visits open" in trial.summary
