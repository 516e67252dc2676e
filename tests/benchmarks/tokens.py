"""Access tokens: asked for with a signed assertion through a site's whole pipeline, and checked at every request.

    python tests/benchmarks/tokens.py [rounds]

The ceiling of a token request is the one ES384 verification that nobody can do without, by cryptography alone. Goals:
all the rest of a request costs no more than that again, for each format of tokens; checking a token takes at most
10 us. Sides alternate within a round; ratios are taken within each round, and their medians and quartiles shown. What
the rest has to have is beside it: the signature of the token itself, by cryptography alone as well.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from urllib.parse import urlencode

from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256, SHA384

from mockehr.auth.assertion import ASSERTION_TYPE, client_assertion
from mockehr.auth.clients import Client
from mockehr.auth.keys import SigningKeys, load_key, public_jwks, read_bundled_key
from mockehr.auth.scopes import Scopes
from mockehr.auth.settings import AuthSettings
from mockehr.auth.tokens import Grant, bearer_of
from mockehr.core.chance import Chance
from mockehr.core.exchange import Exchange
from mockehr.sites.build import build_site
from mockehr.sites.fhir_stages import fhir_stages
from mockehr.sites.options import SiteOptions
from mockehr.sites.site import Site

SLICE = 30
CHECKS = 1000
ORIGIN = "http://127.0.0.1/main"
VENDORS = ("generic", "epic", "oracle")
KEY = load_key(read_bundled_key("client-1-ES384"))
FORM = {"content-type": "application/x-www-form-urlencoded"}


def site_of(vendor: str) -> Site:
    """A site with one client; clients stand on the same clock as it does."""
    site = build_site(SiteOptions("main", vendor))
    site.auth.clients.add(Client("backend", Scopes.parse("system/Patient.rs"), jwks=public_jwks(KEY)))
    return site


def requests(site: Site, numbers: Iterator[int]) -> list[bytes]:
    """Token requests that were never sent before; making them is not measured."""
    url = ORIGIN + site.token_path
    made = []
    for _ in range(SLICE):
        signed = client_assertion("backend", url, KEY, now=site.clock.now(), jti=f"jti-{next(numbers)}", lifetime=240)
        fields = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": signed, "scope": "system/Patient.rs"}
        made.append(urlencode({"grant_type": "client_credentials", **fields}).encode())
    return made


def ask(site: Site, body: bytes) -> Exchange:
    """One token request through the nine stages."""
    exchange = Exchange("token", "POST", site.token_path, headers=dict(FORM), body=body, base_url=ORIGIN)
    exchange.notes["token_url"] = ORIGIN + site.token_path
    return site.handle(exchange)


def granted(site: Site, exchange: Exchange) -> str:
    """The token of a reply, which has to be one and to work."""
    assert exchange.reply is not None
    assert exchange.reply.status == 200, exchange.reply.body
    token: str = exchange.result.document["access_token"]
    assert isinstance(site.auth.look_up(token), Grant)
    return token


def verification() -> Callable[[], None]:
    """One ES384 verification of as many octets as an assertion has."""
    data = b"x" * 400
    private: Any = KEY.private_key
    public, signature = private.public_key(), private.sign(data, ECDSA(SHA384()))
    return lambda: public.verify(signature, data, ECDSA(SHA384()))


def signature(alg: str) -> Callable[[], Any]:
    """One signature of as many octets as a token has, by a key of that algorithm."""
    private: Any = SigningKeys(Chance(7), AuthSettings()).current(alg).private_key
    if alg.startswith("RS"):
        return lambda: private.sign(b"x" * 500, PKCS1v15(), SHA256())
    scheme = ECDSA(SHA256() if alg == "ES256" else SHA384(), deterministic_signing=True)
    return lambda: private.sign(b"x" * 500, scheme)


def microseconds(work: Callable[[], Any], times: int) -> float:
    """CPU time of one run, over so many."""
    started = time.process_time()
    for _ in range(times):
        work()
    return (time.process_time() - started) * 1e6 / times


def check(site: Site, token: str) -> Callable[[], None]:
    """What stage `authorise` does for a request with that token."""
    authorise = fhir_stages(site)["authorise"]
    exchange = Exchange("fhir", "GET", "/Patient/x", headers={"authorization": f"Bearer {token}"}, base_url=ORIGIN)
    authorise(exchange)
    assert exchange.client == "backend"
    assert exchange.result is None
    assert bearer_of(exchange.headers["authorization"]) == token
    return lambda: authorise(exchange)


def spread(values: list[float]) -> str:
    """Median and quartiles."""
    low, middle, high = statistics.quantiles(values, n=4)
    return f"{middle:6.2f} ({low:.2f}-{high:.2f})"


@dataclass
class Measured:
    """What one vendor's site took in each round: microseconds, and verifications."""

    site: Site
    token: str
    check: Callable[[], None]
    own: Callable[[], Any] | None
    """The signature of its tokens; None where they have none."""
    asked: list[float] = field(default_factory=list)
    rest: list[float] = field(default_factory=list)
    signed: list[float] = field(default_factory=list)
    checked: list[float] = field(default_factory=list)


def prepare(vendor: str, numbers: Iterator[int]) -> Measured:
    """A site that has answered already."""
    site = site_of(vendor)
    token = granted(site, ask(site, requests(site, numbers)[0]))
    settings = site.auth.settings
    own = signature(settings.signing_alg) if settings.token_format != "opaque" else None
    return Measured(site, token, check(site, token), own)


def measure(one: Measured, verify: Callable[[], None], numbers: Iterator[int]) -> float:
    """One round; returns what a bare verification took."""
    bodies, replies = iter(requests(one.site, numbers)), list[Exchange]()
    floor = microseconds(verify, SLICE)
    taken = microseconds(lambda: replies.append(ask(one.site, next(bodies))), SLICE)
    floor = (floor + microseconds(verify, SLICE)) / 2
    for reply in replies:
        granted(one.site, reply)
    one.asked.append(taken)
    one.rest.append((taken - floor) / floor)
    one.signed.append(microseconds(one.own, SLICE) / floor if one.own else 0.0)
    one.checked.append(microseconds(one.check, CHECKS))
    return floor


def main(rounds: int) -> None:
    """Measure and print."""
    numbers, verify = count(1), verification()
    sites = {vendor: prepare(vendor, numbers) for vendor in VENDORS}
    bare = [measure(one, verify, numbers) for _ in range(rounds) for one in sites.values()]
    print(f"{rounds} rounds of {SLICE} requests; CPU time; a bare verification takes {spread(bare)} us")
    for vendor, one in sites.items():
        print(
            f"{vendor:8} {one.site.auth.settings.token_format:10} {len(one.token):5} octets   "
            f"request {spread(one.asked)} us   rest, in verifications {spread(one.rest)}, "
            f"of which the token's signature {statistics.median(one.signed):.2f}   check {spread(one.checked)} us"
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 40)
