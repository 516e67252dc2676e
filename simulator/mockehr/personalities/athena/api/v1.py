"""The proprietary API of a practice below `/v1/{practice}`: routes, parameters, refusals.

Sources: notes.md, section Proprietary API.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import parse_qsl

from mockehr.auth.scopes import Scopes
from mockehr.core.exchange import Exchange, Interaction, Reply
from mockehr.core.problem import Problem
from mockehr.personalities.athena.api import appointments, chart, documents, patients, places
from mockehr.personalities.athena.api.call import Call, Refused, answered
from mockehr.personalities.athena.api.gateway import unrouted
from mockehr.personalities.athena.ids import AthenaIds
from mockehr.personalities.proprietary import Records

Handler = Callable[[Call], Reply]


def _ping(call: Call) -> Reply:
    """GET /ping."""
    return answered({"pong": "true"})


ROUTES: Final[Sequence[tuple[str, str, str, Handler]]] = (
    ("GET", "/ping", "ping", _ping),
    ("GET", "/departments", "list-departments", places.list_departments),
    ("GET", "/departments/{departmentid}", "read-department", places.read_department),
    ("GET", "/providers", "list-providers", places.list_providers),
    ("GET", "/providers/{providerid}", "read-provider", places.read_provider),
    ("GET", "/patients", "find-patients", patients.find),
    ("POST", "/patients", "create-patient", patients.create),
    ("GET", "/patients/{patientid}", "read-patient", patients.read),
    ("PUT", "/patients/{patientid}", "update-patient", patients.update),
    ("GET", "/patients/{patientid}/appointments", "patient-appointments", appointments.list_of_patient),
    ("GET", "/patients/{patientid}/documents", "list-documents", documents.list_all),
    ("POST", "/patients/{patientid}/documents", "add-document", documents.add),
    ("POST", "/patients/{patientid}/documents/clinicaldocument", "add-clinical-document", documents.add_clinical),
    ("GET", "/appointments/open", "open-appointments", appointments.list_open),
    ("POST", "/appointments/open", "make-slots", appointments.make_open),
    ("GET", "/appointments/booked", "booked-appointments", appointments.list_booked),
    ("PUT", "/appointments/booked/{appointmentid}", "update-appointment", appointments.update),
    ("GET", "/appointments/{appointmentid}", "read-appointment", appointments.read),
    ("PUT", "/appointments/{appointmentid}", "book-appointment", appointments.book),
    ("PUT", "/appointments/{appointmentid}/cancel", "cancel-appointment", appointments.cancel),
    ("PUT", "/appointments/{appointmentid}/reschedule", "reschedule-appointment", appointments.reschedule),
    ("PUT", "/appointments/{appointmentid}/freeze", "freeze-slot", appointments.freeze),
    ("POST", "/appointments/{appointmentid}/startcheckin", "start-check-in", appointments.start_check_in),
    ("POST", "/appointments/{appointmentid}/cancelcheckin", "cancel-check-in", appointments.cancel_check_in),
    ("POST", "/appointments/{appointmentid}/checkin", "check-in", appointments.check_in),
    ("POST", "/appointments/{appointmentid}/checkout", "check-out", appointments.check_out),
    ("GET", "/chart/encounters/{encounterid}/summary", "encounter-summary", chart.encounter_summary),
    ("GET", "/chart/{patientid}/problems", "list-problems", chart.list_problems),
    ("POST", "/chart/{patientid}/problems", "add-problem", chart.add_problem),
    ("GET", "/chart/{patientid}/allergies", "list-allergies", chart.list_allergies),
    ("PUT", "/chart/{patientid}/allergies", "put-allergies", chart.put_allergies),
    ("GET", "/chart/{patientid}/medications", "list-medications", chart.list_medications),
    ("GET", "/chart/{patientid}/vitals", "list-vitals", chart.list_vitals),
    ("POST", "/chart/{patientid}/vitals", "add-vitals", chart.add_vitals),
    ("GET", "/chart/{patientid}/labresults", "list-lab-results", chart.list_lab_results),
    ("GET", "/chart/{patientid}/encounters", "list-encounters", chart.list_encounters),
)
"""(method, path below the practice, what it is called, who answers); the first that fits counts."""
_LONGEST: Final = 20 << 20
_FORM: Final = "application/x-www-form-urlencoded"


class AthenaOne:
    """athenaOne's API of one practice."""

    name = "athenaone-v1"
    bearer = True

    def __init__(self, practice: str, ids: AthenaIds, settings: Mapping[str, Any]) -> None:
        self._ids = ids
        self._settings = settings
        self._base = f"/v1/{practice}"

    @property
    def paths(self) -> Sequence[str]:
        """The practice's own."""
        return (self._base,)

    @property
    def routes(self) -> Sequence[tuple[str, str, str]]:
        """All that is answered."""
        return [(method, self._base + path, name) for method, path, name, _ in ROUTES]

    def interaction(self, exchange: Exchange) -> Interaction:
        """The name of the route."""
        found = self._route(exchange)
        return Interaction(found[0] if found is not None else "unrouted")

    def answer(self, exchange: Exchange, records: Records) -> Reply:
        """The answer of the route, a refusal, or the gateway's."""
        found = self._route(exchange)
        if found is None:
            return unrouted()
        wanted = str(self._settings["scope"])
        if wanted and isinstance(exchange.scopes, Scopes) and wanted not in exchange.scopes:
            return answered({"error": "access_denied", "detailedmessage": "Invalid Token Scope"}, 403)
        try:
            return found[1](Call(exchange, records, self._ids, self._settings, _parameters(exchange), found[2]))
        except Refused as refused:
            body = {**refused.document}
            body.setdefault("detailedmessage", body["error"])
            return answered(body, refused.status)

    def refuse(self, problem: Problem) -> Reply:
        """Who is not let in is told by the gateway; the rest as the API tells its errors."""
        if problem.kind in ("no-token", "token-invalid"):
            return Reply(401, [], b"Developer Inactive", None, "text/plain; charset=utf-8")
        reply = answered({"error": problem.text, "detailedmessage": problem.text}, problem.status)
        if problem.retry_after:
            reply.headers.append(("Retry-After", problem.retry_after))
        return reply

    def _route(self, exchange: Exchange) -> tuple[str, Handler, Mapping[str, str]] | None:
        path = exchange.path.removeprefix(self._base).rstrip("/")
        method = "GET" if exchange.method == "HEAD" else exchange.method
        for wanted, form, name, handler in ROUTES:
            found = _pattern(form).fullmatch(path) if wanted == method else None
            if found is not None:
                return name, handler, MappingProxyType(found.groupdict())
        return None


def _parameters(exchange: Exchange) -> Mapping[str, str]:
    """Those of the query and of the form; names in whatever letters."""
    pairs = parse_qsl(exchange.query, keep_blank_values=True, errors="replace")
    if exchange.body:
        media = exchange.headers.get("content-type", _FORM).partition(";")[0].strip().lower()
        if media != _FORM:
            raise Refused(415, "Unsupported Media Type", detailedmessage=f"Writes are {_FORM}.")
        if len(exchange.body) > _LONGEST:
            raise Refused(413, "Request Entity Too Large")
        pairs += parse_qsl(exchange.body.decode("utf-8", "replace"), keep_blank_values=True, errors="replace")
    return MappingProxyType({name.lower(): value for name, value in pairs})


@lru_cache(maxsize=128)
def _pattern(form: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(form)))
