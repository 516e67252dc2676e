"""How MEDITECH refuses: two members that are no FHIR, and bare OAuth errors. Sources: notes.md."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlencode

from mockehr.core.exchange import JSON, Reply
from mockehr.core.problem import Problem

MEDIA: Final = "application/json; charset=utf-8"


def detail_of(problem: Problem) -> str:
    """The sentence of a refusal: the scopes that do not suffice, or the status in HTTP's words."""
    if problem.kind in ("scope-missing", "compartment") and problem.scopes:
        scopes = ", ".join(sorted(problem.scopes.split(), key=str.lower))
        return f"token with scopes [{scopes}] does not have access to the requested API"
    return phrase(problem.status)


def phrase(status: int) -> str:
    """`Bad Request`, `Unauthorized`, `Not Found` …"""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"


def error(status: int, resource: str, detail: str) -> JSON:
    """The body of a refusal; a 403 tells the detail first."""
    parts = {"detail": detail, "resource": resource}
    return parts if status == 403 else {"resource": resource, "detail": detail}


def refusal(redirect: Any) -> Reply | None:
    """To the app with `error` and nothing that explains it; None where no address of the app's is proved."""
    if not redirect.url:
        return None
    told = {"error": redirect.refused.error, "state": redirect.state}
    query = urlencode({name: value for name, value in told.items() if value})
    mark = "&" if "?" in redirect.uri else "?"
    return Reply(302, [("Location", f"{redirect.uri}{mark}{query}"), ("Cache-Control", "no-store")])


def token_refusal(
    status: int, document: JSON, reason: str, resource: str, words: Mapping[str, str]
) -> tuple[int, JSON]:
    """The status and body of a refused token request; what cannot be read is refused as any request."""
    code = words.get(reason) or str(document.get("error", "invalid_request"))
    if code == "invalid_request":
        return 400, error(400, resource, phrase(400))
    return status, {"error": code}
