"""What an HL7 query wants to know, looked up in the site's store: the same records that FHIR finds."""

from __future__ import annotations

from urllib.parse import urlencode

from mockehr.core.exchange import JSON
from mockehr.core.problem import Problem
from mockehr.fhir.interactions.search import look_up
from mockehr.hl7.accept.intents import Key
from mockehr.hl7.answers import Question
from mockehr.hl7.faults import Fault, Rejection
from mockehr.sites.intents import find_by_identifier
from mockehr.sites.site import Site


def ask(site: Site, question: Question) -> tuple[list[JSON], int]:
    """What answers the question, at most `question.limit` documents, and how many there are in all.

    Raises Rejection (207) where looking would be too costly or the criteria mean nothing to this site.
    """
    if question.keys:
        keys = tuple(Key(system, value) for system, value in question.keys)
        found = find_by_identifier(site, question.resource_type, keys)
        return ([found.document], 1) if found is not None else ([], 0)
    answer = look_up(
        site.fhir,
        question.resource_type,
        urlencode(question.criteria),
        offset=question.start,
        limit=question.limit + 1,
    )
    if isinstance(answer, Problem):
        raise Rejection("AE", Fault(207, "QPD", 1, 3, text=answer.text))
    total, records = answer
    documents = [record.document for record in records[: question.limit]]
    return documents, total if total is not None else question.start + len(records)
