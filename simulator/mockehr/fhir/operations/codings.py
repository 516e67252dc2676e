"""The codings that a call of a terminology operation is about: code with system, coding, or codeableConcept."""

from __future__ import annotations

from typing import Final, NamedTuple

from mockehr.core.exchange import JSON
from mockehr.core.problem import Problem
from mockehr.fhir.operations.base import Input
from mockehr.fhir.operations.parameters import as_list, conflict, is_coding, missing

MOST_CODINGS: Final = 100
"""Codings of one concept that is asked about."""


class Asked(NamedTuple):
    """One coding that is asked about."""

    system: str
    code: str
    display: str = ""
    version: str = ""

    @property
    def canonical(self) -> str:
        """The code system with its version if one is known."""
        return f"{self.system}|{self.version}" if self.version else self.system


def asked_codings(
    given: Input, *, system: str = "", version: str = "version", system_wanted: bool = False
) -> list[Asked] | Problem:
    """The codings of a call, at least one; a Problem if none, or more than one way to say it, was used.

    `system` stands in where none is given; `version` names the parameter that carries the system's version.
    """
    ways = [name for name in ("code", "coding", "codeableConcept") if given.all(name)]
    if len(ways) > 1:
        return conflict(ways[1], f"give one of code, coding and codeableConcept, not {' and '.join(ways)}")
    if not ways:
        return missing("code", "give a code (with its system), a coding or a codeableConcept")
    if given.all("display") and ways != ["code"]:
        return conflict("display", "display goes with code; a coding has its own")
    found = [_asked(one, system) for one in _codings(given, version)]
    if len(found) > MOST_CODINGS:
        return conflict("codeableConcept", f"the concept has {len(found)} codings; {MOST_CODINGS} are allowed")
    fitting = [one for one in found if not system or one.system == system]
    if not fitting:
        return conflict("system", f"{found[0].system} is not the code system {system} that is asked")
    found = fitting
    if system_wanted and not all(one.system for one in found):
        return missing("system", "a code needs its system")
    return found


def _codings(given: Input, version: str) -> list[JSON]:
    concept, coding = given.object("codeableConcept"), given.object("coding")
    if concept is not None:
        return [one for one in as_list(concept.get("coding")) if is_coding(one)]
    if coding is not None:
        return [coding]
    names = (("system", "system"), ("code", "code"), ("display", "display"), ("version", version))
    return [{key: given.text(name) for key, name in names}]


def _asked(coding: JSON, system: str) -> Asked:
    return Asked(
        coding.get("system") or system, coding["code"], coding.get("display") or "", coding.get("version") or ""
    )
