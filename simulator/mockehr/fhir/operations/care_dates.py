"""When the care took place that a resource tells of: for ranges that relate to care and not to records."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from mockehr.core.exchange import JSON
from mockehr.fhir.search.date import BEGINNING, END, Interval, interval, interval_of
from mockehr.fhir.search.table import lookup

_PARAMETERS: Final = MappingProxyType(
    {
        "AllergyIntolerance": ("onset", "date"),
        "Claim": ("created",),
        "ClaimResponse": ("created",),
        "Communication": ("sent", "received"),
        "CommunicationRequest": ("occurrence", "authored"),
        "Condition": ("onset-date", "recorded-date"),
        "DeviceRequest": ("event-date", "authored-on"),
        "DocumentReference": ("period", "date"),
        "ExplanationOfBenefit": ("created",),
        "Goal": ("start-date", "target-date"),
        "ImagingStudy": ("started",),
        "Media": ("created",),
        "MedicationAdministration": ("effective-time",),
        "MedicationDispense": ("whenhandedover", "whenprepared"),
        "MedicationRequest": ("authoredon",),
        "MedicationStatement": ("effective",),
        "NutritionOrder": ("datetime",),
        "QuestionnaireResponse": ("authored",),
        "ServiceRequest": ("occurrence", "authored"),
        "Specimen": ("collected",),
        "Task": ("period", "authored-on"),
        "VisionPrescription": ("datewritten",),
    }
)
"""Type → its search parameters that tell, the best first; other types have `date`."""
_LASTING: Final = frozenset({"AllergyIntolerance", "Condition"})
"""Types that go on until they are said to be over."""


def care_interval(document: JSON) -> Interval | None:
    """From when until when, in microseconds since 1970; None if the resource does not tell."""
    kind = str(document.get("resourceType"))
    for name in _PARAMETERS.get(kind, ("date",)):
        definition = lookup(kind, name)
        found = [interval_of(item) for item in definition.extract(document)] if definition is not None else []
        known = [one for one in found if one is not None]
        if known:
            low, high = min(one[0] for one in known), max(one[1] for one in known)
            return (low, _over(document)) if kind in _LASTING else (low, high)
    return None


def _over(document: JSON) -> int:
    abated = document.get("abatementDateTime") or document.get("abatementPeriod")
    known = interval_of(abated)
    return known[1] if known is not None else END


def care_range(start: str, end: str) -> Interval | None:
    """The range of two checked dates, either of which may be empty; None without any."""
    if not start and not end:
        return None
    first, last = interval(start), interval(end)
    return first[0] if first is not None else BEGINNING, last[1] if last is not None else END


def falls_into(document: JSON, wanted: Interval | None) -> bool:
    """Whether the care overlaps the range; what has no date of care belongs to any."""
    if wanted is None:
        return True
    found = care_interval(document)
    return found is None or (found[0] < wanted[1] and found[1] > wanted[0])
