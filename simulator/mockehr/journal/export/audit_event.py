"""One access as a FHIR R4 AuditEvent, after the patterns of IHE BALP 1.1 (Basic Audit Log Patterns, RESTful events).

BALP describes requests of a FHIR API only. Messages, deliveries and sign-ins follow DICOM PS3.15 A.5.3 in its place
(Import, Export, User Authentication), as R4's value set of audit event ids does. No document claims a profile.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator
from types import MappingProxyType
from typing import Final

import orjson

from mockehr.core.clock import instant
from mockehr.core.exchange import JSON
from mockehr.journal.audit import Access, Outcome, What
from mockehr.journal.entry import encodable

ID_PREFIX: Final = "access-"
"""Before the number of the journal's entry, in the id of its AuditEvent."""

_EVENT: Final = "http://terminology.hl7.org/CodeSystem/audit-event-type"
_REST: Final = "http://hl7.org/fhir/restful-interaction"
_DICOM: Final = "http://dicom.nema.org/resources/ontology/DCM"
_ENTITY: Final = "http://terminology.hl7.org/CodeSystem/audit-entity-type"
_ROLE: Final = "http://terminology.hl7.org/CodeSystem/object-role"
_SOURCE: Final = "http://terminology.hl7.org/CodeSystem/security-source-type"
_PARTICIPATION: Final = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
_ID: Final = re.compile(r"[A-Za-z0-9\-.]{1,64}")
_ADDRESS: Final = re.compile(r"[0-9.]+|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*")

_RESTFUL: Final = MappingProxyType[What, str](
    {
        "read": "R",
        "vread": "R",
        "history": "R",
        "capabilities": "R",
        "search": "E",
        "batch": "E",
        "transaction": "E",
        "operation": "E",
        "create": "C",
        "update": "U",
        "patch": "U",
        "delete": "D",
    }
)
"""What is an interaction of the FHIR API, and its `action`."""
_IMPORT: Final = ("110107", "Import", "C")
_EXPORT: Final = ("110106", "Export", "R")
_SIGN_IN: Final = ("110114", "User Authentication", "E")
_USE: Final = ("110100", "Application Activity", "E")
_OTHER: Final = MappingProxyType[What, tuple[str, str, str]](
    {
        "bulk-kick-off": _EXPORT,
        "bulk-file": _EXPORT,
        "message-in": _IMPORT,
        "message-out": _EXPORT,
        "delivery": _EXPORT,
        "token": _SIGN_IN,
        "authorize": _SIGN_IN,
        "oauth": _SIGN_IN,
        "discovery": _USE,
        "launch": _USE,
        "upstream": _USE,
    }
)
"""All else: DICOM's code for the event, its meaning, and `action`."""
_OUTCOMES: Final = MappingProxyType[Outcome, str]({"success": "0", "refused": "4", "failed": "8"})
_TOWARDS_CLIENT: Final = frozenset({"read", "vread", "history", "capabilities", "bulk-file"})
"""Where BALP has the data flow from the server to the client; of a search it is the question that flows."""


def audit_event(access: Access, source: str) -> JSON:
    """The AuditEvent of an access; `source` names the site that saw it. The id is `access-<entry>`."""
    code, subtypes, action = _kind(access)
    document: JSON = {
        "resourceType": "AuditEvent",
        "id": f"{ID_PREFIX}{access.entry}",
        "type": code,
        "subtype": subtypes,
        "action": action,
        "recorded": instant(access.at, millis=True),
        "outcome": _OUTCOMES[access.outcome],
        "outcomeDesc": access.reason,
        "agent": list(_agents(access, source)),
        "source": {
            "site": source,
            "observer": {"display": source},
            "type": [_coding(_SOURCE, "4", "Application Server")],
        },
        "entity": list(_entities(access)),
    }
    told = {name: value for name, value in document.items() if value not in ("", [])}
    try:
        orjson.dumps(told)
    except orjson.JSONEncodeError:  # octets that were no text; seldom, and looking at every text is dear
        told = encodable(told)
    return told


def _kind(access: Access) -> tuple[JSON, list[JSON], str]:
    """`type`, `subtype` and `action`."""
    if access.what in _RESTFUL:
        named = [_coding(_REST, access.what, access.what)]
        if access.detail.startswith("$"):
            named.append({"code": access.detail})
        return _coding(_EVENT, "rest", "RESTful Operation"), named, _RESTFUL[access.what]
    code, meaning, action = _OTHER[access.what]
    named = [{"code": access.what}]
    if access.channel in ("mllp-in", "mllp-out") and "^" in access.detail:
        trigger = access.detail.split("^")[1]
        named.append({"system": "http://terminology.hl7.org/CodeSystem/v2-0003", "code": trigger})
    if access.detail not in ("", access.what):
        named[0]["display"] = access.detail
    return _coding(_DICOM, code, meaning), [one for one in named if one["code"]], action


def _agents(access: Access, source: str) -> Iterator[JSON]:
    """The system that asked (or is told), this site, and the user who had signed in."""
    other: JSON = {
        "who": _system(access),
        "name": access.client,
        "requestor": access.direction == "in" and not access.user,
        "network": _network(access.peer),
    }
    own: JSON = {"who": {"display": source}, "requestor": access.direction == "out" and not access.user}
    sends, receives = (own, other) if _flows_out(access) else (other, own)
    for agent, code, meaning in (
        (sends, "110153", "Source Role ID"),
        (receives, "110152", "Destination Role ID"),
    ):
        told = {name: value for name, value in agent.items() if value not in ("", {})}
        yield {"type": {"coding": [_coding(_DICOM, code, meaning)]}, **told}
    if access.user:
        kind = _coding(_PARTICIPATION, "IRCP", "information recipient")
        yield {"type": {"coding": [kind]}, "who": _reference(access.user), "requestor": True}


def _flows_out(access: Access) -> bool:
    return access.direction == "out" or access.what in _TOWARDS_CLIENT


def _system(access: Access) -> JSON:
    if not access.client:
        return {"display": access.peer or "unknown"}
    return {"identifier": {"value": access.client}, "display": access.client}


def _network(peer: str) -> JSON:
    """Where a system is: R4's network types 2 (IP address) and 1 (machine name)."""
    return {"address": peer, "type": "2" if _ADDRESS.fullmatch(peer) else "1"} if peer else {}


def _entities(access: Access) -> Iterator[JSON]:
    """Each patient, each resource unless it was found by a search, and the question asked."""
    for patient in access.patients:
        yield {
            "what": _reference(f"Patient/{patient}"),
            "type": _coding(_ENTITY, "1", "Person"),
            "role": _coding(_ROLE, "1", "Patient"),
        }
    asking = access.what == "search"
    for key in () if asking else access.resources:
        if not key.startswith("Patient/") or key[8:] not in access.patients:
            yield {"what": _reference(key), **_object("4", "Domain Resource")}
    if access.query or asking:
        question = f"{access.path}?{access.query}" if access.query else access.path
        octets = question.encode("utf-8", "surrogateescape")
        yield {**_object("24", "Query"), "query": b64encode(octets).decode("ascii")}


def _object(role: str, meaning: str) -> JSON:
    return {"type": _coding(_ENTITY, "2", "System Object"), "role": _coding(_ROLE, role, meaning)}


def _reference(key: str) -> JSON:
    """A reference; only the text of what can be none, such as an id that somebody made up."""
    kind, _, id = key.partition("/")
    return {"reference": key} if kind.isalpha() and _ID.fullmatch(id) else {"display": key or "unknown"}


def _coding(system: str, code: str, display: str) -> JSON:
    return {"system": system, "code": code, "display": display}
