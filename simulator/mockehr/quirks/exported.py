"""What quirks of exports have in common: reading and changing manifests and files, and whom a misfortune strikes."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import replace
from hashlib import blake2b
from typing import Any, Final

from mockehr.core.exchange import JSON, Exchange
from mockehr.fhir.bulk import Answer
from mockehr.fhir.bulk.job import Segment
from mockehr.fhir.bulk.segments import GZIP, LEVEL, unpacked

POLLS: Final = ("bulk-status",)
FILES: Final = ("bulk-file", "bulk-stored")
"""A file is sent at its own address, or at the one that a redirect leads to."""


def manifest_of(exchange: Exchange) -> JSON | None:
    """The manifest that a poll was about to give; None if it gives none."""
    answer = exchange.result
    return answer.document if isinstance(answer, Answer) else None


def change_manifest(exchange: Exchange, **members: Any) -> None:
    """Give the manifest with other members in place of its own."""
    answer = exchange.result
    assert isinstance(answer, Answer)
    exchange.result = replace(answer, document={**(answer.document or {}), **members})


def lines_of(exchange: Exchange) -> list[bytes]:
    """The lines of the file that was about to be sent, without their ends; empty if there is none."""
    segment = exchange.result
    if not isinstance(segment, Segment) or not segment.note.lines:
        return []
    return unpacked(segment.packed).split(b"\n")[:-1]


def send_octets(exchange: Exchange, octets: bytes, lines: int, damage: str = "") -> None:
    """Send these octets in place of the file; parts of it, its length and its ETag are theirs.

    `lines` is how many records or would-be records they have. `damage` says what a client cannot get from them, for
    the journal: what was only added, or can be ignored, is none.
    """
    segment = exchange.result
    assert isinstance(segment, Segment)
    packed = zlib.compress(octets, LEVEL, GZIP)
    digest = blake2b(octets, digest_size=6).hexdigest()
    note = replace(segment.note, lines=lines, octets=len(octets), packed=len(packed), digest=digest)
    exchange.result = Segment(note, packed)
    exchange.notes["lines"] = lines
    if damage:
        exchange.notes["damaged"] = damage


def send_lines(exchange: Exchange, lines: Sequence[bytes], damage: str = "") -> None:
    """Send these lines in place of those of the file (see `send_octets`)."""
    send_octets(exchange, b"".join(line + b"\n" for line in lines), len(lines), damage)


def file_name(exchange: Exchange) -> str:
    """What the file is called in its address, for evidence."""
    return str(exchange.notes.get("file", ""))


def strikes(memory: dict[str, Any], client: str, job: str, jobs: int) -> bool:
    """Whether a misfortune that strikes `jobs` exports of each client (0: all) strikes this one, now and from now on.

    Once it struck an export it strikes it for ever.
    """
    struck: list[str] = memory.setdefault(f"struck {client}", [])
    if job not in struck:
        if jobs and len(struck) >= jobs:
            return False
        struck.append(job)
    return True


def struck(memory: dict[str, Any], client: str, job: str) -> bool:
    """Whether it struck this export already."""
    return job in memory.get(f"struck {client}", ())


def check_jobs(jobs: int) -> None:
    """Raise ValueError for a number of exports that means nothing."""
    if jobs < 0:
        raise ValueError(f"jobs is {jobs}; it must be 0 or more")


def check_status(status: int, known: Sequence[int]) -> None:
    """Raise ValueError for a status that is none of those."""
    if status not in known:
        raise ValueError(f"status is {status}; it must be one of {', '.join(map(str, known))}")
