"""What a test asks of bulk exports."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.sites.exporter import Exporter

from mockehr.core.errors import UnknownName, UsageError, VerdictFailed
from mockehr.sites.build import build_site
from mockehr.sites.options import SiteOptions
from mockehr.testing.bulk import BulkExports

TYPES = ("Patient", "Condition")


def exports(vendor: str = "generic", patients: int = 4, **settings: Any) -> BulkExports:
    site = build_site(SiteOptions("north", vendor, patients=patients, stepped=True, settings=settings))
    return BulkExports(site, lambda function, *arguments: function(*arguments))


def test_an_export_gives_what_a_client_gets_over_the_wire_and_leaves_no_trace() -> None:
    bulk = exports(bulk={"chunk": 3, "file_resources": 20})
    got = bulk.export()
    assert (bulk.jobs(), list(bulk._site.journal)) == ([], [])
    kept = Exporter(bulk._site).export("/Group/d0")
    assert sum(map(len, got.values())) == len(kept) > 100
    assert [record["id"] for record in got["Patient"]] == ["p0", "p1", "p2", "p3"]
    bulk.assert_exported(json.loads(line) for line in kept.values())
    assert len(bulk.jobs()) == 1


def test_no_rule_acts_on_it() -> None:
    bulk = exports()
    before = bulk.export(types=TYPES)
    bulk._site.arm({"use": "bulk-error-file"})
    bulk._site.arm({"use": "bulk-duplicate-lines"})
    assert bulk.export(types=TYPES) == before


def test_what_a_client_would_ask_for_narrows_it() -> None:
    bulk = exports(groups={"all": {}, "pair": {"patients": 2}})
    assert list(bulk.groups()) == ["all", "pair"]
    assert [record["id"] for record in bulk.export("pair", types=("Patient",))["Patient"]] == ["p0", "p1"]
    assert bulk.export(bulk.groups()["pair"], types=TYPES) == bulk.export("pair", types=TYPES)
    assert list(bulk.export("", patients=("p3",), types=TYPES)["Patient"][0].values())[1] == "p3"
    active = bulk.export("", types=("Patient",), filters=("Patient?_id=p1",))
    assert [record["id"] for record in active["Patient"]] == ["p1"]
    assert bulk.export("all", types=TYPES, since="2100-01-01T00:00:00Z") == {}


def test_what_is_lost_doubled_or_foreign_is_told() -> None:
    bulk = exports()
    records = bulk.export(types=("Patient",))["Patient"]
    bulk.assert_exported(records, types=("Patient",))
    wrong = [*records[1:], records[1], {"resourceType": "Patient", "id": "nobody"}]
    with pytest.raises(VerdictFailed) as refused:
        bulk.assert_exported(wrong, types=("Patient",))
    for word in ("lost: 1", "duplicated: 1", "foreign: 1", "Patient/nobody"):
        assert word in refused.value.what


def test_texts_that_are_no_utf_8_are_read_as_a_careful_reader_reads_them() -> None:
    bulk = exports(patients=30)
    clean = bulk.export(types=("Patient",))["Patient"]
    bulk._site.arm({"use": "windows-1252-names", "with": {"rate": 1.0}})
    lines = Exporter(bulk._site).export("/Group/d0", "?_type=Patient").values()
    assert any(b"\\u" not in line and not is_utf8(line) for line in lines)
    assert [record["name"] for record in bulk.export(types=("Patient",))["Patient"]] == [one["name"] for one in clean]


def is_utf8(octets: bytes) -> bool:
    try:
        octets.decode()
    except UnicodeDecodeError:
        return False
    return True


def test_a_group_that_is_not_there_and_what_is_not_offered_are_refused() -> None:
    with pytest.raises(UnknownName, match="everyon"):
        exports().export("everyon")
    with pytest.raises(UsageError, match="_since is no parameter"):
        exports("epic").export(since="2026-01-01T00:00:00Z")


def test_who_was_written_and_who_was_deleted_counts_as_of_now() -> None:
    bulk = exports()
    person = {"resourceType": "Patient", "id": "new", "name": [{"family": "Written"}]}
    bulk._site.store.commit(person, kind="create", source="control")
    assert [record["id"] for record in bulk.export(types=("Patient",))["Patient"]] == ["p0", "p1", "p2", "p3", "new"]
