"""A folder of recorded answers, and finding the one that a request asks for.

A recording is a JSON file `{"_request": {"method", "url", "status"}, "body": …}`; other files in the folder are left
alone and counted. Matching compares method, path below the recorded base, and the query as a set.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import orjson

from mockehr.core.errors import EnvironmentProblem

IGNORABLE = frozenset({"_format", "_pretty"})


@dataclass(frozen=True, slots=True)
class Recording:
    """One recorded exchange. `path` is relative to the recorded FHIR base."""

    source: str
    method: str
    base: str
    path: str
    query: frozenset[tuple[str, str]]
    status: int
    body: Any

    def difference(self, method: str, path: str, query: frozenset[tuple[str, str]]) -> list[str]:
        """How a request differs from this one; empty if it is the same question."""
        found = []
        if method != self.method:
            found.append(f"method {method}, recorded {self.method}")
        if path != self.path:
            found.append(f"path {path}, recorded {self.path}")
        found += [f"parameter {name}={value} was not recorded" for name, value in sorted(query - self.query)]
        found += [f"parameter {name}={value} is missing" for name, value in sorted(self.query - query)]
        return found


@dataclass(frozen=True, slots=True)
class Miss:
    """Nothing on the tape fits; the nearest recordings and what differs."""

    nearest: tuple[tuple[Recording, tuple[str, ...]], ...]

    def __str__(self) -> str:
        parts = [f"{r.method} {r.path} ({r.source}): {'; '.join(diffs)}" for r, diffs in self.nearest]
        return "no recording fits; nearest: " + (" | ".join(parts) if parts else "the tape is empty")


class Tape:
    """All recordings of a folder, by what they answer."""

    def __init__(self, recordings: list[Recording], left_out: int = 0) -> None:
        self.recordings = recordings
        self.left_out = left_out
        self._by_question: dict[tuple[str, str, frozenset[tuple[str, str]]], Recording] = {}
        for recording in recordings:
            self._by_question.setdefault((recording.method, recording.path, recording.query), recording)

    def find(self, method: str, path: str, query: str) -> Recording | Miss:
        """The recording that answers the request, or the three nearest with their differences."""
        asked = normal_query(query)
        found = self._by_question.get((method, path, asked))
        if found is not None:
            return found
        ranked = sorted(
            ((recording, tuple(recording.difference(method, path, asked))) for recording in self.recordings),
            key=lambda pair: (pair[0].path.split("/")[1:2] != path.split("/")[1:2], len(pair[1]), pair[0].source),
        )
        return Miss(tuple(ranked[:3]))


def load_tape(folder: Path) -> Tape:
    """Read every `*.json` below `folder`; raises EnvironmentProblem if there is no such folder."""
    if not folder.is_dir():
        raise EnvironmentProblem(f"There is no folder {folder} to replay.", remedy="Name a folder of recordings.")
    recordings, left_out = [], 0
    for file in sorted(folder.rglob("*.json")):
        recording = _recording(file)
        if recording is None:
            left_out += 1
        else:
            recordings.append(recording)
    return Tape(recordings, left_out)


def normal_query(query: str) -> frozenset[tuple[str, str]]:
    """The parameters of a query as a set, without those that only choose a format."""
    pairs = parse_qsl(query, keep_blank_values=True)
    return frozenset((name, value) for name, value in pairs if name not in IGNORABLE)


def resources(tape: Tape) -> Iterator[dict[str, Any]]:
    """Every resource on the tape, unwrapped from its Bundle."""
    for recording in tape.recordings:
        body = recording.body
        if isinstance(body, dict) and body.get("resourceType") == "Bundle":
            yield from (e["resource"] for e in body.get("entry", ()) if isinstance(e.get("resource"), dict))
        elif isinstance(body, dict) and "resourceType" in body:
            yield body


def _recording(file: Path) -> Recording | None:
    try:
        document = orjson.loads(file.read_bytes())
    except orjson.JSONDecodeError:
        return None
    asked = document.get("_request") if isinstance(document, dict) else None
    if not isinstance(asked, dict) or "body" not in document or not {"method", "url", "status"} <= asked.keys():
        return None
    parts = urlsplit(asked["url"])
    base, path = _split_base(parts.path)
    origin = f"{parts.scheme}://{parts.netloc}{base}"
    query = normal_query(parts.query)
    return Recording(file.name, asked["method"], origin, path, query, int(asked["status"]), document["body"])


def _split_base(path: str) -> tuple[str, str]:
    """Where the FHIR base ends: before the first segment that looks like a resource type or `metadata`."""
    segments = path.split("/")
    for position, segment in enumerate(segments):
        camel = segment[:1].isupper() and segment[1:2].islower() and segment.isalpha()
        if segment == "metadata" or (camel and position >= len(segments) - 4):
            return "/".join(segments[:position]), "/" + "/".join(segments[position:])
    return path, "/"
