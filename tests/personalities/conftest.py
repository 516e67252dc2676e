"""One hospital's dressed charts, for any vendor."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import urlencode

import orjson
import pytest

from mockehr.auth.scopes import Scopes
from mockehr.auth.tokens import Grant
from mockehr.core.chance import Chance
from mockehr.core.exchange import Exchange, Reply
from mockehr.personalities.load import load_personality
from mockehr.personalities.model import Dresser, Personality, SiteFacts
from mockehr.population.chart import draw_chart, medications, staff_of
from mockehr.population.population import Population
from mockehr.sites.build import build_site
from mockehr.sites.directory import channel_of
from mockehr.sites.options import SiteOptions
from mockehr.sites.site import Site
from mockehr.sites.test_client import register_demo_client

AS_OF = 1_767_571_200.0


@dataclass
class Ward:
    """Clean resources of some charts, and what the personality makes of them, in the same order."""

    personality: Personality
    facts: SiteFacts
    pairs: list[tuple[dict[str, Any], dict[str, Any]]] = field(default_factory=list)
    beside: list[dict[str, Any]] = field(default_factory=list)
    shared: list[dict[str, Any]] = field(default_factory=list)
    untouched: bool = True

    def of(self, kind: str, where: Callable[[dict[str, Any]], bool] = lambda clean: True) -> list[dict[str, Any]]:
        """Dressed resources of a type whose clean original satisfies a condition; there have to be some."""
        found = [made for clean, made in self.pairs if made["resourceType"] == kind and where(clean)]
        assert found, f"no chart has such a {kind}"
        return found


def _ward(vendor: str, charts: int) -> Ward:
    chance = Chance("ward")
    facts = SiteFacts("north", chance.key)
    personality = load_personality(vendor, facts=facts)
    population = Population(chance, 500, as_of=AS_OF)
    directory = population.directory.resources
    shelves = {**directory, "Medication": tuple(medications())}
    known = {f"{kind}/{one['id']}": one for kind, shelf in shelves.items() for one in shelf}
    ids, made = personality.ids(facts), Ward(personality, facts)
    for shelf in shelves.values():
        dresser = Dresser.over(shelf, ids=ids, facts=facts, directory=known.get)
        made.shared.extend(personality.dress(clean, dresser) for clean in shelf)
    for index in range(charts):
        chart = draw_chart(chance, population.person(index), staff_of(directory), as_of=AS_OF)
        before = copy.deepcopy(chart.resources)
        dresser = Dresser.over(chart.resources, ids=ids, facts=facts, recorded=chart.recorded, directory=known.get)
        for clean in chart.resources:
            made.pairs.append((clean, personality.dress(clean, dresser)))
            made.beside.extend(personality.beside(clean, dresser))
        made.untouched = made.untouched and before == chart.resources
    return made


@pytest.fixture(scope="session")
def generic_ward() -> Ward:
    return _ward("generic", 4)


@pytest.fixture(scope="session")
def epic_ward() -> Ward:
    return _ward("epic", 25)


@pytest.fixture(scope="session")
def oracle_ward() -> Ward:
    return _ward("oracle", 25)


@pytest.fixture(params=["generic", "epic", "oracle"])
def ward(request: pytest.FixtureRequest) -> Ward:
    made: Ward = request.getfixturevalue(f"{request.param}_ward")
    return made


ROOT = "https://north.example.org"


@dataclass(frozen=True)
class House:
    """A running site of a vendor, asked in memory as a client would over HTTP."""

    site: Site

    @property
    def base(self) -> str:
        """The FHIR base as the client writes it."""
        return ROOT + self.site.fhir_path.rstrip("/")

    def ask(
        self, method: str, path: str, form: dict[str, str] | None = None, body: bytes = b"", **headers: str
    ) -> Reply:
        """The reply to a request at a path below the site's root, query and all; header names with `_` for `-`."""
        path, _, query = path.partition("?")
        told = {"accept": "application/json"} | {
            name.replace("_", "-").lower(): text for name, text in headers.items()
        }
        if form is not None:
            body, told["content-type"] = urlencode(form).encode(), "application/x-www-form-urlencoded"
        found = channel_of(self.site, path)
        assert found is not None, f"nothing answers at {path}"
        channel, within = found
        exchange = Exchange(channel, method, within, query, told, body, base_url=self.base, peer="127.0.0.1")
        reply = self.site.handle(exchange).reply
        assert reply is not None
        return reply

    def fhir(self, target: str, method: str = "GET", body: Any = None, **headers: str) -> Reply:
        """The reply at a path below the FHIR base, such as `Patient/1` or `Patient?name=x`."""
        octets = orjson.dumps(body) if body is not None else b""
        if body is not None:
            headers.setdefault("content_type", "application/fhir+json")
        return self.ask(method, f"{self.site.fhir_path.rstrip('/')}/{target}", None, octets, **headers)

    def read(self, target: str, **headers: str) -> dict[str, Any]:
        """The JSON of such a reply, whatever its status."""
        return body_of(self.fhir(target, **headers))

    def patient(self, index: int = 0) -> str:
        """The id of a patient by place in the population."""
        assert self.site.charts is not None
        return self.site.charts.patient_id(index)

    def bearer(self, scopes: str = "system/*.cruds", **grant: Any) -> str:
        """An Authorization header with a token of the client `demo` (register_demo_client) for those scopes."""
        now = self.site.clock.now()
        draft = Grant("demo", Scopes.parse(scopes), now, now + 3600, 3600, **grant)
        return f"Bearer {self.site.auth.tokens.issue(draft, token_url=ROOT + self.site.token_path).token}"


def body_of(reply: Reply) -> dict[str, Any]:
    """A reply's JSON."""
    found: dict[str, Any] = orjson.loads(reply.body)
    return found


@cache
def _house(vendor: str, patients: int, **options: Any) -> House:
    settings = {"open_access": True, "stepped": True} | options
    site = build_site(SiteOptions("north", vendor, patients=patients, **settings))
    register_demo_client(site)
    return House(site)


@pytest.fixture(scope="session")
def house() -> Callable[..., House]:
    """`house("athena", patients=12, open_access=False)`: one site for all who ask for the same; never write to it.

    `house("athena", fresh=1)` is one that others do not have (another number, another one).
    """

    def made(vendor: str, patients: int = 12, **options: Any) -> House:
        settings = options.pop("settings", None)
        if settings is not None or options.pop("fresh", None) is not None:
            options |= {"settings": settings or {}}
            return _house.__wrapped__(vendor, patients, **options)
        return _house(vendor, patients, **options)

    return made
