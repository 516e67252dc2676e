"""Epic's own error codes and their words (fhir.epic.com/Specifications, and recordings; see notes.md, Errors)."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from mockehr.core.exchange import JSON

WORDS: Final = MappingProxyType(
    {
        "4101": "Resource request returns no results.",
        "4103": "The requested resource has been deleted.",
        "4107": "The requested resource has been merged.",
        "4112": "Invalid combination of parameters.",
        "4113": "Session ID for cached search results has expired.",
        "4118": "The authenticated user is not authorized to view the requested data.",
        "4119": "This response includes information available to the authorized user at the time of the request. It"
        " may not contain the entire record available in the system.",
        "4131": "This patient's record can only be opened by breaking the glass.",
        "4127": "More than 100 patients match the search.",
        "59008": "The FHIR ID provided was not found.",
        "59022": "Combination of parameters is not valid for any authorized sub-resource. No search was performed.",
        "59100": "Content invalid against the specification or a profile.",
        "59102": "Content invalid against the specification or a profile.",
        "59105": "A structural issue in the content.",
        "59108": "A required element is missing.",
        "59109": "An element value is invalid.",
        "59111": "An element value is invalid.",
        "59141": "An attempt was made to create a duplicate record.",
        "59144": "A referenced resource was not found.",
        "59159": "The content/operation failed to pass a business rule, and so could not proceed.",
        "59177": "An unexpected internal error has occurred.",
        "59187": "The flowsheet data could not be filed.",
        "59203": "The authenticated client is not authorized to access the requested resource sub-type.",
        "59204": "The authenticated client's search request applies to a sub-resource that the client is not"
        " authorized for. Results of this sub-type will not be returned.",
        "59205": "The authenticated user's search request applies to a sub-resource that the user is not authorized"
        " to view. Results of this sub-type will not be returned.",
    }
)


TOLD: Final = MappingProxyType({"4131": "processing", "59144": "not-found", "59187": "processing"})
"""Codes that a refusal names itself: their issue types."""


def issue(system: str, code: str, kind: str, severity: str, diagnostics: str = "", at: str = "") -> JSON:
    """One issue in Epic's form: the words of the code twice, the reason in `diagnostics`, the place twice."""
    words = WORDS[code]
    made: JSON = {
        "severity": severity,
        "code": kind,
        "details": {"coding": [{"system": system, "code": code, "display": words}], "text": words},
    }
    if diagnostics:
        made["diagnostics"] = diagnostics
    if at:
        made["location"] = [f"/f:{at}"]
        made["expression"] = [at]
    return made


def unknown_parameter(system: str, name: str) -> JSON:
    """The remark on a parameter that Epic does not know."""
    text = f"Unknown parameter: {name.upper()}. Parameter has been ignored."
    return issue(system, "59100", "invalid", "information", text)


def older(document: JSON, id: str) -> JSON:
    """An OperationOutcome as older releases write it: with an id, and another code and place for remarks."""
    issues = []
    for told in document["issue"]:
        code = told["details"]["coding"][0]
        if code["code"] == "59100":
            coded = {**told["details"], "coding": [{**code, "code": "4122"}]}
            issues.append({**told, "code": "informational", "details": coded, "location": ["http.category"]})
        else:
            issues.append(told)
    return {"resourceType": "OperationOutcome", "id": id, "issue": issues}


NOT_FOUND_PAGE: Final = (
    b'<!DOCTYPE html>\r\n<html lang="en">\r\n<head>\r\n<meta charset="iso-8859-1"/>\r\n'
    b"<title>404 - File or directory not found.</title>\r\n</head>\r\n<body>\r\n<h1>Server Error</h1>\r\n"
    b"<h2>404 - File or directory not found.</h2>\r\n"
    b"<p>What you are looking for is not here: it may have been removed or renamed, or be away for now.</p>\r\n"
    b"</body>\r\n</html>\r\n"
)
"""What the web server says where no FHIR resource type answers."""
