"""Scopes in words that a patient understands, for the consent page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from types import MappingProxyType
from typing import Final

from mockehr.auth.people import Choice
from mockehr.auth.scopes import ACTIONS, Scope, Scopes

_PLAIN: Final = MappingProxyType(
    {
        "openid": "Know who you are",
        "fhirUser": "Know who you are",
        "profile": "Know your name",
        "offline_access": "Keep its access after you have left",
        "online_access": "Keep its access while you are signed in",
    }
)
_THINGS: Final = MappingProxyType(
    {
        "*": "all health records",
        "AllergyIntolerance": "allergies",
        "Appointment": "appointments",
        "Binary": "files",
        "CarePlan": "care plans",
        "CareTeam": "care teams",
        "Condition": "conditions and diagnoses",
        "Coverage": "insurance coverage",
        "Device": "devices and implants",
        "DiagnosticReport": "reports",
        "DocumentReference": "documents and notes",
        "Encounter": "visits",
        "Goal": "goals",
        "Immunization": "immunizations",
        "Location": "places",
        "Media": "pictures and recordings",
        "Medication": "descriptions of medicines",
        "MedicationDispense": "medicines handed out",
        "MedicationRequest": "prescriptions",
        "Observation": "results and observations",
        "Organization": "organizations",
        "Patient": "name, birth date and contacts",
        "Practitioner": "doctors and other staff",
        "PractitionerRole": "what staff do and where",
        "Procedure": "procedures",
        "Provenance": "who recorded what",
        "QuestionnaireResponse": "answers to questionnaires",
        "RelatedPerson": "relatives and carers",
        "ServiceRequest": "orders and referrals",
        "Specimen": "specimens",
        "Task": "tasks",
    }
)
_CAPITAL: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")
_WORDS: Final = MappingProxyType({"r": "see", "s": "search", "c": "add", "u": "change", "d": "delete"})


def scope_lines(scopes: Scopes) -> Iterator[Choice]:
    """One line for each scope that a person can decide on or should know of; its id is the scope as written.

    Lines about data have the scope itself as detail; the others none.
    """
    told = set()
    for scope in scopes:
        if scope.actions:
            yield Choice(scope.text, _sentence(scope), scope.text)
        elif scope.text in _PLAIN and _PLAIN[scope.text] not in told:
            told.add(_PLAIN[scope.text])
            yield Choice(scope.text, _PLAIN[scope.text])


def _sentence(scope: Scope) -> str:
    letters = [letter for letter in "rscud" if letter in scope.actions and letter in ACTIONS]
    if {"r", "s"} <= set(letters):
        letters.remove("s")
    words = [_WORDS[letter] for letter in letters]
    verbs = " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))
    kind = scope.resource_type
    thing = _THINGS.get(kind) or f"{_CAPITAL.sub(' ', kind).lower()} records"
    query = ", ".join(f"{name} {value.rpartition('|')[2]}" for name, value in scope.query)
    said = f"{verbs} {thing}" + (f" (only {query})" if query else "")
    return said[:1].upper() + said[1:]
