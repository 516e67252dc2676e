"""Invariants of R4 that are cheap and well known, as plain functions of an object that is sound in structure.

dom-2 to dom-5 and ref-1 are in `references`, ele-1 in `structure`, txt-1 and txt-2 in `narrative`. Not covered: what
needs the whole guide or a resolver (ctm-1), definitions of conformance resources (sdf-, eld-, cpb-, tst- and so on),
and dom-6, which asks for a narrative that few systems write. The keys are those of HL7's definitions, the words ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from mockehr.fhir.validation import invariants_resources, invariants_types
from mockehr.fhir.validation.rules import Rule

RULES: Final[Mapping[str, tuple[Rule, ...]]] = MappingProxyType(
    {**invariants_types.RULES, **invariants_resources.RULES}
)
"""Structure → its invariants."""


def rules_of(name: str) -> tuple[Rule, ...]:
    """The invariants of a structure, by its name (`Period`, `Patient.contact`)."""
    return RULES.get(name, ())
