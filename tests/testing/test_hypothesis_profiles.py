"""Profiles for the desk, CI and the night: there when asked for, and never in the way of those of the project."""

from __future__ import annotations

import pytest

PRINTS = """
from hypothesis import settings

def test_profile():
    print("profile", settings.get_current_profile_name(), settings().max_examples, settings().deadline)
"""


@pytest.mark.parametrize(("name", "examples"), [("mockehr-dev", 20), ("mockehr-ci", 100), ("mockehr-nightly", 2000)])
def test_the_plugin_makes_a_profile_that_is_asked_for(pytester: pytest.Pytester, name: str, examples: int) -> None:
    pytester.makepyfile(PRINTS)
    result = pytester.runpytest_subprocess("-s", f"--hypothesis-profile={name}")
    result.stdout.fnmatch_lines([f"*profile {name} {examples} None*"])


def test_a_profile_of_the_project_by_that_name_stays(pytester: pytest.Pytester) -> None:
    pytester.makeconftest("from hypothesis import settings\nsettings.register_profile('mockehr-ci', max_examples=3)")
    pytester.makepyfile(PRINTS)
    result = pytester.runpytest_subprocess("-s", "--hypothesis-profile=mockehr-ci")
    result.stdout.fnmatch_lines(["*profile mockehr-ci 3 *"])


def test_nobody_is_given_a_profile_that_was_not_asked_for(pytester: pytest.Pytester) -> None:
    pytester.makeconftest("from mockehr.testing import register_profiles\nprint(register_profiles())")
    pytester.makepyfile(PRINTS)
    result = pytester.runpytest_subprocess("-s")
    assert "profile mockehr" not in result.stdout.str()
    result.stdout.fnmatch_lines(["*'mockehr-dev', 'mockehr-ci', 'mockehr-nightly'*"])
