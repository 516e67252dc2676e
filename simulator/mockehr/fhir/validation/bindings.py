"""Required bindings whose codes are known (FHIR R4 terminologies.html#required)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mockehr.core.errors import nearest_names
from mockehr.fhir.elements import Element
from mockehr.fhir.validation.issue import At, Findings, shown

Codes = Mapping[str, frozenset[str]]
"""Code system → its codes in the value set."""


def plain_codes(codes: Codes) -> frozenset[str]:
    """All codes, for elements of type code, which carry no system."""
    return frozenset().union(*codes.values())


def tell_code(value: str, element: Element, at: At, findings: Findings) -> None:
    """Note a code that the value set does not have, with the nearest ones."""
    findings.add(at, "code-invalid", unknown_code(value, plain_codes(element.codes), element.bound_to))


def unknown_code(value: str, codes: frozenset[str], value_set: str) -> str:
    """`'finished' is no code of observation-status; nearest: final`, for people."""
    near = nearest_names(value[:64], sorted(codes))
    hint = f"nearest: {', '.join(near)}" if near else f"there are {', '.join(sorted(codes)[:12])}"
    return f"{shown(value)} is no code of {value_set}; {hint}"


def in_value_set(coding: Mapping[str, Any], codes: Codes) -> bool:
    """Whether a Coding is of the value set."""
    return coding.get("code") in codes.get(coding.get("system", ""), ())


def check_coded(value: Mapping[str, Any], kind: str, codes: Codes, bound_to: str, at: At, findings: Findings) -> None:
    """Note a Coding or CodeableConcept (sound in structure) that is not of the value set.

    A concept of which one coding is in the value set is good, whatever the others are. One that has no coding at all
    is not, unless an extension says why.
    """
    if kind == "Coding":
        if not in_value_set(value, codes):
            findings.add(at, "code-invalid", _foreign(value, codes, bound_to))
        return
    codings = value.get("coding", ())
    if any(in_value_set(coding, codes) for coding in codings) or (not codings and "extension" in value):
        return
    text = _foreign(codings[0], codes, bound_to) if codings else f"no coding; one of {bound_to} is required"
    findings.add(at, "code-invalid", text)


def _foreign(coding: Mapping[str, Any], codes: Codes, bound_to: str) -> str:
    code, system = coding.get("code"), coding.get("system")
    if type(system) is str and system in codes and type(code) is str:
        return unknown_code(code, codes[system], bound_to)
    return f"{shown(code)} of {shown(system)} is not of {bound_to}, which has codes of {', '.join(sorted(codes))}"
