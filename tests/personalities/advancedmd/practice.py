"""A client of AdvancedMD's own APIs at one practice."""

from __future__ import annotations

from typing import Any

import orjson

from mockehr.personalities.markup import Element, read_markup

ROOT = "https://north.example.org"
FIRST = "/practicemanager/xmlrpc/processrequest.aspx"


class Practice:
    """Signed in, and speaking JSON unless told otherwise."""

    def __init__(self, site: Any, user: str = "clinician") -> None:
        self.site, self.user = site, user
        self.office = site.site.personality.office
        told = self.login(FIRST)["Results"]["usercontext"]["@webserver"]
        self.address = told.removeprefix(ROOT) + "/xmlrpc/processrequest.aspx"
        self.rest = told.removeprefix(ROOT).replace("/processrequest", "/api")
        self.token = self.login(self.address)["Results"]["usercontext"]["#text"]

    def message(self, **more: Any) -> dict[str, Any]:
        told = {"@action": "login", "@class": "login", "@msgtime": "04/02/2021 2:07:00 PM", "@username": self.user}
        return {**told, "@psw": "x", "@officecode": self.office, "@appname": "TESTAPP", **more}

    def post(self, path: str, body: bytes, **headers: str) -> Any:
        return self.site.ask("POST", path, body=body, **headers)

    def login(self, path: str, **more: Any) -> dict[str, Any]:
        reply = self.post(path, orjson.dumps({"ppmdmsg": self.message(**more)}))
        assert reply.status == 200
        found: dict[str, Any] = orjson.loads(reply.body)["PPMDResults"]
        return found

    def whole(self, action: str, **told: Any) -> dict[str, Any]:
        """`PPMDResults` of an action; members whose name begins with a capital or `_` stay, others get their `@`."""
        said = {f"@{name}" if not isinstance(value, (dict, list)) else name: value for name, value in told.items()}
        body = orjson.dumps({"ppmdmsg": {"@action": action, "@class": "api", **said}})
        reply = self.post(self.address, body, cookie=f"a=b; token={self.token}")
        assert reply.status == 200
        assert reply.header("content-type") == "application/json; charset=utf-8"
        found: dict[str, Any] = orjson.loads(reply.body)["PPMDResults"]
        return found

    def results(self, action: str, **told: Any) -> dict[str, Any]:
        found = self.whole(action, **told)
        assert found["Error"] is None, found
        made: dict[str, Any] = found["Results"]
        return made

    def error(self, action: str, **told: Any) -> str:
        found = self.whole(action, **told)
        assert found["Results"] == {"@success": "0"}
        told_of = found["Error"]
        return told_of if isinstance(told_of, str) else str(told_of["Fault"]["detail"]["description"])

    def by_xml(self, inner: str, **attributes: str) -> Element:
        said = "".join(f' {name}="{value}"' for name, value in attributes.items())
        context = f"<usercontext>{self.token}</usercontext>"
        reply = self.post(self.address, f'<ppmdmsg class="api"{said}>{context}{inner}</ppmdmsg>'.encode())
        assert reply.status == 200
        assert reply.header("content-type") == "text/xml; charset=utf-8"
        return read_markup(reply.body)

    def get(self, target: str, **headers: str) -> Any:
        """The reply of the scheduler."""
        told = {"authorization": f"Bearer {self.token}"} | headers
        return self.site.ask("GET", f"{self.rest}/scheduler/{target}", **told)


def several(rows: Any, name: str) -> list[dict[str, Any]]:
    """A list as a careful client reads it: nothing, one, or several."""
    found = rows.get(name, [])
    return found if isinstance(found, list) else [found]
