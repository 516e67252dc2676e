"""The pages of the authorization server in a real browser: on a desk and on a telephone, by light and by dark.

Their pictures are kept in the folder that the environment variable MOCKEHR_SCREENSHOTS names, else in pytest's own.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx2
import pytest

from mockehr.core.exchange import Exchange
from mockehr.testing.world import TestSite, World

pytestmark = pytest.mark.slow

DEVICES = {"desk": {"width": 1280, "height": 800}, "phone": {"width": 390, "height": 844}}
SCHEMES = ("light", "dark")
DATA = "patient/Patient.rs patient/Condition.rs patient/Observation.rs?category=laboratory patient/Encounter.rs"
SCOPES = f"openid fhirUser offline_access launch/patient {DATA}"
VERIFIER = "v" * 50
TYPES = (
    "AllergyIntolerance",
    "Appointment",
    "Binary",
    "CarePlan",
    "CareTeam",
    "Condition",
    "Coverage",
    "Device",
    "DiagnosticReport",
    "DocumentReference",
    "Encounter",
    "Goal",
    "Immunization",
    "Location",
    "Medication",
    "MedicationDispense",
    "MedicationRequest",
    "Observation",
    "Organization",
    "Patient",
    "Practitioner",
    "PractitionerRole",
    "Procedure",
    "Provenance",
    "QuestionnaireResponse",
    "RelatedPerson",
    "ServiceRequest",
    "Specimen",
    "Task",
    "Media",
)
ATTACK = "<img src=x onerror=\"document.title='hacked'\"><script>document.title='hacked'</script>\"'}}{{7*7}}"
LONG = "Maximiliana Wolfeschlegelsteinhausenbergerdorff-Rindfleischetikettierungsueberwachungsaufgaben"
SCRIPTS = (
    "Ольга Иванова-Петрова",
    "محمد عبد الرحمن",
    "山田 太郎",
    "Nguyễn Thị Ánh",
    "Ωmega Παπαδοπούλου",
    "กรุงเทพ มหานคร",
)
UNLABELLED = """() => [...document.querySelectorAll('input:not([type=hidden]), select, textarea')]
  .filter((one) => !one.labels.length || !one.labels[0].innerText.trim()).map((one) => one.outerHTML)"""
FOCUSED = """() => {
  const found = document.activeElement;
  return found === document.body ? '' : (found.labels?.[0] ?? found).innerText;
}"""
OUTLINED = """() => {
  const { outlineStyle, outlineWidth } = getComputedStyle(document.activeElement);
  return document.activeElement !== document.body && outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2;
}"""


@pytest.fixture(scope="module")
def shots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where pictures go."""
    told = os.environ.get("MOCKEHR_SCREENSHOTS")
    folder = Path(told) if told else tmp_path_factory.mktemp("screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="module")
def landing() -> Iterator[str]:
    """Where the app is called back: an empty page."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<!DOCTYPE html><title>the app</title><link rel=icon href=data:,>")

        def log_message(self, *told: Any) -> None:
            """The test tells what went wrong."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/callback"
        server.shutdown()
        thread.join()


@dataclass(frozen=True)
class Visit:
    """A page of a browser at a site, with an app that asks to be let in."""

    page: Any
    site: TestSite
    landing: str
    said: list[str]
    shots: Path
    look: str
    axe: str

    def opens(self, scopes: str = SCOPES, title: str = "Growth Chart", **more: str) -> None:
        """Register the app and go where it sends its users."""
        self.site._control("app add", client_id="my-app", redirect_uris=[self.landing], title=title)
        digest = hashlib.sha256(VERIFIER.encode()).digest()
        asked = {
            "response_type": "code",
            "client_id": "my-app",
            "redirect_uri": self.landing,
            "scope": scopes,
            "state": "s",
            "aud": self.site.fhir_url,
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }
        where = self.site.site.addresses(self.site.fhir_url)
        self.page.goto(f"{where.authorize}?{urlencode(asked | more)}")

    def add_patient(self, family: str) -> str:
        """Another patient, with that family name; the id."""
        body = json.dumps({"resourceType": "Patient", "name": [{"family": family, "given": ["Alix"]}]}).encode()
        headers = {"content-type": "application/fhir+json"}
        created = self.site._call(
            self.site.site.handle, Exchange("fhir", method="POST", path="/Patient", headers=headers, body=body)
        )
        return str(json.loads(created.reply.body)["id"])

    def press(self, name: str) -> None:
        """Press the button of that name."""
        with self.page.expect_navigation():
            self.page.get_by_role("button", name=name, exact=True).click()

    def take(self, number: int = 0) -> None:
        """Take one of the choices of the page."""
        with self.page.expect_navigation():
            self.page.locator("button.choice").nth(number).click()

    def sign_in(self, user: str, password: str = "") -> None:
        """Give a name and a password."""
        self.page.fill("#username", user)
        self.page.fill("#password", password)
        self.press("Sign in")

    @property
    def heading(self) -> str:
        """The one heading of the first rank."""
        assert self.page.locator("h1").count() == 1
        return str(self.page.locator("h1").inner_text())

    def judge(self, name: str) -> None:
        """Keep a picture, and hold the page against what every page has to be."""
        page = self.page
        page.screenshot(path=self.shots / f"{name}-{self.look}.png", full_page=True)
        assert page.locator("html").get_attribute("lang") == "en"
        assert self.heading
        assert page.evaluate(UNLABELLED) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]
        page.evaluate(self.axe)  # past the page's own policy, which would not load it
        found = page.evaluate("async () => (await axe.run()).violations")
        faults = [(one["id"], one["help"], [node["html"][:120] for node in one["nodes"]][:3]) for one in found]
        assert faults == [], json.dumps(faults, indent=1)
        assert self.said == []

    def granted(self) -> dict[str, Any]:
        """What the app gets for the code that it was called back with."""
        code = parse_qs(urlsplit(self.page.url).query)["code"][0]
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.landing,
            "client_id": "my-app",
            "code_verifier": VERIFIER,
        }
        answer = httpx2.post(self.site.token_url, data=form, timeout=10)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())


@pytest.fixture
def visit(
    request: pytest.FixtureRequest, chromium: Any, mockehr: World, landing: str, shots: Path, node: Any
) -> Iterator[Visit]:
    """Somebody at a generic hospital; parametrised with (device, scheme), or by light at a desk."""
    device, scheme = getattr(request, "param", ("desk", "light"))
    site = mockehr.site("generic", patients=30, open_access=True)
    axe = (node.folder / "node_modules" / "axe-core" / "axe.min.js").read_text("utf-8")
    with chromium.new_context(viewport=DEVICES[device], color_scheme=scheme, has_touch=device == "phone") as context:
        page, said = context.new_page(), []
        page.set_default_timeout(15_000)
        page.on("console", lambda told: said.append(f"{told.type}: {told.text}"))
        page.on("pageerror", lambda error: said.append(f"error: {error}"))
        page.on("dialog", lambda dialog: said.append(f"dialog: {dialog.message}"))
        yield Visit(page, site, landing, said, shots, f"{device}-{scheme}", axe)


everywhere = pytest.mark.parametrize(
    "visit", [(device, scheme) for device in DEVICES for scheme in SCHEMES], indirect=True, ids="-".join
)
on_a_phone = pytest.mark.parametrize("visit", [("phone", "light")], indirect=True, ids="-".join)


@everywhere
def test_every_page_is_fit_for_people(visit: Visit) -> None:
    visit.site._control("user add", username="strict", reference="Practitioner/s", title="Sam Strict", password="pw")
    visit.opens(f"{SCOPES} launch/encounter")
    assert visit.heading == "Sign in"
    visit.judge("1-sign-in")
    visit.sign_in("strict", "wrong")
    assert visit.page.get_by_role("alert").inner_text() == "That name and password do not belong together."
    assert visit.page.input_value("#username") == "strict"
    assert visit.page.input_value("#password") == ""
    visit.judge("2-sign-in-refused")
    visit.sign_in("strict", "pw")
    assert visit.heading == "Choose a patient"
    assert visit.page.locator("button.choice").count() == 20
    visit.judge("3-patients")
    visit.page.fill("#text", "zzz")
    visit.press("Search")
    visit.judge("4-no-patient")
    visit.page.fill("#text", "")
    visit.press("Search")
    visit.take(1)
    assert visit.heading == "Choose a visit"
    visit.judge("5-visits")
    visit.take(0)
    assert visit.heading == "Let Growth Chart in?"
    visit.judge("6-consent")
    visit.press("Allow")
    assert visit.page.url.startswith(visit.landing)
    granted = visit.granted()
    assert granted["patient"] == visit.site.patient_ids()[1]
    assert granted["encounter"]
    assert visit.said == []


@everywhere
def test_a_refusal_is_told_on_a_page_fit_for_people(visit: Visit) -> None:
    visit.opens(redirect_uri="https://elsewhere.example.org/callback")
    assert visit.heading == "This app cannot be opened"
    visit.said[:] = [told for told in visit.said if "status of 400" not in told]
    visit.judge("7-refused")


@everywhere
def test_users_see_what_they_let_in_and_take_it_back(visit: Visit) -> None:
    visit.opens()
    visit.sign_in("clinician")
    visit.take(0)
    visit.press("Allow")
    visit.granted()
    manage = visit.site.site.addresses(visit.site.fhir_url).manage
    visit.page.goto(manage)
    assert visit.heading == "Apps with access"
    visit.judge("11-manage")
    visit.press("Take its access away")
    assert "No app has access." in visit.page.content()
    visit.judge("12-manage-none")
    visit.press("Sign out")
    visit.judge("13-manage-sign-in")
    visit.sign_in("nurse")
    assert "No app has access." in visit.page.content()


def test_a_scope_that_is_unticked_is_not_granted(visit: Visit) -> None:
    visit.opens()
    visit.sign_in("clinician")
    visit.take(3)
    visit.page.get_by_label("See conditions and diagnoses").uncheck()
    visit.press("Allow")
    granted = visit.granted()
    expected = set(SCOPES.split()) - {"patient/Condition.rs"}
    assert set(granted["scope"].split()) == expected
    assert granted["patient"] == visit.site.patient_ids()[3]


def test_declining_sends_the_user_back_with_nothing_granted(visit: Visit) -> None:
    visit.opens()
    visit.sign_in("patient")
    visit.press("Do not allow")
    told = parse_qs(urlsplit(visit.page.url).query)
    assert (told["error"], told["state"], "code" in told) == (["access_denied"], ["s"], False)


def test_what_was_shown_last_comes_back_without_sending_anything_again(visit: Visit) -> None:
    visit.opens()
    visit.sign_in("clinician")
    visit.take(0)
    visit.page.reload()
    assert visit.heading == "Let Growth Chart in?"
    visit.page.go_back()
    visit.page.go_forward()
    assert visit.heading == "Let Growth Chart in?"
    visit.press("Allow")
    assert visit.granted()["patient"] == visit.site.patient_ids()[0]


@pytest.mark.parametrize("visit", [("desk", "light"), ("desk", "dark")], indirect=True, ids="-".join)
def test_a_launch_is_completed_by_keyboard_alone(visit: Visit) -> None:
    visit.opens(f"{SCOPES} launch/encounter")
    page = visit.page

    def tab_to(words: str) -> None:
        """Tab until what has the focus says that, all the way with a ring around it."""
        for _ in range(60):
            if words in page.evaluate(FOCUSED):
                return
            page.keyboard.press("Tab")
            assert page.evaluate(OUTLINED), f"no ring on the way to {words}"
        raise AssertionError(f"Tab never comes to {words} on {visit.heading}")

    def enter() -> None:
        with page.expect_navigation():
            page.keyboard.press("Enter")

    tab_to("User name")
    page.keyboard.type("nurse")
    enter()
    tab_to("Name begins with")
    page.keyboard.type("Sm")
    enter()
    tab_to("Smith")
    enter()
    assert visit.heading == "Choose a visit"
    tab_to("None of these")
    enter()
    tab_to("See visits")
    page.keyboard.press("Space")
    visit.judge("8-consent-by-keyboard")
    tab_to("Allow")
    enter()
    granted = visit.granted()
    assert "patient/Encounter.rs" not in granted["scope"]
    assert "encounter" not in granted
    found = visit.site.site.auth.door.charts.patient(granted["patient"])
    assert found is not None
    assert "Smith" in found.label


def test_what_people_wrote_is_shown_and_never_run(visit: Visit) -> None:
    visit.site._control("user add", username="eve", reference="Practitioner/e", title=ATTACK)
    visit.add_patient(ATTACK)
    visit.opens(title=ATTACK)
    page = visit.page

    def harmless(times: int) -> None:
        assert page.locator("body").inner_text().count(ATTACK) == times
        assert page.locator("img, script").count() == 0
        assert "hacked" not in page.title() or ATTACK in page.title()
        assert visit.said == []

    harmless(2)  # the app's name, the account's name
    visit.take(5)
    harmless(2)
    page.fill("#text", ATTACK)
    visit.press("Search")
    assert page.input_value("#text") == ATTACK
    harmless(4)  # the account, the app, what was searched for, who was found
    visit.take(0)
    harmless(3)  # in the heading, the account, the patient
    visit.press("Allow")
    page.goto(f"{visit.site.site.addresses(visit.site.fhir_url).authorize}?client_id={ATTACK}")
    assert visit.heading == "This app cannot be opened"
    assert page.locator("img, script").count() == 0
    assert page.title() != "hacked"


@on_a_phone
def test_long_names_other_scripts_and_many_scopes_fit_a_phone(visit: Visit) -> None:
    for number, name in enumerate((LONG, *SCRIPTS)):
        visit.site._control("user add", username=f"u{number}", reference=f"Practitioner/u{number}", title=name)
    for name in (LONG, *SCRIPTS):
        visit.add_patient(f"Zz{name}")
    visit.opens(f"openid fhirUser launch/patient {' '.join(f'patient/{one}.cruds' for one in TYPES)}", title=LONG)
    visit.judge("9-sign-in")
    visit.take(6)
    visit.page.fill("#text", "Zz")
    visit.press("Search")
    assert visit.page.locator("button.choice").count() == 1 + len(SCRIPTS)
    visit.judge("9-patients")
    visit.page.fill("#text", f"Zz{SCRIPTS[1]}")
    visit.press("Search")
    visit.take(0)
    assert visit.page.locator("input[type=checkbox]").count() == len(TYPES)
    visit.judge("9-consent")


@on_a_phone
def test_a_relative_chooses_among_the_records_that_are_open_to_them(visit: Visit) -> None:
    visit.opens()
    visit.sign_in("proxy")
    assert visit.page.locator("button.choice").count() == 2
    assert visit.page.locator("input[type=search]").count() == 0
    visit.judge("10-relative")
    visit.take(1)
    visit.press("Allow")
    granted = visit.granted()
    assert granted["patient"] == visit.site.patient_ids()[2]


BREACHES = {
    "loads something": (
        "document.querySelector('main').append(Object.assign(new Image(), { src: '/x.png', alt: 'x' }))",
        "Content Security",
    ),
    "no label": ("document.querySelector('label').remove()", 'id="username"'),
    "pale": ("document.querySelector('h1').style.color = '#ddd'", "color-contrast"),
    "too wide": ("document.querySelector('main').style.minWidth = '2000px'", "2000"),
    "two headings": ("document.querySelector('main').append(document.createElement('h1'))", "2 == 1"),
}


@pytest.mark.parametrize("breach", BREACHES)
def test_a_page_with_a_fault_is_found_out(breach: str, visit: Visit) -> None:
    visit.opens()
    program, told = BREACHES[breach]
    visit.page.evaluate(program)
    visit.page.wait_for_timeout(100)
    with pytest.raises(AssertionError) as found:
        visit.judge("fault")
    assert told in str(found.value)


def test_somebody_else_may_sign_in_instead(visit: Visit) -> None:
    visit.opens()
    visit.sign_in("clinician")
    visit.take(2)
    visit.page.get_by_role("link", name="Sign in as somebody else").click()
    assert visit.heading == "Sign in"
    assert visit.page.get_by_role("alert").count() == 0
    visit.sign_in("patient")
    assert visit.heading == "Let Growth Chart in?"
    visit.press("Allow")
    assert visit.granted()["patient"] == visit.site.patient_ids()[0]
