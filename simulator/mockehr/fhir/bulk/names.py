"""Names of jobs and files: not to be guessed, and read back without a table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import Final
from uuid import UUID

Key = Callable[..., bytes]
"""Names → 32 octets that depend on the site (`mockehr.core.chance.Chance.key`)."""
SECTIONS: Final = ("output", "deleted", "error")
KINDS: Final = {"deleted": "Bundle", "error": "OperationOutcome"}


def job_name(key: Key, number: int, form: str) -> str:
    """The id of the n-th job in hexadecimal digits, as a UUID, or as a number of four digits and more."""
    if form == "number":
        return str(1000 + number)
    octets = key("bulk-job", number)[:16]
    return str(UUID(bytes=octets, version=4)) if form == "uuid" else octets.hex()


class FileNames:
    """Names of the files of all jobs; a file is (job number, section, type, chunk, part)."""

    def __init__(self, key: Key, form: str, kinds: Sequence[str]) -> None:
        """`kinds`: all resource types that there are, in an order that never changes."""
        self._key = key("bulk-files")
        self._form = form
        self._kinds = tuple(kinds)
        self._places = {kind: place for place, kind in enumerate(self._kinds)}

    def encode(self, job: int, section: str, kind: str, chunk: int, part: int) -> str:
        """`Patient.0.1` where names are plain, else opaque."""
        if self._form == "plain":
            first = kind if section == "output" else section
            return f"{first}.{chunk}.{part}"
        place = self._places.get(kind, 0xFF) if section == "output" else 0xFF - SECTIONS.index(section)
        plain = job.to_bytes(4, "big") + chunk.to_bytes(4, "big") + part.to_bytes(3, "big") + bytes((place,))
        mark = self._hash(b"m", plain, 4)
        octets = mark + bytes(a ^ b for a, b in zip(plain, self._hash(b"s", mark, 12), strict=True))
        return str(UUID(bytes=octets)) if self._form == "uuid" else octets.hex()

    def decode(self, text: str) -> tuple[int, str, str, int, int] | None:
        """(job number or 0 where names do not tell it, section, type, chunk, part); None for no name of ours."""
        if self._form == "plain":
            return self._read_plain(text)
        try:
            octets = UUID(text).bytes if self._form == "uuid" else bytes.fromhex(text)
        except ValueError:
            return None
        if len(octets) != 16:
            return None
        plain = bytes(a ^ b for a, b in zip(octets[4:], self._hash(b"s", octets[:4], 12), strict=True))
        if self._hash(b"m", plain, 4) != octets[:4]:
            return None
        place = plain[11]
        section = "output" if place < len(self._kinds) else SECTIONS[0xFF - place] if place >= 0xFD else ""
        kind = self._kinds[place] if section == "output" else KINDS.get(section, "")
        job, chunk = int.from_bytes(plain[:4], "big"), int.from_bytes(plain[4:8], "big")
        return (job, section, kind, chunk, int.from_bytes(plain[8:11], "big")) if kind else None

    def _read_plain(self, text: str) -> tuple[int, str, str, int, int] | None:
        first, _, numbers = text.partition(".")
        chunk, _, part = numbers.partition(".")
        if not all(one.isascii() and one.isdigit() and len(one) < 10 for one in (chunk, part)):
            return None
        if first in KINDS:
            return 0, first, KINDS[first], int(chunk), int(part)
        return (0, "output", first, int(chunk), int(part)) if first in self._places else None

    def _hash(self, what: bytes, octets: bytes, size: int) -> bytes:
        return blake2b(octets, key=self._key, person=what, digest_size=size).digest()
