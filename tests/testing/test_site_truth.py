"""Comparing a client's own records in a test, from wherever it keeps them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mockehr.core.errors import VerdictFailed
from mockehr.testing.world import World


def test_a_clients_own_records_may_be_a_function_a_file_or_a_table_and_what_it_parked_is_not_lost(
    mockehr: World, tmp_path: Path
) -> None:
    site = mockehr.site("generic", patients=3)
    charts = site.site.charts
    assert charts is not None
    held = [json.loads(charts.patient(index).body) for index in range(3)]
    site.truth.assert_same(lambda: held)
    (tmp_path / "a.csv").write_text("mrn,sex\n" + "".join(f"{one['id']},{one['gender'][0]}\n" for one in held))
    (tmp_path / "m.yaml").write_text(
        "tables: [{type: Patient, id: mrn, columns: {sex: {path: gender, codes: {m: male, f: female}}}}]\n"
    )
    site.truth.assert_same(tmp_path / "a.csv", mapping=tmp_path / "m.yaml")
    parked = [{"reference": f"Patient/{held[2]['id']}", "type": "unit", "reason": "?"}]
    report = site.truth.compare(held[:2], parked=parked)
    assert [len(report.lost), len(report.parked_in_vain)] == [0, 1]
    (tmp_path / "p.ndjson").write_text(json.dumps(parked[0]) + "\n{}\n")
    with pytest.raises(VerdictFailed, match="parked in vain: 1") as refused:
        site.truth.assert_same(held[:2], parked=tmp_path / "p.ndjson")
    assert "names no record" in str(refused.value)
    assert len(site.truth.compare(held, parked=[5]).unreadable) == 1
