"""What makes drawn objects keep the invariants that chance alone rarely keeps; the keys are HL7's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from mockehr.core.exchange import JSON
from mockehr.fhir.validation.rules import in_order
from mockehr.testing.strategies.mending_resources import MENDS as OF_RESOURCES

UCUM: Final = "http://unitsofmeasure.org"
Mend = Callable[[JSON], JSON]


def mended(name: str, drawn: JSON) -> JSON:
    """The object of that structure, so that it breaks no invariant that is known here; may be the same object."""
    mend = _MENDS.get(name)
    return mend(drawn) if mend is not None else drawn


def _period(drawn: JSON) -> JSON:  # per-1
    if in_order(drawn.get("start"), drawn.get("end")):
        return drawn
    return {**drawn, "start": drawn["end"], "end": drawn["start"]}


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
    one = {"value": 1, "unit": "mg"}
    return {"numerator": drawn.get("numerator", one), "denominator": drawn.get("denominator", one)}


def _range(drawn: JSON) -> JSON:  # rng-2
    low, high = drawn.get("low", {}).get("value"), drawn.get("high", {}).get("value")
    if low is None or high is None or low <= high:
        return drawn
    return {**drawn, "low": {**drawn["low"], "value": high}, "high": {**drawn["high"], "value": low}}


def _repeat(drawn: JSON) -> JSON:  # tim-1 to tim-10
    made = dict(drawn)
    for name in ("duration", "period"):
        if name in made or f"{name}Max" in made:
            made[name] = abs(made.get(name, 1))
            made.setdefault(f"{name}Unit", "d")
    if "countMax" in made:
        made.setdefault("count", 1)
    if "offset" in made:
        made["when"] = ["HS"]
    if "when" in made:
        made.pop("timeOfDay", None)
    return made


def _extension(drawn: JSON) -> JSON:  # ext-1
    return drawn if len(drawn) > 1 else {**drawn, "valueBoolean": False}


def _with(when: str, **needed: Any) -> Mend:
    """Adds `needed` where `when` is there (or always, if it is empty)."""

    def mend(drawn: JSON) -> JSON:
        return {**needed, **drawn} if not when or when in drawn else drawn

    return mend


_MENDS: Final[Mapping[str, Mend]] = MappingProxyType(
    {
        **OF_RESOURCES,
        "Age": _measured("a"),
        "Attachment": _with("data", contentType="text/plain"),
        "ContactPoint": _with("value", system="phone"),
        "Count": _measured("1"),
        "Distance": _measured("m"),
        "Duration": _measured("d"),
        "Expression": _with("", expression="true"),
        "Extension": _extension,
        "Period": _period,
        "Quantity": _quantity,
        "Range": _range,
        "Ratio": _ratio,
        "Timing.repeat": _repeat,
    }
)
