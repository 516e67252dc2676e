"""The audit trail: who accessed whose records, what was refused, and all of it for other systems."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final, get_args

from mockehr.control.operation import operation
from mockehr.core.errors import UnknownName, UsageError
from mockehr.core.exchange import CHANNELS
from mockehr.journal.audit import OUTCOMES, Access, What
from mockehr.journal.audit_filter import AccessFilter
from mockehr.journal.export import audit_lines
from mockehr.sites.site import Site

_TIMES: Final = "Write it like 2026-01-05T12:00:00Z or 2026-01-05."


@operation("audit list", "GET", "/audit")
def accesses(
    site: Site,
    patient: str = "",
    resource: str = "",
    client: str = "",
    user: str = "",
    what: str = "",
    channel: str = "",
    outcome: str = "",
    since: str = "",
    until: str = "",
    limit: int = 200,
) -> dict[str, Any]:
    """Accesses that fit, oldest first; the newest `limit` of them.

    `patient` is an id, `resource` a type or `Type/id`, `user` whoever was signed in; `what` is read,
    search, create, token, delivery … (a wrong one is told which there are); `outcome` is success, refused or failed.
    `since` and `until` are instants, or days such as 2026-01-05.
    """
    found = _found(site, patient, resource, client, user, what, channel, outcome, since, until)
    return {"total": len(found), "accesses": [access.as_json() for access in _newest(found, limit)]}


@operation("audit export", "GET", "/audit/export")
def export(
    site: Site,
    format: str = "fhir",
    patient: str = "",
    resource: str = "",
    client: str = "",
    user: str = "",
    what: str = "",
    channel: str = "",
    outcome: str = "",
    since: str = "",
    until: str = "",
    limit: int = 0,
) -> dict[str, Any]:
    """Accesses that fit as NDJSON, all without a limit: as AuditEvents (`fhir`) or plain (`ndjson`).

    They are chosen as for `audit list`. Over HTTP the text is the member `lines`.
    """
    found = _found(site, patient, resource, client, user, what, channel, outcome, since, until)
    chosen = _newest(found, limit) if limit else found
    lines = audit_lines(chosen, format, site.name).decode()
    return {"format": format, "count": len(chosen), "lines": lines}


def _found(
    site: Site,
    patient: str,
    resource: str,
    client: str,
    user: str,
    what: str,
    channel: str,
    outcome: str,
    since: str,
    until: str,
) -> list[Access]:
    for kind, told, known in (
        ("access", what, get_args(What)),
        ("channel", channel, CHANNELS),
        ("outcome", outcome, OUTCOMES),
    ):
        if told and told not in known:
            raise UnknownName(kind, told, known)
    first, last = _interval("since", since), _interval("until", until)
    return site.audit.accesses(
        AccessFilter(
            patient.removeprefix("Patient/"),
            resource,
            client,
            user,
            what,
            channel,
            outcome,
            first[0] if first else None,
            last[1] if last else None,
        )
    )


def _newest(found: list[Access], limit: int) -> list[Access]:
    return found[max(0, len(found) - limit) :]


def _interval(name: str, text: str) -> tuple[float, float] | None:
    """The first and the last moment that a time means, in seconds since 1970: a date means all of its day, in UTC."""
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
        at = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError) as error:
        raise UsageError(f"{name}: {text!r} is no time.", remedy=_TIMES) from error
    return at, at + 86400 - 0.001 if len(text) == 10 else at
