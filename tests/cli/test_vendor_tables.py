"""Tables of vendors and sites, to be read by people."""

from __future__ import annotations

from mockehr.cli.vendor_tables import as_table


def test_long_values_are_cut_to_where_they_differ() -> None:
    first, second = (f"/interconnect-fhir-oauth/api/epic/2019/Security/{end}" for end in ("Open/1", "Shut/2"))
    answer = {"site": "n", "from": "epic", "drawn": {}}
    found = [{"setting": "paths.jwks", "first": first, "second": second, "sources": ["x"]}]
    line = as_table("site diff", answer | {"settings": found}).splitlines()[1]
    assert line.split() == ["paths.jwks", "…ecurity/Open/1", "…ecurity/Shut/2", "x"]


def test_values_that_differ_early_are_cut_at_the_end() -> None:
    found = [{"setting": "s", "first": "a" * 60, "second": "b", "sources": []}]
    line = as_table("site diff", {"site": "n", "from": "epic", "drawn": {}, "settings": found}).splitlines()[1]
    assert line.split() == ["s", "a" * 37 + "…", "b"]
