"""Unity's endpoints: tokens, MagicJson, and the same over SOAP. Sources: notes.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import orjson

from mockehr.core.exchange import Exchange, Interaction, Reply
from mockehr.core.problem import Problem
from mockehr.personalities.envelope import to_bytes
from mockehr.personalities.proprietary import Records
from mockehr.personalities.veradigm.unity import soap
from mockehr.personalities.veradigm.unity.actions import ACTIONS, named
from mockehr.personalities.veradigm.unity.call import Call, MagicError, Request
from mockehr.personalities.veradigm.unity.words import Row

SESSIONS: Final = "unity"
LOGGED_OUT: Final = "As a Security precaution, you have been logged out due to inactivity."
_RETIRE: Final = ("RetireSecurityToken", "RetireToken")
_RETIRED: Final = f'<RetireSecurityTokenResponse xmlns="{soap.NAMESPACE}"/>'


@dataclass(frozen=True, slots=True)
class Session:
    """What a token stands for. It must be picklable."""

    user: str
    app: str


class Unity:
    """See `mockehr.personalities.proprietary.Api`."""

    name = "unity"
    bearer = False

    def __init__(self, settings: Mapping[str, Any], site: str) -> None:
        """`settings` is the section `unity` of `personality.yaml`."""
        self._settings = settings
        self._site = site
        self._base = str(settings["path"]).rstrip("/")
        self.paths: Sequence[str] = (f"{self._base}/json", f"{self._base}/unityservice", f"{self._base}/Unityservice")

    @property
    def routes(self) -> Sequence[tuple[str, str, str]]:
        """See Api."""
        calls = [("POST", f"{self.paths[0]}/{name}", name) for name in ("GetToken", "MagicJson", _RETIRE[0])]
        return [*calls, ("POST", self.paths[1], "Magic")]

    def interaction(self, exchange: Exchange) -> Interaction:
        """The action, or `GetToken` and `RetireSecurityToken`."""
        last = exchange.path.rpartition("/")[2]
        if last == "MagicJson":
            request = _read(exchange.body)
            return Interaction((named(request.action) if request is not None else "") or "MagicJson")
        if exchange.path.lower().endswith("/unityservice"):
            call = soap.read_call(exchange.body)
            action = soap.told_by(call).get("Action", "") if call is not None else ""
            return Interaction(named(action) or (call.name[:40] if call is not None else "Magic"))
        return Interaction(_RETIRE[0] if last in _RETIRE else last[:40])

    def answer(self, exchange: Exchange, records: Records) -> Reply:
        """See Api."""
        last = exchange.path.rpartition("/")[2]
        over_soap = exchange.path.lower().endswith("/unityservice")
        if exchange.method != "POST":
            return Reply(405, [("Allow", "POST")])
        if over_soap:
            return self._soap(exchange, records)
        if last == "GetToken":
            return self._token(exchange, records)
        if last in _RETIRE:
            told = _members(exchange.body) or {}
            records.forget(SESSIONS, str(told.get("Token", "")).strip('"').upper())
            return Reply(200, [], _RETIRED.encode(), None, "application/xml; charset=utf-8")
        if last != "MagicJson" or exchange.path != f"{self.paths[0]}/MagicJson":
            return Reply(404)
        request = _read(exchange.body)
        if request is None:
            return _error("", "The request is no JSON object.")
        try:
            rows = self._magic(request, exchange, records)
        except MagicError as error:
            return _error(named(request.action) or request.action, str(error))
        return _reply([{f"{named(request.action).lower()}info": rows}])

    def refuse(self, problem: Problem) -> Reply:
        """See Api."""
        headers = [("Retry-After", problem.retry_after)] if problem.retry_after else []
        reply = _error("", problem.text)
        reply.status, reply.headers = problem.status, headers
        return reply

    # tokens

    def _token(self, exchange: Exchange, records: Records) -> Reply:
        told = _members(exchange.body) or {}
        token = self._signed_in(told, exchange, records)
        quote = '"' if token and self._settings["quoted_token"] else ""
        text = f"{quote}{token}{quote}" if token else "error: The user name or password is not valid."
        return Reply(200, [], text.encode(), None, "application/octet-stream")

    def _signed_in(self, told: Mapping[str, Any], exchange: Exchange, records: Records) -> str:
        """A new token, or the empty text for somebody who is nobody."""
        user, password = str(told.get("Username") or ""), str(told.get("Password") or "")
        if not user or not (records.client(user, password) or records.user(user, password)):
            return ""
        exchange.client = user
        octets = records.key("unity-token", self._site, records.number(SESSIONS))
        token = str(UUID(bytes=octets[:16], version=4)).upper()
        session = Session(user, str(told.get("Appname") or ""))
        records.keep(SESSIONS, token, session, float(self._settings["idle"]))
        return token

    # calls

    def _magic(self, request: Request, exchange: Exchange, records: Records) -> list[Row]:
        """The rows of an action; raises MagicError. Every call puts the end of the session off."""
        token = request.token.upper()
        session = records.kept(SESSIONS, token)
        if not isinstance(session, Session):
            raise MagicError(LOGGED_OUT)
        records.keep(SESSIONS, token, session, float(self._settings["idle"]))
        exchange.client = session.user
        action = ACTIONS.get(named(request.action))
        if action is None:
            raise MagicError("The action is not supported.")
        call = Call(request, exchange, records, self._settings)
        rows = action(call)
        exchange.returned = tuple(dict.fromkeys(call.seen))
        return rows[: int(self._settings["most"])]

    def _soap(self, exchange: Exchange, records: Records) -> Reply:
        call = soap.read_call(exchange.body)
        told = soap.told_by(call) if call is not None else {}
        if call is None or call.name not in ("Magic", "GetSecurityToken", _RETIRE[0]):
            return soap.fault("The envelope has no call that is known here.")
        if call.name == "GetSecurityToken":
            token = self._signed_in(told, exchange, records)
            return soap.answer_token(token or "error: The user name or password is not valid.")
        if call.name == _RETIRE[0]:
            records.forget(SESSIONS, told.get("Token", "").upper())
            return soap.answer_retired()
        request = Request.of(told)
        try:
            return soap.answer_magic(named(request.action), self._magic(request, exchange, records))
        except MagicError as error:
            return soap.fault(_words(named(request.action) or request.action, str(error)))


def _members(body: bytes) -> dict[str, Any] | None:
    try:
        told = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return told if isinstance(told, dict) else None


def _read(body: bytes) -> Request | None:
    told = _members(body)
    return None if told is None else Request.of(told)


def _reply(document: object) -> Reply:
    return Reply(200, [], to_bytes(document), None, "application/json; charset=utf-8")


def _words(action: str, text: str) -> str:
    return f"Magic Error - Action: {action[:60]} - {text}"


def _error(action: str, text: str) -> Reply:
    return _reply([{"Error": _words(action, text)}])
