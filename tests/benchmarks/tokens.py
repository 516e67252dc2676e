"""Access tokens: asked for with a signed assertion through a site's whole pipeline, and checked at every request.

    python tests/benchmarks/tokens.py [rounds]

The ceiling of a token request is the one ES384 verification that nobody can do without, by cryptography alone. Goals:
all the rest of a request costs no more than that again, for each format of tokens; checking a token takes at most
10 us. Sides alternate within a round; ratios are taken within each round, and their medians and quartiles shown.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any
from urllib.parse import urlencode

from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.hashes import SHA384

from mockehr.auth.assertion import ASSERTION_TYPE, client_assertion
from mockehr.auth.clients import Client
from mockehr.auth.keys import load_key, public_jwks, read_bundled_key
from mockehr.auth.scopes import Scopes
from mockehr.auth.tokens import Grant, bearer_of
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


def microseconds(work: Callable[[], None], times: int) -> float:
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


def main(rounds: int) -> None:
    """Measure and print."""
    sites, numbers, verify = {vendor: site_of(vendor) for vendor in VENDORS}, count(1), verification()
    tokens = {vendor: granted(site, ask(site, requests(site, numbers)[0])) for vendor, site in sites.items()}
    checks = {vendor: check(site, tokens[vendor]) for vendor, site in sites.items()}
    bare: list[float] = []
    asked: dict[str, list[float]] = {vendor: [] for vendor in VENDORS}
    ratios: dict[str, list[float]] = {vendor: [] for vendor in VENDORS}
    checked: dict[str, list[float]] = {vendor: [] for vendor in VENDORS}
    for _ in range(rounds):
        for vendor, site in sites.items():
            bodies = iter(requests(site, numbers))
            replies: list[Exchange] = []
            floor = microseconds(verify, SLICE)
            taken = microseconds(lambda s=site, b=bodies, r=replies: r.append(ask(s, next(b))), SLICE)  # type: ignore[misc]
            floor = (floor + microseconds(verify, SLICE)) / 2
            for reply in replies:
                granted(site, reply)
            bare.append(floor)
            asked[vendor].append(taken)
            ratios[vendor].append((taken - floor) / floor)
            checked[vendor].append(microseconds(checks[vendor], CHECKS))
    print(f"{rounds} rounds of {SLICE} requests; CPU time; a bare verification takes {spread(bare)} us")
    for vendor in VENDORS:
        form = sites[vendor].auth.settings.token_format
        print(
            f"{vendor:8} {form:10} {len(tokens[vendor]):5} octets   request {spread(asked[vendor])} us   "
            f"the rest, in verifications {spread(ratios[vendor])}   check {spread(checked[vendor])} us"
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 60)
