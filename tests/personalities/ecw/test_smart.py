"""How an eClinicalWorks site lets apps and systems in. Sources: personalities/ecw/notes.md, section OAuth."""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64encode
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from tests.personalities.conftest import House, body_of
from tests.sites.browser import Browser, claims, document

from mockehr.auth.assertion import client_assertion
from mockehr.auth.keys import read_bundled_key
from mockehr.sites.people import PATIENT
from mockehr.sites.test_client import register_demo_client

ROOT = "https://north.example.org"
SCOPE = "system/Patient.rs"


@pytest.fixture
def browser() -> Browser:
    return Browser("ecw")


def assertion(site: House, *, now: float = 0.0, key: str = "client-1-RS384") -> dict[str, str]:
    at = site.site.clock.now() + now
    signed = client_assertion("demo", ROOT + site.site.token_path, read_bundled_key(key), now=at, jti=f"j{at}{key}")
    kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    return {"client_assertion_type": kind, "client_assertion": signed}


def asked(site: House, **form: str) -> tuple[int, dict[str, Any]]:
    told = {"grant_type": "client_credentials", "scope": SCOPE} | form
    reply = site.ask("POST", site.site.token_path, {name: value for name, value in told.items() if value})
    return reply.status, body_of(reply)


@pytest.fixture
def site(house: Callable[..., House]) -> House:
    return house("ecw", 2, open_access=False, settings={"token": {"server": {"check_times": True}}})


@pytest.mark.behaviour("ecw", "expires")
def test_a_system_gets_a_token_for_five_minutes_or_an_hour(site: House, house: Callable[..., House]) -> None:
    status, told = asked(site, **assertion(site))
    assert (status, told["expires_in"], told["token_type"]) == (200, 300, "Bearer")
    long = house("ecw", 2, open_access=False, settings={"token": {"expires_in": 3600}})
    assert asked(long, **assertion(long))[1]["expires_in"] == 3600


@pytest.mark.behaviour("ecw", "client-401")
@pytest.mark.parametrize("wrong", [{"client_assertion": "x.y.z"}, {"client_id": "nobody", "client_secret": "x"}])
def test_a_client_that_cannot_be_believed_is_401(site: House, wrong: dict[str, str]) -> None:
    good = {} if "client_id" in wrong else assertion(site)
    status, told = asked(site, **(good | wrong))
    assert (status, told["error"]) == (401, "invalid_client")


@pytest.mark.behaviour("ecw", "secret-jwt")
@pytest.mark.parametrize(
    ("alg", "secret", "status"), [("HS256", "s3cret", 200), ("HS384", "s3cret", 200), ("HS256", "", 401)]
)
def test_an_assertion_may_be_signed_with_the_secret(site: House, alg: str, secret: str, status: int) -> None:
    register_demo_client(site.site, "shared", secret="s3cret")
    at = int(site.site.clock.now())
    parts: list[Any] = [{"alg": alg, "typ": "JWT", "kid": "k"}, {"iss": "shared", "sub": "shared"}]
    parts[1] |= {"aud": ROOT + site.site.token_path, "exp": at + 200, "iat": at, "jti": f"{alg}{secret}"}
    signed = ".".join(urlsafe_b64encode(orjson.dumps(one)).rstrip(b"=").decode() for one in parts)
    proof = hmac.digest(secret.encode(), signed.encode(), f"sha{alg[2:]}")
    kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    made = f"{signed}.{urlsafe_b64encode(proof).rstrip(b'=').decode()}"
    got, told = asked(site, client_assertion_type=kind, client_assertion=made)
    assert got == status, told


def test_only_rs384_is_taken(site: House) -> None:
    assert asked(site, **assertion(site, key="client-1-ES384"))[0] == 401


@pytest.mark.behaviour("ecw", "grant-type-400", "request-400")
def test_bad_requests_are_400(site: House) -> None:
    assert asked(site, grant_type="password")[0] == 400
    assert asked(site, grant_type="password")[1]["error"] == "unsupported_grant_type"
    status, told = asked(site, grant_type="", **assertion(site))
    assert (status, told["error"]) == (400, "invalid_request")


@pytest.mark.behaviour("ecw", "scope-is-grant")
def test_a_bad_scope_and_an_assertion_that_is_over_are_bad_grants(site: House) -> None:
    for form in ({**assertion(site), "scope": "patient/x"}, {**assertion(site, now=1), "scope": "x"}):
        status, told = asked(site, **form)
        assert (status, told["error"]) == (400, "invalid_grant")
    status, told = asked(site, **assertion(site, now=-1000))
    assert (status, told["error"]) == (400, "invalid_grant")


@pytest.mark.behaviour("ecw", "catch-all")
def test_anything_else_is_access_denied_with_500(browser: Browser) -> None:
    asked = browser.ask(grant_type="client_credentials", client_id="portal", client_secret="s3cret", scope="system/x")
    assert document(asked, 500)["error"] == "access_denied"


@pytest.mark.behaviour("ecw", "no-refresh-public", "fhir-user")
def test_a_public_app_gets_no_refresh_token_and_finds_its_patient_in_fhir_user(browser: Browser) -> None:
    scope = "launch/patient openid fhirUser offline_access patient/Patient.read"
    public = browser.granted(scope=scope)
    assert "refresh_token" not in public
    code = browser.finish(browser.begin(client_id="portal", scope=scope))["code"]
    secret = document(browser.tokens(code, client_id="portal", client_secret="s3cret"))
    assert secret["refresh_token"]
    patient = browser.patient()
    own = browser.granted(scope=scope, user=PATIENT)
    assert claims(own["id_token"])["fhirUser"].endswith(f"/Patient/{patient}")


@pytest.mark.behaviour("ecw", "group-for-bulk", "group-not-single")
def test_group_read_is_for_exports_and_for_nothing_else(site: House) -> None:
    patient = f"Patient/{site.patient()}"
    single, bulk = site.bearer("system/Patient.read"), site.bearer("system/Patient.read system/Group.read")
    group = site.site.charts.groups.resources()[0]["id"] if site.site.charts else ""
    id = site.site.charts.ids.encode("Group", None, int(str(group)[1:])) if site.site.charts else ""
    export = f"Group/{id}/$export?_type=Patient"
    assert site.fhir(patient, authorization=single).status == 200
    assert site.fhir(patient, authorization=bulk).status == 403
    assert site.fhir(f"Patient?_id={site.patient()}", authorization=bulk).status == 403
    assert site.fhir("metadata", authorization=bulk).status == 200
    assert site.fhir(export, authorization=single, prefer="respond-async").status == 403
    assert site.fhir(export, authorization=bulk, prefer="respond-async").status == 202
    assert site.fhir(patient, authorization=site.bearer()).status == 200


def test_a_practice_may_let_such_tokens_read(house: Callable[..., House]) -> None:
    site = house("ecw", 2, open_access=False, settings={"token": {"single_patient": "any"}})
    bulk = site.bearer("system/Patient.read system/Group.read")
    assert site.fhir(f"Patient/{site.patient()}", authorization=bulk).status == 200


@pytest.mark.behaviour("ecw", "smart-document", "scopes-both")
def test_the_discovery_document_has_malformed_scopes_and_one_algorithm(house: Callable[..., House]) -> None:
    site = house("ecw")
    told = body_of(site.ask("GET", f"{site.site.fhir_path}/.well-known/smart-configuration"))
    assert told["issuer"] == site.base
    assert told["token_endpoint"] == f"{ROOT}/oauth/oauth2/token"
    assert told["token_endpoint_auth_signing_alg_values_supported"] == ["RS384"]
    methods = {"client_secret_basic", "client_secret_post", "private_key_jwt", "client_secret_jwt"}
    assert set(told["token_endpoint_auth_methods_supported"]) == methods
    scopes = set(told["scopes_supported"])
    assert {"patient/Goal.read", "patient/Goal.rs", "system/Group.read", "launch/patient"} <= scopes
    malformed = "http://terminology.hl7.org//CodeSystem-observation-category|social-history"
    assert any(malformed in scope for scope in scopes)


def test_a_client_with_a_secret_proves_itself_either_way(site: House) -> None:
    register_demo_client(site.site, "secretive", SCOPE, secret="s3cret")
    assert asked(site, client_id="secretive", client_secret="s3cret")[0] == 200
