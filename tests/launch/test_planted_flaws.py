"""For each quirk of launches: an app that copes passes its probe, the app with exactly that flaw fails it, and
another flaw does not matter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

pytestmark = pytest.mark.mockehr(lenient=True)  # with an app that copes some have nothing to do
ONCE = {"at_most": 1}
Staged = Callable[..., Any]


@dataclass(frozen=True)
class Row:
    """A quirk with settings, the probe that is about it, the flaws that it finds, and some that do not matter."""

    quirk: str
    probe: str
    flaws: tuple[str, ...]
    settings: dict[str, Any] = field(default_factory=dict)
    when: dict[str, Any] = field(default_factory=dict)
    others: tuple[str, ...] = ("redeems-twice",)
    where: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        told = ["+".join(value) if isinstance(value, list) else str(value) for value in self.settings.values()]
        return " ".join([self.quirk, *told, self.probe])


def _rows() -> list[Row]:
    return [
        *(
            Row(
                "launch-before-ready",
                "retries-discovery",
                ("gives-up-at-once",),
                {"answer": answer, "endpoints": [endpoint]},
                {"at_most": 3},
            )
            for answer in ("unavailable", "html", "page", "reset")
            for endpoint in ("discovery", "token")
        ),
        Row(
            "launch-before-ready",
            "retries-discovery",
            ("gives-up-at-once",),
            {"answer": "error", "endpoints": ["token"]},
            {"at_most": 2},
        ),
        Row(
            "launch-before-ready",
            "retries-discovery",
            ("gives-up-at-once",),
            {"retry_after": "20s"},
            {"window": ["0s", "30s"]},
        ),
        *(
            Row("launch-context-missing", "asks-for-missing-context", flaws, {"without": [member]}, others=others)
            for member, flaws, others in (
                ("patient", ("assumes-patient", "stops-without-context"), ("trusts-context",)),
                ("need_patient_banner", ("stops-without-context",), ("trusts-context",)),
            )
        ),
        Row(
            "launch-context-missing",
            "asks-for-missing-context",
            ("assumes-patient",),
            {"without": ["patient", "encounter"], "bound": False},
        ),
        *(
            Row("launch-context-malformed", "verifies-launch-context", ("trusts-context",), {"form": form})
            for form in ("unknown", "other", "reference", "url", "padded")
        ),
        *(
            Row(
                "launch-context-malformed",
                "verifies-launch-context",
                ("trusts-context",),
                {"form": form, "member": "encounter"},
            )
            for form in ("unknown", "reference")
        ),
        Row(
            "launch-context-malformed",
            "verifies-launch-context",
            ("ignores-subject", "trusts-context"),
            {"form": "other", "rebound": True},
        ),
        *(
            Row("redirect-uri-normalisation", "keeps-one-redirect-uri", ("odd-redirect-uri",), {"at": [place]})
            for place in ("authorize", "redirect", "token")
        ),
        Row("redirect-uri-normalisation", "keeps-one-redirect-uri", ("two-redirect-uris",), {"forms": ["slash"]}),
        Row("redirect-uri-normalisation", "keeps-one-redirect-uri", ("odd-redirect-uri",), {"forms": ["path-case"]}),
        Row(
            "session-expired",
            "restarts-expired-launch",
            ("never-restarts", "reuses-launch"),
            {"at": "authorize"},
            ONCE,
        ),
        Row("session-expired", "restarts-expired-launch", ("never-restarts", "reuses-code"), {"at": "token"}, ONCE),
        Row("wrong-instance", "checks-issuer", ("trusts-any-iss",)),
        *(
            Row("idp-extra-redirect", "survives-extra-redirects", ("fancy-state",), {"how": how, "hops": hops})
            for how, hops in (("decoded", 1), ("encoded", 2), ("ascii", 3))
        ),
        Row("idp-extra-redirect", "survives-extra-redirects", ("ignores-state",), {"how": "dropped"}),
        Row("idp-extra-redirect", "checks-state", ("ignores-state",), {"how": "dropped"}),
        Row("blocked-cookies", "survives-blocked-cookies", ("needs-cookie",), {"blocked": ["cookies", "popups"]}),
        *(
            Row("state-mismatch", "checks-state", ("ignores-state",), {"state": state})
            for state in ("altered", "foreign", "missing")
        ),
        Row("code-replay", "redeems-code-once", ("redeems-twice",), {"way": "callback"}, others=("fancy-state",)),
        Row(
            "code-replay",
            "redeems-code-once",
            ("never-restarts", "reuses-code"),
            {"way": "used"},
            ONCE,
            others=("fancy-state",),
        ),
        *(Row("pkce-missing", "keeps-pkce", ("downgrades-pkce",), {"told": told}) for told in ("plain", "nothing")),
        *(
            Row("discovery-drift", "falls-back-on-discovery", ("trusts-discovery-only",), {"how": how})
            for how in ("missing", "html", "stale")
        ),
        Row("discovery-drift", "falls-back-on-discovery", ("trusts-statement",), {"how": "contradicting"}),
    ]


ROWS = _rows()
LAST = list({row.quirk: row for row in ROWS}.values())
"""The last row of each quirk."""


def played(stage: Staged, row: Row, *flaws: str, **made: Any) -> tuple[Any, str]:
    """The stage after one launch under the quirk, and what the probe says of it."""
    staged = stage(*flaws, **made)
    staged.site.quirk(row.quirk, when=row.when, where=row.where, **row.settings)
    staged.open()
    return staged, staged.verdict(row.probe)


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_the_app_that_copes_passes(row: Row, stage: Staged) -> None:
    staged, verdict = played(stage, row)
    assert verdict == "pass", staged.why(row.probe)


@pytest.mark.parametrize(("row", "flaw"), [(row, flaw) for row in ROWS for flaw in row.flaws], ids=str)
def test_the_app_with_that_flaw_fails(row: Row, flaw: str, stage: Staged) -> None:
    staged, verdict = played(stage, row, flaw)
    assert verdict == "fail", staged.why(row.probe)


@pytest.mark.parametrize("row", LAST, ids=str)
def test_another_flaw_does_not_matter(row: Row, stage: Staged) -> None:
    staged, verdict = played(stage, row, *row.others)
    assert verdict == "pass", staged.why(row.probe)


@pytest.mark.parametrize("vendor", ["epic", "oracle"])
@pytest.mark.parametrize("row", LAST, ids=str)
def test_the_probes_tell_the_same_of_every_vendor(row: Row, vendor: str, stage: Staged) -> None:
    told = [played(stage, row, *flaws, vendor=vendor) for flaws in ((), row.flaws[:1])]
    assert [verdict for _, verdict in told] == ["pass", "fail"], told[0][0].why(row.probe)


def test_a_confidential_app_is_judged_like_a_public_one(stage: Staged) -> None:
    row = next(row for row in ROWS if row.quirk == "session-expired")
    told = [played(stage, row, *flaws, secret="s" * 32)[1] for flaws in ((), ("never-restarts",))]
    assert told == ["pass", "fail"]


def test_without_quirks_no_probe_of_launches_sees_an_occasion_or_a_fault(stage: Staged) -> None:
    staged = stage()
    staged.open()
    assert {probe: staged.verdict(probe) for probe in dict.fromkeys(row.probe for row in ROWS)} == dict.fromkeys(
        (row.probe for row in ROWS), "not-applicable"
    )


def test_asking_again_without_a_pause_fails_where_the_clock_runs(stage: Staged) -> None:
    staged = stage("never-waits", stepped=False)
    staged.site.quirk("launch-before-ready", endpoints=["discovery"], when={"at_most": 3})
    staged.open()
    assert staged.verdict("retries-discovery") == "fail"
    assert "was asked again within" in staged.why("retries-discovery")


def test_an_app_that_cannot_be_restarted_gives_up_after_the_second_time(stage: Staged) -> None:
    staged = stage()
    staged.site.quirk("session-expired", at="token")
    staged.open()
    assert staged.verdict("restarts-expired-launch") == "pass"
    assert len(staged.app.kept) == 2
    assert staged.app.reports[-1] == "The launch was lost; open the app again"


def test_the_app_keeps_a_record_of_what_went_wrong(stage: Staged) -> None:
    staged = stage()
    staged.site.quirk("discovery-drift", how="stale")
    staged.open()
    assert [report.rpartition("/")[2] for report in staged.app.reports] == ["retired is gone"]


def test_the_other_environment_at_another_host_is_out_of_sight(stage: Staged) -> None:
    staged = stage()
    staged.site.quirk("wrong-instance", iss="https://ehr.train.example.org/fhir")
    staged.open()
    assert staged.verdict("checks-issuer") == "not-applicable"
    assert staged.app.reports == ["https://ehr.train.example.org/fhir is no server that this app works with"]
