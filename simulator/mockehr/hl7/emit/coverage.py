"""Coverages as IN1, in order of `order`."""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType
from typing import Final

from mockehr.core.exchange import JSON
from mockehr.hl7.emit.fields import authority, concept_cwe, name_xpn
from mockehr.hl7.emit.outline import Outline, referred
from mockehr.hl7.write import Component, Field

_INSURED: Final = MappingProxyType({"self": "SEL", "spouse": "SPO", "child": "CHD", "parent": "PAR", "other": "OTH"})
"""Subscriber-relationship to table 0063."""


def add_coverages(outline: Outline, patient: JSON, resources: Sequence[JSON]) -> None:
    """Add IN1 for each active Coverage."""
    held = [
        one for one in resources if one.get("resourceType") == "Coverage" and one.get("status", "active") == "active"
    ]
    held.sort(key=lambda one: one.get("order", 99))
    for number, coverage in enumerate(held, 1):
        outline.add("IN1", _fields(number, coverage, patient, resources, outline))


def _fields(
    number: int, coverage: JSON, patient: JSON, resources: Sequence[JSON], outline: Outline
) -> dict[int, Field]:
    payor: JSON = next(iter(coverage.get("payor", [])), {})
    company = referred(resources, payor) or {}
    name = str(company.get("name") or payor.get("display", ""))
    group, plan = _class(coverage, "group"), _class(coverage, "plan")
    period, relation = coverage.get("period", {}), _relation(coverage)
    return {
        1: str(number),
        2: [plan.get("value") or "UNKNOWN", plan.get("name", "")],
        3: _company_cx(payor, company) or [name or "UNKNOWN", "", "", "", "XX"],
        4: [name],
        8: str(group.get("value", "")),
        9: [str(group.get("name", ""))],
        12: outline.time(period.get("start", ""))[:8],
        13: outline.time(period.get("end", ""))[:8],
        16: _holder(coverage, patient, resources, relation, outline),
        17: [_INSURED[relation], "", "HL70063"] if relation in _INSURED else "",
        22: str(coverage.get("order", "")),
        36: str(coverage.get("subscriberId", "")),
        15: _kind(coverage),
    }


def _company_cx(payor: JSON, company: JSON) -> list[Component]:
    number = payor.get("identifier") or next(iter(company.get("identifier", [])), None)
    if number and number.get("value"):
        return [str(number["value"]), "", "", authority(number.get("system", "")), "XX"]
    own = payor.get("reference", "").rpartition("/")[2]
    return [own, "", "", "", "XX"] if own else []


def _class(coverage: JSON, kind: str) -> JSON:
    for one in coverage.get("class", []):
        if any(coding.get("code") == kind for coding in one.get("type", {}).get("coding", [])):
            return dict(one)
    return {}


def _relation(coverage: JSON) -> str:
    codings = coverage.get("relationship", {}).get("coding", [])
    return str(codings[0].get("code", "")) if codings else ""


def _holder(
    coverage: JSON, patient: JSON, resources: Sequence[JSON], relation: str, outline: Outline
) -> list[Component]:
    who = patient if relation == "self" else referred(resources, coverage.get("subscriber"))
    for name in (who or {}).get("name", [])[:1]:
        return name_xpn(name, outline.dialect)
    family, _, given = coverage.get("subscriber", {}).get("display", "").partition(", ")
    return [family, given] if family else []


def _kind(coverage: JSON) -> str:
    """IN1-15 is a code of two or three characters in practice; a text of ours goes there as well."""
    kind = coverage.get("type")
    codings = (kind or {}).get("coding", [])
    return str(codings[0].get("code", "")) if codings else str(next(iter(concept_cwe(kind)[1:2]), ""))
