"""Scenarios in tests: by marker, option and ini file, judged by the test."""

from __future__ import annotations

import pytest

STORY = """
version: 1
title: Quiet Monday
story: Nothing much happens.
seed: 5
client: {client_id: app, scopes: system/Patient.rs}
roster: {size: 3}
sites:
  - name: north
    personality: epic
    patients: 5
    quirks:
      - use: reset
  - name: south
    patients: 4
verdict:
  required: [truth]
"""

CLIENT = """
    from mockehr.core.exchange import Exchange

    def read(site, ids):
        # a client that makes no mistake, in memory
        charts = site.site.charts
        by_id = {charts.patient_id(n): n for n in range(charts.population.size)}
        return [
            document
            for id in ids
            for document, _ in charts.dress(by_id[id], dirty=False)
            if document["resourceType"] == "Patient"
        ]
"""


def outcome(pytester: pytest.Pytester, source: str, *options: str) -> pytest.RunResult:
    pytester.path.joinpath("monday.scenario.yaml").write_text(STORY, "utf-8")
    pytester.makepyfile(CLIENT + source)
    return pytester.runpytest_subprocess("-p", "no:cacheprovider", *options)


def test_a_scenario_comes_from_the_marker_the_option_or_the_ini_file(pytester: pytest.Pytester) -> None:
    source = """
    import pytest
    @pytest.mark.mockehr(scenario="flaky-friday")
    def test_shipped(mockehr):
        assert [site.name for site in mockehr] == ["north", "south"]
        assert mockehr.scenario.title == "Flaky Friday"
        assert "Friday" in mockehr.scenario.story
    def test_told(mockehr):
        assert mockehr.scenario.title == "Quiet Monday"
        assert mockehr["north"].site.options.seed == "5/north"
    @pytest.mark.mockehr(scenario="")
    def test_none(mockehr):
        assert list(mockehr) == []
    """
    outcome(pytester, source, "--mockehr-scenario=monday.scenario.yaml").assert_outcomes(passed=3)
    pytester.makeini("[pytest]\nmockehr_scenario = monday.scenario.yaml\n")
    outcome(pytester, source).assert_outcomes(passed=3)


def test_a_seed_that_is_asked_for_takes_the_place_of_the_scenarios_own(pytester: pytest.Pytester) -> None:
    source = """
    import pytest
    pytestmark = pytest.mark.mockehr(scenario="monday.scenario.yaml")
    def test_option(mockehr): assert mockehr["north"].site.options.seed == "12/north"
    @pytest.mark.mockehr(seed=13)
    def test_marker(mockehr): assert mockehr["north"].site.options.seed == "13/north"
    """
    outcome(pytester, source, "--mockehr-seed=12").assert_outcomes(passed=2)


def test_the_client_is_told_and_judged(pytester: pytest.Pytester) -> None:
    result = outcome(
        pytester,
        """
    import json, pytest
    from pathlib import Path
    from mockehr.core.errors import UnknownName
    pytestmark = pytest.mark.mockehr(scenario="monday.scenario.yaml")

    def test_told(mockehr, tmp_path):
        told = mockehr.scenario.environment(tmp_path)
        client = mockehr.scenario.client("north")
        assert told["MOCKEHR_SITES"] == "north,south"
        assert told["MOCKEHR_OUTPUT"] == str(tmp_path)
        assert told["MOCKEHR_NORTH_FHIR_URL"] == client.fhir_url == mockehr["north"].fhir_url
        assert told["MOCKEHR_NORTH_TOKEN_URL"] == client.token_url
        assert told["MOCKEHR_NORTH_CLIENT_ID"] == client.client_id == "app"
        assert told["MOCKEHR_NORTH_PATIENTS"].split(",") == list(client.patients)
        assert json.loads(told["MOCKEHR_NORTH_PRIVATE_KEY"]) == client.key

    def test_right(mockehr):
        records = {s.name: read(s, mockehr.scenario.client(s.name).patients) for s in mockehr}
        mockehr.verdict(records).assert_passed("truth")

    def test_from_a_folder(mockehr, tmp_path):
        for site in mockehr:
            found = read(site, mockehr.scenario.client(site.name).patients)
            (tmp_path / f"{site.name}.ndjson").write_text("".join(json.dumps(one) + "\\n" for one in found))
        mockehr.verdict(tmp_path).assert_passed("truth")

    def test_unknown(mockehr):
        with pytest.raises(UnknownName, match="nearest: north"):
            mockehr.verdict({"nort": []})

    def test_lost(mockehr):
        records = {s.name: read(s, mockehr.scenario.client(s.name).patients[1:]) for s in mockehr}
        mockehr.verdict(records).assert_passed("truth")
    """,
    )
    result.assert_outcomes(passed=4, failed=1)
    told = [
        "*VerdictFailed: *",
        "scenario Quiet Monday (seed 5)",
        "site north (epic, 5 patients*",
        "the same again: *",
    ]
    result.stdout.fnmatch_lines(told)


def test_a_failing_test_with_a_scenario_is_repeated_with_the_scenarios_own_seed(pytester: pytest.Pytester) -> None:
    source = "\n    def test_it(mockehr): assert not mockehr.plays\n"
    own = outcome(pytester, source, "--mockehr-scenario=monday.scenario.yaml")
    asked = outcome(pytester, source, "--mockehr-scenario=monday.scenario.yaml", "--mockehr-seed=9")
    ends = [next(line for line in run.outlines if line.startswith("the same again")) for run in (own, asked)]
    name = "test_a_failing_test_with_a_scenario_is_repeated_with_the_scenarios_own_seed.py::test_it"
    assert ends == [
        f"the same again: pytest {name} --mockehr-scenario=monday.scenario.yaml",
        f"the same again: pytest {name} --mockehr-seed=9 --mockehr-scenario=monday.scenario.yaml",
    ]


def test_rules_of_a_scenario_may_stay_unused_unless_the_test_is_strict(pytester: pytest.Pytester) -> None:
    result = outcome(
        pytester,
        """
    import pytest
    pytestmark = pytest.mark.mockehr(scenario="monday.scenario.yaml")
    def test_plain(mockehr): pass
    @pytest.mark.mockehr(strict=True)
    def test_strict(mockehr): pass
    def test_own_rule(mockehr): mockehr["south"].quirk("reset", name="mine")
    """,
    )
    result.assert_outcomes(passed=3, errors=2)
    result.stdout.fnmatch_lines(["armed but never fired: north: reset", "armed but never fired: south: mine"])


def test_a_scenario_that_does_not_exist_is_named_with_the_nearest(pytester: pytest.Pytester) -> None:
    result = outcome(pytester, "\n    def test_it(mockehr): pass\n", "--mockehr-scenario=flaky-firday")
    result.assert_outcomes(errors=1)
    told = ["*no scenario named 'flaky-firday'*", "*nearest: flaky-friday*", "*documented: README*"]
    result.stdout.fnmatch_lines(told)


def test_a_test_without_a_scenario_is_told_how_to_name_one(pytester: pytest.Pytester) -> None:
    result = outcome(pytester, "\n    def test_it(mockehr): mockehr.verdict({})\n")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*This test plays no scenario.*", "*--mockehr-scenario*"])


def test_a_site_of_a_scenario_that_takes_hl7_listens(pytester: pytest.Pytester) -> None:
    pytester.path.joinpath("hl7.scenario.yaml").write_text(
        STORY.replace("  - name: south\n", "  - name: south\n    hl7: {listen: 0}\n"), "utf-8"
    )
    source = """
    import pytest, socket
    @pytest.mark.mockehr(scenario="hl7.scenario.yaml")
    def test_it(mockehr, mockehr_mllp, tmp_path):
        told = mockehr.scenario.environment(tmp_path)
        host, port = mockehr_mllp(mockehr["south"])
        assert told["MOCKEHR_SOUTH_MLLP_PORT"] == str(port)
        socket.create_connection((host, port)).close()
    """
    outcome(pytester, source).assert_outcomes(passed=1)


PHASED = """
title: Two days
parameters: {wait: 30s}
sites: [{name: north, patients: 2, clock: stepped, open_access: true}]
steady: [{measure: failures, at_most: 0}]
phases:
  - {name: storm, start: {at: "${wait}"}, for: 1m, rules: {"*": [{use: latency, where: {resource: Flag}}]}}
  - {name: calm}
"""


def test_phases_are_played_in_a_test_and_parameters_are_given_by_the_marker(pytester: pytest.Pytester) -> None:
    pytester.path.joinpath("two.scenario.yaml").write_text(PHASED, "utf-8")
    source = """
    import pytest
    @pytest.mark.mockehr(scenario="two.scenario.yaml", parameters={"wait": "10s"})
    def test_it(mockehr):
        site = mockehr["north"]
        site.advance("10s")
        assert [rule.name for rule in site.site.rules] == ["storm:latency"]
        assert [span.phase for span in mockehr.scenario.timeline()] == ["storm"]
        assert site._call(site.site.handle, Exchange("fhir", path="/Patient")).notes["phase"] == "storm"
        mockehr.scenario.begin()
        card = mockehr.verdict({})
        assert card.unproved == ("phases-played",)
        assert card.cards[0].find("steady-state").verdict == "pass"
    @pytest.mark.mockehr(scenario="two.scenario.yaml", parameters={"wiat": "10s"})
    def test_wrong(mockehr): pass
    """
    result = outcome(pytester, source)
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*no parameter of this scenario named 'wiat'*", "*nearest: wait*"])
