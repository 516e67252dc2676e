"""Refusals of eClinicalWorks: HAPI's OperationOutcome with its narrative, or the envelope of the write API.

Sources: notes.md, section Refusals; the codes are those of the vendor's guide of 2026.
"""

from __future__ import annotations

import html
from types import MappingProxyType
from typing import Final

from mockehr.core.exchange import JSON
from mockehr.core.problem import Problem

_ROW: Final = (
    '<tr><td style="font-weight: bold;">ERROR</td><td>[]</td><td><pre>{text}</pre></td>'
    "\r\n\t\t\t\t\t\r\n\t\t\t\t\r\n\t\t\t</tr>"
)
CODES: Final = MappingProxyType(
    {
        1: "SUCCESS",
        2: "FAILURE",
        100: "INVALID_PATIENT",
        101: "INVALID_PROVIDER",
        102: "UNSUPPORTED_CODING_SYSTEM",
        103: "UNKNOWN_MAPPING_ERROR",
        106: "UNSUPPORTED_ENCOUNTER_STATUS",
        107: "INVALID_FACILITY",
        108: "UNSUPPORTED_CHARACTERS",
        109: "MAX_SIZE_LIMIT_EXCEEDED",
        112: "UPLOAD_FTP_FAILED",
        123: "INVALID_ENCOUNTER",
        134: "PATINET_AND_PHARMACY_NOT_LINKED",
        139: "ENCOUNTER_IS_LOCKED",
        201: "INVALID_MULTIPLE_PATIENT_FOUND",
        202: "INVALID_PATIENT_ALREADY_EXIST",
        204: "INVALID_DATE_FORMAT",
        207: "PATIENT_NOT_FOUND",
        308: "DEFAULT_WRITEBACK_USER_NOT_CONFIGURED",
        615: "INVALID_ORGNIZATION_ID",
        703: "DFT_PROCESSING_ERROR",
    }
)
"""Codes of the write API whose keys are known, misspelt as they are. 615 is UPDATE_NOT_SUPPORTED_REFERRAL as well."""
UPDATE_NOT_SUPPORTED: Final = (615, "UPDATE_NOT_SUPPORTED_REFERRAL")
_OF_TYPES: Final = MappingProxyType(
    {"Patient": 100, "Practitioner": 101, "Location": 107, "Encounter": 123, "Organization": 615}
)
_WRITE_KINDS: Final = frozenset(
    {"body-invalid", "conflict", "precondition-failed", "precondition-required", "media-unsupported", "gone"}
)
"""What only a write is refused for."""


def hapi_outcome(text: str) -> JSON:
    """One issue of code `processing`, told twice."""
    table = _ROW.format(text=html.escape(text, quote=False))
    div = (
        '<div xmlns="http://www.w3.org/1999/xhtml"><h1>Operation Outcome</h1>'
        f'<table border="0">{table}\r\n\t\t</table>\r\n\t</div>'
    )
    return {
        "resourceType": "OperationOutcome",
        "text": {"status": "generated", "div": div},
        "issue": [{"severity": "error", "code": "processing", "diagnostics": text}],
    }


def is_of_a_write(problem: Problem) -> bool:
    """Whether only a write can have been refused like that."""
    return problem.kind in _WRITE_KINDS


def envelope(problem: Problem) -> JSON:
    """The numeric status and its key, by what is wrong with what was written."""
    number, key = _code(problem)
    return {"status": number, "key": key, "message": problem.text}


def _code(problem: Problem) -> tuple[int, str]:
    text = problem.text.lower()
    if problem.kind in ("precondition-failed", "precondition-required", "gone"):
        return UPDATE_NOT_SUPPORTED
    if problem.kind == "conflict":
        return 202, CODES[202]
    if problem.status == 413:
        return 109, CODES[109]
    for kind, number in _OF_TYPES.items():
        if f"{kind.lower()}/" in text:  # a reference that leads nowhere
            return number, CODES[number]
    if "date" in text:
        return 204, CODES[204]
    return 2, CODES[2]
