"""The pytest plugin as a project meets it: every test here runs pytest on a small project in a process of its own."""

from __future__ import annotations

import ast
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping

import pytest

LIGHT = """
import sys, pytest
before = set(sys.modules)
import mockehr.testing.plugin
new = {name.partition(".")[0] for name in set(sys.modules) - before} - set(sys.stdlib_module_names)
print(*sorted(new))
print(*[name for name in ("starlette", "uvicorn", "hypothesis", "pydantic", "httpx2") if name in sys.modules])
"""


def outcome(pytester: pytest.Pytester, source: str, *options: str) -> pytest.RunResult:
    pytester.makepyfile(source)
    return pytester.runpytest_subprocess("-p", "no:cacheprovider", *options)


def test_a_quirk_that_never_fired_fails_a_test_unless_it_is_lenient_or_was_skipped(pytester: pytest.Pytester) -> None:
    result = outcome(
        pytester,
        """
        import pytest
        def test_strict(mockehr): mockehr.site().quirk("reset")
        @pytest.mark.mockehr(lenient=True)
        def test_lenient(mockehr): mockehr.site().quirk("reset")
        @pytest.mark.mockehr(strict=False)
        def test_not_strict(mockehr): mockehr.site().quirk("reset")
        def test_skipped(mockehr):
            mockehr.site().quirk("reset")
            pytest.skip("not today")
        """,
    )
    result.assert_outcomes(passed=3, errors=1, skipped=1)
    told = ["*armed but never fired: generic-0: reset*", "*the same again: pytest *::test_strict --mockehr-seed=7"]
    result.stdout.fnmatch_lines(told)


def test_a_failing_test_shows_the_journal_the_seed_and_where_to_read_on(pytester: pytest.Pytester) -> None:
    result = outcome(
        pytester,
        """
        from mockehr.core.exchange import Exchange
        def test_it(mockehr):
            site = mockehr.site(open_access=True)
            site.site.handle(Exchange("fhir", path="/metadata"))
            assert False
        """,
        "--mockehr-seed=99",
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*seed 99*", "*GET /metadata*200*", 'documented: README.md of mockehr, "In pytest"'])


def test_a_failing_test_says_the_command_that_repeats_it(pytester: pytest.Pytester) -> None:
    source = """
        import pytest
        @pytest.mark.parametrize("word", ["a b", "plain"])
        def test_it(mockehr, word):
            assert mockehr.site().site.options.seed == "nobody's" or word == "plain", mockehr.site().name
            assert mockehr.site().site.personality.name == "epic"
        def test_other(mockehr): assert mockehr.site().name == "epic-0"
        """
    first = outcome(pytester, source, "--mockehr-seed=12", "--mockehr-vendor=epic")
    first.assert_outcomes(failed=1, passed=2)
    told = next(line for line in first.outlines if line.startswith("the same again: "))
    words = shlex.split(told.removeprefix("the same again: "))
    assert words[0] == "pytest"
    assert words[2:] == ["--mockehr-seed=12", "--mockehr-vendor=epic"]
    again = pytester.runpytest_subprocess(*words[1:])
    again.assert_outcomes(failed=1)
    assert told in again.outlines


def test_vendor_and_marker_make_the_sites(pytester: pytest.Pytester) -> None:
    outcome(
        pytester,
        """
        import pytest
        pytestmark = pytest.mark.mockehr(patients=5, lenient=True)
        @pytest.mark.mockehr(patients=3)
        def test_it(mockehr):
            site = mockehr.site()
            assert site.site.personality.name == "epic"
            assert len(site.patient_ids()) == 3
        @pytest.mark.mockehr(vendor="oracle", open_access=True, quirks=["reset"])
        def test_one_site(mockehr_site, mockehr):
            assert mockehr_site.site.personality.name == "oracle"
            assert mockehr_site.site.open_access
            assert len(mockehr_site.patient_ids()) == 5
            assert [rule.name for rule in mockehr_site.site.rules] == ["reset"]
            assert list(mockehr) == [mockehr_site]
        """,
        "--mockehr-vendor=epic",
    ).assert_outcomes(passed=2)


def test_settings_in_the_ini_file_are_defaults(pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\nmockehr_seed = 31\nmockehr_vendor = oracle\n")
    source = """
        def test_it(mockehr_site):
            assert (mockehr_site.site.options.seed, mockehr_site.site.personality.name) == (31, "oracle")
        """
    outcome(pytester, source).assert_outcomes(passed=1)
    outcome(pytester, source, "--mockehr-seed=32").assert_outcomes(failed=1)


def test_a_marker_that_does_not_hold_is_refused_with_the_nearest_name(pytester: pytest.Pytester) -> None:
    result = outcome(
        pytester,
        """
        import pytest
        @pytest.mark.mockehr(pateints=3)
        def test_key(mockehr): pass
        @pytest.mark.mockehr("epic")
        def test_position(mockehr): pass
        """,
    )
    result.assert_outcomes(errors=2)
    result.stdout.fnmatch_lines(["*mockehr.pateints is not known; did you mean patients?*"])
    result.stdout.fnmatch_lines(["*takes settings by name*"])


def test_sites_are_found_by_name(pytester: pytest.Pytester) -> None:
    result = outcome(
        pytester,
        """
        def test_it(mockehr):
            north, south = mockehr.site(name="north"), mockehr.site(name="south")
            assert mockehr["south"] is south
            assert list(mockehr) == [north, south]
            assert "north" in mockehr and "nroth" not in mockehr
            mockehr["nroth"]
        """,
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*There is no site named 'nroth'*", "*nearest: north*"])


def test_two_workers_have_a_server_each_and_every_test_fresh_sites(pytester: pytest.Pytester) -> None:
    pytest.importorskip("xdist", reason="pytest-xdist is not installed")
    result = outcome(
        pytester,
        """
        import pytest
        from mockehr.core.exchange import Exchange
        @pytest.mark.parametrize("number", range(6))
        def test_it(mockehr, number, worker_id):
            site = mockehr.site(name="same", open_access=True, patients=2)
            assert site.journal() == []
            site.site.handle(Exchange("fhir", path="/Patient"))
            assert len(site.journal()) == 1
            print("served by", mockehr.url, "for", worker_id)
        """,
        "-n2",
        "-rP",
    )
    result.assert_outcomes(passed=6)
    served = {tuple(line.split()[2::2]) for line in result.outlines if line.startswith("served by ")}
    assert len({worker for _, worker in served}) == 2
    assert len({url for url, _ in served}) == 2


def test_the_plugin_imports_nothing_but_pytest() -> None:
    done = subprocess.run([sys.executable, "-c", LIGHT], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n") == ["mockehr", "", ""]


def test_all_that_pytest_sees_of_the_plugin_has_our_prefix(pytester: pytest.Pytester) -> None:
    fixtures = pytester.runpytest_subprocess("--fixtures", "-q")
    ours = [line for line in fixtures.outlines if "mockehr/testing/plugin.py" in line]
    assert len(ours) == 5
    assert all(line.startswith("mockehr") for line in ours)
    options = "\n".join(pytester.runpytest_subprocess("--help").outlines)
    section = options.partition("mockehr: a mock EHR")[2].partition("\n\n")[0]
    named = re.findall(r"(?<=\s)--[\w-]+", section)
    assert named == ["--mockehr-seed", "--mockehr-vendor", "--mockehr-scenario"]


def test_what_a_test_may_import_from_here_is_not_collected(modules: Mapping[str, ast.Module]) -> None:
    found = []
    for path, tree in modules.items():
        for node in tree.body if "/testing/" in path else ():
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test"):
                found.append(f"{path}: {node.name}")
            if isinstance(node, ast.ClassDef) and node.name.startswith("Test"):
                guards = [ast.unparse(line) for line in node.body if isinstance(line, ast.Assign)]
                if "__test__ = False" not in guards:
                    found.append(f"{path}: {node.name}")
    assert not found, found


def test_importing_our_classes_into_a_test_module_collects_nothing(pytester: pytest.Pytester) -> None:
    result = outcome(
        pytester,
        """
        from mockehr.testing.world import *
        def test_it(mockehr): pass
        """,
        "-Werror",
    )
    result.assert_outcomes(passed=1)


def test_a_report_says_what_was_armed_and_why_a_request_was_refused_without_our_own_frames(
    pytester: pytest.Pytester,
) -> None:
    result = outcome(
        pytester,
        """
        from urllib.request import urlopen
        def test_refused(mockehr):
            site = mockehr.site("epic", patients=1)
            site.quirk("token-expiry", uses=5)
            site.quirk("windows-1252-names")
            urlopen(f"{site.fhir_url}/Patient/1")
        def test_misspelt(mockehr):
            mockehr.site().quirk("token-expiri")
        """,
    )
    result.assert_outcomes(failed=2)
    told = result.stdout.str()
    assert "  armed: token-expiry, windows-1252-names" in told
    assert "          refused, no-token: " in told
    assert "There is no quirk named 'token-expiri'." in told
    assert "registry.py" not in told
    assert "threading" not in told


def test_our_own_modules_are_imported_as_they_are_and_a_fresh_environment_is_not_slowed(
    pytester: pytest.Pytester,
) -> None:
    result = outcome(
        pytester,
        """
        import sys
        def test_it(mockehr):
            mockehr.site()
            ours = {name: one for name, one in sys.modules.items() if name.startswith("mockehr.") or name == __name__}
            loaders = {name: type(one.__loader__).__name__ for name, one in ours.items()}
            rewritten = {name for name, loader in loaders.items() if loader == "AssertionRewritingHook"}
            assert __name__ in rewritten
            assert len(ours) > 100
            early, named_like_a_test = {"mockehr.testing", "mockehr.testing.plugin"}, {"mockehr.sites.test_client"}
            assert rewritten - {__name__} <= early | named_like_a_test
        """,
    )
    result.assert_outcomes(passed=1)
