"""The scheduler's REST API: columns, and appointments by day, week or month. Sources: notes.md."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import parse_qsl

from mockehr.core.clock import instant
from mockehr.core.exchange import JSON, Exchange, Interaction, Reply
from mockehr.core.problem import Problem
from mockehr.personalities.advancedmd.desk import KINDS, SESSIONS, Desk, Provider, Refused, Session, Visit, month_of
from mockehr.personalities.advancedmd.envelopes import QUOTA, UNAUTHORIZED
from mockehr.personalities.advancedmd.rest.exchanged import answered, error, members
from mockehr.personalities.advancedmd.words import number_of, read_shown, whole
from mockehr.personalities.concepts import concept
from mockehr.personalities.proprietary import Records
from mockehr.personalities.zones import instant_of

PM: Final = "/api/api-801"
EHR: Final = "/ehr-api/api-801"
_TYPES: Final = "http://terminology.hl7.org/CodeSystem/v2-0276"
_CANCEL: Final = re.compile(r"appointments/(\d{1,15})/cancel")


class Scheduler:
    """See `mockehr.personalities.proprietary.Api`."""

    name = "scheduler"
    bearer = False
    """The token is that of ppmdmsg and none of the token endpoint's."""
    paths: Sequence[str] = (PM, EHR)

    def __init__(self, settings: Mapping[str, Any]) -> None:
        """`settings` is the section `ppmd` of `personality.yaml`."""
        self._settings = settings

    @property
    def routes(self) -> Sequence[tuple[str, str, str]]:
        """See Api."""
        return (
            ("GET", f"{PM}/{{app}}/scheduler/appointments", "appointments"),
            ("POST", f"{PM}/{{app}}/scheduler/appointments", "book"),
            ("PUT", f"{PM}/{{app}}/scheduler/appointments/{{id}}/cancel", "cancel"),
            ("GET", f"{PM}/{{app}}/scheduler/columns", "columns"),
        )

    def interaction(self, exchange: Exchange) -> Interaction:
        """`appointments`, `book`, `cancel`, `columns`; `rest` is all else."""
        method, rest = exchange.method, _rest(exchange.path)
        if rest == "appointments" and method in ("GET", "POST"):
            return Interaction("appointments" if method == "GET" else "book")
        if method == "PUT" and _CANCEL.fullmatch(rest):
            return Interaction("cancel")
        return Interaction("columns" if rest == "columns" and method == "GET" else "rest")

    def answer(self, exchange: Exchange, records: Records) -> Reply:
        """See Api."""
        scheme, _, token = exchange.headers.get("authorization", "").partition(" ")
        session = records.kept(SESSIONS, token.strip()) if scheme.lower() == "bearer" else None
        if not isinstance(session, Session):
            return error(401, *UNAUTHORIZED)
        exchange.client = session.user
        if len(exchange.body) > int(self._settings["largest"]):
            return error(413, "RequestTooLarge", "The request is larger than is allowed.")
        desk, rest = Desk(exchange, records, self._settings), _rest(exchange.path)
        calls = {"appointments": self._view, "book": self._book, "columns": self._columns}
        name = self.interaction(exchange).name
        try:
            if name == "cancel":
                return _cancelled(desk, rest.split("/")[1])
            reply = calls[name](desk) if name in calls else error(404, "Not Found", "There is nothing here.")
        except Refused as refused:
            return error(400, "Bad Request", str(refused))
        exchange.returned = tuple(dict.fromkeys(desk.seen))
        if len(reply.body) > int(self._settings["largest"]):
            return error(413, "ResponseTooLarge", "The result is larger than is allowed.")
        return reply

    def refuse(self, problem: Problem) -> Reply:
        """See Api."""
        title, detail = QUOTA if problem.status == 429 else ("Error", problem.text)
        return error(problem.status, title, detail)

    # what is asked for

    def _view(self, desk: Desk) -> Reply:
        """Appointments of some columns, of the day, week or month around a date."""
        told = {name.lower(): value for name, value in parse_qsl(desk.exchange.query)}
        view = told.get("forview", "").lower()
        first, last = _range(view, self._day(desk, told))
        wanted = [part for part in told.get("columnid", "").split("-") if part]
        found = [one for one in desk.visits(first, last) if not wanted or str(desk.column(one.provider)) in wanted]
        rows = [self._row(desk, one) for one in found]
        if len(wanted) > 1:
            rows += [self._row(desk, one) for one in found if self._twice(desk, one)]
        if view != "provider":
            return answered(rows)
        columns: dict[str, list[JSON]] = {}
        for row in rows:
            columns.setdefault(str(row["columnid"]), []).append(row)
        return answered(columns)

    def _day(self, desk: Desk, told: Mapping[str, str]) -> datetime:
        """The date that is asked for. Without one it is today, on the clocks of another zone than the practice's."""
        text = told.get("startdate", "")
        if not text:
            return desk.today(str(self._settings["scheduler_zone"]))
        found = read_shown(text)
        if found is None:
            raise Refused("startDate is not a valid date.")
        return found.replace(hour=0, minute=0, second=0, microsecond=0)

    def _twice(self, desk: Desk, visit: Visit) -> bool:
        octets = desk.records.key("duplicate", visit.id)
        return int.from_bytes(octets[:4], "big") < float(self._settings["duplicate_share"]) * 2**32

    def _row(self, desk: Desk, visit: Visit) -> JSON:
        desk.saw(visit.appointment)
        return {
            "id": whole(visit.id),
            "startdatetime": f"{visit.begins:%Y-%m-%dT%H:%M:%S}",
            "duration": visit.minutes,
            "columnid": desk.column(visit.provider),
            "profileid": visit.provider.profile,
            "patientid": whole(visit.patient) if visit.patient else None,
            "provider": desk.name(visit.provider.resource).replace(", ", ",").replace(",", ", "),
            "facility": str(visit.facility.get("name", "")).upper(),
            "appointmentstatus": visit.status,
            "appointmenttypeids": [visit.kind] if visit.kind else [],
            "comments": str(visit.appointment.get("comment", "")),
        }

    def _columns(self, desk: Desk) -> Reply:
        rows = [
            {
                "id": desk.column(one),
                "heading": desk.name(one.resource),
                "profileid": one.profile,
                "facilityid": desk.facility_number(one.facility),
                "interval": 15,
            }
            for one in desk.staff()
        ]
        return answered(rows)

    def _book(self, desk: Desk) -> Reply:
        """A new appointment of a patient in a column."""
        told = members(desk.exchange.body)
        provider = _provider(desk, str(told.get("columnid", "")))
        patient = desk.patient(number_of(str(told.get("patientid", "")), "pat"))
        begins = read_shown(str(told.get("startdatetime", "")))
        minutes = told.get("duration")
        if begins is None or not isinstance(minutes, int) or not 0 < minutes <= 1440:
            raise Refused("startdatetime and duration are required.")
        at = instant_of(begins, desk.zone)
        actors = [f"Patient/{patient['id']}", provider.reference]
        if provider.facility:
            actors.append(f"Location/{provider.facility['id']}")
        made: JSON = {
            "resourceType": "Appointment",
            "status": "booked",
            "start": instant(at),
            "end": instant(at + 60 * minutes),
            "minutesDuration": minutes,
            "created": instant(desk.records.now()),
            "participant": [{"actor": {"reference": actor}, "status": "accepted"} for actor in actors],
        }
        if told.get("comments"):
            made["comment"] = str(told["comments"])[:2000]
        kind = _kind(told.get("appointmenttypeids"))
        if kind:
            made["appointmentType"] = kind
        stored = desk.records.create(desk.exchange, made)
        if isinstance(stored, Problem):
            raise Refused(stored.text)
        return answered({"id": whole(str(desk.saw(stored)["id"]))})


def _rest(path: str) -> str:
    """What of a path stands behind `/{app}/scheduler/`, in small letters; empty for other paths."""
    parts = path.removeprefix(PM).lower().strip("/").split("/")
    return "/".join(parts[2:]) if path.startswith(f"{PM}/") and len(parts) > 2 and parts[1] == "scheduler" else ""


def _range(view: str, day: datetime) -> tuple[datetime, datetime]:
    """[first, last) of a view; a view that nobody knows is that of the day."""
    if view == "month":
        return month_of(day)
    if view == "week":
        sunday = day - timedelta(days=(day.weekday() + 1) % 7)
        return sunday, sunday + timedelta(days=7)
    return day, day + timedelta(days=1)


def _provider(desk: Desk, column: str) -> Provider:
    for one in desk.staff():
        if str(desk.column(one)) == number_of(column, "col"):
            return one
    raise Refused(f"Column {column[:40] or '(none)'} was not found.")


def _kind(told: Any) -> JSON | None:
    number = told[0] if isinstance(told, list) and told else None
    known = isinstance(number, int) and 1 <= number <= len(KINDS)
    return concept(_TYPES, KINDS[number - 1]) if known and number is not None else None


def _cancelled(desk: Desk, id: str) -> Reply:
    found = desk.records.read("Appointment", id)
    if found is None:
        return error(404, "Not Found", f"There is no appointment {id}.")
    made = desk.records.update(desk.exchange, {**found, "status": "cancelled"})
    if isinstance(made, Problem):
        raise Refused(made.text)
    return Reply(204)
