"""Traffic of one client, written down by hand, for proving probes."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from mockehr.core.exchange import Decision, Effects, Exchange, Interaction, Reply
from mockehr.scenarios.probe import Case, Finding
from mockehr.scenarios.probes import probes

BASE = "http://127.0.0.1:8000/north/fhir"


class Traffic:
    """Exchanges in order, one second apart unless told otherwise."""

    def __init__(self) -> None:
        self.exchanges: list[Exchange] = []
        self.now = 1_767_614_400.0

    def wait(self, seconds: float) -> None:
        """Let the site's clock go on."""
        self.now += seconds

    def add(self, exchange: Exchange) -> Exchange:
        """Number and time an exchange and keep it."""
        exchange.number, exchange.at, exchange.client = len(self.exchanges) + 1, self.now, "backend"
        self.exchanges.append(exchange)
        self.now += 1.0
        return exchange

    def call(
        self,
        request: str,
        status: int = 200,
        body: Any = None,
        *,
        token: str | None = "t1",
        sent: Any = None,
        headers: dict[str, str] | None = None,
        reply: dict[str, str] | None = None,
        effects: Effects | None = None,
        quirk: str = "",
    ) -> Exchange:
        """A FHIR request such as `GET /Patient/1`; `body` answers it, `sent` is its own body."""
        method, _, target = request.partition(" ")
        path, _, query = target.partition("?")
        kind = path.strip("/").partition("/")[0]
        name = {"POST": "create", "PUT": "update"}.get(method, "search" if query or "/" not in path[1:] else "read")
        exchange = Exchange("fhir", method, path, query, base_url=BASE, headers=headers or {})
        if token is not None:
            exchange.headers["authorization"] = f"Bearer {token}"
        exchange.body = b"" if sent is None else json.dumps(sent).encode()
        exchange.interaction = Interaction("search" if path.endswith("/_search") else name, kind)
        octets = body if isinstance(body, bytes) else json.dumps(body or {"resourceType": kind}).encode()
        exchange.reply = Reply(status, [*(reply or {}).items()], octets)
        exchange.effects = effects
        if quirk:
            exchange.decisions += (Decision("rule", quirk, "on_wire", "fired"),)
        return self.add(exchange)

    def grant(self, token: str = "t2", status: int = 200, *, scope: str = "", granted: str | None = None) -> Exchange:
        """A token request; any status but 200 refuses it."""
        answer: dict[str, Any] = {"access_token": token, "expires_in": 300} if status == 200 else {"error": "no"}
        if granted is not None:
            answer["scope"] = granted
        exchange = Exchange("token", "POST", "/oauth2/token")
        exchange.body = f"grant_type=client_credentials&scope={scope}".encode()
        exchange.reply = Reply(status, [], json.dumps(answer).encode())
        return self.add(exchange)

    def page(self, request: str, keys: list[str], following: str = "", **more: Any) -> Exchange:
        """A search answered with those `Type/id`s and a next link (relative to the base, or absolute)."""
        entries = [{"resource": {"resourceType": kind, "id": id}} for kind, _, id in (k.partition("/") for k in keys)]
        links = [{"relation": "self", "url": "x"}]
        if following:
            links.append({"relation": "next", "url": following if "://" in following else f"{BASE}{following}"})
        return self.call(request, body={"resourceType": "Bundle", "link": links, "entry": entries}, **more)

    def judged(self, probe: str, **known: Any) -> Finding:
        """What the probe says of this traffic."""
        return probes().get(probe).judge(Case(tuple(self.exchanges), "north", "backend", **known))


@pytest.fixture
def traffic() -> Traffic:
    """No traffic yet."""
    return Traffic()


@pytest.fixture
def another() -> Callable[[], Traffic]:
    """Makes more of it, for tests that compare."""
    return Traffic
