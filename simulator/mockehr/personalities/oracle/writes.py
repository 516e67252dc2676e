"""What Oracle Health has against a write before it looks at the record. Sources: notes.md, section Writes."""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import parse_qsl
from xml.parsers import expat

import orjson

from mockehr.core.exchange import JSON, Exchange, Interaction
from mockehr.core.problem import Problem

CODES: Final = frozenset({"business-rule", "extension", "not-supported"})
"""Issue types that a Problem of this module names in `value`."""
LONGEST_REASON: Final = 255
_METHODS: Final = frozenset({"PATCH", "PUT", "DELETE"})
_XHTML: Final = ("application/xhtml+xml", "text/html")
_OWN: Final = re.compile(r"https://fhir\.([a-z]+\.)?cerner\.com/")


def meant_method(exchange: Exchange) -> str:
    """The method that a POST stands for; empty if it is what it seems."""
    told = exchange.headers.get("x-http-method-override", "")
    if not told and "_method=" in exchange.query:
        told = next((value for name, value in parse_qsl(exchange.query) if name == "_method"), "")
    return told.upper() if told.upper() in _METHODS else ""


def objection(exchange: Exchange, asked: Interaction, patch_paths: Mapping[str, Sequence[str]]) -> Problem | None:
    """The refusal of a create, update or patch; None for one that may go on."""
    try:
        body = exchange.parsed if exchange.parsed is not None else orjson.loads(exchange.body)
    except orjson.JSONDecodeError:
        return None  # whoever reads it says so
    kind = asked.resource_type
    if asked.name == "patch":
        return _patched(body, kind, patch_paths) if isinstance(body, list) else None
    if not isinstance(body, dict):
        return None
    for element, code in (("modifierExtension", "extension"), ("implicitRules", "not-supported")):
        if element in body:
            return _refusal(kind, element, f"{element} is not supported", code)
    if kind == "Appointment" and asked.name == "create":
        return _appointment(body)
    return _document(body) if kind == "DocumentReference" else None


def _refusal(kind: str, element: str, text: str, code: str) -> Problem:
    return Problem(422, "body-invalid", text, resource_type=kind, value=code, expression=(f"{kind}.{element}",))


def _patched(body: list[Any], kind: str, patch_paths: Mapping[str, Sequence[str]]) -> Problem | None:
    """Only some paths can be patched; of an element of a list its id has to be tested first."""
    allowed = patch_paths.get(kind)
    if allowed is None:
        return None
    known = [re.compile(one) for one in allowed]
    told = [(str(one.get("op", "")), str(one.get("path", ""))) for one in body if isinstance(one, dict)]
    for operation, path in told:
        if not any(one.fullmatch(f"{operation} {path}") for one in known):
            return _refusal(kind, path.strip("/"), f"{operation} of {path} is not supported", "business-rule")
    for operation, path in told:
        item = re.match(r"(/(?:identifier|name|telecom|address)/\d+)(?:/|$)", path)
        if item and operation in ("remove", "replace") and ("test", f"{item[1]}/id") not in told:
            return _refusal(
                kind, path.strip("/"), f"{operation} of {path} requires a test of its id", "business-rule"
            )
    return _reasons(body) if kind == "Appointment" else None


def _reasons(body: list[Any]) -> Problem | None:
    told = [one.get("value") for one in body if isinstance(one, dict) and one.get("path") == "/reasonCode"]
    return _long(told[0]) if told else None


def _appointment(body: JSON) -> Problem | None:
    for one in body.get("participant", ()) if isinstance(body.get("participant"), list) else ():
        if isinstance(one, dict) and one.get("status") not in (None, "accepted"):
            return _refusal("Appointment", "participant", "participant status must be accepted", "business-rule")
    return _long(body.get("reasonCode"))


def _long(reasons: Any) -> Problem | None:
    for one in reasons if isinstance(reasons, list) else ():
        if isinstance(one, dict) and len(str(one.get("text", ""))) > LONGEST_REASON:
            return Problem(400, "bad-request", "Bad Request", resource_type="Appointment")
    return None


def _document(body: JSON) -> Problem | None:
    """Notes are taken in XHTML that is well formed, and in no other form."""
    for one in body.get("content", ()) if isinstance(body.get("content"), list) else ():
        attachment = one.get("attachment") if isinstance(one, dict) else None
        if not isinstance(attachment, dict):
            continue
        media = str(attachment.get("contentType", "")).partition(";")[0].strip().lower()
        if media not in _XHTML:
            return Problem(400, "bad-request", "Invalid request", resource_type="DocumentReference")
        if not _well_formed(attachment.get("data")):
            return Problem(422, "body-invalid", "Unprocessable entity", resource_type="DocumentReference")
    return None


def _well_formed(data: Any) -> bool:
    try:
        text = b64decode(str(data or ""), validate=True)
        parser = expat.ParserCreate()
        parser.UseForeignDTD(True)  # so that the names of HTML's characters are passed over
        parser.EntityDeclHandler = _no_entities
        parser.Parse(text, True)
    except (ValueError, expat.ExpatError):
        return False
    return True


def _no_entities(*told: Any) -> None:
    raise ValueError("a document declares entities")


def mixes_codes(value: str) -> bool:
    """Whether a list of tokens has both codes of the tenant's and of standards."""
    own = [_OWN.match(one) is not None for one in value.split(",")]
    return any(own) and not all(own)
