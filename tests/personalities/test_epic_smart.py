"""How an Epic site lets apps in, over its pipeline. Sources: personalities/epic/notes.md."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from tests.sites.browser import CALLBACK, Browser, claims, document, location, page_of

from mockehr.auth.keys import read_bundled_key
from mockehr.personalities.epic.access import introspection, scope_text

OAUTH = "https://north.example.org/interconnect-fhir-oauth/oauth2"
WRONG = "Something went wrong trying to authorize the client. Please try logging in again."


@pytest.fixture
def epic() -> Browser:
    return Browser("epic")


@pytest.mark.behaviour("epic", "token-response")
def test_a_token_response_of_a_launch_has_epics_members(epic: Browser) -> None:
    extras = {"location": "eL3", "appointment": "eA3", "loginDepartment": "eD3"}
    encounters = epic.site.auth.door.charts.encounters(epic.patient(), 1)
    made = epic.opened("launch openid fhirUser patient/Patient.rs", encounter=encounters[0].id, extras=extras)
    assert set(made) == {
        *("access_token", "token_type", "expires_in", "scope", "state", "id_token", "patient"),
        *("__epic.dstu2.patient", "encounter", "need_patient_banner", "smart_style_url", *extras),
    }
    assert (made["token_type"], made["expires_in"], made["state"]) == ("Bearer", 3600, "s t/a")
    assert made["need_patient_banner"] == "true"
    assert made["encounter"] == encounters[0].id
    assert re.fullmatch(r"T.{43}B", made["__epic.dstu2.patient"])
    assert "/api/epic/2016/EDI/HTTP/style/" in made["smart_style_url"]


@pytest.mark.behaviour("epic", "staff-no-patient")
def test_a_launch_by_staff_without_the_ehr_has_no_patient(epic: Browser) -> None:
    made = epic.granted(scope="launch/patient openid user/Patient.rs")
    assert not {"patient", "__epic.dstu2.patient", "smart_style_url"} & set(made)
    assert epic.granted("patient")["patient"] == epic.patient()


@pytest.mark.behaviour("epic", "jwt-claims")
def test_access_tokens_are_jwts_with_epics_claims(epic: Browser) -> None:
    made = epic.opened("launch openid fhirUser patient/Patient.rs")
    told = claims(made["access_token"])
    assert set(told) == {
        *("iss", "aud", "sub", "client_id", "jti", "iat", "nbf", "exp", "patient"),
        *("epic.eci", "epic.metadata", "epic.tokentype"),
    }
    assert re.fullmatch(r"urn:oid:1\.2\.840\.114350\.1\.13\.\d+\.2\.7\.3\.688884\.100", told["iss"])
    assert (told["aud"], told["epic.tokentype"], told["exp"] - told["iat"]) == (told["iss"], "access", 3600)
    assert told["sub"] == claims(made["id_token"])["sub"]
    assert told["epic.eci"].startswith("urn:epic:")
    assert "{" not in json.dumps(list(told.values()))


@pytest.mark.behaviour("epic", "id-token")
def test_id_tokens_are_signed_by_rs256_for_five_minutes_in_the_name_of_the_oauth_path(epic: Browser) -> None:
    text = epic.opened("launch openid fhirUser patient/Patient.rs")["id_token"]
    head, told = claims("." + text.split(".")[0]), claims(text)
    assert (head["alg"], told["iss"], told["exp"] - told["iat"]) == ("RS256", OAUTH, 300)
    assert told["fhirUser"] == f"{epic.base}/Practitioner/{told['sub']}"
    assert len(base64.b64decode(head["kid"])) == 32
    for where in (OAUTH, epic.base):
        assert document(epic.get(f"{where}/.well-known/openid-configuration"))["issuer"] == OAUTH


@pytest.mark.behaviour("epic", "introspection")
def test_introspection_has_epics_form(epic: Browser) -> None:
    proof = {"client_id": "portal", "client_secret": "s3cret"}
    made = epic.granted("patient", scope="launch/patient openid fhirUser patient/Patient.rs")
    sent = epic.post(epic.where.introspect, {"token": made["access_token"], **proof})
    told = document(sent)
    assert list(told) == [
        *("active", "scope", "client_id", "username", "exp", "sub", "iss", "jti"),
        *("epic_user_type", "patient", "fhirUser"),
    ]
    assert (told["username"], told["epic_user_type"], told["sub"]) == ("PATIENT", "WPR", made["patient"])
    access = claims(made["access_token"])
    assert (told["iss"], told["jti"], told["exp"]) == (access["iss"], access["jti"], access["exp"])
    staff = epic.opened("launch openid fhirUser patient/Patient.rs")
    assert document(epic.post(epic.where.introspect, {"token": staff["access_token"], **proof}))[
        "epic_user_type"
    ] == ("EMP")
    assert document(epic.post(epic.where.introspect, {"token": "x", **proof})) == {"active": False}
    assert introspection({"active": False, "iss": "x"}) == {"active": False}


@pytest.mark.behaviour("epic", "failed-page", "authorize-rules")
@pytest.mark.parametrize(
    ("told", "status"),
    [
        ({"response_type": "token"}, 400),
        ({"aud": None}, 400),
        ({"aud": "https://other.example.org"}, 400),
        ({"scope": "system/Patient.rs"}, 400),
        ({"launch": "x", "scope": "launch"}, 400),
        ({"code_challenge_method": "plain"}, 400),
        ({"redirect_uri": "https://evil.example.com"}, 400),
        ({"client_id": "nobody"}, 400),
        ({"state": "x" * 2001}, 404),
    ],
)
def test_a_failed_authorization_is_a_page_that_says_little_and_leads_nowhere(
    epic: Browser, told: dict[str, Any], status: int
) -> None:
    sent = epic.begin(**told)
    assert WRONG in page_of(sent)
    assert sent.reply is not None
    assert (sent.reply.status, location(sent)) == (status, "")
    assert sent.notes["refused"]
    assert sent.notes["refused"] not in page_of(sent)


def test_what_the_user_decided_is_told_to_the_app(epic: Browser) -> None:
    page = epic.answer(epic.begin(), "patient")
    pending = location(page).rpartition("=")[2]
    sent = epic.post(f"{OAUTH}/authorize/consent", {"pending": pending, "decision": "deny"})
    assert location(sent) == f"{CALLBACK}?error=access_denied&state=s+t%2Fa"


@pytest.mark.behaviour("epic", "launch-token")
def test_a_site_may_tell_the_app_of_all_failures() -> None:
    epic = Browser("epic", settings={"authorize": {"refusals": "redirect"}})
    sent = epic.begin(launch="x", scope="launch")
    assert location(sent) == f"{CALLBACK}?error=invalid_launch_token&state=s+t%2Fa"
    assert WRONG not in page_of(epic.begin(redirect_uri="https://evil.example.com"))


@pytest.mark.behaviour("epic", "no-refresh-public", "refresh-rotates")
def test_public_apps_get_no_refresh_token_and_offline_access_is_not_echoed(epic: Browser) -> None:
    scope = "launch/patient offline_access patient/Patient.rs"
    made = epic.granted("patient", scope=scope)
    assert ("refresh_token" in made, made["scope"]) == (False, "launch/patient patient/Patient.rs")
    found = epic.finish(epic.begin(client_id="portal", scope=scope), "patient")
    proof = {"client_id": "portal", "client_secret": "s3cret"}
    first = document(epic.tokens(found["code"], **proof))
    assert first["scope"] == "launch/patient patient/Patient.rs"
    epic.site.clock.advance(600)
    again = document(epic.ask(grant_type="refresh_token", refresh_token=first["refresh_token"], **proof))
    assert again["refresh_token"] != first["refresh_token"]
    assert again["patient"] == first["patient"]


@pytest.mark.behaviour("epic", "token-errors")
def test_refused_tokens_have_a_null_description(epic: Browser) -> None:
    sent = epic.tokens("x")
    assert document(sent, 400) == {"error": "invalid_grant", "error_description": None}
    assert sent.notes["refused"] == "code-unknown"


@pytest.mark.behaviour("epic", "split-scopes")
def test_each_permission_of_a_systems_scopes_stands_alone() -> None:
    asked = "system/Patient.rs system/Observation.crus?category=a|b launch system/Claim.c system/Goal.read"
    assert scope_text(asked, "split") == (
        "system/Patient.r system/Patient.s system/Observation.c?category=a|b system/Observation.r?category=a|b"
        " system/Observation.u?category=a|b system/Observation.s?category=a|b launch system/Claim.c system/Goal.read"
    )
    assert scope_text(asked, "granted") == asked


def test_the_scopes_of_systems_look_as_recorded(shared_data: Any) -> None:
    lines = (shared_data / "recorded" / "epic" / "scope-response-2026-04-26T210211Z.txt").read_text().splitlines()
    recorded = [line for line in lines if line.startswith("system/")]
    assert len(recorded) > 100
    apart = {"system/Claim.cu": ["system/Claim.c", "system/Claim.u"]}
    assert scope_text(" ".join(recorded), "split").split() == [
        one for line in recorded for one in apart.get(line, [line])
    ]


# apps on a user's device


def _asserted(key: dict[str, Any], client: str, audience: str, now: int) -> str:
    def b64(data: bytes) -> str:
        return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

    head = {"alg": "ES384", "kid": key["kid"], "typ": "JWT"}
    said = {"iss": client, "sub": client, "aud": audience, "iat": now, "exp": now + 240, "jti": str(now)}
    text = ".".join(b64(json.dumps(part).encode()) for part in (head, said))
    number = int.from_bytes(base64.urlsafe_b64decode(key["d"] + "=="), "big")
    octets = ec.derive_private_key(number, ec.SECP384R1()).sign(text.encode(), ec.ECDSA(hashes.SHA384()))
    r, s = decode_dss_signature(octets)
    return f"{text}.{b64(r.to_bytes(48, 'big') + s.to_bytes(48, 'big'))}"


@pytest.mark.behaviour("epic", "dynamic-clients")
def test_a_device_registers_itself_and_asks_for_its_user(epic: Browser) -> None:
    made = epic.granted("patient")
    key = dict(read_bundled_key("client-1-ES384"))
    public = {name: key[name] for name in ("kty", "kid", "crv", "x", "y")}
    body = json.dumps({"software_id": "app", "jwks": {"keys": [public]}})
    bearer = {"authorization": f"Bearer {made['access_token']}"}
    told = document(epic.send("POST", f"{OAUTH}/register", body, **bearer), 201)
    assert set(told) == {"client_id", "grant_types", "token_endpoint_auth_method"}
    assert document(epic.send("POST", f"{OAUTH}/register", body, **bearer), 400) == {
        "error": "invalid_token",
        "error_description": None,
    }
    [grant] = told["grant_types"]
    now = int(epic.site.clock.now())
    sent = epic.ask(grant_type=grant, assertion=_asserted(key, told["client_id"], epic.where.token, now))
    again = document(sent)
    assert (again["patient"], "refresh_token" in again) == (made["patient"], False)
    assert document(epic.read(f"Patient/{made['patient']}", again["access_token"]))["id"] == made["patient"]


# discovery against recordings


@pytest.mark.behaviour("epic", "authorize-and-token")
def test_the_security_block_is_as_recorded(epic: Browser, shared_data: Any) -> None:
    text = (shared_data / "recorded" / "epic" / "CapabilityStatement-2026-04-26.json").read_text("utf-8")
    recorded = json.loads(text)
    recorded = recorded.get("body", recorded)["rest"][0]["security"]
    ours = document(epic.get(f"{epic.base}/metadata", accept="application/json"))["rest"][0]["security"]
    for block in (recorded, ours):
        for one in block["extension"][0]["extension"]:
            one["valueUri"] = one["valueUri"].rpartition("/oauth2/")[2]
    assert ours == recorded


@pytest.mark.behaviour("epic", "smart-keys", "base-paths")
def test_discovery_names_what_the_site_answers(epic: Browser) -> None:
    told = document(epic.get(f"{epic.base}/.well-known/smart-configuration"))
    assert (told["authorization_endpoint"], told["token_endpoint"]) == (f"{OAUTH}/authorize", f"{OAUTH}/token")
    assert not {"introspection_endpoint", "revocation_endpoint", "registration_endpoint"} & set(told)
    assert set(epic.site.auth.settings.grants) <= set(told["grant_types_supported"])
