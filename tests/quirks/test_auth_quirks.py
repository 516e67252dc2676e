"""Every quirk of tokens and scopes: the wire shows it, the journal records the decision, a bad setting is refused."""

from __future__ import annotations

from itertools import count
from typing import Any
from urllib.parse import urlencode

import orjson
import pytest

from mockehr.auth.assertion import ASSERTION_TYPE, client_assertion
from mockehr.auth.grants.authorization_code import challenge_of
from mockehr.auth.keys import SigningKeys, load_key, public_jwks, read_bundled_key
from mockehr.auth.launches import Launch
from mockehr.auth.scopes import Scopes
from mockehr.control.facade import Control
from mockehr.core.errors import ConfigError
from mockehr.core.exchange import Exchange
from mockehr.journal import entry
from mockehr.quirks.rule import quirks, rule_from
from mockehr.scenarios.asking import key_id
from mockehr.scenarios.schema import Scenario
from mockehr.scenarios.trial import Trial
from mockehr.sites.build import build_site
from mockehr.sites.directory import Directory
from mockehr.sites.options import SiteOptions
from mockehr.sites.site import Site
from mockehr.sites.test_client import register_app, register_demo_client

BASE = "http://a.example.org/fhir"
CALLBACK = "http://app.example.org/callback"
SCOPES = "system/Patient.rs system/Observation.rs"
OLD, NEW = (read_bundled_key(f"client-{number}-ES384") for number in (1, 2))
TOKEN = {"content-type": "application/x-www-form-urlencoded"}
VERIFIER = "v" * 50


class Client:
    """A backend client that talks to a site in memory."""

    def __init__(self, site: Site, id: str = "backend", scopes: str = SCOPES) -> None:
        self.site, self.id, self.scopes = site, id, scopes
        self.serial = count(1)
        if id not in site.auth.clients:
            register_demo_client(site, id, scopes)

    @property
    def token_url(self) -> str:
        return self.site.addresses(BASE).token

    def ask(self, key: Any = OLD, **more: Any) -> Exchange:
        """A token request with a new assertion; `more` alters its claims, header or times."""
        now = more.pop("now", self.site.clock.now())
        jti = f"{self.id}-{next(self.serial)}"
        signed = client_assertion(self.id, self.token_url, key, now=now, jti=jti, **more)
        return self.post(
            grant_type="client_credentials",
            scope=self.scopes,
            client_assertion_type=ASSERTION_TYPE,
            client_assertion=signed,
        )

    def post(self, **form: str) -> Exchange:
        body = urlencode(form).encode()
        asked = Exchange("token", "POST", self.site.token_path, headers=dict(TOKEN), body=body, base_url=BASE)
        return self.site.handle(asked)

    def token(self) -> str:
        return str(document(self.ask())["access_token"])

    def read(self, token: str, path: str = "/Patient", query: str = "_count=1") -> Exchange:
        headers = {"authorization": f"Bearer {token}"}
        return self.site.handle(Exchange("fhir", path=path, query=query, headers=headers, base_url=BASE))


def world(use: str = "", when: dict[str, Any] | None = None, **settings: Any) -> Client:
    site = build_site(SiteOptions("a", patients=5, stepped=True))
    if use:
        site.arm({"use": use, "with": settings, "when": when or {}})
    return Client(site)


def document(exchange: Exchange) -> dict[str, Any]:
    assert exchange.reply is not None
    found: dict[str, Any] = orjson.loads(exchange.reply.body)
    return found


def status(exchange: Exchange) -> int:
    assert exchange.reply is not None
    return exchange.reply.status


def why(exchange: Exchange, outcome: str = "fired") -> list[str]:
    return [f"{d.quirk}: {d.why}" for d in exchange.decisions if d.outcome == outcome]


def refusal(exchange: Exchange) -> tuple[int, str, str, str]:
    """Status, error code, our reason, and whom the journal names."""
    return status(exchange), str(document(exchange).get("error")), exchange.notes.get("refused", ""), exchange.client


# A2


def test_a_token_of_one_hospital_means_nothing_to_another_that_is_alike() -> None:
    one, other = (Client(build_site(SiteOptions(name, patients=5, stepped=True))) for name in ("a", "b"))
    mine, theirs = one.token(), other.token()
    assert mine != theirs
    assert [status(site.read(mine)) for site in (one, other)] == [200, 401]


def test_a_token_is_revoked_before_its_end_once_for_each_client() -> None:
    client = world("token-revoked-early")
    token = client.token()
    gone = client.read(token)
    assert status(gone) == 401
    assert gone.reply is not None
    assert "invalid_token" in gone.reply.header("www-authenticate")
    assert gone.client == "backend"
    assert why(gone) == ["token-revoked-early: 1 revoked"]
    again = client.read(client.token())
    assert status(again) == 200
    assert why(again, "idle") == ["token-revoked-early: happened 1 times to backend"]
    assert status(client.read(token)) == 401
    assert client.site.auth.introspect(token) == {"active": False}


def test_a_token_is_revoked_only_when_it_has_worked_long_enough_and_every_token_if_wanted() -> None:
    client = world("token-revoked-early", after="30s", times=0)
    for _ in range(2):
        token = client.token()
        assert status(client.read(token)) == 200
        client.site.clock.advance(30)
        assert status(client.read(token)) == 401


@pytest.mark.parametrize(("whose", "left"), [("token", 3), ("client", 1), ("everybody", 0)])
def test_whose_tokens_are_revoked_can_be_chosen(whose: str, left: int) -> None:
    client = world("token-revoked-early", whose=whose)
    mine, other = [client.token() for _ in range(3)], Client(client.site, "other").token()
    assert status(client.read(mine[0])) == 401
    working = [grant.token for grant in client.site.auth.tokens.working()]
    assert len(working) == left
    assert (other in working) is (whose != "everybody")


# A3


def signed_in(client: Client, scopes: str = "launch/patient offline_access patient/Patient.rs") -> dict[str, Any]:
    """The token response of an app whose user was answered for ahead."""
    site = client.site
    if "app" not in site.auth.clients:
        register_app(site, "app", [CALLBACK])
    site.auth.launches.approve(Launch("clinician", patient="p1", client_id="app"))
    asked = {
        "response_type": "code",
        "client_id": "app",
        "redirect_uri": CALLBACK,
        "scope": scopes,
        "state": "s",
        "aud": BASE,
        "code_challenge": challenge_of(VERIFIER),
        "code_challenge_method": "S256",
    }
    path = site.endpoints.addresses("").authorize
    came = site.handle(Exchange("authorize", path=path, query=urlencode(asked), base_url=BASE))
    assert came.reply is not None
    location = came.reply.header("location")
    assert "code=" in location, (status(came), location, came.notes)
    code = location.partition("code=")[2].partition("&")[0]
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "client_id": "app"}
    return document(client.post(**form, code_verifier=VERIFIER))


def refresh(client: Client, token: str) -> Exchange:
    return client.post(grant_type="refresh_token", refresh_token=token, client_id="app")


@pytest.mark.parametrize(("reason", "access"), [("expired", 200), ("rotated", 401), ("refused", 401)])
def test_a_refresh_is_refused_and_the_refresh_token_over_for_good(reason: str, access: int) -> None:
    client = world("refresh-fails", when={"at_most": 1}, reason=reason)
    given = signed_in(client)
    assert status(client.read(given["access_token"], "/Patient/p1", "")) == 200
    refused = refresh(client, given["refresh_token"])
    assert refusal(refused)[:2] == (400, "invalid_grant")
    assert refused.client == "app"
    assert why(refused) == [f"refresh-fails: {reason}"]
    assert status(client.read(given["access_token"], "/Patient/p1", "")) == access
    client.site.disarm("refresh-fails")
    assert refusal(refresh(client, given["refresh_token"]))[:2] == (400, "invalid_grant")


def test_other_token_requests_and_refresh_tokens_that_are_none_are_left_to_the_server() -> None:
    client = world("refresh-fails")
    assert why(client.ask(), "idle") == ["refresh-fails: no refresh"]
    signed_in(client)
    assert why(refresh(client, "x"), "idle") == ["refresh-fails: the refresh token is none, or over already"]


# A4


@pytest.mark.parametrize("body", ["error-body", "html", "missing-token", "missing-type", "empty"])
def test_a_token_response_says_200_and_is_worth_nothing(body: str) -> None:
    client = world("silent-reauth-failure", body=body)
    answered = client.ask()
    assert status(answered) == 200
    assert why(answered) == [f"silent-reauth-failure: {body}"]
    assert answered.reply is not None
    octets = answered.reply.body
    if body in ("html", "empty"):
        assert (octets[:9] == b"<!DOCTYPE") is (body == "html")
        assert answered.reply.header("content-type").startswith("text/html" if body == "html" else "application/json")
        assert bool(octets) is (body == "html")
    else:
        told = document(answered)
        assert ("error" in told) is (body == "error-body")
        assert ("access_token" in told) is (body == "missing-type")
        assert ("token_type" in told) is (body == "missing-token")


def test_a_refusal_is_not_spoilt() -> None:
    client = world("silent-reauth-failure")
    refused = client.post(grant_type="client_credentials")
    assert status(refused) == 400
    assert why(refused, "idle") == ["silent-reauth-failure: no token in the answer"]


# A5


def test_a_refresh_may_bring_less_than_the_first_token() -> None:
    client = world("scope-subset", when={"skip": 1}, drop=["Observation"])
    given = signed_in(client, "launch/patient offline_access patient/Patient.rs patient/Observation.rs")
    assert "patient/Observation.rs" in given["scope"]
    renewed = document(refresh(client, given["refresh_token"]))
    assert "patient/Observation.rs" not in renewed["scope"]
    assert status(client.read(renewed["access_token"], "/Observation", "patient=p1")) == 403
    assert status(client.read(given["access_token"], "/Observation", "patient=p1")) == 200


# A6


@pytest.mark.parametrize(
    ("form", "asked", "told"),
    [
        ("v1", "system/Patient.rs system/Observation.cruds", "system/Patient.read system/Observation.*"),
        ("v2", "system/Patient.read system/Observation.*", "system/Patient.rs system/Observation.cruds"),
        ("mixed-case", "system/Patient.rs system/Observation.cud", "system/Patient.Read system/Observation.Write"),
        ("another-context", "system/Patient.rs", "user/Patient.rs"),
        ("reordered", "system/Patient.rs system/Observation.rs", "system/Observation.rs system/Patient.rs"),
        (
            "granular",
            "system/Patient.read system/Observation.read",
            "system/Patient.read"
            " system/Observation.rs?category=http://terminology.hl7.org/CodeSystem/observation-category|laboratory"
            " system/Observation.rs?category=http://terminology.hl7.org/CodeSystem/observation-category|vital-signs",
        ),
        ("v1", "system/Patient.rs system/Observation.crs", "system/Patient.read system/Observation.crs"),
    ],
)
def test_scopes_are_told_in_other_words_and_the_token_is_as_good(form: str, asked: str, told: str) -> None:
    client = world("scope-dialect", form=form)
    client = Client(client.site, "words", asked)
    answered = client.ask()
    assert document(answered)["scope"] == told
    assert answered.notes["granted"] == asked
    assert why(answered) == [f"scope-dialect: {form}"]
    if "Observation.cud" not in asked:
        token = document(answered)["access_token"]
        assert status(client.read(token)) == 200


def test_an_apps_scopes_change_context_and_plain_ones_stay() -> None:
    client = world("scope-dialect", form="another-context")
    told = signed_in(client, "launch/patient openid patient/Patient.rs")["scope"]
    assert told == "launch/patient openid user/Patient.rs"


def test_what_cannot_be_said_otherwise_is_left() -> None:
    client = world("scope-dialect", form="v2")
    assert why(client.ask(), "idle") == ["scope-dialect: nothing to write in other words"]


# A7, A13


def test_a_lost_registration_is_unknown_and_its_tokens_end() -> None:
    client = world("registration-lost", when={"skip": 1})
    token = client.token()
    lost = client.ask()
    assert refusal(lost) == (400, "invalid_client", "client-unknown", "backend")
    assert why(lost) == ["registration-lost: 1 tokens ended"]
    assert status(client.read(token)) == 401


@pytest.mark.parametrize("use", ["registration-lost", "registration-pending"])
def test_a_browser_that_comes_for_such_an_app_sees_an_error(use: str) -> None:
    client = world(use)
    register_app(client.site, "app", [CALLBACK])
    query = urlencode({"client_id": "app", "redirect_uri": CALLBACK, "response_type": "code"})
    path = client.site.endpoints.addresses("").authorize
    came = client.site.handle(Exchange("authorize", path=path, query=query, base_url=BASE))
    assert status(came) == 400
    assert came.reply is not None
    assert not came.reply.header("location")
    assert came.client == "app"
    assert came.notes["refused"] == ("client-unknown" if use == "registration-lost" else "client-inactive")
    page = client.site.handle(Exchange("authorize", path=path, query="", base_url=BASE))
    assert why(page, "idle") == [f"{use}: nobody says who asks"]


def test_a_registration_comes_into_force_when_its_time_has_come() -> None:
    client = world("registration-pending", lasts="12h")
    assert refusal(client.ask()) == (400, "invalid_client", "client-inactive", "backend")
    client.site.clock.advance(6 * 3600)
    assert why(client.ask()) == ["registration-pending: until 2026-01-06T00:00:00Z"]
    other = Client(client.site, "other")
    assert status(other.ask()) == 400
    client.site.clock.advance(6 * 3600)
    assert status(client.ask()) == 200
    assert status(other.ask()) == 400  # its own time began when it was first seen


def test_a_registration_may_be_pending_from_the_arming_of_its_rule() -> None:
    client = world("registration-pending", when={"window": ["0s", "1h"]})
    client.site.clock.advance(3599)
    assert status(client.ask()) == 400
    client.site.clock.advance(1)
    assert status(client.ask()) == 200


# A8


def test_a_new_key_is_not_known_until_the_copy_of_the_key_set_is_old() -> None:
    site = build_site(SiteOptions("a", patients=5, stepped=True))
    site.arm({"use": "client-key-rotation", "with": {"cached": "1d"}})
    url = "http://client.example.org/jwks"
    register_demo_client(site, "backend", SCOPES, jwks_uri=url)
    published: list[Any] = [OLD]
    site.auth.client_keys._fetch = lambda uri: public_jwks(*map(load_key, published))
    client = Client(site)
    assert status(client.ask(OLD)) == 200
    published.append(NEW)
    unknown = client.ask(NEW)
    assert refusal(unknown) == (400, "invalid_client", "key-unknown", "backend")
    assert why(unknown) == ["client-key-rotation: key sets are kept for 86400 s"]
    assert status(client.ask(OLD)) == 200
    site.clock.advance(86400)
    assert status(client.ask(NEW)) == 200
    del published[0]
    assert status(client.ask(OLD)) == 200
    site.clock.advance(86400)
    assert refusal(client.ask(OLD))[2] == "key-unknown"


# A9


@pytest.mark.parametrize(("keep", "published"), [(True, 2), (False, 1)])
def test_the_server_signs_with_new_keys_from_one_token_to_the_next(keep: bool, published: int) -> None:
    settings = {"token": {"format": "jwt"}}
    site = build_site(SiteOptions("a", patients=5, stepped=True, settings=settings))
    site.arm({"use": "server-key-rotation", "with": {"tokens": 2, "keep_previous": keep}})
    client = Client(site)
    asked = [client.ask() for _ in range(3)]
    kids = [key_id(document(one)["access_token"]) for one in asked]
    assert kids[0] == kids[1] != kids[2]
    assert [len(why(one)) for one in asked] == [0, 0, 1]
    jwks = site.handle(Exchange("discovery", path=site.jwks_path, base_url=BASE))
    listed = [key["kid"] for key in document(jwks)["keys"] if key.get("alg") == "ES384"]
    assert listed == [kids[2], kids[0]][:published]
    assert status(client.read(document(asked[0])["access_token"])) == 200


def test_all_processes_of_a_site_hear_of_new_keys_and_a_reset_undoes_them() -> None:
    site = build_site(SiteOptions("a", patients=5, stepped=True))
    other = SigningKeys(site.auth._chance, site.auth.settings, site.clock, site.auth.drawers)
    first = other.current().kid
    for _ in range(5):
        before = other.current().kid
        site.rotate_signing_keys(keep_previous=True)
        assert other.current().kid == site.auth.signing_keys.current().kid != before
        assert before in [key["kid"] for key in other.public()["keys"]]
    site.rotate_signing_keys(keep_previous=False)
    assert other.public() == site.auth.jwks()
    assert len({key["alg"] for key in other.public()["keys"]}) == len(other.public()["keys"])
    site.reset()
    assert other.current().kid == site.auth.signing_keys.current().kid == first


# A10


@pytest.mark.parametrize(
    ("settings", "assertion", "reason"),
    [
        ({"lifetime": "60s"}, {}, "lifetime-too-long"),
        ({"jti_length": 8}, {}, "jti-too-long"),
        ({"algs": ["RS384"]}, {}, "algorithm-refused"),
        ({}, {"header": {"kid": None}}, "kid-missing"),
        ({}, {"claims": {"aud": "http://another.example.org/token"}}, "audience-wrong"),
    ],
)
def test_tighter_rules_refuse_what_was_good_before(settings: Any, assertion: Any, reason: str) -> None:
    server = {"audiences": ["http://another.example.org/token"], "require_kid": False}
    site = build_site(SiteOptions("a", patients=5, stepped=True, settings={"token": {"server": server}}))
    client = Client(site)
    assert status(client.ask(**assertion)) == 200
    site.arm({"use": "assertion-rules", "with": settings})
    refused = client.ask(**assertion)
    assert refusal(refused) == (400, "invalid_client", reason, "backend")
    assert len(why(refused)) == 1


def test_an_assertion_as_smart_wants_it_passes_the_tighter_rules() -> None:
    client = world("assertion-rules")
    assert status(client.ask()) == 200


@pytest.mark.parametrize(("behind", "reason"), [(False, "expired"), (True, "exp-too-far")])
def test_a_clock_that_is_off_refuses_and_shows_itself_in_date(behind: bool, reason: str) -> None:
    client = world("clock-skew", by="10min", behind=behind)
    refused = client.ask()
    assert refusal(refused) == (400, "invalid_client", reason, "backend")
    assert refused.reply is not None
    told = "11:50:00" if behind else "12:10:00"
    assert refused.reply.header("date") == f"Mon, 05 Jan 2026 {told} GMT"
    offset = -600 if behind else 600
    assert status(client.ask(now=client.site.clock.now() + offset)) == 200


def test_two_quirks_of_assertions_add_up() -> None:
    client = world("clock-skew", by="10min")
    client.site.arm({"use": "assertion-rules", "with": {"lifetime": "60s"}})
    now = client.site.clock.now()
    assert refusal(client.ask())[2] == "expired"
    assert refusal(client.ask(now=now + 600))[2] == "exp-too-far"
    assert status(client.ask(now=now + 600, lifetime=60)) == 200
    assert orjson.dumps(entry(client.ask()))


# A11


@pytest.mark.parametrize("code", [429, 503])
@pytest.mark.parametrize("body", ["oauth", "html", "empty"])
@pytest.mark.parametrize(
    ("told", "header"),
    [
        ("seconds", "60"),
        ("date", "Mon, 05 Jan 2026 12:01:00 GMT"),
        ("absent", ""),
        ("zero", "0"),
        ("huge", "86400"),
    ],
)
def test_the_token_endpoint_refuses_beyond_the_budget(code: int, body: str, told: str, header: str) -> None:
    client = world("token-endpoint-throttled", budget=1, status=code, body=body, retry_after=told)
    assert status(client.ask()) == 200
    refused = client.ask()
    assert status(refused) == code
    assert refused.client == "backend"
    assert refused.reply is not None
    assert refused.reply.header("retry-after") == header
    octets = refused.reply.body
    assert octets.startswith({"oauth": b"{", "html": b"<!DOCTYPE", "empty": b""}[body])
    assert bool(octets) is (body != "empty")
    assert why(refused) == ["token-endpoint-throttled: budget of 1 spent, 60 s left"]
    assert status(Client(client.site, "other").ask()) == 200
    client.site.clock.advance(60)
    assert status(client.ask()) == 200


# all


def test_a_rule_for_one_client_finds_its_token_requests_before_anybody_is_authenticated() -> None:
    site = build_site(SiteOptions("a", patients=5, stepped=True))
    site.arm({"use": "registration-pending", "where": {"client": "late"}})
    assert status(Client(site, "early").ask()) == 200
    assert status(Client(site, "late").ask()) == 400


@pytest.mark.parametrize(
    "rule",
    [
        {"use": "token-revoked-early", "with": {"whose": "nobody"}},
        {"use": "token-revoked-early", "with": {"times": -1}},
        {"use": "token-revoked-early", "with": {"renewals": True}},
        {"use": "token-revoked-early", "with": {"after": "soon"}},
        {"use": "refresh-fails", "with": {"reason": "tired"}},
        {"use": "silent-reauth-failure", "with": {"body": "pdf"}},
        {"use": "scope-dialect", "with": {"form": "v3"}},
        {"use": "registration-pending", "with": {"lasts": -1}},
        {"use": "registration-lost", "with": {"tokens": "yes"}},
        {"use": "client-key-rotation", "with": {"cached": "for ever"}},
        {"use": "server-key-rotation", "with": {"tokens": 0}},
        {"use": "assertion-rules", "with": {"algs": ["HS256"]}},
        {"use": "assertion-rules", "with": {"jti_length": -1}},
        {"use": "clock-skew", "with": {"by": -5}},
        {"use": "token-endpoint-throttled", "with": {"status": 500}},
        {"use": "token-endpoint-throttled", "with": {"retry_after": "later"}},
        {"use": "token-endpoint-throttled", "with": {"body": "xml"}},
        {"use": "token-endpoint-throttled", "with": {"per": 0}},
        {"use": "token-endpoint-throttled", "where": {"channel": "fhir"}},
    ],
)
def test_a_bad_value_is_refused(rule: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        rule_from(rule)


def test_scopes_in_every_form_but_odd_case_can_be_read_by_who_knows_smart() -> None:
    for form in ("v1", "v2", "another-context", "granular", "reordered"):
        client = world("scope-dialect", form=form)
        told = Scopes.parse(document(client.ask())["scope"])
        assert {scope.resource_type for scope in told} == {"Patient", "Observation"}


@pytest.mark.parametrize("use", [name for name, found in quirks().items() if found.about.family == "auth"])
def test_each_can_be_armed_from_python_a_scenario_file_and_the_control_api(use: str) -> None:
    rule = {"use": use, "name": "trouble", "when": {"at_most": 1}}
    by_python = build_site(SiteOptions("a", patients=0, stepped=True))
    by_python.arm(rule)
    scenario = Scenario.model_validate({"title": "t", "sites": [{"name": "a", "patients": 1, "quirks": [rule]}]})
    (by_file,) = Trial(scenario).sites
    directory = Directory()
    by_control = build_site(SiteOptions("a", patients=0, stepped=True))
    directory.add(by_control)
    Control(directory).call("quirk arm", site="a", use=use, name="trouble", when={"at_most": 1})
    described = [site.rules[0].describe() for site in (by_python, by_file, by_control)]
    assert described[0] == described[1] == described[2]
    assert described[0]["use"] == use
