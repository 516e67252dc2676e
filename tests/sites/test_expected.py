"""What a client should hold of the patients that it looks after."""

from __future__ import annotations

import orjson
import pytest

from mockehr.core.errors import ConfigError, UsageError
from mockehr.core.exchange import JSON
from mockehr.sites.build import build_site
from mockehr.sites.expected import ALL_PATIENTS, PATIENTS_ONLY, everybody, truth_of
from mockehr.sites.options import SiteOptions
from mockehr.sites.site import Site


def made(patients: int) -> Site:
    return build_site(SiteOptions("a", patients=patients, stepped=True))


def records(site: Site, *types: str) -> list[JSON]:
    assert site.charts is not None
    return [
        orjson.loads(record.body)
        for index in range(site.charts.size)
        for record in site.charts.dressed(index).by_key.values()
        if record.resource_type in types
    ]


def test_what_a_site_serves_is_the_truth_unless_it_is_corrupted() -> None:
    site = made(4)
    served = records(site, "Patient", "Condition")
    assert truth_of(site, everybody(site), {"Patient": "", "Condition": ""}, served).ok
    site.arm({"use": "half-done-merges", "with": {"rate": 0.5}})
    assert len(everybody(site)) > 4
    assert truth_of(site, everybody(site), PATIENTS_ONLY, records(site, "Patient")).unmerged


def test_a_query_narrows_what_is_expected() -> None:
    site = made(4)
    narrowed = truth_of(site, everybody(site), {"Observation": "category=laboratory"}, [])
    every = truth_of(site, everybody(site), {"Observation": ""}, [])
    assert 0 < narrowed.expected < every.expected
    assert len(every.lost) == every.expected


def test_types_and_queries_that_are_no_use_are_all_named() -> None:
    with pytest.raises(ConfigError) as caught:
        truth_of(made(1), [], {"Patiet": "", "Condition": "categry=x", "Patient": "name"}, [])
    assert len(caught.value.problems) == 3
    assert caught.value.problems[0].endswith("nearest: Patient")


def test_everybody_is_bounded_and_needs_charts() -> None:
    assert len(everybody(made(5))) == 5
    with pytest.raises(UsageError, match="too many"):
        everybody(made(ALL_PATIENTS + 1))
    with pytest.raises(UsageError, match="no charts"):
        everybody(made(0))
    with pytest.raises(UsageError, match="no patient"):
        truth_of(made(1), ["nobody"], PATIENTS_ONLY, [])
