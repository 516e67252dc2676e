"""Scopes that cover only a part of a type, by whose records they are about or by a constraint.

`patient/` scopes are confined to the patient in context, `user/` scopes of a patient or a relative to the patients
who are theirs (SMART App Launch 2.2, "Scopes and Launch Context"), and `system/Observation.rs?category=laboratory` to
what the constraint tells ("Finer-grained resource constraints using search parameters"). What is in no patient's
compartment (staff, organisations, places, medications) may be read by all of them and written by none.

Reads, searches, what they include and what `$everything` brings along are confined to that part; writes and the
history of a resource to the patients. What else such a scope would give is refused: it is not told from the rest of
the type before it is done.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, Final

from mockehr.auth.scopes import Query, Scopes
from mockehr.core.exchange import Exchange, Interaction
from mockehr.core.problem import Problem
from mockehr.fhir.belonging import Belonging, personal
from mockehr.fhir.part import Part, Piece
from mockehr.fhir.search import compile_query
from mockehr.fhir.server import FhirServer

CONFINED: Final = frozenset(
    {
        "read",
        "vread",
        "search",
        "search-system",
        "search-compartment",
        "$everything",
        "$lastn",
        "$docref",
    }
)
"""Interactions that show no more than the part."""
OF_PATIENTS: Final = frozenset(
    {
        "history-instance",
        "create",
        "update",
        "patch",
        "delete",
        "$meta-add",
        "$meta-delete",
        "$validate",
    }
)
"""Interactions that keep to patients, and to no constraint. `$meta` does where it is of one resource."""
SHARED_ACTIONS: Final = frozenset({"read", "search"})
"""What patients may do with what is nobody's."""


def rights_of(exchange: Exchange) -> Hashable | None:
    """`FhirServer.rights` by the scopes of an exchange's token."""
    scopes = exchange.scopes
    if not isinstance(scopes, Scopes) or not scopes.narrow:
        return None
    return exchange.patient, exchange.own, scopes.text


def part_of(server: FhirServer) -> Callable[[Exchange, str, str], Part | None]:
    """`FhirServer.part` by the scopes of an exchange's token."""

    def part(exchange: Exchange, kind: str, action: str) -> Part | None:
        scopes = exchange.scopes
        if not isinstance(scopes, Scopes) or not scopes.narrow:
            return None
        whole: frozenset[str] = frozenset()
        pieces: list[Piece] = []
        for context, query in scopes.alternatives(kind, action):
            whose = _whose(exchange, context)
            if whose is not None and not whose:
                continue
            if action in SHARED_ACTIONS and not personal(kind):
                whose = None
            if query:
                place = None if whose is None else Belonging(server.store, whose, exchange.base_url)
                pieces.append(Piece(place, _test(server, kind, query)))
            elif whose is None:
                return None
            else:
                whole |= whose
        if whole:
            pieces.insert(0, Piece(Belonging(server.store, whole, exchange.base_url)))
        return Part(*pieces)

    return part


def _whose(exchange: Exchange, context: str) -> frozenset[str] | None:
    """To whose records scopes of a context are confined; None for everybody's."""
    if context == "patient":
        return frozenset((exchange.patient,)) if exchange.patient else frozenset()
    return frozenset(exchange.own) if context == "user" and exchange.own else None


def _test(server: FhirServer, kind: str, query: Query) -> Callable[[Any], bool]:
    compiled = compile_query(kind, query, strict=True, fhir_version=server.fhir_version)
    return (lambda resource: False) if compiled.problems else compiled.matches  # not understood: it covers nothing


def refused_for(part: Part | None, asked: Interaction, kind: str, action: str) -> Problem | None:
    """The refusal of an interaction that would go beyond the part of a type that a token covers."""
    if part is None:
        return None
    kept = asked.name in OF_PATIENTS or (asked.name == "$meta" and bool(asked.id))
    if not part.pieces:
        text = f"The token covers {action} of {kind} for a patient in context only, and it has none"
    elif asked.name in CONFINED or (kept and part.plain.pieces):
        return None
    else:
        text = f"The token covers a part of {kind} only, and {asked.name} is not confined to it"
    return Problem(403, "scope-missing", text, resource_type=kind, value=action)
