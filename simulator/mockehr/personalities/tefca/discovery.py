"""Asking every site behind, and putting together what they know (FHIR R4 `Patient/$match`, search)."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

import orjson

from mockehr.core.exchange import JSON, Exchange
from mockehr.core.problem import Problem
from mockehr.personalities.behind import Answer, Behind
from mockehr.personalities.tefca.naming import own, told

GRADE: Final = "http://hl7.org/fhir/StructureDefinition/match-grade"
_OWN_REFERENCES: Final = frozenset({"patient", "subject", "_id"})


def criteria_of(body: bytes) -> dict[str, str] | Problem:
    """What a `$match` tells of the patient, as search parameters."""
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        return Problem(400, "body-invalid", "The body is no JSON")
    parts = found.get("parameter") or () if isinstance(found, dict) else ()
    patient = next(
        (one.get("resource") for one in parts if isinstance(one, dict) and one.get("name") == "resource"), None
    )
    if not isinstance(patient, dict) or patient.get("resourceType") != "Patient":
        return Problem(
            400, "parameter-missing", "Parameters.parameter `resource` must be a Patient", parameter="resource"
        )
    name: JSON = next((one for one in patient.get("name") or () if isinstance(one, dict)), {})
    given = next(iter(name.get("given") or ()), "")
    all_of = {
        "family": name.get("family"),
        "given": given,
        "birthdate": patient.get("birthDate"),
        "gender": patient.get("gender"),
    }
    return {key: str(value) for key, value in all_of.items() if value}


@dataclass(frozen=True, slots=True)
class Discovery:
    """One question to all sites behind."""

    settings: Mapping[str, Any]
    exchange: Exchange
    behind: Sequence[Behind]

    def match(self, criteria: Mapping[str, str]) -> JSON | Problem:
        """A searchset of patients who fit, the likeliest first, each with a score and a grade."""
        refusal = self._too_little(criteria)
        if refusal is not None:
            return refusal
        query = urlencode({name: criteria[name] for name in criteria})
        certain = all(name in criteria for name in self.settings["certain"])
        entries, outcomes = [], []
        for place, answer in self._asked("Patient", query):
            if not answer.ok:
                outcomes.append(_outcome(answer))
                continue
            grade = "certain" if certain and len(answer.resources) == 1 else "probable"
            for one in answer.resources:
                search = {
                    "extension": [{"url": GRADE, "valueCode": grade}],
                    "mode": "match",
                    "score": 1 if grade == "certain" else 0.8,
                }
                entries.append(self._entry(one, place, answer, search))
        entries.sort(key=lambda entry: -float(entry["search"]["score"]))
        return _bundle(entries, outcomes)

    def search(self, resource_type: str, query: str) -> JSON | Problem:
        """A searchset of one type; what names a patient of one site is asked there alone."""
        pairs = parse_qsl(query, keep_blank_values=True)
        if resource_type == "Patient" and not any(name in ("_id", "identifier") for name, _ in pairs):
            refusal = self._too_little({name.partition(":")[0]: value for name, value in pairs})
            if refusal is not None:
                return refusal
        places = {own(value.rpartition("/")[2])[0] for name, value in pairs if name in _OWN_REFERENCES}
        if resource_type != "Patient" and places in (set(), {None}):
            text = f"A search for {resource_type} must name a patient of this responder"
            return Problem(400, "parameter-missing", text, parameter="patient", resource_type=resource_type)
        theirs = urlencode([(name, _their(name, value)) for name, value in pairs])
        entries, outcomes = [], []
        for place, answer in self._asked(resource_type, theirs, places - {None}):
            if answer.ok:
                entries += [self._entry(one, place, answer, {"mode": "match"}) for one in answer.resources]
            else:
                outcomes.append(_outcome(answer))
        return _bundle(entries, outcomes)

    def _asked(
        self, resource_type: str, query: str, places: Collection[int | None] = ()
    ) -> Iterator[tuple[int, Answer]]:
        """The answers of the sites in those places, or of all."""
        most, patience = int(self.settings["most"]), float(self.settings["patience"])
        for place, one in enumerate(self.behind):
            if places and place not in places:
                continue
            target = f"/{resource_type}?{query}&_count={most}"
            yield place, one.ask(self.exchange, "GET", target, patience=patience)

    def _too_little(self, criteria: Mapping[str, str]) -> Problem | None:
        missing = [name for name in self.settings["least"] if not criteria.get(name)]
        if not missing:
            return None
        text = f"Patients are found by {', '.join(self.settings['least'])} at least"
        return Problem(400, "parameter-missing", text, parameter=missing[0], resource_type="Patient")

    def _entry(self, resource: JSON, place: int, answer: Answer, search: JSON) -> JSON:
        base = self.exchange.base_url
        made = told(resource, place, answer.bases, base)
        self.exchange.returned += (f"{made['resourceType']}/{made['id']}",)
        return {"fullUrl": f"{base}/{made['resourceType']}/{made['id']}", "resource": made, "search": search}


def _their(name: str, value: str) -> str:
    """A parameter's value with the site's own id, where it has ours."""
    kind, slash, id = value.rpartition("/")
    place, theirs = own(id)
    return f"{kind}{slash}{theirs}" if name in _OWN_REFERENCES and place is not None else value


def _outcome(answer: Answer) -> JSON:
    issue = {"severity": "warning", "code": "incomplete", "diagnostics": answer.text}
    return {"resource": {"resourceType": "OperationOutcome", "issue": [issue]}, "search": {"mode": "outcome"}}


def _bundle(entries: list[JSON], outcomes: list[JSON]) -> JSON:
    made: JSON = {"resourceType": "Bundle", "type": "searchset", "total": len(entries)}
    return made | ({"entry": [*entries, *outcomes]} if entries or outcomes else {})
