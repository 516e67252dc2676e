"""Files that are laid into a site's folder, and those that a site lays into another."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from mockehr.edge.drop_folder import DropFolders, lay_all, take_all
from mockehr.edge.server import Server
from mockehr.hl7.batch import read_batch, write_batch
from mockehr.hl7.dialect import GENERIC
from mockehr.sites.build import build_site
from mockehr.sites.directory import Directory
from mockehr.sites.feeds import Gathering, Link
from mockehr.sites.listeners import Folders, Listener
from mockehr.sites.options import SiteOptions
from mockehr.sites.site import Site

PATIENT = {"resourceType": "Patient", "id": "a", "name": [{"family": "Muster", "given": ["Erika"]}]}


def message(number: int, kind: str = "ADT^A28") -> bytes:
    head = f"MSH|^~\\&|A|B|C|D|20260105||{kind}|M{number}|P|2.5.1\rEVN|A28|20260105\r"
    return f"{head}PID|1||9000{number}^^^WARD^MR||Muster^Erika\r".encode()


def made() -> Site:
    return build_site(SiteOptions("a", stepped=True, open_access=True))


def batch(*messages: bytes, **more: Any) -> bytes:
    return write_batch(messages, GENERIC, at=0.0, control_id="F1", **more)


def test_a_file_is_taken_answered_and_moved(tmp_path: Path) -> None:
    site = made()
    (tmp_path / "b.hl7").write_bytes(message(3))
    (tmp_path / "a.hl7").write_bytes(batch(message(1), message(2)))
    taken = take_all(site, Folders(tmp_path))
    assert [(one.file.name, one.messages, one.refused) for one in taken] == [("a.hl7", 2, 0), ("b.hl7", 1, 0)]
    assert [file.name for file in tmp_path.iterdir()] == ["done"]
    answer = read_batch((tmp_path / "done" / "a.hl7.ack").read_bytes())
    assert [one.split(b"MSA|")[1].strip() for one in answer.messages] == [b"AA|M1", b"AA|M2"]
    assert len(site.log.changes) == 3
    assert [entry.notes["file"] for entry in site.journal] == ["a.hl7", "a.hl7", "b.hl7"]


def test_a_file_with_anything_refused_or_wrong_goes_to_failed(tmp_path: Path) -> None:
    site = made()
    (tmp_path / "refused").write_bytes(batch(message(1), message(2, "ZZZ^Z01")))
    (tmp_path / "lies").write_bytes(batch(message(4), batch_count=9))
    (tmp_path / "junk").write_bytes(b"no HL7 at all")
    taken = take_all(site, Folders(tmp_path, answers="errors"))
    assert {one.file.name: (one.messages, one.refused, len(one.findings)) for one in taken} == {
        "refused": (2, 1, 0), "lies": (1, 0, 1), "junk": (0, 0, 2),
    }  # fmt: skip
    assert {one.file.parent.name for one in taken} == {"failed"}
    assert len(read_batch((tmp_path / "failed" / "refused.ack").read_bytes()).messages) == 1
    assert not (tmp_path / "failed" / "junk.ack").exists()
    assert len(site.log.changes) == 2


def test_a_message_that_breaks_off_is_not_applied(tmp_path: Path) -> None:
    site = made()
    (tmp_path / "cut").write_bytes(batch(message(1), message(2))[:-16])
    (taken,) = take_all(site, Folders(tmp_path))
    assert (taken.messages, taken.refused) == (2, 1)
    assert len(site.log.changes) == 1


def test_files_that_are_still_being_written_are_left_alone(tmp_path: Path) -> None:
    for name in (".a.hl7", "b.part", "c.tmp", "d.hl7.ack"):
        (tmp_path / name).write_bytes(message(1))
    assert take_all(made(), Folders(tmp_path)) == []
    assert len(list(tmp_path.iterdir())) == 4


def test_a_file_of_the_same_name_takes_the_place_of_none(tmp_path: Path) -> None:
    site = made()
    for number in (1, 2):
        (tmp_path / "a.hl7").write_bytes(message(number))
        take_all(site, Folders(tmp_path, answers="none"))
    assert sorted(file.name for file in (tmp_path / "done").iterdir()) == ["a-2.hl7", "a.hl7"]


def test_a_listener_called_files_has_settings_for_them(tmp_path: Path) -> None:
    site = made()
    site.listeners.declare(Listener(name="files", messages=("ORU^*",), park=True))
    (tmp_path / "a.hl7").write_bytes(message(1))
    (taken,) = take_all(site, Folders(tmp_path))
    assert (taken.refused, len(site.links.parking)) == (1, 1)


def test_a_closed_batch_becomes_one_file(tmp_path: Path) -> None:
    site = made()
    site.listeners.folders = Folders(None, tmp_path)
    feed = site.links.add(Link("nightly", "", 0, batch=Gathering(every=900.0, folder="lab")))
    for kind in ("create", "update"):
        site.store.commit(PATIENT, kind=kind, source="control")  # type: ignore[arg-type]
    assert lay_all(site) == []
    site.clock.advance(900)
    (file,) = lay_all(site)
    assert file == tmp_path / "lab" / "nightly-000001.hl7"
    content = read_batch(file.read_bytes())
    assert (len(content.messages), content.findings, content.control_id) == (2, (), "nightly-1")
    assert (feed.acknowledged, feed.waiting, feed.in_flight) == (2, 0, 0)
    assert [entry.notes["file"] for entry in site.journal] == [file.name] * 2
    assert [one.name for one in file.parent.iterdir()] == [file.name]


def test_a_folder_that_cannot_be_written_stops_the_link_and_loses_nothing(tmp_path: Path) -> None:
    site = made()
    (tmp_path / "out").write_bytes(b"a file")
    site.listeners.folders = Folders(None, tmp_path / "out")
    feed = site.links.add(Link("nightly", "", 0, batch=Gathering(messages=1, folder=".")))
    site.store.commit(PATIENT, kind="create", source="control")
    lay_all(site)
    assert ("cannot be written" in feed.stopped, feed.acknowledged, feed.waiting) == (True, 0, 1)
    (tmp_path / "out").unlink()
    site.links.resume(feed)
    (file,) = lay_all(site)
    assert len(read_batch(file.read_bytes()).messages) == 1


@pytest.mark.parametrize("answers", ["all", "none"])
def test_answers_are_written_if_they_are_wanted(tmp_path: Path, answers: Any) -> None:
    (tmp_path / "a.hl7").write_bytes(message(1))
    take_all(made(), Folders(tmp_path, answers=answers))
    assert (tmp_path / "done" / "a.hl7.ack").exists() == (answers == "all")


def test_a_server_looks_into_the_folder_by_itself(tmp_path: Path) -> None:
    async def work() -> None:
        site = made()
        site.listeners.folders = Folders(tmp_path)
        (tmp_path / "a.hl7").write_bytes(message(1))
        closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        site.journal.listen(lambda _: closed.set_result(None))
        directory = Directory()
        directory.add(site)
        async with asyncio.timeout(10), Server(directory):
            await closed
        assert (tmp_path / "done" / "a.hl7").exists()

    asyncio.run(work())


def test_a_folder_that_cannot_be_read_is_told_and_left(tmp_path: Path) -> None:
    async def work() -> None:
        site = made()
        (tmp_path / "a").write_bytes(b"")
        site.listeners.folders = Folders(tmp_path / "a")
        folders = DropFolders()
        folders.tend(site)
        assert (site.listeners.folders.into, "exists" in site.listeners.folders.problem) == (None, True)

    asyncio.run(work())


def laid(tmp_path: Path, **settings: Any) -> list[tuple[bytes, list[str]]]:
    """The octets of what a feed of three lays into its folder, and what a careful reader finds wrong with each."""
    site = made()
    site.listeners.folders = Folders(None, tmp_path)
    site.links.add(Link("lab", "127.0.0.1", 0, batch=Gathering(messages=3, folder=".")))
    if settings:
        site.arm({"use": "odd-batch", "with": settings, "where": {"link": "lab"}})
    for id in "abc":
        site.store.commit({**PATIENT, "id": id}, kind="create", source="control")
    lay_all(site)
    octets = [file.read_bytes() for file in sorted(tmp_path.iterdir())]
    fired = [d.why for entry in site.journal for d in entry.decisions if d.outcome == "fired"]
    assert fired == ([settings["form"]] if settings else [])
    return [(one, [finding.kind for finding in read_batch(one).findings]) for one in octets]


@pytest.mark.parametrize(
    ("form", "files", "findings"),
    [
        ("count-high", 1, ["batch-count"]),
        ("count-low", 1, ["batch-count"]),
        ("file-count", 1, ["file-count"]),
        ("truncated", 1, ["truncated"]),
        ("no-headers", 1, []),
        ("twice", 2, []),
        ("repeated", 1, ["duplicate-id"]),
        ("empty", 1, ["batch-count"]),
    ],
)
def test_a_file_does_not_hold_what_it_says(tmp_path: Path, form: str, files: int, findings: list[str]) -> None:
    found = laid(tmp_path, form=form)
    assert len(found) == files
    assert set(found[0][1]) >= set(findings)
    assert bool(found[0][1]) is bool(findings)
    assert found[0][0].startswith(b"MSH") is (form == "no-headers")
    assert len({octets for octets, _ in found}) == 1


def test_without_a_rule_a_file_holds_what_it_says(tmp_path: Path) -> None:
    ((octets, findings),) = laid(tmp_path)
    assert (findings, octets.count(b"MSH|"), b"BTS|3\r" in octets) == ([], 3, True)


def test_a_file_that_breaks_something_of_ours_stands_in_nobodys_way(tmp_path: Path) -> None:
    site = made()

    def fail(_: Any) -> None:
        raise RuntimeError("a fault of ours")

    site.log.listen(fail)
    (tmp_path / "a.hl7").write_bytes(message(1))
    with pytest.raises(RuntimeError, match="a fault of ours"):
        take_all(site, Folders(tmp_path))
    assert [file.name for file in (tmp_path / "failed").glob("*.hl7")] == ["a.hl7"]
    assert take_all(site, Folders(tmp_path)) == []
