"""Settings from files are held against what each may be."""

from __future__ import annotations

from dataclasses import fields

import pytest

from mockehr.auth.setting_values import auth_settings
from mockehr.auth.settings import AuthSettings
from mockehr.core.errors import ConfigError


def test_right_values_are_taken_lists_too():
    made = auth_settings(
        {"pkce": "public", "grants": ["client_credentials"], "skew": 3, "invalid_client_status": 401, "openid": False}
    )
    assert made == AuthSettings(
        pkce="public", grants=("client_credentials",), skew=3, invalid_client_status=401, openid=False
    )


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("pkce", "requird", "nearest: required"),
        ("pkce", "sometimes", "may be required, public, optional"),
        ("consent", "patient", "nearest: patients"),
        ("pkcee", "required", "nearest: pkce"),
        ("launches", ["ehrs"], "nearest: ehr"),
        ("launches", "ehr", "must be a list"),
        ("auth_methods", ["client_secret_bsic"], "nearest: client_secret_basic"),
        ("scope_dialects", ["v3"], "may be"),
        ("openid", "yes", "must be true or false"),
        ("openid", 1, "must be true or false"),
        ("code_lifetime", "60", "must be a number"),
        ("code_lifetime", True, "must be a number"),
        ("code_lifetime", -1, "cannot be below zero"),
        ("token_lifetime", 1.5, "must be a whole number"),
        ("tenant", 7, "must be a text"),
        ("token_claims", ["x"], "must be a mapping"),
        ("invalid_client_status", 403, "may be 400 or 401"),
        ("issuer", None, "must be a text"),
    ],
)
def test_a_wrong_value_is_refused_with_the_nearest_right_one(name, value, told):
    with pytest.raises(ConfigError) as caught:
        auth_settings({name: value}, place="token.server")
    assert f"token.server.{name} " in str(caught.value)
    assert told in str(caught.value)


def test_all_that_is_wrong_is_told_at_once():
    with pytest.raises(ConfigError) as caught:
        auth_settings({"pkce": "x", "consent": "maybe", "skew": 1.0})
    assert len(caught.value.problems) == 2


def test_a_clock_may_be_behind():
    assert auth_settings({"clock_offset": -5.0}).clock_offset == -5.0


def test_every_default_is_a_right_value():
    default = AuthSettings()
    assert auth_settings({item.name: getattr(default, item.name) for item in fields(AuthSettings)}) == default
