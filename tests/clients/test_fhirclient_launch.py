"""SMART's own `fhirclient` for Python as an app of a hospital: launched by the EHR and by itself, and renewed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from html.parser import HTMLParser
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx2
import pytest
from fhirclient.client import FHIRClient
from fhirclient.models.condition import Condition
from fhirclient.models.patient import Patient
from fhirclient.server import FHIRUnauthorizedException

from mockehr.testing.world import TestSite, World

VENDORS = ("generic", "epic", "oracle", "meditech")
"""Whose sites clients of others are tried on: apps and writes are offered there as those clients expect them."""


CALLBACK = "https://app.example.org/callback"
SCOPES = "openid fhirUser offline_access patient/Patient.rs patient/Condition.rs"
SECRET = "an app's secret"


@dataclass
class Form:
    """A form of a page, filled in as far as the page does it: `buttons` are (name, value)."""

    action: str
    method: str
    fields: list[tuple[str, str]] = field(default_factory=list)
    buttons: list[tuple[str, str]] = field(default_factory=list)


class Forms(HTMLParser):
    """Reads the forms of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[Form] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.found.append(Form(told["action"], told.get("method", "get")))
        elif tag == "button":
            self.found[-1].buttons.append((told.get("name", ""), told.get("value", "")))
        elif tag == "input" and (told.get("type") != "checkbox" or "checked" in told):
            self.found[-1].fields.append((told["name"], told.get("value", "")))


def browse(url: str, *, user: str = "", button: int = 0) -> str:
    """Where a user's browser ends who signs in as `user` and takes the button of that number of every other form."""
    with httpx2.Client(timeout=20) as browser:
        answer = browser.get(url)
        for _ in range(10):
            if answer.is_redirect:
                url = urljoin(url, answer.headers["location"])
                if url.startswith(CALLBACK):
                    return url
                answer = browser.get(url)
                continue
            assert answer.status_code == 200, answer.text
            forms = [form for form in Forms(answer.text).found if form.method == "post"]
            form = forms[0]
            sent = dict(form.fields) if "username" in dict(form.fields) else {}
            if sent:
                sent["username"] = user
            else:
                name, value = form.buttons[button]
                scopes = [value for name, value in form.fields if name == "scope"]
                sent = {**dict(form.fields), name: value} | ({"scope": scopes} if scopes else {})
            url = urljoin(url, form.action)
            answer = browser.post(url, data=sent)
    raise AssertionError(f"never came back to {CALLBACK}; the last page was {url}")


@dataclass(frozen=True)
class Place:
    """A site with an app registered, and fhirclient as that app."""

    site: TestSite
    secret: str = ""
    clients: list[FHIRClient] = field(default_factory=list)

    def client(self, scope: str = SCOPES, **more: str) -> FHIRClient:
        """A client that has read what the server says of itself."""
        settings = {
            "app_id": "my-app",
            "app_secret": self.secret or None,
            "api_base": self.site.fhir_url,
            "redirect_uri": CALLBACK,
            "scope": scope,
        }
        client = FHIRClient(settings=settings | more)
        client.server.session.request = partial(client.server.session.request, timeout=20)
        self.clients.append(client)
        client.prepare()
        return client


@pytest.fixture(params=["", SECRET], ids=["public", "confidential"])
def secret(request: pytest.FixtureRequest) -> str:
    """The app's secret, or none."""
    return str(request.param)


@pytest.fixture(params=VENDORS)
def place(request: pytest.FixtureRequest, mockehr: World, secret: str) -> Iterator[Place]:
    """A small hospital of every personality."""
    site = mockehr.site(request.param, patients=8)
    site._control("app add", client_id="my-app", redirect_uris=[CALLBACK], secret=secret)
    made = Place(site, secret)
    yield made
    for client in made.clients:
        client.server.session.close()


def works_for(client: FHIRClient, place: Place, patient: str) -> None:
    """The client has a token, and it opens that patient's chart and no other."""
    assert client.ready
    assert client.patient.id == client.patient_id == patient
    found = Condition.where({"patient": patient}).perform_resources_iter(client.server)
    theirs = [one for one in found if one.resource_type == "Condition"]
    assert theirs
    assert {one.subject.reference.rpartition("/")[2] for one in theirs} == {patient}
    other = next(id for id in place.site.patient_ids() if id != patient)
    with pytest.raises(Exception, match=r"40[34]"):
        Patient.read(other, client.server)


def test_fhirclient_launches_by_itself_through_our_pages(place: Place) -> None:
    staff = place.site.site.auth.settings.staff_choose_patient
    client = place.client()
    landed = browse(client.authorize_url, user="clinician" if staff else "patient", button=0)
    client.handle_callback(landed)
    works_for(client, place, place.site.patient_ids()[0])


def test_fhirclient_is_launched_from_the_ehr(place: Place) -> None:
    patient = place.site.patient_ids()[4]
    app = "https://app.example.org/launch"
    address = place.site.fhir_url.partition(f"/{place.site.name}/")[0]
    opened = place.site._control("app open", app=app, address=address, user="nurse", patient=patient)
    told = parse_qs(urlsplit(opened["url"]).query)
    client = place.client(api_base=told["iss"][0], launch_token=told["launch"][0])
    client.handle_callback(browse(client.authorize_url))
    works_for(client, place, patient)
    assert "id_token" in client.launch_context


def test_fhirclient_renews_what_it_was_given(place: Place) -> None:
    patient = place.site.patient_ids()[2]
    place.site._control("approval add", client_id="my-app", user="clinician", patient=patient)
    client = place.client()
    client.handle_callback(browse(client.authorize_url))
    first = client.server.auth.access_token
    place.site.advance("2h")  # longer than any vendor's access tokens last
    if not place.secret and not place.site.site.auth.settings.refresh_public:
        assert client.server.auth.refresh_token is None
        return
    with pytest.raises(FHIRUnauthorizedException):
        Patient.read(patient, client.server)
    assert client.patient.id == patient  # it renews by itself
    assert client.server.auth.access_token != first
    works_for(client, place, patient)


def test_fhirclient_is_told_that_the_user_declined(place: Place) -> None:
    staff = place.site.site.auth.settings.staff_choose_patient
    client = place.client()
    if staff:
        place.site._control("approval add", client_id="my-app", user="clinician", deny=True)
    landed = browse(client.authorize_url, user="patient", button=1)
    with pytest.raises(Exception, match=r"declined|denied"):
        client.handle_callback(landed)
    assert not client.ready


def test_fhirclient_sends_a_challenge_that_is_held_against_it(place: Place) -> None:
    place.site._control("approval add", client_id="my-app", user="clinician", patient=place.site.patient_ids()[0])
    client = place.client()
    asked = parse_qs(urlsplit(client.authorize_url).query)
    assert asked["code_challenge_method"] == ["S256"]
    landed = browse(client.authorize_url)
    client.server.auth.code_verifier = "another one, of more than forty-three characters"
    with pytest.raises(Exception, match="400"):
        client.handle_callback(landed)
    assert not client.ready
