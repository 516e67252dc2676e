"""One run of a scenario against one client: the sites, what the client is told, and the judgement afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from urllib.parse import parse_qsl

import orjson

from mockehr.auth.keys import load_key, private_jwk, read_bundled_key
from mockehr.core.exchange import JSON
from mockehr.fhir.search import compile_query
from mockehr.scenarios.probe import Case
from mockehr.scenarios.probes import probes
from mockehr.scenarios.schema import Scenario
from mockehr.scenarios.scorecard import Scorecard, cases_of, judge
from mockehr.sites.build import build_site
from mockehr.sites.charts import Charts
from mockehr.sites.options import SiteOptions
from mockehr.sites.site import Site
from mockehr.sites.test_client import register_demo_client
from mockehr.sites.truth import TruthReport, compare


class Trial:
    """Fresh sites for one client. `sites` are to be served; `environment` is what the client is told."""

    def __init__(self, scenario: Scenario, *, title: str = "") -> None:
        self.scenario = scenario
        self.title = title or scenario.title
        self.sites = [self._site(config) for config in scenario.sites]
        self.rosters = {site.name: list(_roster(site, scenario.roster.size)) for site in self.sites}

    def environment(self, server_url: str, output: Path) -> dict[str, str]:
        """The variables that tell a client where the sites are, who it is, whom to sync and where to write."""
        told = {
            "MOCKEHR_SITES": ",".join(site.name for site in self.sites),
            "MOCKEHR_OUTPUT": str(output),
        }
        key = orjson.dumps(private_jwk(load_key(read_bundled_key("client-1-ES384")))).decode()
        for site in self.sites:
            prefix = f"MOCKEHR_{site.name.upper().replace('-', '_')}_"
            root = f"{server_url}/{site.name}"
            told |= {
                prefix + "FHIR_URL": (root + site.fhir_path).rstrip("/"),
                prefix + "TOKEN_URL": root + site.token_path,
                prefix + "CLIENT_ID": self.scenario.client.client_id,
                prefix + "PRIVATE_KEY": key,
                prefix + "SCOPES": self.scenario.client.scopes,
                prefix + "PERSONALITY": site.personality.name,
                prefix + "PATIENTS": ",".join(self.rosters[site.name]),
            }
        return told

    def judge(self, output: Path) -> Scorecard:
        """The scorecard, from the journals and from what the client wrote to `output/<site>.ndjson`."""
        wanted = self.scenario.verdict
        asked = wanted.probes or [name for name, _ in probes().items()]
        scopes = {self.scenario.client.client_id: self.scenario.client.scopes}
        cases: list[Case] = []
        for site in self.sites:
            report = self.truth(site, _records(output / f"{site.name}.ndjson"))
            known = Case((), truth=report)
            found = cases_of(list(site.journal), site.name, known=known, scopes=scopes)
            cases += found or [Case((), site.name, self.scenario.client.client_id, report)]
        return judge(cases, asked, title=self.title, seed=str(self.scenario.seed))

    def truth(self, site: Site, given: list[JSON]) -> TruthReport:
        """What the client has of one site, compared with what it should have."""
        charts = site.charts
        if charts is None:
            return compare({}, given)
        expected: dict[str, JSON] = {}
        served: dict[str, JSON] = {}
        corrupted: dict[str, str] = {}
        roster = self.rosters[site.name]
        seconds = {charts.patient_id(second): charts.patient_id(first) for second, first in charts.survivors()}
        people = list(dict.fromkeys(seconds.get(id, id) for id in roster))
        for id in people:
            index = charts.index_of(id)
            assert index is not None
            expected |= self._wanted(charts, index, dirty=False)
            for name, infection in charts.infections.items():
                if infection.touches(index):
                    for key, document in self._wanted(charts, index, dirty=True).items():
                        if document != expected[key]:
                            corrupted[key], served[key] = name, document
        aliases = {f"Patient/{second}": f"Patient/{first}" for second, first in seconds.items() if second in roster}
        return compare(expected, given, corrupted=corrupted, aliases=aliases, served=served)

    def _wanted(self, charts: Charts, index: int, *, dirty: bool) -> dict[str, JSON]:
        made: dict[str, JSON] = {}
        filters = {
            kind: compile_query(kind, parse_qsl(query), strict=True)
            for kind, query in self.scenario.truth.types.items()
        }
        for document, _ in charts.dress(index, dirty=dirty):
            query = filters.get(document["resourceType"])
            if query is not None and query.matches(document):
                made[f"{document['resourceType']}/{document['id']}"] = document
        return made

    def _site(self, config: object) -> Site:
        from mockehr.config.settings import SiteConfig

        assert isinstance(config, SiteConfig)
        options = SiteOptions(
            config.name,
            personality=config.personality,
            patients=config.patients,
            seed=config.seed if config.seed is not None else f"{self.scenario.seed}/{config.name}",
            stepped=config.clock.mode == "stepped",
            start=config.clock.start,
            settings=config.settings,
        )
        site = build_site(options)
        register_demo_client(site, self.scenario.client.client_id, self.scenario.client.scopes)
        for rule in config.quirks:
            site.arm(rule.plain())
        return site


def _roster(site: Site, size: int) -> Iterator[str]:
    """Ids to sync: some that each corruption touches, second records of merges among them, then the first patients."""
    charts = site.charts
    if charts is None:
        return
    chosen: dict[int, None] = {}
    share = max(1, size // 3)
    for infection in charts.infections.values():
        chosen |= dict.fromkeys(islice((index for index in infection.patients()), share))
    chosen |= {second: None for second, _ in islice(charts.survivors(), share)}
    for index in range(charts.population.size):
        if len(chosen) >= size:
            break
        chosen[index] = None
    yield from (charts.patient_id(index) for index in list(chosen)[:size])


def _records(file: Path) -> list[JSON]:
    """What the client wrote; a line that is no JSON object is left out, a missing file is no records."""
    if not file.is_file():
        return []
    found = []
    for line in file.read_bytes().splitlines():
        try:
            document = orjson.loads(line)
        except orjson.JSONDecodeError:
            continue
        if isinstance(document, dict):
            found.append(document)
    return found
