"""Asking a FHIR server for what a pin holds, with a bounded number of requests."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from mockehr.core.errors import EnvironmentProblem, UsageError
from mockehr.core.exchange import JSON
from mockehr.recording.contract.observed import Sightings
from mockehr.recording.contract.pin import Pin
from mockehr.recording.contract.statement import canonical, canonical_smart
from mockehr.recording.questions import Ask

SMART: Final = ".well-known/smart-configuration"
MOST: Final = 400
"""Requests, unless told otherwise."""
_BY_CATEGORY: Final[Mapping[str, Sequence[str]]] = MappingProxyType(
    {
        "Observation": ("laboratory", "vital-signs", "social-history"),
        "Condition": ("problem-list-item", "encounter-diagnosis"),
    }
)
"""Many vendors refuse searches of these types without a category."""
_LEFT_OUT: Final = ("Patient", "AuditEvent")
"""Patients are read, and the audit trail tells of the asking itself."""
_LEAST: Final = 3
"""Of what references lead to, so many of each type are read."""
_WHOSE: Final = "{patient}"


@dataclass(slots=True)
class _Visit:
    """One round of questions."""

    ask: Ask
    most: int
    step: Callable[[str], None]
    asked: int = 0
    sightings: Sightings = field(default_factory=Sightings)
    references: dict[str, None] = field(default_factory=dict)
    done: set[str] = field(default_factory=set)

    def put(self, target: str) -> tuple[int, Any] | None:
        """The answer, or None if there have been requests enough."""
        if self.asked >= self.most:
            return None
        self.asked += 1
        self.step(target)
        return self.ask(target)

    def look(self, target: str) -> int | None:
        """Ask, and count what comes; the status."""
        answer = self.put(target)
        self.done.add(target)
        if answer is None:
            return None
        status, body = answer
        if status < 400:
            for resource in self.sightings.take(body):
                self.done.add(f"{resource.get('resourceType')}/{resource.get('id')}")
                self.references.update(dict.fromkeys(_references(resource)))
        return status


def take_pin(
    ask: Ask,
    *,
    source: str,
    base: str,
    patients: Sequence[str] = (),
    like: Pin | None = None,
    most: int = MOST,
    step: Callable[[str], None] = lambda target: None,
) -> Pin:
    """Ask for the CapabilityStatement, smart-configuration, and the records of some patients.

    Without `patients` those of `like` are asked about, if the server has any of them, else whom a plain search finds.
    With `like` the questions are its own, so that answers compare with answers. Raises EnvironmentProblem if no FHIR
    server answers, UsageError if nobody to ask about is found.
    """
    visit = _Visit(ask, most, step)
    status, statement = visit.put("metadata") or (0, None)
    if not isinstance(statement, dict) or "rest" not in statement:
        raise EnvironmentProblem(
            f"{base} answers no CapabilityStatement ({status}).", remedy="Give the base of a FHIR server."
        )
    status, smart = visit.put(SMART) or (0, None)
    known = canonical(statement, base)
    whom = _whom(visit, patients, like)
    questions = list(like.answers if like is not None else ()) or list(_questions(known))
    answers = _answers(visit, questions, whom)
    _follow(visit)
    smart = canonical_smart(smart, base) if status < 400 and isinstance(smart, dict) else {}
    return Pin(source, base, whom, known, smart, answers, visit.sightings.kinds())


def _whom(visit: _Visit, patients: Sequence[str], like: Pin | None) -> list[str]:
    if patients:
        return list(patients)
    for patient in like.patients if like is not None else ():
        status, _ = visit.put(f"Patient/{patient}") or (0, None)
        if 200 <= status < 300 and like is not None:
            return list(like.patients)
    status, bundle = visit.put("Patient") or (0, None)
    entries = bundle.get("entry", ()) if isinstance(bundle, dict) else ()
    found = [one.get("resource") or {} for one in entries or ()]
    ids = [str(one["id"]) for one in found if one.get("resourceType") == "Patient" and one.get("id")]
    if not ids:
        raise UsageError(
            f"No patient to ask about was found: the search of all patients was answered with {status}.",
            remedy="Name some: --patient ID, once or more; a server that wants a token gets one with --bearer.",
        )
    return ids[:5]


def _questions(statement: JSON) -> Iterator[str]:
    """Reads of the patients, then searches of what belongs to them, type by type."""
    yield f"Patient/{_WHOSE}"
    for kind, told in statement.get("resources", {}).items():
        parameters = told.get("parameters", {})
        if kind in _LEFT_OUT or "search-type" not in told.get("interactions", ()):
            continue
        whose = next((name for name in ("patient", "subject") if name in parameters), "")
        if not whose:
            continue
        categories = _BY_CATEGORY.get(kind, ()) if "category" in parameters else ()
        yield from (f"{kind}?{whose}={_WHOSE}&category={one}" for one in categories)
        if not categories:
            yield f"{kind}?{whose}={_WHOSE}"


def _answers(visit: _Visit, questions: Iterable[str], patients: Sequence[str]) -> dict[str, int]:
    """Patients first, then all questions about the first one before any about the second.

    So a bound cuts patients, not kinds.
    """
    answers: dict[str, int] = {}
    first, *others = questions
    asked = [(first, patient) for patient in patients]
    asked += [(question, patient) for patient in patients for question in others]
    for question, patient in asked:
        status = visit.look(question.replace(_WHOSE, patient))
        if status is not None:
            answers[question] = max(status, answers.get(question, 0))
    return answers


def _follow(visit: _Visit) -> None:
    """Read what records refer to and no search found: practitioners, organizations, places, medications."""
    read: dict[str, int] = {}
    for reference in sorted(visit.references):
        kind = reference.partition("/")[0]
        if reference not in visit.done and kind != "Patient" and read.get(kind, 0) < _LEAST:
            read[kind] = read.get(kind, 0) + 1
            visit.look(reference)


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, list):
        for one in node:
            yield from _references(one)
    elif isinstance(node, dict):
        found = node.get("reference")
        if isinstance(found, str) and found.count("/") == 1 and ":" not in found and not found.startswith("#"):
            yield found
        for value in node.values():
            yield from _references(value)
