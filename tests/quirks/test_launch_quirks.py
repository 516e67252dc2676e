"""Every quirk of launches: the wire shows it, the journal says what was decided, a bad setting is refused, and it can
be armed from Python, in a scenario and by the control operation."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import orjson
import pytest

from mockehr.auth.launches import Launch, Opening
from mockehr.control.facade import Control
from mockehr.core.errors import ConfigError
from mockehr.core.exchange import Exchange
from mockehr.quirks.launch.redirect_uri_normalisation import FORMS, normalised
from mockehr.quirks.rule import quirks, rule_from
from mockehr.scenarios.schema import load_scenario
from mockehr.scenarios.trial import Trial
from mockehr.sites.build import build_site
from mockehr.sites.directory import Directory
from mockehr.sites.launching import open_app
from mockehr.sites.options import SiteOptions
from mockehr.sites.site import Site
from mockehr.sites.test_client import register_app

APP = "https://app.example.org/launch"
BACK = "https://app.example.org/Back/"
ROOT = "https://ehr.example.org"
VERIFIER = "v" * 50
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
LAUNCH_QUIRKS = [name for name, quirk in quirks().items() if quirk.about.family == "launch"]
VENDORS = ("generic", "epic", "oracle")


def world(use: str = "", *, vendor: str = "generic", when: Any = None, where: Any = None, **settings: Any) -> Site:
    """A site with a registered app and that quirk."""
    site = build_site(SiteOptions("a", personality=vendor, patients=6, stepped=True))
    register_app(site, "app", [BACK])
    if use:
        site.arm({"use": use, "when": when or {}, "where": where or {}, "with": settings})
    return site


def base(site: Site) -> str:
    return ROOT + site.fhir_path.rstrip("/")


def opened(site: Site) -> Exchange:
    """The app opened from the chart of the first patient, with the latest encounter."""
    patient = site.auth.door.charts.patients("", 1)[0].id
    launch = Launch("clinician", patient, site.encounter_of(patient), client_id="app")
    return open_app(site, launch, APP, base(site))


def opening(site: Site) -> Opening:
    found: Opening = opened(site).result
    return found


def authorize(site: Site, **asked: str) -> Exchange:
    """An authorization request for a fresh launch; what is empty is left out."""
    scope = "launch openid patient/Patient.rs patient/Patient.read"
    form = {
        "response_type": "code",
        "client_id": "app",
        "redirect_uri": BACK,
        "scope": scope,
        "state": "s-1",
        "aud": base(site),
        "launch": opening(site).launch.handle,
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
    } | asked
    query = urlencode({name: value for name, value in form.items() if value})
    path = site.personality.authorize_path(site.facts)
    return site.handle(Exchange("authorize", "GET", path, query, base_url=base(site)))


def follow(site: Site, exchange: Exchange) -> Exchange:
    """The page that a redirect within the site leads to."""
    address = urlsplit(location(exchange))
    return site.handle(Exchange("authorize", "GET", address.path, address.query, base_url=base(site)))


def redeem(site: Site, code: str, **sent: str) -> Exchange:
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": BACK,
        "client_id": "app",
        "code_verifier": VERIFIER,
    } | sent
    body = urlencode({name: value for name, value in form.items() if value}).encode()
    headers = {"content-type": "application/x-www-form-urlencoded"}
    return site.handle(Exchange("token", "POST", site.token_path, headers=headers, body=body, base_url=base(site)))


def discover(site: Site) -> Exchange:
    path = "/.well-known/smart-configuration"
    return site.handle(Exchange("discovery", "GET", path, base_url=base(site)))


def statement(site: Site) -> Exchange:
    headers = {"accept": "application/fhir+json"}
    return site.handle(Exchange("fhir", "GET", "/metadata", headers=headers, base_url=base(site)))


def granted(site: Site) -> Exchange:
    """A whole launch, up to the token response."""
    return redeem(site, back(authorize(site))["code"])


def location(exchange: Exchange) -> str:
    assert exchange.reply is not None
    return exchange.reply.header("location")


def back(exchange: Exchange) -> dict[str, str]:
    """The parameters with which the browser is sent on."""
    return {name: values[0] for name, values in parse_qs(urlsplit(location(exchange)).query).items()}


def told(exchange: Exchange) -> dict[str, Any]:
    assert exchange.reply is not None
    document: dict[str, Any] = orjson.loads(exchange.reply.body)
    return document


def status(exchange: Exchange) -> int:
    assert exchange.reply is not None
    return exchange.reply.status


def why(exchange: Exchange, outcome: str = "fired") -> list[str]:
    return [f"{d.quirk}: {d.why}" for d in exchange.decisions if d.outcome == outcome]


def kind(exchange: Exchange) -> str:
    assert exchange.reply is not None
    return exchange.reply.header("content-type")


# all of them


def test_the_family_is_the_ledgers() -> None:
    found = {row for name in LAUNCH_QUIRKS for row in quirks().get(name).about.ledger}
    assert found == {f"B{number}" for number in range(1, 11)}


@pytest.mark.parametrize("name", LAUNCH_QUIRKS)
def test_each_can_be_armed_from_python_a_scenario_and_the_control_operation(name: str, tmp_path: Path) -> None:
    settings = {"answer": "html"} if name == "launch-before-ready" else {}
    rule = {"use": name, "name": "trouble", "with": settings, "when": {"at_most": 1}}
    by_python = world()
    assert by_python.arm(rule) == "trouble"
    file = tmp_path / "story.scenario.yaml"
    file.write_text(
        json.dumps({"version": 1, "title": "T", "sites": [{"name": "b", "patients": 3, "quirks": [rule]}]})
    )
    by_file = Trial(load_scenario(file)).sites[0]
    directory = Directory()
    directory.add(by_control := build_site(SiteOptions("c", patients=3, stepped=True)))
    named = {"use": name, "name": "trouble", "settings": settings, "when": {"at_most": 1}}
    assert Control(directory).call("quirk arm", site="c", **named) == {"armed": "trouble"}
    shown = [site.rules[0].describe() for site in (by_python, by_file, by_control)]
    assert shown[0] == shown[1] == shown[2]
    assert (shown[0]["use"], shown[0]["when"]) == (name, {"at_most": 1})


@pytest.mark.parametrize("name", LAUNCH_QUIRKS)
@pytest.mark.parametrize("vendor", VENDORS)
def test_a_rule_that_never_fires_changes_nothing(name: str, vendor: str) -> None:
    calm, armed = world(vendor=vendor), world(name, vendor=vendor, when={"after": "9000s"})
    for site in (calm, armed):
        assert status(discover(site)) == status(statement(site)) == 200
        assert back(authorize(site))["state"] == "s-1"
        assert {"patient", "encounter", "access_token"} <= set(told(granted(site)))
    assert told(discover(armed)) == told(discover(calm))
    assert not any(d.outcome == "fired" for exchange in armed.journal for d in exchange.decisions)


@pytest.mark.parametrize(
    ("use", "settings"),
    [
        ("launch-before-ready", {"answer": "teapot"}),
        ("launch-before-ready", {"endpoints": ["jwks"]}),
        ("launch-before-ready", {"retry_after": "soon"}),
        ("launch-context-missing", {"without": []}),
        ("launch-context-missing", {"without": ["access_token"]}),
        ("launch-context-malformed", {"form": "odd"}),
        ("launch-context-malformed", {"member": "location"}),
        ("launch-context-malformed", {"rebound": True}),
        ("launch-context-malformed", {"rebound": True, "form": "other", "member": "encounter"}),
        ("redirect-uri-normalisation", {"forms": ["fragment"]}),
        ("redirect-uri-normalisation", {"forms": []}),
        ("redirect-uri-normalisation", {"at": ["callback"]}),
        ("session-expired", {"at": "discovery"}),
        ("wrong-instance", {"iss": "elsewhere"}),
        ("idp-extra-redirect", {"hops": 0}),
        ("idp-extra-redirect", {"hops": 11}),
        ("idp-extra-redirect", {"how": "shuffled"}),
        ("blocked-cookies", {"blocked": []}),
        ("blocked-cookies", {"blocked": ["storage"]}),
        ("state-mismatch", {"state": "same"}),
        ("code-replay", {"way": "mail"}),
        ("pkce-missing", {"told": "S512"}),
        ("discovery-drift", {"how": "late"}),
    ],
)
def test_a_bad_setting_is_refused_by_name(use: str, settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="not set up right") as refused:
        rule_from({"use": use, "with": settings})
    assert next(iter(settings)) in str(refused.value)


# B1


@pytest.mark.parametrize(
    ("answer", "code", "type"),
    [
        ("unavailable", 503, "application/json"),
        ("html", 503, "text/html; charset=utf-8"),
        ("page", 200, "text/html; charset=utf-8"),
    ],
)
def test_the_authorization_server_is_not_there_yet_and_then_it_is(answer: str, code: int, type: str) -> None:
    when = {"window": ["0s", "30s"]}
    site = world("launch-before-ready", answer=answer, retry_after="20s", when=when)
    early: list[Callable[[Site], Exchange]] = [discover, authorize, lambda s: redeem(s, "any")]
    for ask in early:
        exchange = ask(site)
        assert (status(exchange), kind(exchange)) == (code, type)
        assert exchange.reply is not None
        assert exchange.reply.header("retry-after") == "20"
        assert why(exchange) == [f"launch-before-ready: {answer}"]
    assert status(statement(site)) == 200
    site.clock.advance(30)
    assert told(granted(site))["access_token"]


@pytest.mark.parametrize("vendor", VENDORS)
def test_oauth_has_a_word_for_it(vendor: str) -> None:
    site = world("launch-before-ready", vendor=vendor, answer="error")
    exchange = redeem(site, "any")
    assert (status(exchange), told(exchange)["error"]) == (400, "temporarily_unavailable")
    asked = authorize(site)
    assert (asked.notes["refused"], "code" in back(asked)) == ("not-ready", False)
    assert status(discover(site)) == 503


def test_a_code_that_nobody_redeemed_is_still_good() -> None:
    site = world("launch-before-ready", endpoints=["token"], when={"at_most": 2})
    code = back(authorize(site))["code"]
    assert [status(redeem(site, code)) for _ in range(3)] == [503, 503, 200]


def test_a_connection_may_be_cut_and_the_statement_be_missing_too() -> None:
    site = world("launch-before-ready", endpoints=["metadata"], answer="reset")
    exchange = statement(site)
    assert exchange.effect().reset == "before"
    assert why(exchange) == ["launch-before-ready: reset"]
    other = site.handle(Exchange("fhir", "GET", "/Patient", base_url=base(site)))
    assert why(other, "idle") == ["launch-before-ready: not the CapabilityStatement"]
    assert status(discover(site)) == 200


def test_it_can_be_for_one_client_at_the_authorization_endpoint() -> None:
    site = world("launch-before-ready", endpoints=["authorize"], where={"client": "app"})
    register_app(site, "other", [BACK])
    assert status(authorize(site)) == 503
    assert status(authorize(site, client_id="other", launch="")) != 503


# B2, B3


@pytest.mark.parametrize("vendor", VENDORS)
@pytest.mark.parametrize("member", ["patient", "encounter", "need_patient_banner"])
def test_a_member_is_missing_and_the_token_stays_bound(vendor: str, member: str) -> None:
    whole = told(granted(world(vendor=vendor)))
    site = world("launch-context-missing", vendor=vendor, without=[member])
    exchange = granted(site)
    left_out = set(whole) - set(told(exchange))
    assert member in left_out
    assert {name for name in left_out if "dstu2" not in name} == {member}
    assert why(exchange) == [f"launch-context-missing: without {member}"]
    assert site.auth.tokens.working("app")[-1].patient == whole["patient"]


def test_an_unbound_token_has_no_patient_at_all() -> None:
    site = world("launch-context-missing", without=["patient"], bound=False)
    assert "patient" not in told(granted(site))
    assert site.auth.tokens.working("app")[-1].patient == ""


def test_a_system_has_no_context_to_leave_out() -> None:
    site = world("launch-context-missing")
    site.auth.launches.approve(Launch("clinician", "", client_id="app"))
    code = back(authorize(site, launch="", scope="openid user/Patient.rs"))["code"]
    assert why(redeem(site, code), "idle") == ["launch-context-missing: nothing to leave out"]


@pytest.mark.parametrize("vendor", VENDORS)
@pytest.mark.parametrize("member", ["patient", "encounter"])
@pytest.mark.parametrize("form", ["unknown", "other", "reference", "url", "padded"])
def test_the_context_is_malformed_in_the_form_that_is_asked_for(vendor: str, member: str, form: str) -> None:
    right = str(told(granted(world(vendor=vendor)))[member])
    site = world("launch-context-malformed", vendor=vendor, member=member, form=form)
    exchange = granted(site)
    wrong = told(exchange)[member]
    assert why(exchange) == [f"launch-context-malformed: {member} {form}"]
    assert site.auth.tokens.working("app")[-1].patient == told(granted(world(vendor=vendor)))["patient"]
    resource = member.capitalize()
    if form in ("unknown", "other"):
        assert wrong != right
        known = site.store.read(resource, wrong) is not None
        assert known is (form == "other")
    else:
        expected = {
            "reference": f"{resource}/{right}",
            "url": f"https://ehr.example.org/fhir/{resource}/{right}",
            "padded": f" {right} ",
        }
        assert wrong == expected[form]


def test_a_rebound_token_is_good_for_the_other_patient() -> None:
    site = world("launch-context-malformed", form="other", rebound=True)
    answered = told(granted(site))
    assert site.auth.tokens.working("app")[-1].patient == answered["patient"]
    assert answered["patient"] != site.auth.door.charts.patients("", 1)[0].id


def test_a_launch_without_an_encounter_cannot_have_a_wrong_one() -> None:
    site = world("launch-context-malformed", member="encounter")
    site.auth.launches.approve(Launch("clinician", site.auth.door.charts.patients("", 1)[0].id, client_id="app"))
    code = back(authorize(site, launch="", scope="launch/patient openid"))["code"]
    assert why(redeem(site, code), "idle") == ["launch-context-malformed: no encounter in context"]


# B4


@pytest.mark.parametrize(
    ("form", "sent", "kept"),
    [
        ("slash", "https://a.example.org/cb/", "https://a.example.org/cb"),
        ("slash", "https://a.example.org/", "https://a.example.org/"),
        ("host-case", "https://App.example.org/Cb", "https://app.example.org/Cb"),
        ("path-case", "https://App.example.org/Cb?X=Y", "https://App.example.org/cb?X=Y"),
        ("default-port", "https://a.example.org:443/cb", "https://a.example.org/cb"),
        ("default-port", "http://a.example.org:443/cb", "http://a.example.org:443/cb"),
        ("default-port", "myapp://back:80/cb", "myapp://back:80/cb"),
        ("percent", "https://a.example.org/%7euser/a%2fb", "https://a.example.org/~user/a%2Fb"),
    ],
)
def test_redirect_uris_are_normalised_one_way_at_a_time(form: str, sent: str, kept: str) -> None:
    assert normalised(sent, (form,)) == kept
    assert normalised(kept, FORMS) == normalised(sent, FORMS)


def test_the_browser_is_sent_to_the_normalised_form() -> None:
    site = world("redirect-uri-normalisation", at=["redirect"])
    exchange = authorize(site)
    assert location(exchange).startswith("https://app.example.org/back?code=")
    assert why(exchange) == [f"redirect-uri-normalisation: {BACK} is kept as https://app.example.org/back"]
    assert status(redeem(site, back(exchange)["code"])) == 200


@pytest.mark.parametrize("vendor", VENDORS)
def test_the_token_endpoint_compares_with_the_normalised_form(vendor: str) -> None:
    site = world("redirect-uri-normalisation", vendor=vendor, at=["token"])
    exchange = redeem(site, back(authorize(site))["code"])
    assert (status(exchange), told(exchange)["error"]) == (400, "invalid_grant")
    assert exchange.notes["refused"] == "redirect-uri-mismatch"


def test_what_is_sent_does_not_match_what_is_kept() -> None:
    exchange = authorize(world("redirect-uri-normalisation", at=["authorize"]))
    assert (status(exchange), exchange.notes["refused"]) == (400, "redirect-uri-unregistered")


def test_a_canonical_redirect_uri_is_left_alone_everywhere() -> None:
    site = world("redirect-uri-normalisation", at=["authorize", "redirect", "token"])
    uri = "https://app.example.org/back"
    register_app(site, "tidy", [uri])
    asked = authorize(site, client_id="tidy", redirect_uri=uri, launch="", scope="openid")
    assert why(asked, "idle")[0] == "redirect-uri-normalisation: nothing to normalise"
    assert not why(asked)


# B5


@pytest.mark.parametrize("vendor", VENDORS)
def test_the_launch_is_gone_when_the_app_comes(vendor: str) -> None:
    site = world("session-expired", vendor=vendor, when={"at_most": 1})
    exchange = authorize(site)
    assert exchange.notes["refused"] == "launch-unknown"
    assert why(exchange) == ["session-expired: the launch is forgotten"]
    assert "code" in back(authorize(site))


def test_the_code_is_dead_when_the_app_redeems_it() -> None:
    site = world("session-expired", at="token", when={"at_most": 1})
    exchange = granted(site)
    assert (told(exchange)["error"], exchange.notes["refused"]) == ("invalid_grant", "code-unknown")
    assert why(exchange) == ["session-expired: the code is forgotten"]
    assert why(redeem(site, "nonsense"), "skipped")
    assert status(granted(site)) == 200


def test_what_was_never_good_is_not_said_to_be_forgotten() -> None:
    assert why(authorize(world("session-expired"), launch="x"), "idle") == [
        "session-expired: the launch was not good anyway"
    ]
    assert why(authorize(world("session-expired"), launch=""), "idle") == ["session-expired: no launch is sent"]


# B6


@pytest.mark.parametrize("vendor", VENDORS)
def test_the_app_is_opened_with_the_address_of_another_environment(vendor: str) -> None:
    site = world("wrong-instance", vendor=vendor)
    exchange = opened(site)
    iss = exchange.result.iss
    assert iss == f"{ROOT}/train{site.fhir_path}".rstrip("/")
    assert back(exchange)["iss"] == exchange.notes["iss"] == iss
    assert why(exchange) == [f"wrong-instance: iss is {iss}"]


@pytest.mark.parametrize("vendor", VENDORS)
def test_the_other_environment_has_a_configuration_of_its_own_and_knows_no_launch(vendor: str) -> None:
    site = world("wrong-instance", vendor=vendor)
    start = opening(site)

    def ask(url: str, method: str = "GET", query: str = "") -> Exchange:
        path = url.removeprefix(ROOT)
        assert site.endpoints.channel(path) == "authorize"
        return site.handle(Exchange("authorize", method, path, query, base_url=base(site)))

    found = told(ask(f"{start.iss}/.well-known/smart-configuration"))
    assert found["authorization_endpoint"] != told(discover(site))["authorization_endpoint"]
    refused = ask(found["authorization_endpoint"], query=f"client_id=app&launch={start.launch.handle}")
    assert refused.notes["refused"] == "launch-unknown"
    assert "code" not in back(refused)
    answer = ask(found["token_endpoint"], "POST")
    assert (status(answer), told(answer)["error"]) == (400, "invalid_client")


def test_iss_may_be_any_address() -> None:
    assert opening(world("wrong-instance", iss="{origin}/b/fhir")).iss == f"{ROOT}/b/fhir"
    assert opening(world("wrong-instance", iss="https://x.example.org/r4")).iss == "https://x.example.org/r4"


# B7


@pytest.mark.parametrize(
    ("how", "state", "came"),
    [
        ("kept", "a+b %41/ä", "a+b %41/ä"),
        ("decoded", "a+b %41/ä", "a b A/ä"),
        ("encoded", "a+b %41/ä", "a%2Bb%20%2541%2F%C3%A4"),
        ("ascii", "a+b %41/ä", "a+b %41/?"),
        ("cut", "x" * 70, "x" * 64),
        ("decoded", "plain-State_1", "plain-State_1"),
        ("encoded", "plain-State_1", "plain-State_1"),
    ],
)
@pytest.mark.parametrize("hops", [1, 3])
def test_the_identity_provider_adds_stations_and_touches_the_state(
    how: str, state: str, came: str, hops: int
) -> None:
    site = world("idp-extra-redirect", how=how, hops=hops)
    exchange = authorize(site, state=state)
    assert why(exchange) == [f"idp-extra-redirect: {hops} stations" + (f", state {how}" if came != state else "")]
    stations = 0
    while "/idp?" in location(exchange):
        exchange = follow(site, exchange)
        stations += 1
    assert stations == hops
    assert back(exchange)["state"] == came
    assert status(redeem(site, back(exchange)["code"])) == 200


def test_the_identity_provider_drops_what_it_does_not_know() -> None:
    site = world("idp-extra-redirect", how="dropped", parameters=["state", "nonce"], hops=1)
    exchange = follow(site, authorize(site, nonce="n"))
    assert "state" not in back(exchange)
    assert back(exchange)["code"]


def test_a_request_that_is_posted_goes_over_the_provider_too() -> None:
    site = world("idp-extra-redirect", hops=1)
    query = authorize(site).query
    headers = {"content-type": "application/x-www-form-urlencoded"}
    path = site.personality.authorize_path(site.facts)
    posted = site.handle(
        Exchange("authorize", "POST", path, headers=headers, body=query.encode(), base_url=base(site))
    )
    assert (status(posted), back(follow(site, posted))["state"]) == (303, "s-1")


def test_nobody_can_be_sent_round_for_ever() -> None:
    site = world()
    path = f"{site.personality.authorize_path(site.facts)}/idp"
    for query in ("hop=10&of=99&client_id=app", "hop=x&of=", "", "hop=-1&of=-1"):
        exchange = site.handle(Exchange("authorize", "GET", path, query, base_url=base(site)))
        assert (status(exchange), location(exchange)) == (400, "")


# B8


def test_the_workstation_is_told_what_it_blocks() -> None:
    start = opening(world("blocked-cookies"))
    assert (start.cookies, start.popups, start.app) == (False, False, APP)
    only = opening(world("blocked-cookies", blocked=["popups"]))
    assert (only.cookies, only.popups) == (True, False)
    assert why(opened(world("blocked-cookies", framed=True))) == [
        "blocked-cookies: no cookies, no popups, in a frame"
    ]


def test_a_real_browser_gets_the_hospitals_page_with_the_app_in_a_frame() -> None:
    site = world("blocked-cookies", framed=True)
    exchange = opened(site)
    page = follow(site, exchange)
    assert page.reply is not None
    html = page.reply.body.decode()
    handle = exchange.result.launch.handle
    inner = urlencode({"iss": base(site), "launch": handle}).replace("&", "&amp;")
    assert f'src="{APP}?{inner}"' in html
    assert 'sandbox="allow-scripts allow-forms"' in html
    assert "frame-src https:" in page.reply.header("content-security-policy")


@pytest.mark.parametrize("app", ["javascript:alert(1)", "data:text/html,x", "", "//app.example.org", "http://[x"])
def test_only_addresses_of_the_web_are_framed(app: str) -> None:
    site = world()
    path = f"{site.personality.authorize_path(site.facts)}/embed"
    exchange = site.handle(Exchange("authorize", "GET", path, urlencode({"app": app}), base_url=base(site)))
    assert exchange.reply is not None
    assert status(exchange) == 400
    assert b"<iframe" not in exchange.reply.body


def test_an_address_cannot_break_out_of_the_frame() -> None:
    site = world()
    query = urlencode({"app": 'https://a.example.org/"><script>x</script>'})
    path = f"{site.personality.authorize_path(site.facts)}/embed"
    exchange = site.handle(Exchange("authorize", "GET", path, query, base_url=base(site)))
    assert exchange.reply is not None
    assert b"<script>" not in exchange.reply.body


# B9


@pytest.mark.parametrize("state", ["altered", "foreign", "missing"])
def test_the_browser_comes_back_with_another_state(state: str) -> None:
    site = world("state-mismatch", state=state)
    exchange = authorize(site, state="my-state-A")
    came = back(exchange).get("state", "")
    assert why(exchange) == [f"state-mismatch: {state}"]
    assert came == {"altered": "my-state-B", "missing": ""}.get(state, came)
    assert came != "my-state-A"
    assert (len(came) == 22) is (state == "foreign")
    assert status(redeem(site, back(exchange)["code"])) == 200


def test_a_foreign_state_is_the_same_in_every_run_and_differs_each_time() -> None:
    first, second = (world("state-mismatch") for _ in range(2))
    came = [[back(authorize(site))["state"] for _ in range(2)] for site in (first, second)]
    assert came[0] == came[1]
    assert came[0][0] != came[0][1]


def test_errors_come_back_with_their_own_state() -> None:
    exchange = authorize(world("state-mismatch"), scope="")
    assert (back(exchange)["error"], back(exchange)["state"]) == ("invalid_scope", "s-1")
    assert why(exchange, "idle") == ["state-mismatch: not on the way back to the app with a code"]


def test_the_callback_is_loaded_twice() -> None:
    exchange = opened(world("code-replay"))
    assert exchange.result.callbacks == 2
    assert why(exchange) == ["code-replay: the callback is loaded twice"]


@pytest.mark.parametrize("vendor", VENDORS)
def test_the_code_was_used_before(vendor: str) -> None:
    site = world("code-replay", vendor=vendor, way="used", when={"at_most": 1})
    code = back(authorize(site))["code"]
    exchange = redeem(site, code)
    assert (told(exchange)["error"], exchange.notes["refused"]) == ("invalid_grant", "code-used")
    assert status(redeem(site, code)) == 400
    assert status(granted(site)) == 200


@pytest.mark.parametrize(("said", "methods"), [("plain", ["plain"]), ("nothing", None), ("S256", ["S256"])])
def test_discovery_makes_little_of_pkce(said: str, methods: list[str] | None) -> None:
    site = world("pkce-missing", told=said)
    exchange = discover(site)
    assert told(exchange).get("code_challenge_methods_supported") == methods
    assert why(exchange) == ([] if said == "S256" else [f"pkce-missing: tells of {said}"])


@pytest.mark.parametrize(
    ("challenge", "method", "verifier"),
    [("", "", ""), (VERIFIER, "plain", VERIFIER), (CHALLENGE, "S256", "w" * 50), (CHALLENGE, "S256", "")],
)
def test_the_server_looks_at_neither_challenge_nor_verifier(challenge: str, method: str, verifier: str) -> None:
    for ignored in (True, False):
        site = world("pkce-missing", ignored=ignored)
        asked = authorize(site, code_challenge=challenge, code_challenge_method=method)
        assert ("code" in back(asked)) is (ignored or method == "S256")
        if "code" in back(asked):
            assert status(redeem(site, back(asked)["code"], code_verifier=verifier)) == (200 if ignored else 400)
    assert status(redeem(world("pkce-missing"), "never-given")) == 400


# B10


@pytest.mark.parametrize("vendor", VENDORS)
def test_smart_configuration_drifts(vendor: str) -> None:
    missing = discover(world("discovery-drift", vendor=vendor))
    assert (status(missing), kind(missing)) == (404, "text/plain")
    page = discover(world("discovery-drift", vendor=vendor, how="html"))
    assert (status(page), kind(page)) == (200, "text/html; charset=utf-8")
    site = world("discovery-drift", vendor=vendor, how="stale")
    stale = discover(site)
    assert why(stale) == ["discovery-drift: stale"]
    assert told(stale)["x-legacy"]
    path = urlsplit(told(stale)["token_endpoint"]).path
    assert path != site.token_path
    gone = site.handle(Exchange("authorize", "POST", path, base_url=base(site)))
    assert (site.endpoints.channel(path), status(gone)) == ("authorize", 404)
    assert token_uri(statement(site)) == ROOT + site.token_path


@pytest.mark.parametrize("vendor", VENDORS)
def test_the_statement_contradicts(vendor: str) -> None:
    site = world("discovery-drift", vendor=vendor, how="contradicting")
    right = discover(site)
    assert told(right)["token_endpoint"] == ROOT + site.token_path
    assert why(right, "idle") == ["discovery-drift: the CapabilityStatement says otherwise"]
    exchange = statement(site)
    assert why(exchange) == ["discovery-drift: contradicting"]
    assert token_uri(exchange).endswith("/retired")
    site.disarm("discovery-drift")
    assert token_uri(statement(site)) == ROOT + site.token_path


def test_other_documents_do_not_drift() -> None:
    site = world("discovery-drift")
    keys = site.handle(Exchange("discovery", "GET", site.jwks_path, base_url=base(site)))
    assert (status(keys), why(keys, "idle")) == (200, ["discovery-drift: another document"])


def token_uri(exchange: Exchange) -> str:
    blocks = [e for rest in told(exchange)["rest"] for e in rest["security"]["extension"]]
    return next(str(one["valueUri"]) for e in blocks for one in e["extension"] if one["url"] == "token")


@pytest.mark.parametrize("vendor", VENDORS)
def test_scripts_may_read_of_the_other_environment_what_they_may_read_of_this_one(vendor: str) -> None:
    site = world(vendor=vendor)
    headers = {"origin": "https://app.example.org"}
    right = site.handle(
        Exchange("discovery", path="/.well-known/smart-configuration", headers=headers, base_url=base(site))
    )
    path = f"{site.page_address('elsewhere', base(site))}/.well-known/smart-configuration".removeprefix(ROOT)
    wrong = site.handle(Exchange("authorize", path=path, headers=headers, base_url=base(site)))
    told_scripts = [
        [pair for pair in exchange.reply.headers if pair[0].lower().startswith("access-control")]
        for exchange in (right, wrong)
        if exchange.reply is not None
    ]
    assert told_scripts[0] == told_scripts[1]
    assert told_scripts[0]


def test_an_endpoint_that_is_no_more_still_answers_what_browsers_ask_before() -> None:
    site = world()
    headers = {"origin": "https://app.example.org", "access-control-request-method": "POST"}
    path = site.page_address("retired", base(site)).removeprefix(ROOT)
    asked = site.handle(Exchange("authorize", "OPTIONS", path, headers=headers, base_url=base(site)))
    assert asked.reply is not None
    assert status(asked) == 204
    assert asked.reply.header("access-control-allow-methods")
