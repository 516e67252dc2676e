"""Files that include others, and parameters: what is merged, how, and where faults are told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mockehr.core.errors import ConfigError, MockehrError, UnknownName, UsageError
from mockehr.scenarios.including import included
from mockehr.scenarios.parameters import settings_from
from mockehr.scenarios.schema import Scenario, load_scenario

BASE = """\
title: base
seed: 5
parameters: {patients: 3, dialect: epic, hot: false, share: 0.25}
client: {client_id: app, scopes: system/Patient.rs}
sites:
  - name: north
    patients: ${patients}
    quirks: [{use: latency}]
  - {name: south, patients: 1}
verdict: {required: [truth]}
"""
TOP = """\
title: top
include: base.scenario.yaml
client: {client_id: own}
sites:
  - name: west
    patients: 2
  - name: north
    personality: ${dialect}
    quirks: [{use: reset}]
verdict: {required: [no-blind-repeat]}
"""


def written(folder: Path, top: str = TOP, base: str = BASE) -> Path:
    (folder / "base.scenario.yaml").write_text(base)
    file = folder / "top.scenario.yaml"
    file.write_text(top)
    return file


def loaded(folder: Path, top: str = TOP, base: str = BASE, **given: Any) -> Scenario:
    return load_scenario(written(folder, top, base), given)


def test_mappings_are_merged_sites_by_name_and_other_lists_joined(tmp_path: Path) -> None:
    made = loaded(tmp_path)
    assert (made.title, made.seed) == ("top", 5)
    assert (made.client.client_id, made.client.scopes) == ("own", "system/Patient.rs")
    assert [site.name for site in made.sites] == ["north", "south", "west"]
    north = made.sites[0]
    assert (north.personality, north.patients) == ("epic", 3)
    assert [rule.use for rule in north.quirks] == ["latency", "reset"]
    assert made.verdict.required == ["truth", "no-blind-repeat"]


def test_a_shipped_scenario_can_be_included_by_its_name(tmp_path: Path) -> None:
    file = tmp_path / "a.scenario.yaml"
    file.write_text("include: [two-houses]\nroster: {size: 2}\n")
    made = load_scenario(file)
    assert (made.title, made.roster.size) == ("Two houses", 2)


@pytest.mark.parametrize(
    ("top", "base", "said"),
    [
        (TOP, BASE.replace("latency", "latencie"), "base.scenario.yaml:8: sites[0].quirks[0].use: there is no quirk"),
        (TOP.replace("reset", "rezet"), BASE, "top.scenario.yaml:9: sites[0].quirks[1].use: there is no quirk"),
        (
            TOP.replace("base.", "bass."),
            BASE,
            "top.scenario.yaml:2: include: there is no file 'bass.scenario.yaml'; near",
        ),
        (TOP, BASE + "include: top.scenario.yaml\n", "base.scenario.yaml:11: include: includes itself: top.scenario"),
        (TOP, "- a\n", "base.scenario.yaml:1"),
        (TOP, "seed: [\n", "base.scenario.yaml:"),
        (TOP.replace("base.scenario.yaml", "[7]"), BASE, "top.scenario.yaml:2: include[0]: should be the name"),
        (
            TOP.replace("${dialect}", "${dialekt}"),
            BASE,
            "top.scenario.yaml:8: sites[0].personality: there is no param",
        ),
        (TOP.replace("${dialect}", "x-${dialekt}"), BASE, "nearest: dialect"),
        (TOP, BASE.replace("epic", "[epic]"), "base.scenario.yaml:3: parameters.dialect: a default is"),
        (TOP + "parameters: 7\n", BASE, "top.scenario.yaml:11: parameters: should be a mapping"),
        (TOP + "parameters: {a b: 7}\n", BASE, "top.scenario.yaml:11: parameters.a b: a name has"),
    ],
)
def test_a_fault_is_told_with_the_file_and_the_line_that_it_is_in(
    tmp_path: Path, top: str, base: str, said: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        loaded(tmp_path, top, base)
    assert said in str(refused.value)


def test_every_key_of_a_merged_file_knows_its_line(tmp_path: Path) -> None:
    document = included(written(tmp_path))
    assert document.place(("sites", 1)).startswith(str(tmp_path / "base.scenario.yaml:9"))
    assert document.place(("sites", 2, "patients")).startswith(str(tmp_path / "top.scenario.yaml:6"))
    assert document.place(("sites", 0, "patients")).startswith(str(tmp_path / "base.scenario.yaml:7"))


def test_parameters_keep_their_type_or_are_written_into_the_text(tmp_path: Path) -> None:
    top = TOP + "story: ${patients} of ${dialect}, ${hot}, ${share}, $${hot}\nseed: ${patients}\n"
    made = loaded(tmp_path, top)
    assert (made.seed, made.story) == (3, "3 of epic, false, 0.25, ${hot}")
    made = loaded(tmp_path, top, patients="9", dialect="oracle", hot="true", share="1")
    assert (made.seed, made.sites[0].patients) == (9, 9)
    assert made.story == "9 of oracle, true, 1.0, ${hot}"
    assert made.sites[0].personality == "oracle"
    assert made.parameters == {"patients": 9, "dialect": "oracle", "hot": True, "share": 1.0}


@pytest.mark.parametrize(
    ("given", "kind", "said"),
    [
        ({"patient": 3}, UnknownName, "nearest: patients"),
        ({"patients": "many"}, UsageError, "is a whole number, not 'many'"),
        ({"patients": 1.5}, UsageError, "is a whole number, not 1.5"),
        ({"patients": True}, UsageError, "is a whole number"),
        ({"hot": "yes"}, UsageError, "is true or false, not 'yes'"),
        ({"share": "half"}, UsageError, "is a number"),
        ({"dialect": None}, UsageError, "is a text"),
    ],
)
def test_a_given_value_must_fit_the_default(
    tmp_path: Path, given: dict[str, Any], kind: type[MockehrError], said: str
) -> None:
    with pytest.raises(kind) as refused:
        loaded(tmp_path, **given)
    assert said in str(refused.value)


def test_words_of_a_command_line_are_settings() -> None:
    assert settings_from(("a=1", "b=x=y", "c=")) == {"a": "1", "b": "x=y", "c": ""}
    with pytest.raises(UsageError, match="--set patients=50"):
        settings_from(("a",))


PHASES = """\
title: a
sites: [{name: north, patients: 0, quirks: [{use: reset, when: {phase: storm}}]}, {name: south, patients: 0}]
steady:
  - {measure: error-rate, at_most: 0.1}
phases:
  - name: storm
    for: 30s
    rules:
      north: [{use: latency}]
    do: [{use: session end, with: {user: clinician}}]
    rollback: {when: error-rate}
  - name: calm
    start: {after: storm}
"""


def test_a_file_with_phases_holds(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(PHASES)
    made = load_scenario(file)
    assert [phase.name for phase in made.phases] == ["storm", "calm"]
    assert made.phases[0].lasts == 30.0


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("phase: storm", "phase: strom", "a.yaml:2: sites[0].quirks[0].when.phase: there is no phase 'strom'; near"),
        ("north: [{", "nord: [{", "a.yaml:9: phases[0].rules.nord: there is no site 'nord'; nearest: north"),
        ("after: storm", "after: strom", "a.yaml:13: phases[1].start.after: there is no earlier phase 'strom'"),
        ("name: calm", "name: storm", "a.yaml:12: phases[1].name: a second phase is called storm"),
        ("name: calm", "name: after", "a.yaml:12: phases[1].name: after is what the time is called"),
        ("    for: 30s\n", "", "phases[1].start.after: storm never ends, so this would never begin"),
        ("when: error-rate", "when: errors", "phases[0].rollback.when: there is no steady condition 'errors'"),
        ("latency}", "latency}, {use: latency}", "two rules at north are called storm:latency"),
        ("use: latency", "use: windows-1252-names", "is a corruption, which is of the data and not of a time"),
        ("use: latency", "use: latency, when: {phase: calm}", "this rule is armed in storm only"),
        (
            "session end",
            "sesion end",
            "a.yaml:10: phases[0].do[0].use: there is no operation named 'sesion end'; near",
        ),
        ("session end", "site reset", "there is no operation named 'site reset'"),
        ("user: clin", "usr: clin", "phases[0].do[0].with.usr: the operation session end has no such setting; near"),
        ("after: storm}", "probe: truht}", "phases[1].start.probe: there is no probe named 'truht'"),
        ("after: storm}", "wait: 3s}", "name the phase after which it is"),
        ("after: storm}", "verdict: pass}", "name the probe, too"),
        ("after: storm}", "count: {status: 42}}", "phases[1].start.count.status"),
        ("at_most: 0.1", "of: {}", "error-rate: say at_most, at_least, or both"),
        ("measure: error-rate, at_most: 0.1", "at_most: 0.1", "is either a measure or a probe"),
        (
            "at_most: 0.1",
            "at_most: 0.1, during: strom",
            "steady[0].during: there is no phase 'strom'; nearest: storm",
        ),
        (
            "at_most: 0.1}",
            "at_most: 0.1}\n  - {measure: error-rate, at_most: 1}",
            "a second condition is called error",
        ),
        ("    for: 30s", "    for: 30s\n    until: {}", "says no condition"),
        ("    for: 30s", "    for: 30s\n    load: [{name: sync}]", "sync is a client already"),
        ("    for: 30s", "    for: 30s\n    load: [{every: 0}]", "a pause of nothing would never end"),
    ],
)
def test_what_is_wrong_with_phases_is_told_with_line_and_nearest_name(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    file = tmp_path / "a.yaml"
    assert old in PHASES
    file.write_text(PHASES.replace(old, new))
    with pytest.raises(ConfigError) as refused:
        load_scenario(file)
    assert said in str(refused.value)
