"""The token endpoint and the discovery documents of a site."""

from __future__ import annotations

import pytest
from tests.sites.browser import Browser, claims, document

from mockehr.core.errors import ConfigError
from mockehr.sites.build import build_site
from mockehr.sites.options import SiteOptions
from mockehr.sites.token_stages import STYLE

VENDORS = ("generic", "epic", "oracle")


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_launch_from_the_ehr_gives_tokens_that_work(vendor: str) -> None:
    browser = Browser(vendor)
    made = browser.opened()
    assert made["patient"] == browser.patient()
    assert document(browser.read(f"Patient/{made['patient']}", made["access_token"]))["id"] == made["patient"]


@pytest.mark.parametrize("vendor", VENDORS)
def test_the_style_that_a_launch_tells_is_there_for_pages_of_any_origin(vendor: str) -> None:
    browser = Browser(vendor)
    sent = browser.get(browser.opened()["smart_style_url"], origin="https://app.example.org")
    assert document(sent) == STYLE
    assert sent.reply is not None
    assert sent.reply.header("access-control-allow-origin") in ("*", "https://app.example.org")


@pytest.mark.parametrize("vendor", VENDORS)
@pytest.mark.parametrize("user", ["clinician", "patient", "proxy"])
def test_the_user_of_an_id_token_can_be_read_with_the_access_token(vendor: str, user: str) -> None:
    browser = Browser(vendor)
    scope = "launch openid fhirUser user/Practitioner.r user/Patient.r"
    patient = browser.patient(0 if user == "patient" else 1)
    made = browser.opened(scope, user=user, patient=patient)
    who = claims(made["id_token"])["fhirUser"]
    assert who.startswith(f"{browser.base}/")
    found = document(browser.read(who.removeprefix(f"{browser.base}/"), made["access_token"]))
    assert who == f"{browser.base}/{found['resourceType']}/{found['id']}"


@pytest.mark.parametrize("vendor", VENDORS)
def test_the_openid_configuration_lies_at_the_issuer_and_names_what_is_there(vendor: str) -> None:
    browser = Browser(vendor)
    issuer = browser.where.issuer.rstrip("/")
    told = document(browser.get(f"{issuer}/.well-known/openid-configuration"))
    assert told["issuer"] == browser.where.issuer
    made = browser.opened("launch openid fhirUser patient/Patient.rs")
    assert claims(made["id_token"])["iss"] == told["issuer"]
    keys = document(browser.get(told["jwks_uri"]))["keys"]
    assert keys
    assert document(browser.get(f"{browser.base}/.well-known/openid-configuration"))["issuer"] == told["issuer"]


def test_browsers_may_ask_ahead_and_read_the_answer() -> None:
    browser = Browser()
    origin = {"origin": "https://app.example.org"}
    asked = browser.send("OPTIONS", browser.where.token, access_control_request_method="POST", **origin).reply
    assert asked is not None
    assert (asked.status, asked.header("access-control-allow-origin")) == (204, "*")
    assert "POST" in asked.header("access-control-allow-methods")
    form = {"grant_type": "authorization_code", "code": "x", "client_id": "app"}
    refused = browser.post(browser.where.token, form, **origin).reply
    assert refused is not None
    assert (refused.status, refused.header("access-control-allow-origin")) == (400, "*")


def test_a_wrong_setting_is_refused_with_the_nearest_value_when_a_site_is_built() -> None:
    for name, value, told in (
        ("pkce", "requierd", "nearest: required"),
        ("consent", "maybe", "may be standalone, patients, always or never"),
        ("pkec", "required", "nearest: pkce"),
    ):
        settings = {"token": {"server": {name: value}}}
        with pytest.raises(ConfigError, match=r"token\.server") as caught:
            build_site(SiteOptions("n", settings=settings))
        assert told in str(caught.value)


def test_every_vendors_settings_are_right() -> None:
    for vendor in VENDORS:
        build_site(SiteOptions("n", personality=vendor)).close()
