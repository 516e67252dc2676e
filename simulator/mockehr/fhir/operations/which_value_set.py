"""Which value set a call means: its own instance, `url`, `context`, or one that was sent along."""

from __future__ import annotations

from mockehr.core.exchange import Exchange
from mockehr.core.problem import Problem
from mockehr.fhir.operations.base import Input
from mockehr.fhir.operations.parameters import conflict, missing, resource_given, unknown
from mockehr.fhir.server import FhirServer
from mockehr.fhir.terminology import Library, binding
from mockehr.fhir.terminology.model import ValueSet
from mockehr.fhir.terminology.written import read_value_set


def value_set_asked(server: FhirServer, exchange: Exchange, given: Input, library: Library) -> ValueSet | Problem:
    """The value set of a checked call; 404 if it is not known."""
    asked = exchange.interaction
    assert asked is not None
    sent = resource_given(given, "valueSet", "ValueSet")
    if isinstance(sent, Problem):
        return sent
    url, context = given.text("url"), given.text("context")
    ways = [name for name, there in (("the instance", asked.id), ("url", url), ("valueSet", sent)) if there]
    if len(ways) > 1:
        return conflict("url", f"say once which value set: {' and '.join(ways)} were given")
    if asked.id:
        record = server.store.read("ValueSet", asked.id)
        if record is None or record.deleted:
            return Problem(404, "not-found", f"ValueSet/{asked.id} is not known", value=asked.id)
        sent = record.document
    if sent is not None:
        return read_value_set(sent)
    if not url and context:
        bound = binding(context.rpartition("#")[2])
        if bound is None:
            return unknown("context", context)
        url = bound[1]
    if not url:
        return missing("url", "say which value set, by url, by context or as valueSet")
    version = given.text("valueSetVersion")
    canonical = f"{url.partition('|')[0]}|{version}" if version else url
    found = library.value_set(canonical)
    return found or unknown("value set", canonical, library.nearest("ValueSet", canonical))
