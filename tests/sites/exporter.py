"""A client that exports in memory, and what the store says that it must have got."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mockehr.auth.scopes import Scopes
from mockehr.auth.tokens import Grant
from mockehr.core.exchange import Exchange, Reply
from mockehr.fhir.elements import resource_types
from mockehr.sites.build import build_site
from mockehr.sites.options import SiteOptions
from mockehr.sites.site import Site

ROOT = "http://h.example.org/a"
ASYNC = {"prefer": "respond-async"}


@dataclass
class Exporter:
    """One client of one site."""

    site: Site
    client: str = "c"
    scopes: str = "system/*.rs"
    patient: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        now = self.site.clock.now()
        grant = Grant(self.client, Scopes.parse(self.scopes), now, now + 1e7, 10_000_000, patient=self.patient)
        issued = self.site.auth.tokens.issue(grant, token_url=f"{ROOT}/token")
        self.headers = {"authorization": f"Bearer {issued.token}"}

    @property
    def base(self) -> str:
        return ROOT + self.site.fhir_path

    def send(self, method: str, url: str, headers: Mapping[str, str] | None = None, body: bytes = b"") -> Reply:
        """A request as the edge would hand it in."""
        from mockehr.sites.directory import channel_of

        below, _, query = url.removeprefix(ROOT).partition("?")
        found = channel_of(self.site, below)
        assert found is not None, below
        channel, path = found
        told = {name: value for name, value in {**self.headers, **(headers or {})}.items() if value}
        exchange = self.site.handle(Exchange(channel, method, path, query, told, body, base_url=self.base))
        assert exchange.reply is not None
        return exchange.reply

    def kick_off(self, at: str = "", query: str = "", **more: str) -> Reply:
        return self.send("GET", f"{self.base}{at}/$export{query}", ASYNC | more)

    def group(self, name: str = "everyone") -> str:
        assert self.site.charts is not None
        return f"/Group/{self.site.charts.groups.id_of(name)}"

    def manifest(self, reply: Reply) -> dict[str, Any]:
        """The manifest of a kick-off, once the clock has moved on far enough."""
        assert reply.status == 202, reply
        where = reply.header("Content-Location")
        self.site.clock.advance(3600)
        answer = self.send("GET", where)
        assert answer.status == 200, answer
        made: dict[str, Any] = json.loads(answer.body)
        return made

    def fetch(self, listed: Mapping[str, Any]) -> list[bytes]:
        """The lines of one listed file."""
        answer = self.send("GET", listed["url"])
        if answer.status == 307:
            answer = self.send("GET", answer.header("Location"), {"authorization": ""})
        assert answer.status == 200, answer
        return answer.body.splitlines()

    def export(self, at: str = "", query: str = "", **more: str) -> dict[str, bytes]:
        """`Type/id` → record, of everything in `output`. Nothing comes twice, and counts are right."""
        return self.records(self.manifest(self.kick_off(at, query, **more)))

    def records(self, manifest: Mapping[str, Any], section: str = "output") -> dict[str, bytes]:
        found: dict[str, bytes] = {}
        for listed in manifest[section]:
            lines = self.fetch(listed)
            assert len(lines) == listed.get("count", len(lines))
            for line in lines:
                document = json.loads(line.decode("utf-8", "surrogateescape"))
                assert document["resourceType"] == listed["type"]
                key = f"{listed['type']}/{document['id']}"
                assert key not in found, key
                found[key] = line
        return found


def site_of(vendor: str = "generic", patients: int = 12, **settings: Any) -> Site:
    """A site on a clock that stands."""
    return build_site(SiteOptions("a", vendor, patients=patients, stepped=True, settings=settings))


def truth(site: Site, patients: list[str] | None = None, *, shared: bool = True) -> dict[str, bytes]:
    """Everything that the store has of these patients (None: of all that there are), and what is nobody's."""
    store = site.store
    if patients is None:
        patients = [*store.base.everyone(), *(one.id for one in store.overlay("Patient"))]
    found: dict[str, bytes] = {}
    for patient in patients:
        whose = store.read("Patient", patient)
        if whose is None or whose.deleted:
            continue
        for kind in resource_types(site.fhir.fhir_version):
            found.update((record.key, record.body) for record in store.chart(patient, kind))
    for kind in site.bulk.settings.shared_types if shared else ():
        found.update((record.key, record.body) for record in store.shared(kind) if not record.patient)
    return found
