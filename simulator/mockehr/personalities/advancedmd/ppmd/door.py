"""ppmdmsg: signing in by two steps, and every action in one place. Sources: notes.md."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

from mockehr.core.exchange import Exchange, Interaction, Reply
from mockehr.core.problem import Problem
from mockehr.personalities.advancedmd.desk import SESSIONS, Desk, Refused, Session
from mockehr.personalities.advancedmd.envelopes import QUOTA, titled
from mockehr.personalities.advancedmd.ppmd.actions import ACTIONS
from mockehr.personalities.advancedmd.ppmd.call import REDIRECT, TIMED_OUT, Call, Fault
from mockehr.personalities.advancedmd.ppmd.message import form_of, read_message, reply_of
from mockehr.personalities.markup import Element, NoMarkup
from mockehr.personalities.proprietary import Records

FIRST: Final = "/practicemanager/xmlrpc"
SECOND: Final = "/processrequest/api-801"
_SCRIPT: Final = "processrequest.aspx"
_APP: Final = re.compile(r"[A-Za-z0-9_-]{1,40}")
_COOKIE: Final = re.compile(r"(?:^|;)\s*token=\"?([^;\"]*)")


class Ppmd:
    """See `mockehr.personalities.proprietary.Api`."""

    name = "ppmdmsg"
    bearer = False
    paths: Sequence[str] = (FIRST, SECOND)

    def __init__(self, settings: Mapping[str, Any], site: str, office: str, fhir_path: str) -> None:
        """`settings` is the section `ppmd` of `personality.yaml`; `office` the key of the practice."""
        self._settings = settings
        self._site, self._office, self._fhir = site, office, fhir_path

    @property
    def routes(self) -> Sequence[tuple[str, str, str]]:
        """See Api."""
        return (
            ("POST", f"{FIRST}/{_SCRIPT}", "login"),
            ("POST", f"{SECOND}/{{app}}/xmlrpc/{_SCRIPT}", "the action that the message says"),
        )

    def interaction(self, exchange: Exchange) -> Interaction:
        """The action in small letters."""
        try:
            message, _ = read_message(exchange.body)
        except NoMarkup:
            return Interaction("ppmdmsg")
        action = message.get("action").strip().lower()
        return Interaction(action if action in ACTIONS or action == "login" else "ppmdmsg")

    def answer(self, exchange: Exchange, records: Records) -> Reply:
        """See Api."""
        app = self._app(exchange.path)
        if app is None:
            return Reply(404)
        if exchange.method != "POST":
            return Reply(405, [("Allow", "POST")])
        try:
            message, form = read_message(exchange.body)
        except NoMarkup as error:
            return _failed(Fault(f"The message cannot be read: {error}"), form_of(exchange.body))
        try:
            if message.get("action").strip().lower() == "login":
                return self._login(message, form, app, exchange, records)
            return reply_of(_answer(self._perform(message, exchange, records)), form)
        except Fault as fault:
            return _failed(fault, form)
        except Refused as refused:
            return _failed(Fault(str(refused)), form)

    def refuse(self, problem: Problem) -> Reply:
        """See Api."""
        document = titled(*QUOTA) if problem.status == 429 else titled("Error", problem.text)
        return Reply(problem.status, [], document=document, content_type="application/json")

    def _app(self, path: str) -> str | None:
        """The app in the path, empty at the address of the first step; None if nothing is there."""
        if path.lower() == f"{FIRST}/{_SCRIPT}":
            return ""
        parts = path.removeprefix(SECOND).strip("/").split("/")
        known = len(parts) == 3 and [part.lower() for part in parts[1:]] == ["xmlrpc", _SCRIPT]
        return parts[0] if known and _APP.fullmatch(parts[0]) else None

    # signing in

    def _login(self, message: Element, form: Any, app: str, exchange: Exchange, records: Records) -> Reply:
        user, name = message.get("username"), message.get("appname").strip()
        password, office = message.get("psw"), message.get("officecode").strip()
        known = user and (records.user(user, password) or records.client(user, password))
        if not known or office != self._office:
            raise Fault("Invalid user name, password or office key")
        exchange.client = user
        if not app:
            server = f"{self._root(exchange)}{SECOND}/{name if _APP.fullmatch(name) else 'API'}"
            results = Element("Results", {"success": "0"}, "", [Element("usercontext", {"webserver": server})])
            return reply_of(_answer(results, Fault("redirect", REDIRECT).element()), form)
        octets = records.key("ppmd-token", self._site, records.number(SESSIONS))
        token = f"{self._office}{base64.b64encode(octets[:24], b'-_').decode()}"
        records.keep(SESSIONS, token, Session(user, app), float(self._settings["session"]))
        context = Element("usercontext", {"webserver": f"{self._root(exchange)}{SECOND}/{app}"}, token)
        reply = reply_of(_answer(Element("Results", {"success": "1"}, "", [context])), form)
        reply.headers.append(("Set-Cookie", f"token={token}; path=/; HttpOnly"))
        return reply

    def _root(self, exchange: Exchange) -> str:
        """The site's root as the client addressed it."""
        base = exchange.base_url.rstrip("/")
        parts = urlsplit(base)
        return base.removesuffix(self._fhir) if base.endswith(self._fhir) else f"{parts.scheme}://{parts.netloc}"

    # actions

    def _perform(self, message: Element, exchange: Exchange, records: Records) -> Element:
        """`Results` of an action; raises Fault and Refused."""
        cookie = _COOKIE.search(exchange.headers.get("cookie", ""))
        token = message.said("usercontext") or (cookie[1] if cookie is not None else "")
        session = records.kept(SESSIONS, token)
        if not isinstance(session, Session):
            raise Fault("Session has timed out", TIMED_OUT)
        exchange.client = session.user
        action = ACTIONS.get(message.get("action").strip().lower())
        if action is None:
            raise Fault("The action is not supported")
        desk = Desk(exchange, records, self._settings)
        results = action(Call(message, desk))
        exchange.returned = tuple(dict.fromkeys(desk.seen))
        return results


def _answer(results: Element, error: Element | None = None) -> Element:
    """`PPMDResults`; what was made new is told there too."""
    new = results.attributes.pop("newid", "")
    return Element("PPMDResults", {"newid": new} if new else {}, "", [results, error or Element("Error")])


def _failed(fault: Fault, form: Any) -> Reply:
    return reply_of(_answer(Element("Results", {"success": "0"}), fault.element()), form)
