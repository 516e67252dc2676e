"""A stepped site's authorization server, and a client that signs with nothing but cryptography.

The signing here shares no code with mockehr or joserfc, so it is a second opinion on both.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from mockehr.auth.clients import Client
from mockehr.auth.keys import read_bundled_key
from mockehr.auth.reply import TokenReply
from mockehr.auth.scopes import Scopes
from mockehr.auth.server import AuthServer
from mockehr.auth.settings import AuthSettings
from mockehr.core.chance import Chance
from mockehr.core.clock import Clock

TOKEN_URL = "http://north.example.org/oauth2/token"
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
FORM = "application/x-www-form-urlencoded"


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def number(text: str) -> int:
    return int.from_bytes(base64.urlsafe_b64decode(text + "=="), "big")


def signature(jwk: Mapping[str, Any], alg: str, data: bytes) -> bytes:
    """A JWS signature by cryptography's own primitives; HS384 and `none` for the attacks."""
    if alg == "none":
        return b""
    if alg.startswith("HS"):
        return hmac.new(jwk["n"].encode() if "n" in jwk else jwk["x"].encode(), data, hashlib.sha384).digest()
    digest = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}[alg[2:]]
    if jwk["kty"] == "RSA":
        public = rsa.RSAPublicNumbers(number(jwk["e"]), number(jwk["n"]))
        parts = [number(jwk[name]) for name in ("p", "q", "d", "dp", "dq", "qi")]
        key = rsa.RSAPrivateNumbers(*parts, public).private_key(unsafe_skip_rsa_key_validation=True)
        return key.sign(data, padding.PKCS1v15(), digest)
    private = ec.derive_private_key(number(jwk["d"]), ec.SECP384R1())
    r, s = decode_dss_signature(private.sign(data, ec.ECDSA(digest)))
    return r.to_bytes(48, "big") + s.to_bytes(48, "big")


def public(jwk: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: value for name, value in jwk.items() if name in ("kty", "kid", "use", "alg", "crv", "x", "y", "n", "e")
    }


@dataclass
class World:
    """One server on a stepped clock, with one client whose private key is at hand."""

    settings: AuthSettings = field(default_factory=AuthSettings)
    seed: int = 7
    fetched: list[str] = field(default_factory=list)
    served: dict[str, Any] = field(default_factory=dict)
    """JWK Sets by URL, as the fetch finds them."""
    jti: int = 0

    def __post_init__(self) -> None:
        self.clock = Clock(stepped=True)
        self.key = read_bundled_key("client-1-ES384")
        self.server = AuthServer(
            clock=self.clock, chance=Chance(self.seed), settings=self.settings, jwks_fetch=self.fetch
        )
        self.client = self.register("backend", jwks={"keys": [public(self.key)]})

    def fetch(self, uri: str) -> Mapping[str, Any]:
        self.fetched.append(uri)
        if uri not in self.served:
            raise ConnectionRefusedError(uri)
        return self.served[uri]

    def register(self, client_id: str, scopes: str = "system/*.rs", **rest: Any) -> Client:
        return self.server.clients.add(Client(client_id, Scopes.parse(scopes), **rest))

    def assertion(
        self,
        key: Mapping[str, Any] | None = None,
        *,
        header: Mapping[str, Any] | None = None,
        sign_as: str = "",
        **claims: Any,
    ) -> str:
        """A correct assertion, with members laid over it; None removes one."""
        jwk = key or self.key
        self.jti += 1
        now = int(self.clock.now())
        said = {"iss": "backend", "sub": "backend", "aud": TOKEN_URL, "iat": now, "exp": now + 240}
        said = {**said, "jti": f"jti-{self.jti}", **claims}
        head = {"alg": jwk["alg"], "kid": jwk["kid"], "typ": "JWT", **(header or {})}
        parts = [{n: v for n, v in part.items() if v is not None} for part in (head, said)]
        text = ".".join(b64(json.dumps(part).encode()) for part in parts)
        return f"{text}.{b64(signature(jwk, sign_as or jwk['alg'], text.encode()))}"

    def ask(
        self, assertion: str | None = None, *, scope: str | None = "system/Patient.rs", amend: Any = None, **form: Any
    ) -> TokenReply:
        """POST a Backend Services token request; None removes a parameter."""
        fields = {
            "grant_type": "client_credentials",
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": self.assertion() if assertion is None else assertion,
            "scope": scope,
            **form,
        }
        return self.post({name: value for name, value in fields.items() if value is not None}, amend=amend)

    def post(
        self,
        form: Mapping[str, str] | bytes,
        *,
        basic: tuple[str, str] | None = None,
        amend: Any = None,
        **headers: str,
    ) -> TokenReply:
        body = form if isinstance(form, bytes) else urlencode(form).encode()
        sent = {"content-type": FORM, **{name.replace("_", "-"): value for name, value in headers.items()}}
        if basic:
            sent["authorization"] = "Basic " + base64.b64encode(":".join(basic).encode()).decode()
        return self.server.token(body, sent, token_url=TOKEN_URL, amend=amend)


@pytest.fixture
def make_world() -> Callable[..., World]:
    """Makes a world; keyword arguments are AuthSettings."""

    def make(*, seed: int = 7, **settings: Any) -> World:
        return World(AuthSettings(**settings), seed)

    return make


@pytest.fixture
def world(make_world: Callable[..., World]) -> World:
    return make_world()


@pytest.fixture
def make_house() -> Callable[..., Any]:
    """Makes a server with users and an app; keyword arguments are AuthSettings."""
    from tests.auth.house import House

    def make(*, seed: int = 7, **settings: Any) -> House:
        return House(AuthSettings(**settings), seed)

    return make


@pytest.fixture
def house(make_house: Callable[..., Any]) -> Any:
    return make_house()
