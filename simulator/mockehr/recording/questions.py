"""What recordings asked, put to another site: the same requests, about that site's own patients.

Patients are exchanged for others; a read of something else becomes reads of what a search finds. Requests that were
refused are repeated as they were.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit

import orjson

from mockehr.core.errors import EnvironmentProblem
from mockehr.fhir.elements import is_resource_type
from mockehr.recording.likeness import Pile, identifies

Ask = Callable[[str], tuple[int, Any]]
"""Target below the FHIR base (`Patient/1`, `Condition?patient=1`) → status and JSON (None for anything else)."""
WHOSE: Final = ("patient", "subject")
READ: Final = 3
"""Of what one search finds, so many are read by id."""


@dataclass(frozen=True, slots=True)
class Question:
    """One recorded request. `target` is below the FHIR base; `patient` is the id in it that stands for a patient."""

    source: str
    target: str
    status: int
    patient: str = ""


@dataclass(frozen=True, slots=True)
class Recorded:
    """A folder of recordings: what was asked, and what all of it looks like."""

    questions: tuple[Question, ...]
    pile: Pile
    unread: tuple[str, ...]
    """Files that are no recordings."""


def read_recorded(folder: Path) -> Recorded:
    """Every `.json` below a folder: `{"_request": {"method", "url", "status"}, "body": …}`, or a plain answer.

    Raises EnvironmentProblem for a folder that is not there or holds none.
    """
    if not folder.is_dir():
        raise EnvironmentProblem(f"{folder} is no folder.", remedy="Name a folder of recorded answers in JSON.")
    pile, questions, unread = Pile(), dict[tuple[str, int], Question](), []
    for file in sorted(folder.rglob("*.json")):
        told = _json(file)
        body = told.get("body", told) if isinstance(told, dict) else None
        if not isinstance(told, dict) or not isinstance(body, dict) or not identifies(body):
            unread.append(file.name)
            continue
        pile.add(body)
        asked = _question(file.name, told.get("_request"), body)
        if asked is not None:
            questions.setdefault((asked.target, asked.status), asked)
    if not pile.counts:
        besides = f": {len(unread)} of its files are something else, such as {unread[0]}" if unread else ""
        remedy = "They are files named *.json, with a FHIR resource or a Bundle each."
        raise EnvironmentProblem(f"{folder} holds no recorded FHIR answers{besides}.", remedy=remedy)
    return Recorded(tuple(questions.values()), pile, tuple(unread))


def put(recorded: Recorded, patients: Sequence[str], ask: Ask, step: Callable[[str], None]) -> Pile:
    """Ask all of it of a site about those patients; `step` is told each question before it is put."""
    pile, done = Pile(), set[str]()
    for question in recorded.questions:
        step(question.target)
        for target in _targets(question, patients):
            if target not in done:
                done.add(target)
                _put(question, target, patients, ask, pile)
    return pile


def _put(question: Question, target: str, patients: Sequence[str], ask: Ask, pile: Pile) -> None:
    kind, slash, id = target.partition("?")[0].partition("/")
    is_read = bool(slash and id) and "/" not in id and not id.startswith("$")
    if question.status < 400 and is_read and id not in patients:
        _read_found(kind, patients, ask, pile)
        return
    status, body = ask(target)
    # what was answered then and is refused now would be compared with other refusals, and hide that it is missing
    if isinstance(body, dict) and (status >= 400) == (question.status >= 400):
        pile.add(body)


def _read_found(kind: str, patients: Sequence[str], ask: Ask, pile: Pile) -> None:
    for patient in patients:
        status, bundle = ask(f"{kind}?patient={patient}")
        if status != 200 or not isinstance(bundle, dict):
            continue
        found = [entry.get("resource") or {} for entry in bundle.get("entry", ())]
        for resource in [one for one in found if one.get("resourceType") == kind and one.get("id")][:READ]:
            status, body = ask(f"{kind}/{resource['id']}")
            if status == 200:
                pile.add(body)


def _targets(question: Question, patients: Sequence[str]) -> Iterator[str]:
    if not question.patient or question.status >= 400:
        yield question.target
        return
    for patient in patients:
        yield question.target.replace(question.patient, patient)


def _question(source: str, request: Any, body: dict[str, Any]) -> Question | None:
    if not isinstance(request, dict):
        request = {"url": _self(body)}
    if str(request.get("method", "GET")) != "GET" or not request.get("url"):
        return None
    parts = urlsplit(str(request["url"]))
    segments = [segment for segment in parts.path.split("/") if segment]
    at = next((n for n, one in enumerate(segments) if is_resource_type(one)), len(segments) - 1)
    told = parse_qsl(parts.query, keep_blank_values=True)
    target = "/".join(segments[at:]) + (f"?{urlencode(told, safe='/|:,.')}" if told else "")
    kind, rest = segments[at], segments[at + 1 :]
    whose = next((value for name, value in told if name in WHOSE or (name == "_id" and kind == "Patient")), "")
    if kind == "Patient" and rest and not rest[0].startswith("$"):
        whose = rest[0]
    return Question(source, target, int(request.get("status", 200)), whose.rpartition("/")[2])


def _self(body: dict[str, Any]) -> str:
    """Where an answer says that it came from, if no request was kept."""
    if body.get("entry") is None and body.get("resourceType") not in (None, "Bundle", "OperationOutcome"):
        return f"/{body['resourceType']}/{body.get('id', '')}"
    return next((str(link.get("url", "")) for link in body.get("link", ()) if link.get("relation") == "self"), "")


def _json(file: Path) -> Any:
    try:
        return orjson.loads(file.read_bytes())
    except orjson.JSONDecodeError:
        return None
