"""HL7 files: those laid into a site's folder are taken and answered, batches of links are laid into another."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mockehr.core.errors import EnvironmentProblem
from mockehr.core.exchange import Exchange
from mockehr.hl7.batch import BatchFile, Plan, read_batch, respond, write_batch
from mockehr.sites.feeds import Link
from mockehr.sites.listeners import Folders
from mockehr.sites.site import Site

EVERY: Final = 1.0
"""Wall seconds between two looks into a folder."""
LIMIT: Final = 1_000_000_000
"""Octets of one file; more is not taken."""
PATH: Final = "/files"
"""By what exchanges name where they came from; a listener called `files` has settings for them."""
_OURS: Final = (".ack", ".part", ".tmp")
_IDLE: Final = 3600.0


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of one file: where it lies now, how many messages were in it, and how many of them were refused."""

    file: Path
    messages: int
    refused: int
    findings: tuple[str, ...] = ()


class DropFolders:
    """Looks after the folders of sites, as often as `EVERY` allows."""

    def __init__(self) -> None:
        self._looked: dict[str, float] = {}

    def tend(self, site: Site) -> float:
        """Do what is due; returns the wall seconds until there may be more to do."""
        folders = site.listeners.folders
        lay_all(site)
        if folders.into is None:
            return _IDLE
        now = asyncio.get_running_loop().time()
        left = self._looked.get(site.name, now - EVERY) + EVERY - now
        if left > 0:
            return left
        self._looked[site.name] = now
        try:
            take_all(site, folders)
        except OSError as error:
            site.listeners.folders = Folders(None, folders.out, folders.answers, f"{folders.into}: {error.strerror}")
            return _IDLE
        return EVERY


def take_all(site: Site, folders: Folders) -> list[Taken]:
    """Take every file that lies in the folder, in order of their names. Raises OSError if it cannot be used.

    Each message is handled as if it had come over a connection. The file goes to `done`, or to `failed` if anything
    in it was refused or wrong, and its answers beside it (`.ack`). Files that are still being written are to have a
    name that begins with a dot or ends in `.part` or `.tmp`.
    """
    assert folders.into is not None
    folders.into.mkdir(parents=True, exist_ok=True)
    files = [file for file in folders.into.iterdir() if file.is_file() and not file.name.startswith(".")]
    return [_take(site, folders, file) for file in sorted(files) if file.suffix not in _OURS]


def lay_all(site: Site) -> list[Path]:
    """Write a file for every link whose batch is closed."""
    laid = []
    for link in tuple(site.links.links.values()):
        if link.batch is not None and link.batch.folder and site.listeners.folders.out is not None:
            taken = site.links.take_batch(link)
            if taken:
                laid.append(_lay(site, link, site.listeners.folders.out, taken))
    return laid


def _take(site: Site, folders: Folders, file: Path) -> Taken:
    octets = file.read_bytes() if file.stat().st_size <= LIMIT else b""
    content = read_batch(octets)
    findings = tuple(finding.text for finding in content.findings)
    if not content.messages and not content.headers:
        findings = (*findings, "there is no HL7 message in it" if octets else "it is empty or too long")
    answers: list[bytes] = []
    refused = int(content.cut)
    for message in content.messages[: -1 if content.cut else None]:
        exchange = Exchange("mllp-in", "FILE", PATH, body=message, peer=file.name)
        exchange.notes["file"] = file.name
        if findings and not answers:
            exchange.notes["findings"] = list(findings)
        try:
            site.handle(exchange)
        except Exception:  # a fault of ours, and reported as one; yet those behind the file must not wait for ever
            _put_away(site, folders, file, content, answers, good=False)
            raise
        assert exchange.reply is not None
        refused += exchange.reply.status != 200
        answers.append(exchange.reply.body)
    return Taken(
        _put_away(site, folders, file, content, answers, good=not (refused or findings)),
        len(content.messages), refused, findings,
    )  # fmt: skip


def _put_away(
    site: Site, folders: Folders, file: Path, content: BatchFile, answers: Sequence[bytes], *, good: bool
) -> Path:
    folder = file.parent / ("done" if good else "failed")
    folder.mkdir(exist_ok=True)
    place = _free(folder / file.name)
    file.replace(place)
    if folders.answers != "none" and (content.messages or content.headers):
        control_id = f"{site.name.upper()}{site.journal.last}"
        only = folders.answers == "errors"
        octets = respond(answers, content, site.dialect, at=site.clock.now(), control_id=control_id, only_errors=only)
        _write(place.with_name(place.name + ".ack"), octets)
    return place


def _lay(site: Site, link: Link, out: Path, taken: Sequence[Exchange]) -> Path:
    assert link.batch is not None
    first = taken[0].notes["message"]
    file = out / link.batch.folder / f"{link.name}-{first:06d}.hl7"
    messages = [one.body for one in taken for _ in range(1 + (one.effects.copies if one.effects is not None else 0))]
    dialect = link.dialect or site.dialect
    plan: Plan = site.mischief.amend("on_batch", Plan(messages, link.batch.headers), taken[0])
    octets = write_batch(
        plan.messages, dialect, at=site.clock.now(), control_id=f"{link.name}-{first}", name=file.name,
        headers=plan.headers, batch_count=plan.batch_count, file_count=plan.file_count,
    )  # fmt: skip
    octets = octets[: len(octets) - plan.cut]
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        for _ in range(plan.again):
            _write(_free(file), octets)
        file = _free(file)
        _write(file, octets)
    except OSError as error:
        problem = EnvironmentProblem(f"{file} cannot be written: {error.strerror}.")
        site.links.filed(link, taken, "", problem.what)
        return file
    site.links.filed(link, taken, file.name)
    return file


def _write(file: Path, octets: bytes) -> None:
    """Under a name that nobody takes, then under its own: who sees the file sees all of it."""
    part = file.with_name(f".{file.name}.part")
    part.write_bytes(octets)
    part.replace(file)


def _free(file: Path) -> Path:
    """That place, or one beside it that is free."""
    place, number = file, 1
    while place.exists():
        number += 1
        place = file.with_name(f"{file.stem}-{number}{file.suffix}")
    return place
