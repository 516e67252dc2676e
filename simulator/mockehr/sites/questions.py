"""What an HL7 query wants to know, looked up in the site's store: the same records that FHIR finds."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlencode

from mockehr.core.exchange import JSON
from mockehr.core.problem import Problem
from mockehr.fhir.interactions.search import look_up
from mockehr.fhir.record import Record
from mockehr.hl7.accept.intents import Key
from mockehr.hl7.answers import Question
from mockehr.hl7.faults import Fault, Rejection
from mockehr.sites.finding import find_by_identifier, successor
from mockehr.sites.site import Site

MOST_BESIDE: Final = 1000
"""Resources of one type that come along with a patient."""


def ask(site: Site, question: Question) -> tuple[list[JSON], int]:
    """What answers the question, at most `question.limit` documents, and how many there are in all.

    A patient who was merged is answered with the one who goes on. Where counting all would be dear, the number is
    that of those known to be there. What is wanted `beside` one patient follows, and is not counted. Raises Rejection
    (207) where looking would be too costly or the criteria mean nothing to this site.
    """
    if question.keys:
        keys = tuple(Key(system, value) for system, value in question.keys)
        found = find_by_identifier(site, question.resource_type, keys)
        records, total = ([found], 1) if found is not None else ([], 0)
    else:
        records, total = _search(site, question)
    if question.resource_type == "Patient":
        living = list({record.id: record for record in (successor(site, one) for one in records)}.values())
        total -= len(records) - len(living)
        records = living
    if len(records) == 1 and total == 1:
        records = [*records, *(one for kind in question.beside for one in _beside(site, kind, records[0].id))]
    return [record.document for record in records], total


def _search(site: Site, question: Question) -> tuple[list[Record], int]:
    total, records = _looked_up(site, question.resource_type, question.criteria, question.start, question.limit + 1)
    return records[: question.limit], total if total is not None else question.start + len(records)


def _beside(site: Site, kind: str, patient: str) -> list[Record]:
    return _looked_up(site, kind, (("patient", patient),), 0, MOST_BESIDE)[1]


def _looked_up(
    site: Site, kind: str, criteria: tuple[tuple[str, str], ...], offset: int, limit: int
) -> tuple[int | None, list[Record]]:
    answer = look_up(site.fhir, kind, urlencode(criteria), offset=offset, limit=limit)
    if isinstance(answer, Problem):
        raise Rejection("AE", Fault(207, "QPD", 1, 3, text=answer.text))
    total, records = answer
    return total, list(records)
