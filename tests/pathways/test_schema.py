"""Pathway files: what they may say, and how it is told what they may not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mockehr.config.load import load_file, load_text
from mockehr.core.errors import ConfigError
from mockehr.pathways.schema import SCHEMA_FILE, load_pathway, pathway_from, pathway_schema, walked
from mockehr.pathways.step import steps

HEAD = "name: a\ntitle: b\n"


def problems(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        pathway_from(load_text(HEAD + text, source="a.yaml"))
    return str(caught.value)


def test_the_shipped_schema_is_the_one_that_the_models_give(root: Path) -> None:
    shipped = (root / "corpora" / "pathways" / SCHEMA_FILE).read_text("utf-8")
    remedy = f"Write it anew: mockehr pathway schema > corpora/pathways/{SCHEMA_FILE}"
    assert shipped == pathway_schema(), remedy


def test_every_shipped_pathway_names_the_schema_first_and_is_called_like_its_file(root: Path) -> None:
    schema = json.loads(pathway_schema())
    files = [file for file in sorted((root / "corpora" / "pathways").glob("*.yaml")) if file.stem != "manifest"]
    assert len(files) == 20
    for file in files:
        assert file.read_text("utf-8").splitlines()[0] == f"# yaml-language-server: $schema={SCHEMA_FILE}", file
        told = load_file(file).value
        assert set(schema["required"]) <= set(told) <= set(schema["properties"]), file
        assert load_pathway(file).name == file.stem


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("steps:\n  - admitt: {ward: MED}", "a.yaml:4: steps[0].admitt: there is no such setting; nearest: admit"),
        ("steps:\n  - admit: {word: MED}", "a.yaml:4: steps[0].admit.word: there is no such setting; nearest: ward"),
        ("steps:\n  - admit: {ward: MEDD}", "steps[0].admit.ward: there is no ward named 'MEDD'; nearest: MED"),
        ("steps:\n  - delay: soon", "a.yaml:4: steps[0].delay.time"),
        ("steps:\n  - delay: 1h\n    note: x", "a.yaml:4: steps[0]: a step is a mapping with one key"),
        ("steps:\n  - result: troponine", "a.yaml:4: steps[0].result.order: no step orders or reports 'troponine'"),
        (
            "steps:\n  - order: troponine",
            "steps[0].order.profile: there is no order profile named 'troponine'; nearest",
        ),
        ("steps:\n  - order: bmp\n  - result: {order: bmp, values: {potasium: 7}}", "nearest: potassium"),
        ("steps:\n  - merge: twin", "a.yaml:4: steps[0].merge: there is no person named 'twin'; valid: main"),
        ("steps:\n  - discharge: {person: mian}", "there is no person named 'mian'; nearest: main"),
        ("steps:\n  - diagnose: I99.9", "steps[0].diagnose.code: 'I99.9' is not in mockehr's own table"),
        (
            "steps:\n  - repeat: {times: 2, steps: [{admitt: MED}]}",
            "steps[0].repeat.steps[0].admitt: there is no such",
        ),
        (
            "steps:\n  - choose: [{steps: [{dellay: 1h}]}, {}]",
            "steps[0].choose.of[0].steps[0].dellay: there is no such",
        ),
        ("steps: []", "a.yaml:3: steps: "),
        ("history:\n  - diagnose: I10\nsteps: [{discharge: }]", "history[0].diagnose.at: says how long ago it was"),
        (
            "history:\n  - delay: {time: 1h, at: -1d}\nsteps: [{discharge: }]",
            "history[0].delay: cannot stand in `history`",
        ),
        ("steps:\n  - discharge: {at: -1d}", "steps[0].discharge.at: is for steps of `history`"),
        ("persons: {a: {like: b}}\nsteps: [{discharge: }]", "persons.a.like: there is no such other person"),
        ("steps:\n  - resource: {resourceType: Flagg}", "resourceType 'Flagg' is none of FHIR R4"),
        ("steps:\n  - resource: {resourceType: Flag, status: activ}", "a.yaml:4: steps[0].resource.resource: Flag"),
        ("steps:\n  - message: PID|1", "a message begins with MSH"),
        ("steps:\n  - note: {text: x, event: ADT-A01}", "steps[0].note.event"),
        ("share: -1\nsteps: [{discharge: }]", "a.yaml:3: share: "),
    ],
)
def test_what_is_wrong_is_told_with_line_and_nearest(text: str, said: str) -> None:
    assert said in problems(text)


def test_all_problems_of_a_file_are_told_at_once() -> None:
    told = problems("steps:\n  - result: x\n  - merge: y\n  - discharge: {person: z}")
    assert "3 problems" in told


def test_short_forms_stand_for_their_settings() -> None:
    text = "steps: [{transfer: ICU}, {delay: {from: 1h, to: 2h, chance: 50%}}, discharge"
    text += ", {measure: {pain: 3, chance: 0.5}}]"
    transfer, delay, discharge, measure = (step for _, step in walked(pathway_from(load_text(HEAD + text))))
    assert getattr(transfer, "ward", "") == "ICU"
    assert (delay.chance, delay.time.high) == (0.5, 7200)  # type: ignore[attr-defined]
    assert discharge.NAME == "discharge"
    assert (measure.chance, set(measure.signs)) == (0.5, {"pain"})  # type: ignore[attr-defined]


def test_steps_within_others_are_walked_with_their_places() -> None:
    text = "steps: [{repeat: {times: 2, steps: [{choose: [{steps: [discharge]}, {}]}]}}]"
    places = [path for path, _ in walked(pathway_from(load_text(HEAD + text)))]
    assert places[-1] == ("steps", 0, "repeat", "steps", 0, "choose", "of", 0, "steps", 0, "discharge")


def test_the_schema_knows_every_step() -> None:
    known = json.loads(pathway_schema())["$defs"]["AnyStep"]["properties"]
    assert set(known) == set(steps())
