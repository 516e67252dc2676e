"""`mockehr bulk import`: files of resources into a running site."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from tests.sites.exporter import Exporter

from mockehr.cli.bulk import PIECE
from mockehr.cli.main import cli
from mockehr.core.errors import EnvironmentProblem, UsageError
from mockehr.sites.build import build_site
from mockehr.sites.options import SiteOptions
from mockehr.testing.world import TestSite, World


def run(world: World, site: str, *words: str | Path) -> Result:
    return CliRunner().invoke(cli, ["bulk", "import", site, *map(str, words), "--server", world.url])


def stored(site: TestSite) -> dict[str, bytes]:
    return {record.key: record.body for record in site.site.store.written()}


def person(id: str, **more: object) -> bytes:
    return json.dumps({"resourceType": "Patient", "id": id, **more}, ensure_ascii=False).encode()


def test_the_export_of_one_site_is_brought_into_another(mockehr: World, tmp_path: Path) -> None:
    exported = Exporter(build_site(SiteOptions("source", patients=6, stepped=True))).export()
    by_type: dict[str, list[bytes]] = {}
    for key, octets in exported.items():
        by_type.setdefault(key.partition("/")[0], []).append(octets + b"\n")
    for kind, lines in by_type.items():
        packed = kind < "M"
        octets = gzip.compress(b"".join(lines)) if packed else b"".join(lines)
        (tmp_path / f"{kind}.ndjson{'.gz' if packed else ''}").write_bytes(octets)
    site = mockehr.site(patients=0)
    done = run(mockehr, site.name, tmp_path, "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told == {"files": len(by_type), "stored": {k: len(by_type[k]) for k in sorted(by_type)}, "refused": []}
    assert stored(site) == exported


def test_what_is_refused_is_told_with_file_and_line(mockehr: World, tmp_path: Path) -> None:
    file = tmp_path / "some.ndjson"
    lines = [
        person("a", note="x" * PIECE),
        b"",
        b"{",
        person("b"),
        b'{"resourceType":"Patient","id":"\xff"}',
        person(""),
    ]
    file.write_bytes(b"\n".join(lines))
    site = mockehr.site(patients=0)
    done = run(mockehr, site.name, file)
    assert done.exit_code == 1
    assert "        2  Patient" in done.stdout
    refused = [line for line in done.stderr.splitlines() if line.startswith("refused: ")]
    assert [line.removeprefix(f"refused: {file}:").partition(":")[0] for line in refused] == ["5", "3", "6"]
    assert "no UTF-8" in refused[0]
    assert "import their files again" in done.stderr
    assert list(stored(site)) == ["Patient/a", "Patient/b"]


def test_a_bundle_and_a_resource_are_brought_in_whole(mockehr: World, tmp_path: Path) -> None:
    entries = [{"resource": json.loads(person("a"))}, {"resource": json.loads(person("b"))}]
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": entries}
    (tmp_path / "bundle.json").write_text(json.dumps(bundle, indent=1))
    (tmp_path / "one.json.gz").write_bytes(gzip.compress(person("c", name=[{"family": "Ibáñez\u2028"}])))
    site = mockehr.site(patients=0)
    done = run(mockehr, site.name, tmp_path / "bundle.json", tmp_path / "one.json.gz")
    assert done.exit_code == 0, done.output
    assert set(stored(site)) == {"Patient/a", "Patient/b", "Patient/c"}
    assert "3  resources of 2 files" in done.stdout


def test_what_is_not_there_or_is_no_gzip_is_said(mockehr: World, tmp_path: Path) -> None:
    site = mockehr.site(patients=0)
    missing = run(mockehr, site.name, tmp_path / "missing.ndjson")
    assert isinstance(missing.exception, EnvironmentProblem)
    (tmp_path / "broken.ndjson.gz").write_bytes(gzip.compress(person("a"))[:-9])
    broken = run(mockehr, site.name, tmp_path)
    assert isinstance(broken.exception, EnvironmentProblem)
    assert "broken.ndjson.gz" in str(broken.exception)
    (tmp_path / "good.ndjson").write_bytes(person("a"))
    nowhere = run(mockehr, "nowhere", tmp_path / "good.ndjson")
    assert isinstance(nowhere.exception, UsageError)
    assert "nowhere" in str(nowhere.exception)


@pytest.mark.parametrize("form", ["ndjson.gz", "json.gz"])
def test_serve_takes_packed_files_too(tmp_path: Path, form: str) -> None:
    (tmp_path / f"x.{form}").write_bytes(gzip.compress(person("a")))
    site = build_site(SiteOptions("a", patients=0, stepped=True, imports=(tmp_path,)))
    assert [record.key for record in site.store.written()] == ["Patient/a"]
