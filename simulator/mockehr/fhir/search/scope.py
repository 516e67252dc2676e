"""What a search covers: one type, several of the whole server, or those in somebody's compartment."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from mockehr.core.errors import nearest_names
from mockehr.core.exchange import Interaction
from mockehr.core.problem import Problem, not_found
from mockehr.fhir.belonging import members
from mockehr.fhir.record import Record
from mockehr.fhir.search.candidates import Target
from mockehr.fhir.search.neighbours import patients_of
from mockehr.fhir.search.parse import HAS, RESULT_PARAMETERS, parse_parameter
from mockehr.fhir.search.query import Query
from mockehr.fhir.search.table import compartment, definitions
from mockehr.fhir.server import FhirServer

EVERY: Final = "*"
Pairs = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Scope:
    """The types, and the parameters that concern all of them. `owner` is whose compartment it is, if it is one."""

    kinds: tuple[str, ...]
    pairs: Pairs
    unknown: tuple[str, ...] = ()
    """Parameters that some of the types do not have, as given; left out of `pairs`."""
    owner: Record | None = None
    patients: tuple[str, ...] | None = None
    """In whose charts everything computed is that is in the compartment; None if that is not known."""

    def target(self, query: Query, base_url: str) -> Target:
        """One of the types, ready to be looked for."""
        if self.owner is None:
            return Target(query.resource_type, query, self.pairs)
        owner = self.owner
        member = membership(query.resource_type, owner, base_url)
        return Target(query.resource_type, query, self.pairs, member, self.patients)


def scope_of(
    server: FhirServer, asked: Interaction, pairs: Pairs, permitted: Callable[[str], bool], *, strict: bool
) -> Scope | Problem:
    """What an interaction covers.

    `search`: `resource_type`. `search-system`: the types of `_type`, or all. `search-compartment`: `resource_type`
    (`*` for all) in the compartment of the `version` (a type) with that `id`. Where several types are covered, those
    that are not `permitted` are left out.
    """
    if asked.name == "search-compartment":
        return _of_compartment(server, asked, pairs, permitted, strict=strict)
    if asked.resource_type:
        return Scope((asked.resource_type,), pairs)
    named = [kind for name, value in pairs if name == "_type" for kind in value.split(",") if kind]
    strange = next((kind for kind in named if kind not in server.types), "")
    if strange:
        close = nearest_names(strange, server.types)
        text = f"{strange} is not offered by this server" + (f"; did you mean {' or '.join(close)}?" if close else "")
        return Problem(400, "parameter-invalid", text, parameter="_type", value=strange)
    kinds = [kind for kind in dict.fromkeys(named or server.types) if permitted(kind)]
    return _common(kinds, [pair for pair in pairs if pair[0] != "_type"], strict=strict, version=server.fhir_version)


def _of_compartment(
    server: FhirServer, asked: Interaction, pairs: Pairs, permitted: Callable[[str], bool], *, strict: bool
) -> Scope | Problem:
    rows = compartment(asked.version)
    if not rows:
        text = f"there are no compartments of {asked.version}, only of Patient, Encounter and the like"
        return Problem(404, "interaction-unknown", text, resource_type=asked.version)
    owner = server.store.read(asked.version, asked.id)
    if owner is None or owner.deleted:
        return not_found(asked.version, asked.id)
    whose = patients_of(server.store, asked.version, asked.id)
    patients = None if "" in whose else whose
    members = {*rows, asked.version}
    if asked.resource_type == EVERY:
        kinds = [kind for kind in server.types if kind in members and permitted(kind)]
        found = _common(kinds, pairs, strict=strict, version=server.fhir_version)
        return found if isinstance(found, Problem) else replace(found, owner=owner, patients=patients)
    if asked.resource_type not in members:
        text = f"{asked.resource_type} is never in the compartment of a {asked.version}"
        return Problem(400, "bad-request", text, resource_type=asked.resource_type)
    return Scope((asked.resource_type,), pairs, (), owner, patients)


def _common(kinds: Sequence[str], pairs: Pairs, *, strict: bool, version: str) -> Scope | Problem:
    """Several types: only parameters that all of them have count (search.html#all)."""
    names = [frozenset(definitions(kind, version)) for kind in kinds]
    common = frozenset.intersection(*names) if names else frozenset()
    kept: list[tuple[str, str]] = []
    unknown: list[str] = []
    for key, value in pairs:
        name = parse_parameter(key, "").name
        if name in common or name in RESULT_PARAMETERS or name == HAS:
            kept.append((key, value))
        else:
            unknown.append(key)
    if unknown and strict:
        text = f"{unknown[0]} is no search parameter of all the types searched"
        return Problem(400, "parameter-unknown", text, parameter=unknown[0])
    return Scope(tuple(kinds), kept, tuple(unknown))


def membership(kind: str, owner: Record, base_url: str) -> Callable[[Any], bool]:
    """Resource of type `kind` → is it in the owner's compartment?"""
    refers = members(kind, owner.resource_type, (owner.id,), base_url)

    def member(resource: Any) -> bool:
        if kind == owner.resource_type and isinstance(resource, dict) and resource.get("id") == owner.id:
            return True
        return refers(resource)

    return member
