"""Encrypted access tokens, opened by joserfc: it shares no code with what wrote them."""

from __future__ import annotations

import base64
import json
from types import SimpleNamespace

import pytest
from joserfc import jwe, jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, OctKey

from mockehr.auth.encrypted import encrypt
from mockehr.auth.keys import SigningKeys
from mockehr.auth.scopes import Scopes
from mockehr.auth.settings import AuthSettings
from mockehr.auth.tokens import Grant, TokenTable
from mockehr.core.chance import Chance
from mockehr.core.clock import Clock
from mockehr.core.errors import UnknownName

TOKEN_URL = "http://north.example.org/oauth2/token"
ACCEPTED = ["dir", "A128CBC-HS256", "DEF"]
SECRET, IV = bytes(range(32)), bytes(range(16))
CLAIMS = {"urn:com:cerner:authorization:claims": {"ver": "1.0", "tnt": "{tenant}", "azs": "{scope}", "n": [1, "{x}"]}}


def opened(token: str, secret: bytes) -> str:
    return jwe.decrypt_compact(token, OctKey.import_key(secret), algorithms=ACCEPTED).plaintext.decode()


def issuer(seed: int = 7, **settings):
    """A table of tokens with its clock and keys, and a way to issue one."""
    chosen = AuthSettings(**{"token_format": "encrypted", "signing_alg": "ES256", "key_ids": "dated", **settings})
    clock, chance = Clock(stepped=True), Chance(seed)
    keys = SigningKeys(chance, chosen, clock)
    table = TokenTable(clock=clock, chance=chance, settings=chosen, keys=keys)

    def issue(client: str = "backend") -> str:
        now = clock.now()
        draft = Grant(client, Scopes.parse("system/Patient.rs"), issued_at=now, expires_at=now + 570, announced=570)
        return table.issue(draft, token_url=TOKEN_URL).token

    return SimpleNamespace(clock=clock, keys=keys, table=table, issue=issue)


@pytest.mark.parametrize("length", [1, 15, 16, 17, 900, 9000])
def test_joserfc_decrypts_what_was_encrypted(length):
    text = "".join(chr(33 + number * 7 % 90) for number in range(length))
    assert opened(encrypt(text, kid="k", secret=SECRET, iv=IV), SECRET) == text


def test_whatever_was_changed_is_refused_by_joserfc():
    token = encrypt("a.b.c" * 40, kid="k", secret=SECRET, iv=IV)
    parts = token.split(".")
    assert parts[1] == ""
    for place in (0, 2, 3, 4):
        letter = "A" if parts[place][5] != "A" else "B"
        changed = [*parts[:place], parts[place][:5] + letter + parts[place][6:], *parts[place + 1 :]]
        with pytest.raises((JoseError, ValueError)):
            opened(".".join(changed), SECRET)
    for other in (SECRET[:-1] + b"x", b"x" + SECRET[1:]):
        with pytest.raises((JoseError, ValueError)):
            opened(token, other)


@pytest.mark.parametrize(("secret", "iv"), [(SECRET[:16], IV), (SECRET, IV[:12])])
def test_a_secret_or_vector_of_another_length_is_refused(secret, iv):
    with pytest.raises(ValueError, match="32 octets of secret and 16 of iv"):
        encrypt("a.b.c", kid="k", secret=secret, iv=iv)


def test_an_encrypted_token_holds_a_jwt_that_the_published_keys_verify():
    made = issuer(token_claims=CLAIMS, tenant="t-1")
    token = made.issue()
    kid, secret = made.keys.secret()
    header = base64.urlsafe_b64decode(token.split(".")[0] + "==")
    told = {"zip": "DEF", "kid": kid, "cty": "JWT", "enc": "A128CBC-HS256", "alg": "dir"}
    assert header == json.dumps(told, separators=(",", ":")).encode()
    read = jwt.decode(opened(token, secret), KeySet.import_key_set(made.keys.public()), algorithms=["ES256"])
    assert read.header["kid"] == made.keys.current().kid
    assert (read.claims["client_id"], read.claims["exp"] - read.claims["iat"]) == ("backend", 570)
    wanted = {"ver": "1.0", "tnt": "t-1", "azs": "system/Patient.rs", "n": [1, "{x}"]}
    assert read.claims["urn:com:cerner:authorization:claims"] == wanted
    assert made.table.look_up(token).client_id == "backend"


def test_the_secret_is_called_by_its_date_and_never_published():
    made = issuer(keys_rotate_every=172_800.0)
    kid, secret = made.keys.secret()
    assert kid == made.keys.current("ES256").kid.replace(".ec.es256", ".oct")
    assert base64.urlsafe_b64encode(secret).decode()[:20] not in json.dumps(made.keys.public())
    assert "oct" not in {key["kty"] for key in made.keys.public()["keys"]}
    made.clock.advance(172_800)
    later = made.keys.secret()
    assert later[0] != kid
    assert later[1] != secret
    assert opened(made.issue(), later[1]).count(".") == 2


def test_the_same_seed_gives_the_same_encrypted_tokens_and_no_vector_comes_twice():
    runs = []
    for seed in (7, 7, 8):
        made = issuer(seed)
        runs.append([made.issue(client) for client in ("backend", "backend", "other")])
    assert runs[0] == runs[1]
    assert not set(runs[0]) & set(runs[2])
    assert len({token.split(".")[2] for run in runs[1:] for token in run}) == 6


def test_further_claims_may_also_stand_in_a_plain_jwt_and_over_others():
    made = issuer(token_format="jwt", token_claims={"sub": "{client_id}@{tenant}", "amr": ("pwd",), "acr": None})
    claims = json.loads(base64.urlsafe_b64decode(made.issue().split(".")[1] + "=="))
    assert (claims["sub"], claims["amr"], claims["acr"]) == ("backend@", ["pwd"], None)


def test_an_unknown_format_is_refused_with_the_nearest_name():
    with pytest.raises(UnknownName, match="encrypted"):
        issuer(token_format="encrypt")
