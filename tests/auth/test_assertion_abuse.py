"""What attackers send as an assertion or register as keys: refused by the right error, and at a bounded cost."""

from __future__ import annotations

import ast
import base64
import hmac
import inspect
import json
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from tests.auth.conftest import b64, number, public, signature

from mockehr.auth import authentication, client_keys
from mockehr.auth.client_keys import verifies
from mockehr.auth.keys import load_key, read_bundled_key

EC_2 = read_bundled_key("client-2-ES384")
RSA_1, RSA_2 = read_bundled_key("client-1-RS384"), read_bundled_key("client-2-RS384")
JWKS_URL = "https://client.example.org/jwks"
ELSEWHERE = "https://elsewhere.example.org/jwks"
ORDER_P384 = int(
    "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973", 16
)


def refused(reply, reason):
    assert (reply.reason, reply.error, reply.status) == (reason, "invalid_client", 400)
    assert reply.grant is None
    assert len(reply.document["error_description"]) < 1000
    return True


def rekeyed(world, *jwks):
    """The client's registration replaced by one with these keys."""
    world.server.clients.replace(replace(world.client, jwks={"keys": list(jwks)}))


@pytest.fixture
def verified(monkeypatch):
    """How often a signature was verified."""
    counted = []

    def counting(*given):
        counted.append(given)
        return verifies(*given)

    monkeypatch.setattr("mockehr.auth.assertion.verifies", counting)
    return counted


def compact(header, claims, proof=b"\x01" * 96):
    texts = [part if isinstance(part, str) else json.dumps(part) for part in (header, claims)]
    return ".".join([*(b64(text.encode("utf-8", "surrogatepass")) for text in texts), b64(proof)])


def claims_of(world):
    """Those of a right assertion."""
    return json.loads(base64.urlsafe_b64decode(world.assertion().split(".")[1] + "=="))


def sealed(world, header, claims):
    """An assertion of these two texts, rightly signed."""
    signed = f"{b64(header.encode())}.{b64(claims.encode())}"
    return f"{signed}.{b64(signature(world.key, 'ES384', signed.encode()))}"


def head(world, **more):
    return {"alg": "ES384", "kid": world.key["kid"], "typ": "JWT", **more}


# algorithms


@pytest.mark.parametrize(
    "alg", ["none", "None", "NONE", "nOnE", "none ", "", " ES384", "es384", "ES384\x00", "\uff4eone"]
)
@pytest.mark.parametrize("proof", [b"", b"\x00", b"\x01" * 96])
def test_no_signature_is_no_signature_however_it_is_spelt(world, verified, alg, proof):
    reason = "algorithm-refused" if proof else "assertion-malformed"
    assert refused(world.ask(compact(head(world, alg=alg), claims_of(world), proof)), reason)
    assert verified == []


def secrets_of(jwk):
    key = load_key(jwk).public_key
    pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    told = json.dumps(public(jwk))
    return [pem, pem.strip(), der, told.encode(), json.dumps(public(jwk), separators=(",", ":")).encode(), b""]


@pytest.mark.parametrize("alg", ["HS256", "HS384", "HS512"])
@pytest.mark.parametrize("accepted", [("RS384", "ES384"), ("RS384", "ES384", "HS256", "HS384", "HS512")])
def test_a_public_key_is_no_shared_secret_in_whatever_form(make_world, alg, accepted):
    world = make_world(assertion_algs=accepted)
    rekeyed(world, public(world.key), public(RSA_1))
    for jwk in (world.key, RSA_1):
        for secret in secrets_of(jwk):
            signed = world.assertion(header={"alg": alg, "kid": jwk["kid"]}).rpartition(".")[0]
            forged = f"{signed}.{b64(hmac.digest(secret, signed.encode(), 'sha' + alg[2:]))}"
            assert refused(world.ask(forged), "key-unfit" if alg in accepted else "algorithm-refused")


def test_a_shared_secret_in_the_key_set_is_no_key_either(make_world):
    world = make_world(assertion_algs=("ES384", "HS384"))
    rekeyed(world, {"kty": "oct", "kid": "s", "k": b64(b"secret"), "alg": "HS384"})
    assert refused(world.ask(world.assertion(header={"alg": "HS384", "kid": "s"})), "key-unfit")


def test_a_secret_signs_where_that_is_offered_and_a_public_key_still_does_not(make_world):
    world = make_world(assertion_algs=("ES384", "HS256"), auth_methods=("private_key_jwt", "client_secret_jwt"))
    world.register("shared", secret="s3cret")
    for told, status in (("s3cret", 200), ("wrong", 400), ("", 400)):
        parts = world.assertion(header={"alg": "HS256", "kid": "x"}, iss="shared", sub="shared").rpartition(".")[0]
        proof = hmac.digest(told.encode(), parts.encode(), "sha256")
        reply = world.ask(f"{parts}.{b64(proof)}")
        assert reply.status == status, reply
    for secret in secrets_of(world.key):  # a client of keys alone has no secret that could be guessed from them
        parts = world.assertion(header={"alg": "HS256", "kid": "x"}).rpartition(".")[0]
        assert world.ask(f"{parts}.{b64(hmac.digest(secret, parts.encode(), 'sha256'))}").status == 400


# kid


@pytest.mark.parametrize(
    "kid",
    [
        "../../../../dev/null",
        "/etc/passwd",
        "C:\\windows\\win.ini",
        "' OR '1'='1",
        "x' UNION SELECT 'key'; --",
        "$(id)|`id`",
        "${jndi:ldap://elsewhere.example.org/a}",
        "file:///proc/self/environ",
        "\x00",
        "\ud800",
        "k" * 8_000,
        EC_2["kid"],
    ],
)
def test_a_kid_is_compared_and_nothing_else(world, verified, kid):
    """The last one is the key of another client."""
    world.register("other", jwks={"keys": [public(EC_2)]})
    assert refused(world.ask(world.assertion(EC_2, header={"kid": kid})), "key-unknown")
    assert world.fetched == verified == []


@pytest.mark.parametrize("kid", [None, "", 0, 7, 1.5, True, [], ["a"], {}, {"kid": "a"}])
def test_a_kid_that_is_no_text_is_as_good_as_none(make_world, kid):
    for required in (True, False):
        world = make_world(require_kid=required)
        if kid is None and not required:
            continue
        assert refused(world.ask(world.assertion(header={"kid": kid})), "kid-missing")


def test_two_keys_of_one_kid_are_both_tried(world, verified):
    rekeyed(world, public({**EC_2, "kid": world.key["kid"]}), public(world.key))
    assert world.ask().status == 200
    assert len(verified) == 2
    assert refused(
        world.ask(world.assertion(RSA_1, header={"kid": world.key["kid"], "alg": "ES384"})), "signature-wrong"
    )


@pytest.mark.parametrize("required", [True, False])
def test_keys_that_all_fit_are_not_all_tried(make_world, verified, required):
    world = make_world(require_kid=required)
    rekeyed(world, *[public({**EC_2, "kid": "same"})] * 10, public({**world.key, "kid": "same"}))
    kid = "same" if required else None
    assert refused(world.ask(world.assertion(header={"kid": kid})), "key-unfit")
    assert verified == []
    rekeyed(world, *[public({**EC_2, "kid": "same"})] * 9, public({**world.key, "kid": "same"}))
    assert world.ask(world.assertion(header={"kid": kid})).status == 200
    assert len(verified) == 10


# keys and addresses that an assertion brings along


@pytest.mark.parametrize("kid", [RSA_2["kid"], RSA_1["kid"]])
@pytest.mark.parametrize(
    "brought",
    [
        {"jwk": public(RSA_2)},
        {"x5u": ELSEWHERE},
        {"x5c": ["MIIB"]},
        {"x5t": "AA", "x5t#S256": "AA"},
        {"jwks": {"keys": [public(RSA_2)]}},
        {"url": ELSEWHERE, "issuer": ELSEWHERE},
    ],
)
def test_a_key_that_the_assertion_brings_is_never_trusted(world, kid, brought):
    rekeyed(world, public(RSA_1))
    reason = "signature-wrong" if kid == RSA_1["kid"] else "key-unknown"
    assert refused(world.ask(world.assertion(RSA_2, header={"kid": kid, **brought})), reason)
    assert world.fetched == []


@pytest.mark.parametrize("name", ["jku", "x5u", "iss_url"])
def test_no_address_in_an_assertion_is_ever_fetched(world, name):
    world.server.clients.replace(replace(world.client, jwks=None, jwks_uri=JWKS_URL))
    world.served = {JWKS_URL: {"keys": [public(world.key)]}, ELSEWHERE: {"keys": [public(EC_2)]}}
    forged = world.assertion(EC_2, header={name: ELSEWHERE, "kid": world.key["kid"]})
    assert refused(world.ask(forged), "jku-mismatch" if name == "jku" else "signature-wrong")
    for odd in ([JWKS_URL], {"a": 1}, JWKS_URL + "#", JWKS_URL + "@elsewhere.example.org", "", None, 7):
        if name == "jku" and odd is not None:
            assert refused(world.ask(world.assertion(header={name: odd})), "jku-mismatch")
    assert ELSEWHERE not in world.fetched


@pytest.mark.parametrize("crit", [["exp"], ["b64"], [], "b64", None, {"b64": True}])
def test_a_demand_for_extensions_is_refused(world, verified, crit):
    signed = world.assertion()
    assert world.ask(signed).status == 200
    verified.clear()
    claims = base64.urlsafe_b64decode(signed.split(".")[1] + "==").decode()
    attack = compact(json.dumps(head(world, b64=False, crit=crit)), claims)
    assert refused(world.ask(attack), "assertion-malformed")
    assert verified == []


# key sets


@pytest.mark.parametrize("remote", [True, False])
def test_a_key_set_of_thousands_of_keys_is_refused_before_any_is_looked_at(world, verified, remote):
    keys = [public({**EC_2, "kid": f"k{index}"}) for index in range(5_000)] + [public(world.key)]
    for listed, reason in ((keys[-101:], "jwks-malformed"), (keys, "jwks-malformed"), (keys[-100:], "")):
        jwks = {"keys": listed}
        world.served[JWKS_URL] = jwks
        given = {"jwks": None, "jwks_uri": JWKS_URL} if remote else {"jwks": jwks}
        world.server.client_keys.forget()
        world.server.clients.replace(replace(world.client, **given))
        reply = world.ask()
        assert reply.reason == reason
    assert len(verified) == 1


def test_a_replaced_registration_counts_at_once(world):
    assert world.ask().status == 200
    rekeyed(world, public({**EC_2, "kid": world.key["kid"]}))
    assert refused(world.ask(), "signature-wrong")
    changed = dict(world.server.clients.get("backend").jwks["keys"][0])
    changed["x"], changed["y"] = public(world.key)["x"], public(world.key)["y"]
    world.server.clients.get("backend").jwks["keys"][0] = changed
    assert world.ask().status == 200
    world.server.clients.get("backend").jwks["keys"][0]["y"] = public(EC_2)["y"]
    assert refused(world.ask(), "signature-wrong")


def rsa_key(n, e=65537, **more):
    octets, small = n.to_bytes((n.bit_length() + 7) // 8, "big"), e.to_bytes((e.bit_length() + 7) // 8, "big")
    return {"kty": "RSA", "kid": RSA_1["kid"], "n": b64(octets), "e": b64(small), **more}


SOUND = number(RSA_1["n"])


@pytest.mark.parametrize(
    "jwk",
    [
        rsa_key(SOUND, e=1),
        rsa_key(SOUND, e=0),
        rsa_key(SOUND, e=2),
        rsa_key(SOUND, e=2**32 + 1),
        rsa_key(SOUND, e=SOUND - 2),
        rsa_key(2**2046 + 1),
        rsa_key(2**1023 + 1),
        rsa_key(2**8192 + 1),
        rsa_key(2**100_000 + 1),
        {**rsa_key(SOUND), "n": b64(bytes(200) + (2**511 + 1).to_bytes(64, "big"))},
        {**rsa_key(SOUND), "n": "!" + RSA_1["n"]},
        {**rsa_key(SOUND), "n": [RSA_1["n"]]},
        {**rsa_key(SOUND), "e": 65537},
        {**rsa_key(SOUND), "e": None},
        {**rsa_key(SOUND), "n": ""},
        {**rsa_key(SOUND), "use": "enc"},
        {**rsa_key(SOUND), "use": ["sig"]},
        {**rsa_key(SOUND), "key_ops": ["encrypt", "wrapKey"]},
        {**rsa_key(SOUND), "alg": "RSA-OAEP"},
        {**rsa_key(SOUND), "kty": "rsa"},
        RSA_1,
        {**rsa_key(SOUND), "d": ""},
    ],
)  # fmt: skip
def test_an_rsa_key_that_is_weak_or_heavy_or_private_or_for_something_else_is_no_key(world, verified, jwk):
    rekeyed(world, jwk)
    assert refused(world.ask(world.assertion(RSA_1)), "key-unfit")
    assert verified == []


def test_rsa_keys_of_usual_sizes_are_keys(make_world):
    world = make_world(assertion_algs=("RS256",))
    for bits in (2048, 3072):
        made = rsa.generate_private_key(65537, bits)
        numbers = made.private_numbers()
        jwk = rsa_key(numbers.public_numbers.n, alg="RS256")
        parts = {
            "p": numbers.p,
            "q": numbers.q,
            "d": numbers.d,
            "dp": numbers.dmp1,
            "dq": numbers.dmq1,
            "qi": numbers.iqmp,
        }
        private = {**jwk, **{name: b64(part.to_bytes(512, "big")) for name, part in parts.items()}}
        rekeyed(world, jwk)
        assert world.ask(world.assertion(private)).status == 200


@pytest.mark.parametrize(
    "change",
    [
        {"y": b64((number(EC_2["y"]) ^ 1).to_bytes(48, "big"))},
        {"x": b64(bytes(48)), "y": b64(bytes(48))},
        {"x": b64(b"\xff" * 48)},
        {"x": b64(b"\xff" * 2_000)},
        {"x": "", "y": ""},
        {"x": {}},
        {"y": ["a"]},
    ],
)  # fmt: skip
def test_a_point_that_is_not_on_the_curve_verifies_nothing(world, change):
    rekeyed(world, {**public(world.key), **change})
    assert refused(world.ask(), "signature-wrong")


@pytest.mark.parametrize(
    "change", [{"d": EC_2["d"]}, {"use": "enc"}, {"alg": "ECDH-ES"}, {"crv": "secp256k1"}, {"crv": {}}]
)
def test_an_ec_key_that_is_private_or_for_something_else_is_no_key(world, verified, change):
    rekeyed(world, {**public(world.key), **change})
    assert refused(world.ask(), "key-unfit")
    assert verified == []


def test_why_a_private_key_does_not_serve_is_said(world):
    rekeyed(world, world.key)
    assert "private part" in world.ask().document["error_description"]


# the text itself


@pytest.mark.parametrize("octets", [16_383, 16_384, 16_385, 2_000_000])
def test_more_than_16_kib_is_refused_before_anything_is_decoded(world, verified, monkeypatch, octets):
    signed = world.assertion().rpartition(".")[0]
    text = f"{signed}.{'A' * (octets - len(signed) - 1)}"
    assert (octets - len(signed) - 1) % 4 != 1
    decoded, real = [], base64.urlsafe_b64decode
    monkeypatch.setattr(base64, "urlsafe_b64decode", lambda given: decoded.append(given) or real(given))
    if octets <= 16_384:
        assert refused(world.ask(text), "signature-wrong")
        assert len(verified) == 1
    else:
        assert refused(world.ask(text), "assertion-malformed")
        assert decoded == verified == []


@pytest.mark.parametrize(
    "text", ["." * 16_000, "." * 2, "a" * 16_000, "e30.e30." + "A" * 16_001, "\u00e9" * 9_000, "=.=.="]
)
def test_shapes_that_are_no_assertion_are_refused(world, text):
    assert refused(world.ask(text), "assertion-malformed")


@pytest.mark.parametrize("member", ["alg", "typ", "kid", "jku", "crit", "aud", "iss", "sub", "exp", "iat", "jti"])
def test_values_nested_to_any_depth_are_refused_and_never_crash(world, member):
    """Around the depth at which reading still works and writing into an error text would not."""
    in_header = member in ("alg", "typ", "kid", "jku", "crit")
    for depth in (5, 200, *range(860, 1000, 2), 5_000):
        nested = "[" * depth + "]" * depth
        told = [head(world), claims_of(world)]
        told[0 if in_header else 1][member] = "NESTED"
        reply = world.ask(sealed(world, *(json.dumps(part).replace('"NESTED"', nested) for part in told)))
        assert reply.error == "invalid_client"


@pytest.mark.parametrize(
    ("alg", "told"), [([["ES384"]] * 900, "an array"), ({"a": 1}, "an object"), ("E" * 9_000, "EE?")]
)
def test_what_was_sent_is_not_repeated_at_length(world, alg, told):
    reply = world.ask(compact(head(world, alg=alg), {"iss": "backend"}))
    assert refused(reply, "algorithm-refused")
    assert told in reply.document["error_description"]


@pytest.mark.parametrize("place", ["header", "claims", "deep"])
def test_a_member_that_comes_twice_is_refused(world, verified, place):
    header, claims = (
        json.dumps(head(world)),
        base64.urlsafe_b64decode(world.assertion().split(".")[1] + "==").decode(),
    )
    if place == "header":
        header = header.replace("{", '{"alg": "none", ', 1)
    elif place == "claims":
        claims = claims.replace("{", '{"iss": "somebody", ', 1)
    else:
        claims = claims.replace("{", '{"act": {"a": 1, "a": 1}, ', 1)
    assert refused(world.ask(sealed(world, header, claims)), "assertion-malformed")
    assert verified == []


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize("added", ["=", "==", "\n", " ", "\t", "+", "/", "\x00", "%3D", "\u00a0", "\uff21"])
def test_base64url_is_taken_without_padding_and_blanks_only(world, place, added):
    parts = world.assertion().split(".")
    for changed in (parts[place] + added, added + parts[place], parts[place][:8] + added + parts[place][8:]):
        text = ".".join([*parts[:place], changed, *parts[place + 1 :]])
        assert refused(world.ask(text), "assertion-malformed")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32", "utf-8-sig", "latin-1"])
def test_json_is_utf_8(world, encoding):
    claims = json.dumps({"iss": "backend", "sub": "é"}, ensure_ascii=False)
    text = f"{b64(json.dumps(head(world)).encode())}.{b64(claims.encode(encoding))}.AAAA"
    assert refused(world.ask(text), "assertion-malformed")


@pytest.mark.parametrize("name", ["exp", "iat", "nbf"])
@pytest.mark.parametrize(
    "written", ["9223372036854775808", "-9223372036854775809", "NaN", "Infinity", "-Infinity", "1e400", "1e309", "-1",
                "253402300800", "18446744073709551616000", '"2026"', "true", "[]", "{}"]
)  # fmt: skip
def test_times_beyond_all_calendars_are_refused(world, name, written):
    claims = json.dumps({**claims_of(world), name: "TIME"}).replace('"TIME"', written)
    assert refused(world.ask(sealed(world, json.dumps(head(world)), claims)), "time-malformed")


def test_a_number_of_thousands_of_digits_is_not_read(world, verified):
    claims = '{"iss": "backend", "exp": ' + "9" * 10_000 + "}"
    assert refused(world.ask(compact(head(world), claims)), "assertion-malformed")
    assert verified == []


# signatures


def halves(r, s):
    return r.to_bytes(48, "big") + s.to_bytes(48, "big")


@pytest.mark.parametrize(
    "proof",
    [
        halves(0, 0),
        halves(0, 1),
        halves(1, 0),
        halves(ORDER_P384, ORDER_P384),
        halves(ORDER_P384, 1),
        halves(2**384 - 1, 2**384 - 1),
        halves(1, 1),
        b"\x00",
        bytes(95),
        bytes(97),
        bytes(64),
        bytes(132),
        encode_dss_signature(0, 0),
        encode_dss_signature(1, 1),
    ],
)
def test_a_signature_that_nobody_made_is_refused(world, proof):
    signed = world.assertion().rpartition(".")[0]
    assert refused(world.ask(f"{signed}.{b64(proof)}"), "signature-wrong")


def test_a_right_signature_in_another_form_is_refused(world):
    signed, _, right = world.assertion().rpartition(".")
    octets = base64.urlsafe_b64decode(right)
    r, s = (int.from_bytes(half, "big") for half in (octets[:48], octets[48:]))
    for other in (
        encode_dss_signature(r, s),
        halves(s, r),
        octets + b"\x00",
        b"\x00" + octets,
        octets[:-1],
        b"\x00" + octets[:48] + b"\x00" + octets[48:],
        octets[:48] + b"\x00" + octets[48:],
    ):
        assert refused(world.ask(f"{signed}.{b64(other)}"), "signature-wrong")
    assert world.ask(f"{signed}.{right}").status == 200


def test_an_rsa_signature_of_another_length_is_refused(world):
    rekeyed(world, public(RSA_1))
    signed, _, right = world.assertion(RSA_1).rpartition(".")
    octets = base64.urlsafe_b64decode(right + "==")
    for other in (b"\x00" + octets, octets[1:], octets + b"\x00", bytes(256), b"\xff" * 256, b"\x01"):
        assert refused(world.ask(f"{signed}.{b64(other)}"), "signature-wrong")
    assert world.ask(f"{signed}.{right}").status == 200


def test_a_signature_by_a_key_of_another_curve_is_refused(make_world):
    world = make_world(assertion_algs=("ES256", "ES384"))
    other = ec.generate_private_key(ec.SECP256R1()).public_key().public_numbers()
    small = {
        "kty": "EC",
        "crv": "P-256",
        "kid": "small",
        "x": b64(other.x.to_bytes(32, "big")),
        "y": b64(other.y.to_bytes(32, "big")),
    }
    rekeyed(world, public(world.key), small)
    assert refused(world.ask(world.assertion(header={"kid": "small"})), "key-unfit")
    assert refused(world.ask(world.assertion(header={"kid": "small", "alg": "ES256"})), "signature-wrong")
    assert refused(world.ask(world.assertion(header={"alg": "ES256"})), "key-unfit")


# secrets


def test_secrets_are_compared_in_constant_time_and_nowhere_else():
    tree = ast.parse(inspect.getsource(authentication))

    def secret(node):
        return any(
            (isinstance(part, ast.Name) and part.id == "secret")
            or (isinstance(part, ast.Attribute) and part.attr == "secret")
            for part in ast.walk(node)
        )

    compared = [node for node in ast.walk(tree) if isinstance(node, ast.Compare) and secret(node)]
    assert compared == []
    calls = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "hmac.compare_digest"
    ]
    assert any(secret(call) for call in calls)


def test_keys_are_kept_by_value_and_not_without_bound():
    assert 0 < client_keys._verification.cache_info().maxsize <= 1024
