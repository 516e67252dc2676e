"""The Application Access API: what an app of a patient's may read, as plain lists. Sources: notes.md."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl

from mockehr.core.exchange import Exchange, Interaction, Reply
from mockehr.core.problem import Problem
from mockehr.personalities.advancedmd.desk import Desk, Refused
from mockehr.personalities.advancedmd.envelopes import QUOTA, UNAUTHORIZED, titled, titled_xml
from mockehr.personalities.advancedmd.rest.exchanged import answered, error, members
from mockehr.personalities.advancedmd.rest.lists import LISTS, demographics, within
from mockehr.personalities.proprietary import Records

PATH: Final = "/pt-api"
_SESSIONS: Final = "advancedmd portal"
_DEMOGRAPHICS: Final = re.compile(rf"{PATH}/demographics/patients/([^/]{{1,40}})")


@dataclass(frozen=True, slots=True)
class Opened:
    """What a token of this API stands for. It must be picklable."""

    user: str
    patients: tuple[str, ...]


class PatientPortal:
    """See `mockehr.personalities.proprietary.Api`."""

    name = "application-access"
    bearer = False
    paths: Sequence[str] = (PATH,)

    def __init__(self, settings: Mapping[str, Any], office: str) -> None:
        """`settings` is the section `ppmd` of `personality.yaml`; `office` the key of the practice."""
        self._settings = settings
        self._office = office

    @property
    def routes(self) -> Sequence[tuple[str, str, str]]:
        """See Api."""
        return (
            ("POST", f"{PATH}/authenticate", "authenticate"),
            *(("GET", f"{PATH}/clinical/{name}", name) for name in sorted(LISTS)),
            ("GET", f"{PATH}/demographics/patients/{{id}}", "demographics"),
        )

    def interaction(self, exchange: Exchange) -> Interaction:
        """`authenticate`, `demographics`, or the list's name."""
        if _DEMOGRAPHICS.fullmatch(exchange.path):
            return Interaction("demographics")
        last = exchange.path.rpartition("/")[2].lower()
        return Interaction(last if last in LISTS or last == "authenticate" else "rest")

    def answer(self, exchange: Exchange, records: Records) -> Reply:
        """See Api."""
        name = self.interaction(exchange).name
        wanted = "POST" if name == "authenticate" else "GET"
        if name == "rest":
            return _error(exchange, 404, "Not Found", "There is nothing at this address.")
        if exchange.method != wanted:
            return Reply(405, [("Allow", wanted)])
        if not exchange.headers.get("apikey", "").strip():
            return _error(exchange, 401, *UNAUTHORIZED)
        try:
            if name == "authenticate":
                return self._authenticate(exchange, records)
            return self._read(name, exchange, records)
        except Refused as refused:
            return _error(exchange, 400, "Bad Request", str(refused))

    def refuse(self, problem: Problem) -> Reply:
        """See Api."""
        title, detail = QUOTA if problem.status == 429 else ("Error", problem.text)
        return Reply(problem.status, [], document=titled(title, detail), content_type="application/json")

    def _authenticate(self, exchange: Exchange, records: Records) -> Reply:
        """A token, and whose records it opens."""
        told = members(exchange.body)
        user, password = str(told.get("username") or ""), str(told.get("password") or "")
        own = records.own(user)
        if not own or not records.user(user, password) or str(told.get("officekey") or "") != self._office:
            return _error(exchange, 403, "Forbidden", "Invalid user name, password or office key.")
        exchange.client = user
        octets = records.key("portal-token", records.number(_SESSIONS))
        token = base64.urlsafe_b64encode(octets[:24]).decode()
        records.keep(_SESSIONS, token, Opened(user, tuple(own)), float(self._settings["session"]))
        desk = Desk(exchange, records, self._settings)
        told_of = [demographics(desk, desk.patient(id)) for id in own]
        exchange.returned = tuple(dict.fromkeys(desk.seen))
        return answered({"patientdata": told_of, "token": token})

    def _read(self, name: str, exchange: Exchange, records: Records) -> Reply:
        """A list of one patient's; raises Refused."""
        scheme, _, token = exchange.headers.get("authorization", "").rpartition(" ")
        opened = records.kept(_SESSIONS, token) if scheme.lower() in ("", "bearer") else None
        if not isinstance(opened, Opened):
            return _error(exchange, 401, *UNAUTHORIZED)
        exchange.client = opened.user
        asked = {key.lower(): value for key, value in parse_qsl(exchange.query)}
        path = _DEMOGRAPHICS.fullmatch(exchange.path)
        id = path[1] if path is not None else asked.get("patientid", "")
        if id not in opened.patients:
            return _error(exchange, 403, "Forbidden", "The patient is none of yours.")
        desk = Desk(exchange, records, self._settings)
        patient = desk.patient(id)
        if name == "demographics":
            rows = [demographics(desk, patient)]
        else:
            times = within(asked.get("startdate", ""), asked.get("enddate", ""))
            rows = LISTS[name](desk, patient, times)
        exchange.returned = tuple(dict.fromkeys(desk.seen))
        return answered(rows)


def _error(exchange: Exchange, status: int, title: str, detail: str) -> Reply:
    """In JSON; in XML for who accepts that alone."""
    accepted = exchange.headers.get("accept", "")
    if "xml" in accepted and "json" not in accepted:
        return Reply(status, [], titled_xml(title, detail), None, "application/xml; charset=utf-8")
    return error(status, title, detail)
