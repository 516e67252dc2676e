"""What is in a person's chart, as lists of NextGen's own API. Sources: notes.md, section Native API."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from mockehr.core.exchange import JSON
from mockehr.personalities.concepts import code_in, codes_of, codings, text_of
from mockehr.personalities.dresser import newest_date
from mockehr.personalities.proprietary import Records

LISTS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "allergies": ("AllergyIntolerance", ""),
        "encounters": ("Encounter", ""),
        "immunizations": ("Immunization", ""),
        "medications": ("MedicationRequest", ""),
        "problems": ("Condition", "problem-list-item"),
        "diagnoses": ("Condition", "encounter-diagnosis"),
        "procedures": ("Procedure", ""),
    }
)
"""The last part of a path → resource type, and its category."""
_CONCEPTS: Final = ("code", "vaccineCode", "medicationCodeableConcept")
BALANCES: Final = ("totalAmountDue", "badDebtAmount", "amountDueInsurance", "availableCredit", "accountCredit")


def query_of(person: str, category: str) -> str:
    """The FHIR search behind a list."""
    return f"patient={person}" + (f"&category={category}" if category else "")


def item_of(resource: JSON, person: str) -> JSON:
    """One line of a list, in camelCase."""
    concept = next((resource[name] for name in _CONCEPTS if name in resource), None)
    status = resource.get("status") or next(iter(sorted(codes_of(resource.get("clinicalStatus")))), "")
    made = {
        "id": resource["id"],
        "personId": person,
        "description": text_of(concept),
        "code": code_in(concept),
        "codeSystem": next((str(one["system"]) for one in codings(concept) if "code" in one and "system" in one), ""),
        "status": status,
        "date": newest_date(resource),
    }
    return {key: value for key, value in made.items() if value}


def balances_of(records: Records, person: str) -> JSON:
    """What a person owes and has paid, in dollars: made up, the same in every run."""
    octets = records.key("balances", person)
    due, debt, insurance, credit, account = (int.from_bytes(octets[n : n + 2], "big") for n in range(0, 10, 2))
    owed = due % 40000 if due % 3 else 0
    values = (owed, debt % 5000 if debt % 9 == 0 else 0, insurance % 90000, credit % 2000 if credit % 7 == 0 else 0,
              account % 1000 if account % 8 == 0 else 0)  # fmt: skip
    return {name: cents / 100 for name, cents in zip(BALANCES, values, strict=True)}
