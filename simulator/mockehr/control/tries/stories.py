"""The stories that quirks are tried in, by channel: small things that clients do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from mockehr.auth.assertion import client_assertion
from mockehr.control.tries import launch_story
from mockehr.control.tries.message_stories import batch, received, sent
from mockehr.control.tries.visit import Visit, document_of
from mockehr.core.exchange import Exchange, Interaction
from mockehr.events import Hook
from mockehr.sites.test_client import fitting_key, register_demo_client

_ASSERTION: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@dataclass(frozen=True, slots=True)
class Story:
    """What is done, the channels on which it happens, and the function that does it."""

    title: str
    channels: frozenset[str]
    play: Callable[[Visit], None]
    interactions: frozenset[str] = frozenset()


def _read(visit: Visit) -> None:
    for _ in range(2):
        visit.send("GET", f"Patient/{visit.patient()}", accept_encoding="gzip")


def _search(visit: Visit) -> None:
    first = visit.send("GET", f"Observation?patient={visit.patient()}&category=vital-signs&_count=5")
    _next(visit, first)
    visit.send("GET", f"Patient?_id={visit.patient()}")


def _all_patients(visit: Visit) -> None:
    first = visit.send("GET", "Patient?_count=4&_sort=birthdate&gender:missing=false")
    _next(visit, first)


def _next(visit: Visit, page: Exchange) -> None:
    links = document_of(page).get("link") or ()
    address = next((str(one["url"]) for one in links if one.get("relation") == "next"), "")
    if address.startswith(visit.visitor.root):
        visit.send("GET", address)


_PERSON: Final[Mapping[str, Any]] = {
    "resourceType": "Patient",
    "name": [{"use": "official", "family": "Muster", "given": ["Johanna"]}, {"use": "nickname", "given": ["Hanna"]}],
    "active": True,
}


def _write(visit: Visit) -> None:
    id = _created(visit)
    visit.send("GET", f"Patient/{id}")
    visit.send("PUT", f"Patient/{id}", {**_PERSON, "id": id, "active": False})
    visit.send("GET", f"Patient/{id}")
    visit.note("how many of them the hospital has", f"  {len(list(visit.site.store.overlay('Patient')))}")


def _created(visit: Visit) -> str:
    """Creates a patient; its id."""
    created = visit.send("POST", "Patient", _PERSON)
    where = created.reply.header("location") if created.reply is not None else ""
    return where.partition("/_history")[0].rpartition("/")[2] or str(document_of(created).get("id", ""))


def _early(visit: Visit) -> None:
    _created(visit)
    visit.wait(10)
    visit.send("GET", "Patient?_lastUpdated=ge2026-01-05T12:00:00Z")
    visit.send("GET", f"Patient/{_created(visit)}")


def _token(visit: Visit) -> None:
    site, client = visit.site, "system"
    register_demo_client(site, client)
    keys = fitting_key(site.auth.settings.assertion_algs)
    url = visit.visitor.root + site.token_path
    for number in range(4):
        assertion = client_assertion(client, url, keys, now=site.clock.now(), jti=f"jti-{number}")
        form = {
            "grant_type": "client_credentials",
            "scope": "system/Patient.rs system/DocumentReference.rs",
            "client_assertion_type": _ASSERTION,
            "client_assertion": assertion,
        }
        visit.visitor.headers = {}
        granted = visit.send("POST", url, urlencode(form).encode(), content_type="application/x-www-form-urlencoded")
        told = document_of(granted)
        visit.visitor.headers = {"authorization": f"Bearer {told.get('access_token')}"}
        visit.send("GET", f"Patient/{visit.patient()}")
        jwks = visit.send("GET", visit.visitor.root + site.jwks_path)
        visit.note("keys that the server signs with", *(f"  {key.get('kid')}" for key in _keys(jwks)))
        visit.note("what the server noted of the client", *_noted(granted))


def _keys(exchange: Exchange) -> list[Any]:
    found = document_of(exchange).get("keys")
    return found if isinstance(found, list) else []


def _noted(granted: Exchange) -> list[str]:
    return [
        f"  {name}: {value}" for name, value in sorted((granted.notes.get("auth") or {}).items()) if name != "jti"
    ]


def _discovery(visit: Visit) -> None:
    visit.visitor.headers = {}
    visit.send("GET", ".well-known/smart-configuration")
    visit.send("GET", "metadata?_elements=fhirVersion")


def _handshake(visit: Visit) -> None:
    exchange = Exchange("discovery", "CONNECT", interaction=Interaction("handshake"))
    visit.site.journal.open(exchange)
    visit.site.mischief.disturb("on_handshake", exchange)
    visit.site.journal.close(exchange)
    visit.saw(exchange, "a connection over HTTPS is made")


def _export(visit: Visit) -> None:
    charts = visit.site.charts
    assert charts is not None  # who has no patients is not visited
    group = f"Group/{charts.groups.id_of(next(iter(charts.groups.rolls)))}"
    begun = visit.send("GET", f"{group}/$export?_type=Patient,Condition", prefer="respond-async")
    where = begun.reply.header("content-location") if begun.reply is not None else ""
    for seconds in (0, 0, 30, 30, 3600, 3600) if where else ():
        visit.wait(seconds)
        polled = visit.send("GET", where)
        if polled.reply is not None and polled.reply.status == 200:
            listed = document_of(polled)
            for file in [*listed.get("output", ()), *listed.get("error", ())]:
                _fetch(visit, str(file["url"]))
            return


def _fetch(visit: Visit, address: str) -> None:
    got = visit.send("GET", address)
    if got.reply is not None and got.reply.status == 307:
        visit.send("GET", got.reply.header("location"), authorization="")
    visit.note("lines of the file", f"  {len((got.reply.body if got.reply is not None else b'').splitlines())}")


def _webhook(visit: Visit) -> None:
    site = visit.site
    site.outbox.add(Hook("app", "http://app.example.org/hook", "s3cr3t", payload="id-only"))
    site.outbox.add(Hook("feed", "http://app.example.org/subscription", form="backport", subscription="s1"))
    for name in ("app", "feed"):
        site.outbox.notify(name, "handshake")
        _deliver(visit)
    for id in ("a", "b", "c"):
        site.store.commit({**_PERSON, "id": id}, kind="create", source="control")
        _deliver(visit)
    site.outbox.notify("app", "heartbeat")
    _deliver(visit)
    for seconds in (60, 240, 300, 7200):
        visit.wait(seconds)
        _deliver(visit)


def _deliver(visit: Visit) -> None:
    """What the receiver gets now; it accepts everything."""
    while (delivery := visit.site.outbox.take()) is not None:
        visit.site.outbox.settle(delivery, 200)
        about = ", ".join(f"Patient/{event.change.id}" for event in delivery.events) or delivery.kind
        visit.saw(delivery.exchange, f"the receiver gets delivery of {about}, attempt {delivery.attempt}")


def _story(title: str, channels: str, play: Callable[[Visit], None], interactions: str = "") -> Story:
    return Story(title, frozenset(channels.split()), play, frozenset(interactions.split()))


STORIES: Final[tuple[Story, ...]] = (
    _story("a connection over HTTPS", "discovery", _handshake),
    _story("a patient is read twice", "fhir", _read, "read"),
    _story("observations of a patient are searched, page by page", "fhir", _search, "search"),
    _story("patients are searched, page by page", "fhir", _all_patients, "search"),
    _story("a patient is created and updated", "fhir", _write, "create update patch delete"),
    _story("a client asks for what just happened", "fhir", _early, "search read"),
    _story("tokens are asked for and used", "token", _token),
    _story("discovery", "discovery fhir", _discovery, "capabilities"),
    _story(
        "an app is opened, gets a token and renews it", "launch authorize token discovery fhir", launch_story.play
    ),
    _story("an export, asked after and fetched", "files fhir", _export),
    _story("three patients come, and a receiver is told", "webhook", _webhook),
    _story("two HL7 messages come in", "mllp-in", received),
    _story("HL7 messages go out", "mllp-out", sent),
    _story("HL7 messages go to a file", "mllp-out", batch),
)
