"""Where a site keeps what is written: in memory, or in a file that outlives it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from mockehr.config.document import Document
from mockehr.config.explain import validate
from mockehr.config.settings import SiteConfig
from mockehr.core.errors import ConfigError, EnvironmentProblem, UsageError
from mockehr.core.exchange import Exchange
from mockehr.sites.build import build_site
from mockehr.sites.configured import build_configured
from mockehr.sites.directory import Directory
from mockehr.sites.options import SiteOptions
from mockehr.sites.site import Site
from mockehr.sites.stores import check_store, store_below


def made(folder: Path, **more: Any) -> Site:
    options = {"patients": 12, "stepped": True, "open_access": True, "store": f"sqlite:{folder}"} | more
    return build_site(SiteOptions("north", **options))


def ask(site: Site, path: str, method: str = "GET", document: Any = None) -> Exchange:
    body = b"" if document is None else orjson.dumps(document)
    return site.handle(Exchange("fhir", method, path, body=body, base_url="http://a.example.org/fhir"))


def create(site: Site, family: str) -> str:
    body = {"resourceType": "Patient", "name": [{"family": family}]}
    exchange = ask(site, "/Patient", "POST", body)
    assert exchange.reply is not None
    assert exchange.reply.status == 201
    return str(exchange.result.record.id)


def family(site: Site, id: str) -> str:
    return str(ask(site, f"/Patient/{id}").result.document["name"][0]["family"])


def told(site: Site, path: str) -> list[str]:
    reply = ask(site, path).reply
    assert reply is not None
    return [entry["fullUrl"].rpartition("/")[2] for entry in orjson.loads(reply.body).get("entry", ())]


def test_what_was_written_outlives_the_site_with_its_ids_histories_and_numbers(tmp_path: Path) -> None:
    first = made(tmp_path / "kept")
    id = create(first, "Muster")
    ask(first, "/Patient/p3", "PUT", {"resourceType": "Patient", "id": "p3", "name": [{"family": "Overlaid"}]})
    first.close()
    assert [path.name for path in (tmp_path / "kept").iterdir()] == ["north.sqlite"]
    second = made(tmp_path / "kept")
    assert (family(second, id), family(second, "p3")) == ("Muster", "Overlaid")
    assert told(second, "/Patient/_history") == ["p3", id]
    other = create(second, "Other")
    assert other != id
    assert [change.number for change in second.log.changes] == [3]
    assert told(second, "/_history") == [other, "p3", id]
    second.close()


def test_two_sites_on_one_file_are_one_hospital(tmp_path: Path) -> None:
    one, other = made(tmp_path), made(tmp_path)
    id = create(one, "Muster")
    assert family(other, id) == "Muster"
    assert create(other, "Other") != id
    assert len(told(one, "/Patient/_history")) == 2
    one.close()
    other.close()


def test_reset_and_snapshots_work_on_a_file_as_in_memory(tmp_path: Path) -> None:
    site = made(tmp_path)
    kept = create(site, "Kept")
    assert site.snapshots.take("here") == 1
    gone = create(site, "Gone")
    assert site.snapshots.restore("here") == 1
    assert (family(site, kept), ask(site, f"/Patient/{gone}").problem is not None) == ("Kept", True)
    assert create(site, "Next") == gone
    assert site.log.changes[-1].number == 2
    site.reset()
    assert (site.store.last, create(site, "First")) == (0, kept)
    assert site.log.changes[-1].number == 1
    site.close()


def test_a_site_that_is_removed_lets_go_of_its_file(tmp_path: Path) -> None:
    directory = Directory()
    site = directory.add(made(tmp_path))
    create(site, "Muster")
    assert (tmp_path / "north.sqlite-wal").exists()
    directory.remove("north")
    assert [path.name for path in tmp_path.iterdir()] == ["north.sqlite"]
    again = directory.add(made(tmp_path))
    assert again.store.last == 1
    directory.close()
    directory.close()
    with pytest.raises(EnvironmentProblem, match="closed"):
        again.store.overlay("Patient")


@pytest.mark.parametrize(("name", "value"), [("seed", 8), ("patients", 13), ("personality", "epic")])
def test_the_file_of_another_site_is_refused(tmp_path: Path, name: str, value: Any) -> None:
    made(tmp_path).close()
    with pytest.raises(EnvironmentProblem, match=f"another site: {name}"):
        made(tmp_path, **{name: value})


def test_what_is_imported_is_imported_once(tmp_path: Path) -> None:
    file = tmp_path / "one.json"
    file.write_bytes(orjson.dumps({"resourceType": "Patient", "id": "imported", "name": [{"family": "In"}]}))
    for _ in range(2):
        site = made(tmp_path / "kept", imports=(file,))
        assert [record.version for record in site.store.history("Patient", "imported")] == [1]
        site.close()


def test_a_site_that_cannot_be_furnished_leaves_no_open_file_and_nothing_half_imported(tmp_path: Path) -> None:
    file = tmp_path / "one.json"
    file.write_bytes(orjson.dumps({"resourceType": "Patient", "id": "imported"}))
    with pytest.raises(EnvironmentProblem, match="nothing to import"):
        made(tmp_path / "kept", imports=(file, tmp_path / "missing"))
    assert [path.name for path in (tmp_path / "kept").iterdir()] == ["north.sqlite"]
    site = made(tmp_path / "kept")
    assert site.store.last == 0
    site.close()


@pytest.mark.parametrize("text", ["sqlite:", "sqlite: ", "postgres", "/var/lib", "", "Memory"])
def test_a_store_that_there_is_none_of_is_refused_with_what_there_is(text: str) -> None:
    with pytest.raises(UsageError) as refused:
        build_site(SiteOptions("north", store=text))
    assert "sqlite:FOLDER" in refused.value.remedy
    assert refused.value.exit_code == 2


def test_the_nearest_store_is_named() -> None:
    for text, nearest in (("sqlite3:x", "sqlite:FOLDER"), ("./folder", "sqlite:FOLDER"), ("ram", "memory")):
        with pytest.raises(UsageError) as refused:
            check_store(text)
        assert refused.value.nearest == nearest


def test_a_name_that_is_no_file_name_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    for name in ("../north", "a/b", ".hidden", ""):
        with pytest.raises(UsageError, match="file of that name"):
            build_site(SiteOptions(name, store=f"sqlite:{tmp_path / 'kept'}"))
    assert list(tmp_path.iterdir()) == []


def test_a_relative_folder_counts_from_the_place_of_the_file_that_names_it(tmp_path: Path) -> None:
    assert store_below("sqlite:kept", tmp_path) == f"sqlite:{tmp_path / 'kept'}"
    assert store_below(f"sqlite:{tmp_path}", Path("/elsewhere")) == f"sqlite:{tmp_path}"
    assert store_below("memory", tmp_path) == "memory"


def configured(**more: Any) -> SiteConfig:
    return validate(SiteConfig, Document("site.yaml", {"name": "north", "patients": 3, **more}))


def test_a_file_may_name_the_store_of_a_site(tmp_path: Path) -> None:
    (tmp_path / "in.json").write_bytes(orjson.dumps({"resourceType": "Patient", "id": "imported"}))
    config = configured(store="sqlite:kept", **{"import": ["in.json"]})
    for _ in range(2):
        site = build_configured(config, seed=7, base=tmp_path)
        assert [record.version for record in site.store.history("Patient", "imported")] == [1]
        site.close()
    assert (tmp_path / "kept" / "north.sqlite").exists()
    with pytest.raises(ConfigError, match="store"):
        configured(store="postgres")


def test_a_configured_site_that_is_refused_leaves_nothing_in_its_file(tmp_path: Path) -> None:
    (tmp_path / "in.json").write_bytes(orjson.dumps({"resourceType": "Patient", "id": "imported"}))
    wrong = {"import": ["in.json"], "webhooks": [{"url": "http://a.example.org/", "topics": ["Nope.created"]}]}
    with pytest.raises(ConfigError):
        build_configured(configured(store="sqlite:kept", **wrong), seed=7, base=tmp_path)
    assert [path.name for path in (tmp_path / "kept").iterdir()] == ["north.sqlite"]
    site = build_configured(configured(store="sqlite:kept"), seed=7, base=tmp_path)
    assert site.store.last == 0
    site.close()
