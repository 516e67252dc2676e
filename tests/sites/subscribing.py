"""A site that is asked over FHIR, the Subscriptions that tests write there, and an endpoint that answers as told."""

from __future__ import annotations

from typing import Any

import orjson

from mockehr.auth.clients import Client
from mockehr.auth.scopes import Scopes
from mockehr.auth.tokens import Grant
from mockehr.core.exchange import Exchange
from mockehr.events import Delivery
from mockehr.sites.build import build_site
from mockehr.sites.options import SiteOptions
from mockehr.sites.site import Site

BASE = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-"
ADMISSION = "http://hl7.org/SubscriptionTopic/admission"
STAY = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "IMP"}


def made(settings: dict[str, Any] | None = None, *, patients: int = 0, open_access: bool = True, **more: Any) -> Site:
    """A stepped site without any charts."""
    told = {"settings": settings} if settings else {}
    return build_site(SiteOptions("a", patients=patients, stepped=True, open_access=open_access, **told, **more))


def ask(site: Site, method: str, path: str, document: Any = None, query: str = "", **headers: str) -> Exchange:
    """One request; header names are written with underscores."""
    body = b"" if document is None else orjson.dumps(document)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return site.handle(
        Exchange("fhir", method, path, query, named, body=body, base_url="http://a.example.org/fhir/R4")
    )


def answer(exchange: Exchange) -> Any:
    """The body of the answer."""
    assert exchange.reply is not None
    return orjson.loads(exchange.reply.body)


def status(exchange: Exchange) -> int:
    """The HTTP status of the answer."""
    assert exchange.reply is not None
    return exchange.reply.status


def topical(criteria: str = ADMISSION, content: str = "id-only", *filters: str, **more: Any) -> dict[str, Any]:
    """A topic-based Subscription; `heartbeat`, `timeout` and `max_count` are extensions of its channel."""
    numbers = [
        {"url": BASE + name, f"value{kind}": more.pop(key)}
        for key, name, kind in (
            ("heartbeat", "heartbeat-period", "UnsignedInt"),
            ("timeout", "timeout", "UnsignedInt"),
            ("max_count", "max-count", "PositiveInt"),
        )
        if key in more
    ]
    channel: dict[str, Any] = {
        "type": "rest-hook",
        "endpoint": "https://app.example.org/hook",
        "payload": "application/fhir+json",
        "_payload": {"extension": [{"url": BASE + "payload-content", "valueCode": content}]},
    }
    channel |= {"extension": numbers} if numbers else {}
    channel |= more.pop("channel", {})
    told = [{"url": BASE + "filter-criteria", "valueString": one} for one in filters]
    made = {"resourceType": "Subscription", "status": "requested", "reason": "test", "criteria": criteria}
    return made | ({"_criteria": {"extension": told}} if told else {}) | {"channel": channel} | more


def plain(criteria: str = "Encounter?status=in-progress", **more: Any) -> dict[str, Any]:
    """A Subscription as R4 has it; `payload`, `header` and the like are the channel's."""
    channel = {"type": "rest-hook", "endpoint": "https://app.example.org/hook"}
    outer = {name: more.pop(name) for name in ("status", "end", "error") if name in more}
    made = {"resourceType": "Subscription", "status": "requested", "reason": "test", "criteria": criteria}
    return made | {"channel": channel | more} | outer


def subscribe(site: Site, document: dict[str, Any], *answers: int, **headers: str) -> str:
    """Write a Subscription, and answer its handshake with 200 or with each of `answers`; its id."""
    written = ask(site, "POST", "/Subscription", document, **headers)
    assert status(written) == 201, answer(written)
    for one in answers or (200,):
        respond(site, one)
    return str(answer(written)["id"])


def respond(site: Site, code: int = 200) -> Delivery | None:
    """Answer the next delivery, if there is one."""
    delivery = site.outbox.take()
    if delivery is not None:
        site.outbox.settle(delivery, code)
    return delivery


def arrived(site: Site, code: int = 200) -> list[Delivery]:
    """Answer all that is sent at present."""
    found = []
    while (delivery := respond(site, code)) is not None:
        found.append(delivery)
    return found


def stored(site: Site, id: str) -> dict[str, Any]:
    """A Subscription as it is stored."""
    record = site.store.read("Subscription", id)
    assert record is not None
    return record.document


def admit(site: Site, id: str = "e1", patient: str = "p1", **more: Any) -> Exchange:
    """Write a stay that is under way."""
    document = {"resourceType": "Encounter", "id": id, "status": "in-progress", "class": STAY}
    return ask(site, "PUT", f"/Encounter/{id}", document | {"subject": {"reference": f"Patient/{patient}"}} | more)


def token(site: Site, scopes: str, client: str = "app", patient: str = "") -> str:
    """The Authorization header of a client with those scopes."""
    if client not in site.auth.clients:
        site.auth.clients.add(Client(client, Scopes.parse(scopes), secret="s"))
    now = site.clock.now()
    draft = Grant(client, Scopes.parse(scopes), now, now + 3600, 3600, patient=patient)
    return f"Bearer {site.auth.tokens.issue(draft, token_url='http://a.example.org/token').token}"
