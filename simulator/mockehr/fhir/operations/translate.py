"""`ConceptMap/$translate` (FHIR R4 conceptmap-operation-translate.html): what a code is called elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from mockehr.core.exchange import JSON, Exchange
from mockehr.core.problem import Problem
from mockehr.fhir.operations.base import Input, Operation
from mockehr.fhir.operations.codings import Asked, asked_codings
from mockehr.fhir.operations.parameters import check, conflict, missing, named, resource_given, unknown
from mockehr.fhir.server import FhirServer
from mockehr.fhir.terminology import Library
from mockehr.fhir.terminology.model import NO_MATCH, ConceptMap, MapGroup, Target
from mockehr.fhir.terminology.written import read_concept_map

_SPEC: Final = {
    "url": "text",
    "conceptMap": "resource",
    "conceptMapVersion": "text",
    "code": "text",
    "system": "text",
    "version": "text",
    "source": "text",
    "coding": "coding",
    "codeableConcept": "concept",
    "target": "text",
    "targetsystem": "text",
    "dependency": "parts*",
    "reverse": "flag",
}
_OTHER_MAPS: Final = 5
"""Maps that are followed from one to the next where a code is unmapped."""


class Match(NamedTuple):
    """One answer: the code in `system`, and the map that says so."""

    system: str
    target: Target
    source: str


def translate(server: FhirServer, exchange: Exchange, given: Input) -> JSON | Problem:
    """A Parameters resource with result and matches; 404 for a map that is not known."""
    wrong = check(given, _SPEC)
    if wrong is not None:
        return wrong
    library = Library(server.store)
    maps = _maps(server, exchange, given, library)
    if isinstance(maps, Problem):
        return maps
    codings = asked_codings(given, system_wanted=True)
    if isinstance(codings, Problem):
        return codings
    if not maps[1] and given.text("target") and given.text("targetsystem"):
        return conflict("targetsystem", "say where to by target or by targetsystem, not by both")
    found: dict[tuple[str, str, str], Match] = {}
    for one in codings:
        for match in _matches(library, maps, one, given):
            found.setdefault((match.system, match.target.code, match.target.equivalence), match)
    return _answer(library, codings, list(found.values()))


def _maps(
    server: FhirServer, exchange: Exchange, given: Input, library: Library
) -> tuple[list[ConceptMap], bool] | Problem:
    """The maps to look into, and whether the client named one."""
    asked = exchange.interaction
    assert asked is not None
    sent = resource_given(given, "conceptMap", "ConceptMap")
    if isinstance(sent, Problem):
        return sent
    url = given.text("url")
    if len([way for way in (asked.id, url, sent) if way]) > 1:
        return conflict("url", "say once which map: by instance, url or conceptMap")
    if asked.id:
        record = server.store.read("ConceptMap", asked.id)
        if record is None or record.deleted:
            return Problem(404, "not-found", f"ConceptMap/{asked.id} is not known", value=asked.id)
        sent = record.document
    if sent is not None:
        return [read_concept_map(sent)], True
    if url:
        version = given.text("conceptMapVersion")
        canonical = f"{url.partition('|')[0]}|{version}" if version else url
        named_map = library.concept_map(canonical)
        if named_map is None:
            return unknown("concept map", canonical, library.nearest("ConceptMap", canonical))
        return [named_map], True
    if given.all("conceptMapVersion"):
        return missing("url", "conceptMapVersion goes with url")
    return list(library.concept_maps()), False


def _matches(library: Library, maps: tuple[list[ConceptMap], bool], one: Asked, given: Input) -> Iterator[Match]:
    reverse = given.flag("reverse")
    # Reversed, source and target change places: the codes that might be mapped to this one.
    own, other = ("target", "source") if reverse else ("source", "target")
    for each in maps[0]:
        for side, value_set in ((own, given.text("source")), (other, given.text("target"))):
            if value_set and _bare(getattr(each, side)) != _bare(value_set):
                break
        else:
            yield from _in_map(library, each, one, given.text("targetsystem"), reverse, {each.url})
    if not maps[1] and not given.text("source") and not given.text("target"):
        yield from _beside(library, one, given.text("targetsystem"))


def _bare(url: str) -> str:
    return url.partition("|")[0]


def _in_map(
    library: Library, each: ConceptMap, one: Asked, wanted: str, reverse: bool, seen: set[str]
) -> Iterator[Match]:
    for group in each.groups:
        start, end = (group.target, group.source) if reverse else (group.source, group.target)
        if (start and start != one.system) or (wanted and end and end != wanted):
            continue
        if reverse:
            yield from (Match(end, target, each.url) for target in group.backwards(one.code))
        elif one.code in group.elements:
            yield from (Match(end, target, each.url) for target in group.elements[one.code])
        else:
            yield from _unmapped(library, each, group, one, wanted, seen)


def _unmapped(
    library: Library, each: ConceptMap, group: MapGroup, one: Asked, wanted: str, seen: set[str]
) -> Iterator[Match]:
    """`seen` are the maps that were looked into: each is followed once, however many groups lead to it."""
    mode, told = group.unmapped
    if mode == "provided":
        yield Match(group.target, Target(one.code, "equal"), each.url)
    elif mode == "fixed" and told:
        yield Match(group.target, Target(told, "inexact"), each.url)
    elif mode == "other-map" and told not in seen and len(seen) <= _OTHER_MAPS:
        seen.add(told)
        other = library.concept_map(told)
        if other is not None:
            yield from _in_map(library, other, one, wanted, False, seen)


def _beside(library: Library, one: Asked, wanted: str) -> Iterator[Match]:
    """What a site's charts pair: its laboratory's own codes with standard ones, both ways."""
    local = library.code_system(one.system) is None
    if not local and (not wanted or library.code_system(wanted) is not None):
        return
    found = [each for each in library.local_partners(one.system, one.code) if wanted in ("", each[0])]
    systems = [system for system, _, _ in found]
    for system, code, display in found:
        # Several codes of one system beside it: none of them says quite the same.
        how = "equivalent" if systems.count(system) == 1 else "relatedto"
        yield Match(system, Target(code, how, display), "")


def _answer(library: Library, codings: list[Asked], found: list[Match]) -> JSON:
    good = [match for match in found if match.target.code and match.target.equivalence not in NO_MATCH]
    parameters = [named("result", bool(good))]
    if not good:
        what = " and ".join(f"{one.code} of {one.system}" for one in codings)
        parameters.append(named("message", f"no translation of {what} is known here"))
    parameters += [named("match", _told(library, match)) for match in found]
    return {"resourceType": "Parameters", "parameter": parameters}


def _told(library: Library, match: Match) -> list[Any]:
    target = match.target
    parts = [named("equivalence", target.equivalence, "Code")]
    if target.code:
        known = library.code_system(match.system) if match.system else None
        concept = known.find(target.code) if known is not None else None
        display = target.display or (concept.display if concept is not None else "")
        coding = {"system": match.system, "code": target.code, "display": display}
        parts.append(named("concept", {key: value for key, value in coding.items() if value}))
    if match.source:
        parts.append(named("source", match.source, "Uri"))
    return parts


TRANSLATE: Final = Operation(
    "translate",
    "http://hl7.org/fhir/OperationDefinition/ConceptMap-translate",
    translate,
    frozenset({"type", "instance"}),
    frozenset({"ConceptMap"}),
)
