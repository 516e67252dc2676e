"""The audit trail as NDJSON: one access a line, as a FHIR AuditEvent or plain."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Final

import orjson

from mockehr.core.errors import UnknownName
from mockehr.core.exchange import JSON
from mockehr.journal.audit import Access
from mockehr.journal.export.audit_event import audit_event

_FORMS: Final[Mapping[str, Callable[[Access, str], JSON]]] = MappingProxyType(
    {"fhir": audit_event, "ndjson": lambda access, source: access.as_json()}
)
FORMATS: Final = tuple(_FORMS)
"""`fhir`: AuditEvents; `ndjson`: all fields of each access as they are."""


def audit_lines(accesses: Iterable[Access], form: str, source: str) -> bytes:
    """One line for each access, in their order; `source` names the site. Raises UnknownName for a strange form."""
    if form not in _FORMS:
        raise UnknownName("format of the audit trail", form, FORMATS)
    write = _FORMS[form]
    return b"".join(orjson.dumps(write(access, source), option=orjson.OPT_APPEND_NEWLINE) for access in accesses)
