"""SMART's fhirclient for JavaScript in a real browser: its apps are launched, by the EHR and by themselves."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from mockehr.auth.keys import read_bundled_key
from mockehr.auth.launches import Launch
from mockehr.sites.launching import open_app
from mockehr.testing.world import TestSite, World

VENDORS = ("generic", "epic", "oracle", "meditech")
"""Whose sites clients of others are tried on: apps and writes are offered there as those clients expect them."""


PAGES = Path(__file__).parent / "smart_app"
BUILT = "node_modules/fhirclient/build/fhir-client.js"
SCOPES = "openid fhirUser offline_access patient/Patient.rs patient/Condition.rs user/Practitioner.rs"
FRAMED = "(url) => document.body.append(Object.assign(document.createElement('iframe'), { src: url }))"
ECHO: dict[str, Any] = {"token": {"server": {"offline_echoed": True}}}
"""Without `offline_access` among the scopes that it was given, fhirclient does not even try to refresh."""


@dataclass
class App:
    """An app of two pages that a server on loopback gives out; `settings` are what it authorizes with."""

    url: str
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def launch_url(self) -> str:
        """The page that starts it."""
        return f"{self.url}/launch.html"

    @property
    def callback(self) -> str:
        """Where it is called back."""
        return f"{self.url}/index.html"


@pytest.fixture
def app(node: Any) -> Iterator[App]:
    """The app, with fhirclient's own build for browsers."""
    files = {path.name: path for path in [*PAGES.glob("*.html"), node.folder / BUILT]}
    served = App("")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            name = self.path.partition("?")[0].strip("/")
            told = name == "settings.json"
            body = json.dumps(served.settings).encode() if told else files[name].read_bytes()
            kind = {"html": "text/html", "js": "text/javascript", "json": "application/json"}[name.rpartition(".")[2]]
            self.send_response(200)
            self.send_header("Content-Type", f"{kind}; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *told: Any) -> None:
            """The test tells what went wrong."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        served.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield served
        server.shutdown()
        thread.join()


@pytest.fixture
def page(chromium: Any) -> Iterator[Any]:
    """A page of a browser that knows nobody; what its console says is kept in `page.said`."""
    with chromium.new_context() as context:
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.said = []
        page.on("console", lambda told: page.said.append(f"{told.type}: {told.text}"))
        page.on("pageerror", lambda error: page.said.append(f"error: {error}"))
        yield page


@dataclass(frozen=True)
class Launched:
    """A site with an app registered."""

    site: TestSite
    app: App
    vendor: str

    @property
    def patients(self) -> list[str]:
        """Ids of the site's patients."""
        return self.site.patient_ids()

    def conditions(self, patient: str) -> list[str]:
        """Sorted ids of the problems on a patient's list, as the site shows them."""
        charts = self.site.site.charts
        assert charts is not None
        shown = charts.dress(self.patients.index(patient), dirty=False)
        return sorted(
            document["id"]
            for document, _ in shown
            if document["resourceType"] == "Condition" and "problem-list-item" in json.dumps(document["category"])
        )

    def control(self, operation: str, **arguments: Any) -> Any:
        """Call an operation of the control interface."""
        return self.site._control(operation, **arguments)


def registered(mockehr: World, app: App, vendor: str, kind: str = "public", **options: Any) -> Launched:
    """A site of that vendor with the app registered as a client of that kind."""
    site = mockehr.site(vendor, patients=8, **options)
    secret = "an app's secret" if kind == "secret" else ""
    launched = Launched(site, app, vendor)
    launched.control(
        "app add",
        client_id="growth-chart",
        redirect_uris=[app.callback],
        secret=secret,
        keys=kind == "keys",
        title="Growth chart",
    )
    app.settings = {"clientId": "growth-chart", "scope": f"launch/patient {SCOPES}", "iss": site.fhir_url}
    if secret:
        app.settings["clientSecret"] = secret
    if kind == "keys":
        app.settings["clientPrivateJwk"] = {**read_bundled_key("client-1-ES384"), "alg": "ES384"}
    return launched


def answered(page: Any, app: App, user: str) -> list[str]:
    """Answer the hospital's pages until the app is back; their headings."""
    headings = []
    while not page.url.startswith(app.url):
        headings.append(page.locator("h1").inner_text())
        with page.expect_navigation():
            if page.url.endswith("/sign-in") or headings[-1] == "Sign in":
                page.fill("#username", user)
                page.get_by_role("button", name="Sign in").click()
            elif headings[-1] == "Choose a patient":
                page.locator("button.choice").nth(1).click()
            else:
                page.get_by_role("button", name="Allow", exact=True).click()
    return headings


def seen(page: Any) -> dict[str, Any]:
    """What the app says that it saw."""
    page.wait_for_function("document.title === 'done'")
    saw: dict[str, Any] = json.loads(page.locator("#saw").inner_text())
    assert "error" not in saw, (saw, page.said)
    return saw


def holds(saw: dict[str, Any], launched: Launched, patient: str) -> None:
    """The app saw the patient's true chart and nothing failed on the way."""
    assert saw["patient"] == patient
    assert sorted(saw["conditions"]) == launched.conditions(patient)
    assert saw["idToken"]["aud"] == "growth-chart"
    assert saw["idToken"]["fhirUser"].endswith(saw["user"])


@pytest.mark.slow
@pytest.mark.parametrize("vendor", VENDORS)
def test_an_app_launched_by_itself_gets_the_patient_chosen_on_our_pages(
    vendor: str, mockehr: World, app: App, page: Any
) -> None:
    launched = registered(mockehr, app, vendor)
    # At some vendors staff that start an app by themselves choose nobody; patients open their own record.
    own = not launched.site.site.auth.settings.staff_choose_patient
    page.goto(app.launch_url)
    page.wait_for_selector("h1")
    headings = answered(page, app, "patient" if own else "clinician")
    consent = "Let Growth chart in?"
    assert headings == (["Sign in", consent] if own else ["Sign in", "Choose a patient", consent])
    saw = seen(page)
    holds(saw, launched, launched.patients[0 if own else 1])
    assert saw["user"].startswith("Patient/" if own else "Practitioner/")
    assert page.said == []


@pytest.mark.slow
@pytest.mark.parametrize("vendor", VENDORS)
def test_an_app_opened_from_the_ehr_gets_the_patient_whose_chart_is_open(
    vendor: str, mockehr: World, app: App, page: Any
) -> None:
    launched = registered(mockehr, app, vendor)
    app.settings |= {"scope": f"launch {SCOPES}"}
    del app.settings["iss"]
    patient = launched.patients[3]
    opened = launched.control("app open", app=app.launch_url, address=mockehr.url, user="nurse", patient=patient)
    page.goto(opened["url"])
    saw = seen(page)
    holds(saw, launched, patient)
    assert saw["user"].startswith("Practitioner/")
    assert launched.site.verify(channel="authorize", at_most=1) == 1  # at once, without a page
    assert page.said == []


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["public", "secret", "keys"])
@pytest.mark.parametrize("vendor", VENDORS)
def test_an_app_whose_user_agreed_ahead_is_launched_without_a_page(
    vendor: str, kind: str, mockehr: World, app: App, page: Any
) -> None:
    launched = registered(mockehr, app, vendor, kind, settings=ECHO)
    patient = launched.patients[2]
    launched.control("approval add", client_id="growth-chart", user="clinician", patient=patient)
    page.goto(app.launch_url)
    saw = seen(page)
    holds(saw, launched, patient)
    settings = launched.site.site.auth.settings
    if kind == "keys":  # for renewing it knows of no assertions
        assert "invalid_client" in saw["refreshed"]["error"]
    elif kind == "public" and not settings.refresh_public:
        assert saw["refreshed"] is None
    else:
        assert saw["refreshed"] == {"changed": True, "patient": patient}
        assert page.said == []


@pytest.mark.slow
def test_an_app_is_kept_from_its_token_where_the_endpoint_knows_no_other_origins(
    mockehr: World, app: App, page: Any
) -> None:
    # As with several vendors: the launch goes well up to the very last step, and only in browsers it ends there.
    settings = {"cors": {"channels": ["fhir", "discovery"]}}
    launched = registered(mockehr, app, "generic", settings=settings)
    launched.control("approval add", client_id="growth-chart", user="clinician", patient=launched.patients[0])
    page.goto(app.launch_url)
    page.wait_for_function("document.title === 'done'")
    assert "error" in json.loads(page.locator("#saw").inner_text())
    assert any("blocked by CORS policy" in told for told in page.said)
    assert launched.site.verify(channel="token", method="POST") == 1


@pytest.mark.slow
def test_an_app_that_is_not_told_of_its_offline_access_does_not_try_to_refresh(
    mockehr: World, app: App, page: Any
) -> None:
    launched = registered(mockehr, app, "epic", "secret")
    patient = launched.patients[0]
    launched.control("approval add", client_id="growth-chart", user="clinician", patient=patient)
    page.goto(app.launch_url)
    saw = seen(page)
    holds(saw, launched, patient)
    assert "refresh_token" in saw["told"]
    assert "No offline_access" in saw["refreshed"]["error"]
    assert launched.site.verify(channel="token", method="POST", at_most=1) == 1


@pytest.mark.slow
@pytest.mark.parametrize("vendor", VENDORS)
def test_an_app_is_told_that_its_user_declined(vendor: str, mockehr: World, app: App, page: Any) -> None:
    launched = registered(mockehr, app, vendor)
    launched.control("approval add", client_id="growth-chart", user="clinician", deny=True)
    page.goto(app.launch_url)
    page.wait_for_function("document.title === 'done'")
    assert json.loads(page.locator("#saw").inner_text())["error"].startswith("access_denied")


@pytest.mark.slow
@pytest.mark.parametrize("vendor", VENDORS)
def test_an_app_opened_in_a_frame_of_the_record_system_signs_its_user_in_there(
    vendor: str, mockehr: World, app: App, page: Any
) -> None:
    launched = registered(mockehr, app, vendor)
    app.settings |= {"scope": f"launch {SCOPES}", "completeInTarget": True}
    patient = launched.patients[1]
    launch = Launch(patient=patient, client_id="growth-chart", approved=False)
    opened = launched.site._call(open_app, launched.site.site, launch, app.launch_url, launched.site.fhir_url).result
    page.goto(app.url.replace("127.0.0.1", "localhost") + "/settings.json")  # some page of another site
    page.evaluate(FRAMED, opened.url)
    frame = page.frame_locator("iframe")
    # Cookies of a frame within another site's page are its own; nothing here may need them.
    frame.get_by_role("button", name="clinician").click()
    frame.locator("#saw:not(:empty)").wait_for()
    saw = json.loads(frame.locator("#saw").inner_text())
    holds(saw, launched, patient)
    assert page.url.endswith("/settings.json")
    assert page.said == []
