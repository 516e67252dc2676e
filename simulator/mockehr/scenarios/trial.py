"""One run of a scenario against one client: the sites, what the client is told, and the judgement afterwards."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from urllib.parse import parse_qsl

import orjson

from mockehr.auth.keys import load_key, private_jwk, read_bundled_key
from mockehr.core.errors import UsageError
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
            report = self.truth(site, records_in(output / f"{site.name}.ndjson")) if site.charts is not None else None
            known = Case((), truth=report)
            found = cases_of(list(site.journal), site.name, known=known, scopes=scopes)
            cases += found or [Case((), site.name, self.scenario.client.client_id, report)]
        return judge(cases, asked, title=self.title, seed=str(self.scenario.seed), required=wanted.required)

    def truth(self, site: Site, given: list[JSON]) -> TruthReport:
        """What the client has of one site, compared with what it should have."""
        return truth_of(site, self.rosters[site.name], self.scenario.truth.types, given)

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


def truth_of(site: Site, roster: Sequence[str], types: Mapping[str, str], given: Iterable[JSON]) -> TruthReport:
    """A client's records compared with the clean charts of the patients on its roster.

    `types` maps each resource type that was to be synced to the query that narrows it (`category=laboratory`, or
    empty). Second records of half-done merges count as their survivors. Raises UsageError if the site has no charts.
    """
    charts = site.charts
    if charts is None:
        raise UsageError(f"The site {site.name} has no charts to compare with.", remedy="Give it patients.")
    seconds = {charts.patient_id(second): charts.patient_id(one) for second, one in charts.survivors()}
    expected: dict[str, JSON] = {}
    served: dict[str, JSON] = {}
    corrupted: dict[str, str] = {}
    for id in dict.fromkeys(seconds.get(id, id) for id in roster):
        index = charts.index_of(id)
        if index is None:
            raise UsageError(f"{id} is no patient of {site.name}.", remedy="Use ids from `mockehr site patients`.")
        expected |= _wanted(charts, index, types, dirty=False)
        touching = [name for name, infection in charts.infections.items() if infection.touches(index)]
        for key, document in _wanted(charts, index, types, dirty=True).items() if touching else ():
            if document != expected.get(key):
                corrupted[key], served[key] = ", ".join(touching), document
    aliases = {f"Patient/{second}": f"Patient/{one}" for second, one in seconds.items() if second in roster}
    return compare(expected, given, corrupted=corrupted, aliases=aliases, served=served)


def _wanted(charts: Charts, index: int, types: Mapping[str, str], *, dirty: bool) -> dict[str, JSON]:
    filters = {kind: compile_query(kind, parse_qsl(query), strict=True) for kind, query in types.items()}
    made: dict[str, JSON] = {}
    for document, _ in charts.dress(index, dirty=dirty):
        query = filters.get(document["resourceType"])
        if query is not None and query.matches(document):
            made[f"{document['resourceType']}/{document['id']}"] = document
    return made


def _roster(site: Site, size: int) -> Iterator[str]:
    """Ids to sync: some that each corruption touches, second records of merges too, then the first patients."""
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


def records_in(file: Path) -> list[JSON]:
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
