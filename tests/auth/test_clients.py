from __future__ import annotations

from dataclasses import replace

import pytest

from mockehr.auth.clients import Client, ClientRegistry
from mockehr.auth.scopes import Scopes
from mockehr.core.errors import DuplicateName, UnknownName

BACKEND = Client("backend", Scopes.parse("system/*.rs"), secret="hush")


def test_a_client_is_found_by_its_id():
    registry = ClientRegistry()
    assert registry.find("backend") is None
    registry.add(BACKEND)
    assert registry.get("backend") is registry.find("backend") is BACKEND
    assert "backend" in registry
    assert list(registry) == [BACKEND]
    assert len(registry) == 1


def test_an_id_is_taken_once_but_the_same_client_may_come_again():
    registry = ClientRegistry()
    registry.add(BACKEND)
    registry.add(replace(BACKEND))
    with pytest.raises(DuplicateName) as caught:
        registry.add(replace(BACKEND, secret="other"))
    assert "hush" not in str(caught.value)
    assert registry.get("backend").secret == "hush"


def test_an_unknown_client_is_refused_with_the_nearest():
    registry = ClientRegistry()
    registry.add(BACKEND)
    for ask in (registry.get, registry.remove, lambda name: registry.replace(replace(BACKEND, client_id=name))):
        with pytest.raises(UnknownName, match="nearest: backend"):
            ask("backends")


def test_a_client_can_be_replaced_and_removed():
    registry = ClientRegistry()
    registry.add(BACKEND)
    registry.replace(replace(BACKEND, active=False))
    assert not registry.get("backend").active
    registry.remove("backend")
    assert len(registry) == 0


@pytest.mark.parametrize(
    ("parts", "methods"),
    [
        ({"secret": "x"}, ("client_secret_basic", "client_secret_post", "client_secret_jwt")),
        ({"jwks": {"keys": []}}, ("private_key_jwt",)),
        ({"jwks_uri": "https://c.example.org"}, ("private_key_jwt",)),
        ({"secret": "x", "auth_methods": ("client_secret_basic",)}, ("client_secret_basic",)),
        ({}, ()),
    ],
)
def test_methods_follow_from_the_credentials_unless_registered(parts, methods):
    assert Client("c", Scopes(), **parts).methods() == methods
