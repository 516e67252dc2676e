"""`Observation/$lastn` (FHIR R4 observation-operation-lastn.html): the newest of each kind of measurement."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlencode

from mockehr.core.exchange import Exchange
from mockehr.core.folding import fold
from mockehr.core.page import SearchPage
from mockehr.core.problem import Problem
from mockehr.fhir.interactions.search import look_up
from mockehr.fhir.operations.base import Input, Operation
from mockehr.fhir.operations.parameters import missing
from mockehr.fhir.operations.searchset import UNLIMITED, Found, first_page, later_page
from mockehr.fhir.record import Record
from mockehr.fhir.search.date import BEGINNING, interval_of
from mockehr.fhir.search.table import lookup
from mockehr.fhir.server import FhirServer
from mockehr.fhir.terminology.written import objects, text

_OWN: Final = frozenset({"max", "_count", "_format", "_pretty", "_sort", "_total", "_summary", "_elements"})
"""Parameters that are not the search's: they shape the answer, or would undo what the operation does."""
_SUBJECTS: Final = frozenset({"patient", "subject"})
_KINDS: Final = ("category", "code")
"""Parameters of which one is wanted: category, or one that looks at a code (`code`, `combo-code`, `code-value-…`)."""


def lastn(server: FhirServer, exchange: Exchange, given: Input) -> SearchPage | Problem:
    """A searchset with up to `max` (else one) newest observations of each code, newest first within a code."""
    later = later_page(server, exchange, given)
    if later is not None:
        return later
    most, size = _number(given, "max", 1), _number(given, "_count", 0)
    for one in (most, size):
        if isinstance(one, Problem):
            return one
    pairs = [(name, value) for name in given if name not in _OWN for value in given.all(name)]
    refused = _incomplete(pairs)
    if refused is not None:
        return refused
    query = urlencode([(name, _as_text(value)) for name, value in pairs])
    found = look_up(server, "Observation", query, offset=0, limit=UNLIMITED, exchange=exchange)
    if isinstance(found, Problem):
        return found
    assert isinstance(most, int | None)
    assert isinstance(size, int | None)
    newest = [record for group in grouped(found[1]) for record in group[: most or 1]]
    return first_page(server, exchange, given, Found((record, True) for record in newest), size)


def _number(given: Input, name: str, least: int) -> int | Problem | None:
    values = given.all(name)
    if not values:
        return None
    told = str(values[0])
    if len(values) > 1:
        return Problem(400, "parameter-conflict", f"the parameter {name} was given more than once", parameter=name)
    if isinstance(values[0], bool) or not (
        told.isascii() and told.isdigit() and len(told) < 10 and int(told) >= least
    ):
        text = f"the parameter {name} has to be a whole number from {least} up"
        return Problem(400, "parameter-invalid", text, parameter=name, value=told)
    return int(told)


def _incomplete(pairs: list[tuple[str, Any]]) -> Problem | None:
    for name, value in pairs:
        if not isinstance(value, (str, int, float)):
            return Problem(400, "parameter-invalid", f"the parameter {name} has to be a text", parameter=name)
    names = {name.partition(":")[0].partition(".")[0] for name, value in pairs if value != ""}
    if not names & _SUBJECTS:
        return missing("patient", "$lastn wants to know whose: give patient or subject")
    if not any(kind in name.split("-") for name in names for kind in _KINDS):
        return missing("category", "$lastn wants to know of what: give category, code or another parameter of a code")
    return None


def _as_text(value: Any) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def grouped(records: Any) -> list[list[Record]]:
    """The records by Observation.code, each group newest first, the groups in the order of their newest.

    Concepts are the same if they share a coding (system and code); without codings, if their texts are the same.
    """
    leader: dict[Any, Any] = {}

    def lead(key: Any) -> Any:
        while leader.setdefault(key, key) != key:
            key = leader[key]
        return key

    keyed = []
    for record in records:
        keys = _keys(record)
        for other in keys[1:]:
            leader[lead(other)] = lead(keys[0])
        keyed.append((keys[0], record))
    groups: dict[Any, list[Record]] = {}
    for key, record in sorted(keyed, key=lambda pair: _when(pair[1]), reverse=True):
        groups.setdefault(lead(key), []).append(record)
    return list(groups.values())


def _keys(record: Record) -> list[Any]:
    concept = record.document.get("code")
    codings = [(text(one, "system"), text(one, "code")) for one in objects(concept, "coding")]
    return [one for one in codings if one[1]] or [fold(text(concept, "text"))]


def _when(record: Record) -> tuple[int, int, float]:
    """When it was measured, else when it was issued; then when it was recorded."""
    definition = lookup("Observation", "date")
    found = [interval_of(one) for one in definition.extract(record.document)] if definition is not None else []
    issued = interval_of(record.document.get("issued"))
    known = [one for one in (*found, issued) if one is not None]
    return (*known[0], record.updated) if known else (BEGINNING, BEGINNING, record.updated)


LASTN: Final = Operation(
    "lastn",
    "http://hl7.org/fhir/OperationDefinition/Observation-lastn",
    lastn,
    frozenset({"type"}),
    frozenset({"Observation"}),
    action="search",
)
