"""What can be wrong with an authorization request, before anybody is asked."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.auth.house import CALLBACK, SCOPES, WHERE, challenge, page, parameters

from mockehr.auth.front.request import prompts, read_request
from mockehr.auth.refusal import Refused


def test_the_wrong_client_is_told_on_a_page_and_nobody_is_sent_anywhere(house):
    assert house.refusal(client_id=None) == "parameter-missing"
    assert house.refusal(client_id="app\0") == "client-unknown"
    house.server.clients.replace(replace(house.app, active=False))
    assert house.refusal() == "client-inactive"


@pytest.mark.parametrize("uri", [None, ""])
def test_a_redirect_uri_is_required(house, uri):
    assert house.refusal(redirect_uri=uri) == "redirect-uri-missing"


@pytest.mark.parametrize(
    "uri",
    [
        CALLBACK + "/",
        CALLBACK + "?x=1",
        CALLBACK + "#x",
        CALLBACK + "/../evil",
        CALLBACK.replace("app.example", "APP.example"),
        CALLBACK.replace("https", "http"),
        CALLBACK.replace("callback", "%63allback"),
        CALLBACK[:-1],
        "https://evil.example.com",
    ],
)
def test_a_redirect_uri_is_compared_letter_by_letter(house, uri):
    assert house.refusal(redirect_uri=uri) == "redirect-uri-unregistered"


def test_some_servers_let_a_query_be_added_to_a_redirect_uri(make_house):
    house = make_house(redirect_query=True)
    step = house.begin(redirect_uri=CALLBACK + "?tab=2", response_type="token")
    assert step.url.startswith(CALLBACK + "?tab=2&error=unsupported_response_type")
    house.register("tabbed", public=True, redirect_uris=(CALLBACK + "?tab=1",))
    assert page(house.begin(client_id="tabbed", redirect_uri=CALLBACK + "?tab=1"))
    assert house.refusal(client_id="tabbed", redirect_uri=CALLBACK) == "redirect-uri-unregistered"
    assert house.refusal(redirect_uri=CALLBACK + "/x?tab=2") == "redirect-uri-unregistered"
    assert house.refusal(redirect_uri=CALLBACK + "?a=1#b") == "redirect-uri-unregistered"


@pytest.mark.parametrize(
    ("told", "reason", "error"),
    [
        ({"request": "eyJ"}, "request-object", "request_not_supported"),
        ({"request_uri": "https://a.example.org/"}, "request-uri", "request_uri_not_supported"),
        ({"registration": "{}"}, "registration-sent", "registration_not_supported"),
        ({"response_type": "token"}, "response-type", "unsupported_response_type"),
        ({"response_type": None}, "response-type", "unsupported_response_type"),
        ({"scope": None}, "scope-missing", "invalid_scope"),
        ({"scope": "  "}, "scope-missing", "invalid_scope"),
        ({"aud": None}, "audience-missing", "invalid_request"),
        ({"aud": "http://other.example.org/fhir"}, "audience-wrong", "invalid_request"),
        ({"aud": WHERE.base + "/x"}, "audience-wrong", "invalid_request"),
        ({"prompt": "none login"}, "prompt-contradictory", "invalid_request"),
        ({"launch": "x", "scope": "patient/Patient.rs"}, "scope-missing", "invalid_scope"),
        ({"launch": "x", "scope": "launch"}, "launch-unknown", "invalid_request"),
    ],
)
def test_what_is_wrong_is_told_at_the_redirect_uri_with_the_state(house, told, reason, error):
    found = house.error(**told)
    assert (found["reason"], found["error"], found["state"]) == (reason, error, "s t/a")
    assert found["error_description"]


def test_a_request_without_state_gets_none_back(house):
    assert "state" not in house.error(state=None, response_type="x")


def test_a_client_that_is_not_registered_for_codes_is_refused(house):
    house.server.clients.replace(replace(house.app, grant_types=("client_credentials",)))
    assert house.error()["reason"] == "grant-type-not-registered"


def test_the_audience_may_be_optional_have_a_slash_or_another_name(make_house):
    assert page(make_house(audience_required=False).begin(aud=None))
    assert page(make_house().begin(aud=WHERE.base + "/"))
    assert make_house(audience_slash=False).error(aud=WHERE.base + "/")["reason"] == "audience-wrong"
    assert page(make_house(audiences=("urn:here",)).begin(aud="urn:here"))


def test_a_long_state_and_any_overlong_parameter_are_refused(make_house):
    house = make_house(longest_state=5, longest_parameter=300)
    assert house.error(state="123456")["reason"] == "state-too-long"
    assert page(house.begin(state="12345"))
    assert house.refusal(nonce="x" * 301) == "parameter-too-long"


def test_pkce_is_required_of_whom_the_server_says(make_house):
    none = {"code_challenge": None, "code_challenge_method": None}
    required, public, optional = (make_house(pkce=name) for name in ("required", "public", "optional"))
    assert required.error(**none)["reason"] == "pkce-missing"
    assert required.error(client_id="portal", **none)["reason"] == "pkce-missing"
    assert public.error(**none)["reason"] == "pkce-missing"
    assert page(public.begin(client_id="portal", **none))
    assert page(optional.begin(**none))
    assert optional.error(code_challenge=None)["reason"] == "pkce-missing"


@pytest.mark.parametrize("method", ["plain", "s256", None])
def test_only_s256_is_taken(make_house, method):
    house = make_house(pkce="optional")
    assert house.error(code_challenge_method=method)["reason"] == "pkce-method"


@pytest.mark.parametrize("text", ["x", challenge() + "=", challenge()[:-1] + "+", "x" * 44])
def test_a_challenge_that_no_digest_gives_is_refused(house, text):
    found = house.error(code_challenge=text)
    assert (found["reason"], found["error"]) == ("pkce-malformed", "invalid_request")


def test_repeated_parameters_and_bad_utf8_are_refused():
    for text, reason in (
        ("a=1&a=1", "parameter-repeated"),
        ("a=%ff", "body-unreadable"),
        ("&".join(["x=1"] * 200), ""),
    ):
        with pytest.raises(Refused) as caught:
            read_request(text)
        assert caught.value.reason == (reason or "body-unreadable")


def test_prompts_that_nobody_knows_are_passed_over(house):
    assert prompts(read_request("prompt=login+dance")) == {"login", "dance"}
    assert page(house.begin(prompt="dance")).name == "sign-in"


def test_scopes_that_the_client_may_not_have_are_left_out_and_refused_if_nothing_remains(house):
    house.register("small", "launch/patient patient/Observation.rs openid", public=True)
    step = house.answered(house.begin(client_id="small", scope="launch/patient patient/*.rs patient/Goal.rs openid"))
    assert parameters(step)["state"] == "s t/a"
    grant = house.server.drawers["codes"].get(parameters(step)["code"], house.clock.now()).grant
    assert grant.scopes.text == "launch/patient patient/Observation.rs openid"
    found = house.error(client_id="small", scope="openid patient/Goal.rs")
    assert (found["reason"], found["error"]) == ("scope-not-registered", "invalid_scope")
    assert house.error(scope="system/Patient.rs")["reason"] == "scope-not-registered"


def test_a_server_may_let_an_app_in_without_the_data_and_without_wildcards(make_house):
    house = make_house(without_data=True, user_wildcards=False, scope_dialects=("v2", "plain"))
    kept = house.granted(scope="openid fhirUser patient/*.rs patient/Goal.read").document
    assert kept["scope"] == "openid fhirUser"
    assert SCOPES  # registered for all of it


def test_launch_scopes_belong_to_their_kind_of_launch(house):
    assert house.granted(scope="launch launch/patient patient/Patient.r").grant.scopes.text == (
        "launch/patient patient/Patient.r"
    )
    assert house.opened(scope="launch launch/patient patient/Patient.r").grant.scopes.text == (
        "launch patient/Patient.r"
    )


def test_a_server_may_offer_one_kind_of_launch_only(make_house):
    standalone, ehr = make_house(launches=("standalone",)), make_house(launches=("ehr",))
    assert standalone.error(launch="x", scope="launch")["reason"] == "launch-not-offered"
    assert ehr.error(scope="launch patient/Patient.rs")["reason"] == "launch-missing"


@pytest.mark.parametrize("query", ["?a=b", "?a=%0d%0a", "?", "?a?b"])
def test_a_server_may_take_a_query_that_was_not_registered(make_house, query):
    assert page(make_house(redirect_query=True).begin(redirect_uri=CALLBACK + query)).name == "sign-in"


@pytest.mark.parametrize("query", ["?a\r\nSet-Cookie: b", "?\0", "?a b", "?é", "?中", '?"', "?\\", "?a#b", "?<b>"])
def test_such_a_query_has_nothing_that_a_header_cannot_hold(make_house, query):
    assert make_house(redirect_query=True).refusal(redirect_uri=CALLBACK + query) == "redirect-uri-unregistered"
