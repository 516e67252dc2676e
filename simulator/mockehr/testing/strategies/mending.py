"""What makes drawn objects keep the invariants that chance alone rarely keeps; the keys are HL7's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from mockehr.core.exchange import JSON

UCUM: Final = "http://unitsofmeasure.org"
_TERMS: Final = "http://terminology.hl7.org/CodeSystem/"
Mend = Callable[[JSON], JSON]


def mended(name: str, drawn: JSON) -> JSON:
    """The object of that structure, so that it breaks no invariant that is known here; may be the same object."""
    mend = _MENDS.get(name)
    return mend(drawn) if mend is not None else drawn


def _period(drawn: JSON) -> JSON:  # per-1
    return {"start": drawn["start"]} if "start" in drawn and "end" in drawn else drawn


def _quantity(drawn: JSON) -> JSON:  # qty-3
    return drawn if "code" not in drawn or "system" in drawn else {**drawn, "system": UCUM}


def _measured(unit: str) -> Mend:  # age-1, drt-1, cnt-3, dis-1
    def mend(drawn: JSON) -> JSON:
        value = drawn.get("value")
        return {
            "value": value if isinstance(value, int) and value > 0 else 1,
            "unit": unit,
            "system": UCUM,
            "code": unit,
        }

    return mend


def _ratio(drawn: JSON) -> JSON:  # rat-1
    return {"numerator": {"value": 1, "unit": "mg"}, "denominator": {"value": 1, "unit": "mL"}}


def _range(drawn: JSON) -> JSON:  # rng-2
    return {"low": {"value": 1}, "high": {"value": 2}} if "low" in drawn and "high" in drawn else drawn


def _with(when: str, **needed: Any) -> Mend:
    """Adds `needed` where `when` is there (or always, if it is empty)."""

    def mend(drawn: JSON) -> JSON:
        return {**needed, **drawn} if not when or when in drawn else drawn

    return mend


def _without(*names: str) -> Mend:
    def mend(drawn: JSON) -> JSON:
        return {key: value for key, value in drawn.items() if key not in names}

    return mend


def _coded(system: str, code: str) -> JSON:
    return {"coding": [{"system": _TERMS + system, "code": code}]}


def _allergy(drawn: JSON) -> JSON:  # ait-1, ait-2
    rest = _without("verificationStatus")(drawn)
    return {"clinicalStatus": _coded("allergyintolerance-clinical", "active"), **rest}


def _condition(drawn: JSON) -> JSON:  # con-3 to con-5
    abated = any(name.startswith("abatement") for name in drawn)
    rest = _without("verificationStatus", "clinicalStatus")(drawn)
    return {"clinicalStatus": _coded("condition-clinical", "inactive" if abated else "active"), **rest}


def _appointment(drawn: JSON) -> JSON:  # app-2 to app-4
    return {**_without("start", "end", "cancelationReason")(drawn), "status": "proposed"}


def _family_member(drawn: JSON) -> JSON:  # fhs-1, fhs-2
    ages = [name for name in drawn if name.startswith(("age", "estimatedAge"))]
    return _without(*ages, "estimatedAge")(drawn)


_MENDS: Final[Mapping[str, Mend]] = MappingProxyType(
    {
        "Age": _measured("a"),
        "AllergyIntolerance": _allergy,
        "Appointment": _appointment,
        "Appointment.participant": _with("", actor={"reference": "Patient/a"}),
        "Attachment": _with("data", contentType="text/plain"),
        "Condition": _condition,
        "Consent": _with("", policyRule={"text": "as agreed"}),
        "ContactPoint": _with("value", system="phone"),
        "Count": _measured("1"),
        "Distance": _measured("m"),
        "Duration": _measured("d"),
        "Expression": _with("", expression="true"),
        "FamilyMemberHistory": _family_member,
        "MedicationAdministration.dosage": _with("", dose={"value": 1, "unit": "mg"}),
        "Organization": _with("", name="House"),
        "Period": _period,
        "Quantity": _quantity,
        "Range": _range,
        "Ratio": _ratio,
    }
)
