from __future__ import annotations

import pytest


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
        def test_skipped(mockehr):
            mockehr.site().quirk("reset")
            pytest.skip("not today")
        """,
    )
    result.assert_outcomes(passed=2, errors=1, skipped=1)
    result.stdout.fnmatch_lines(["*armed but never fired: generic-0: reset*"])


def test_a_failing_test_shows_the_journal_and_the_seed(pytester: pytest.Pytester) -> None:
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
    result.stdout.fnmatch_lines(["*seed 99*", "*GET /metadata*200*"])


def test_vendor_and_marker_make_the_sites(pytester: pytest.Pytester) -> None:
    outcome(
        pytester,
        """
        import pytest
        @pytest.mark.mockehr(patients=3)
        def test_it(mockehr):
            site = mockehr.site()
            assert site.site.personality.name == "epic"
            assert len(site.patient_ids()) == 3
        """,
        "--mockehr-vendor=epic",
    ).assert_outcomes(passed=1)
