"""One run of a scenario against one client: the sites, what the client is told, and the judgement afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import Final
from urllib.parse import urlsplit

import orjson

from mockehr.auth.keys import load_key, private_jwk, read_bundled_key
from mockehr.auth.launches import Launch
from mockehr.config.settings import SiteConfig
from mockehr.core.errors import ConfigError
from mockehr.events import Hook
from mockehr.scenarios.handed_back import HandedBack, handed_back, refuse_mapping
from mockehr.scenarios.launched import LAUNCHES, Launched
from mockehr.scenarios.player import PLAYED, Player, is_load
from mockehr.scenarios.playing import begins_at, refuse_phases
from mockehr.scenarios.probe import Case
from mockehr.scenarios.probes import probes
from mockehr.scenarios.probes.fits_the_site import SIBLINGS
from mockehr.scenarios.probes.hl7_batches_checked import PARKED
from mockehr.scenarios.probes.shape_exceptions_counted import COUNTED
from mockehr.scenarios.schema import LaunchSection, Scenario
from mockehr.scenarios.scorecard import Scorecard, judge
from mockehr.scenarios.thresholds import with_findings, within
from mockehr.scenarios.track import Span
from mockehr.sites.character import siblings_of
from mockehr.sites.configured import build_configured, patient_id
from mockehr.sites.expected import queries_of, truth_of
from mockehr.sites.feeds import Link
from mockehr.sites.heard import heard_of
from mockehr.sites.launching import planned
from mockehr.sites.site import Site
from mockehr.sites.test_client import register_app, register_demo_client
from mockehr.sites.told import told_of, watch
from mockehr.sites.truth import TruthReport

NO_PORTS: Final[Mapping[str, int]] = MappingProxyType({})
UNASSIGNED: Final = 9
"""Port of a feed to a client that nobody chose one for yet (discard)."""
LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})


class Trial:
    """Fresh sites for one client. `sites` are to be served; `environment` is what the client is told.

    `base` is the scenario file's folder, from which its sites import. Raises ConfigError for what a site cannot do.
    """

    def __init__(self, scenario: Scenario, *, title: str = "", base: Path | None = None) -> None:
        self.scenario = scenario
        self._base = base
        self.title = title or scenario.title
        self._free: list[Link] = []
        self._free_hooks: list[tuple[Site, Hook]] = []
        refuse_mapping(scenario.truth.from_, base)
        self.sites = [self._site(config) for config in scenario.sites]
        for site in self.sites:
            if site.charts is not None:
                queries_of(site, self._types(site))
        self.launched: list[Launched] = []
        """What became of the launches that were driven so far."""
        self.rosters = {site.name: list(_roster(site, scenario.roster.size)) for site in self.sites}
        self.player = Player(scenario, self.sites, self.rosters)
        """Plays the scenario's phases, from `begin` on."""
        self._begun = False
        self.truths: dict[str, TruthReport] = {}
        """By site, what `judge` found when it compared the client's records with the truth."""

    def environment(self, server_url: str, output: Path, mllp_ports: Mapping[str, int] = NO_PORTS) -> dict[str, str]:
        """The variables that tell a client where the sites are, who it is, whom to sync and where to write.

        `mllp_ports` has, by site, the port on which its HL7 messages are taken.
        """
        told = {
            "MOCKEHR_SITES": ",".join(site.name for site in self.sites),
            "MOCKEHR_OUTPUT": str(output),
            "MOCKEHR_KIND": self.scenario.client.kind,
        }
        for site in self.sites:
            prefix = f"MOCKEHR_{site.name.upper().replace('-', '_')}_"
            root = f"{server_url}/{site.name}"
            told |= {
                prefix + "FHIR_URL": (root + site.fhir_path).rstrip("/"),
                prefix + "TOKEN_URL": root + site.token_path,
                prefix + "CLIENT_ID": self.scenario.client.client_id,
                prefix + "PRIVATE_KEY": _key_for(site),
                prefix + "SCOPES": self.scenario.client.scopes,
                prefix + "PERSONALITY": site.personality.name,
                prefix + "PATIENTS": ",".join(self.rosters[site.name]),
            }
            if self.scenario.client.redirect_uris:
                told |= {
                    prefix + "REDIRECT_URI": self.scenario.client.redirect_uris[0],
                    prefix + "CLIENT_SECRET": self.scenario.client.secret,
                }
            if site.name in mllp_ports:
                told[prefix + "MLLP_PORT"] = str(mllp_ports[site.name])
            told |= {prefix + name: str(port) for name, port in _feed_ports(site)}
            told |= {prefix + name: value for name, value in _webhooks(site)}
        return told

    def feeds(self) -> list[tuple[str, int]]:
        """(host, port) at which the client is to listen for HL7 messages, and for events."""
        links = [link for site in self.sites for link in site.links.links.values()]
        dialled = [(link.host, link.port) for link in links if link.port and link.connection.role == "dial"]
        return dialled + [_place(hook) for site in self.sites for hook in _own_hooks(site)]

    def assign_ports(self, choose: Callable[[int], list[int]]) -> None:
        """Let the client be reached on free ports where a feed or a webhook has port 0; `choose` gives so many."""
        ports = choose(len(self._free) + len(self._free_hooks))
        for link, port in zip(self._free, ports, strict=False):
            link.port = port
        for (site, hook), port in zip(self._free_hooks, ports[len(self._free) :], strict=True):
            parts = urlsplit(hook.url)
            site.outbox.change(replace(hook, url=parts._replace(netloc=f"{parts.hostname}:{port}").geturl()))

    def begin(self) -> None:
        """Let the scenario's pathways and phases begin, when the sites are served and the client listens.

        Called a second time nothing happens.
        """
        if self._begun:
            return
        self._begun = True
        self.player.begin()
        for told in self.scenario.begin:
            for site in self.sites:
                for _ in range(told.times if told.site in ("", site.name) else 0):
                    site.pathways.start(told.use)

    def rules_at(self, site: Site) -> list[str]:
        """Names of all rules that are armed at a site in the course of the run."""
        told = [str(rule.name) for phase in self.scenario.phases for rule in phase.rules_at(site.name)]
        return [*(rule.name for rule in site.rules), *told]

    def timeline(self) -> list[Span]:
        """Every phase that began so far, site by site: when it began and ended by the site's clock, and why."""
        return self.player.timeline()

    def judge(self, output: Path) -> Scorecard:
        """The scorecard, from the journals and from what the client wrote to `output`: see `handed_back`."""
        wanted = self.scenario.verdict
        asked = wanted.probes or [name for name, _ in probes().items()]
        client = self.scenario.client
        cases: list[Case] = []
        for site in self.sites:
            handed = handed_back(output, site.name, self.scenario.truth.from_, self._base)
            report = self.truth(site, handed) if self._judged(site, handed) else None
            if report is not None:
                self.truths[site.name] = report
            # Nobody else talks to these sites but a load: whatever name it gave itself, it was the client.
            exchanges = tuple(exchange for exchange in site.journal if not is_load(exchange))
            launched = tuple(one for one in self.launched if one.site == site.name)
            known = Case(exchanges, site.name, client.client_id, report, registered_scopes=client.scopes)
            facts: dict[str, object] = {LAUNCHES: launched, SIBLINGS: siblings_of(site, self.sites)}
            facts |= {COUNTED: handed.counted, PARKED: handed.parked}
            cases.append(replace(known, expected=facts))
        judged = judge(cases, asked, title=self.title, seed=str(self.scenario.seed), required=wanted.required)
        cards = [
            with_findings(within(card, case, wanted.thresholds), self.player.findings(card.site))
            for card, case in zip(judged.cards, cases, strict=True)
        ]
        missed = [PLAYED] if any(one.probe == PLAYED for card in cards for one in card.findings) else []
        return replace(judged, cards=tuple(cards), required=(*judged.required, *missed))

    def launches(self) -> Iterator[tuple[Site, Launch, LaunchSection]]:
        """Every launch that is to be driven, in order; raises UnknownName or UsageError for one that cannot be.

        Encounters are looked for when their launch comes up.
        """
        for told in self.scenario.launches:
            for site in self.sites:
                for _ in range(told.times if told.site in ("", site.name) else 0):
                    yield site, self._launch(site, told), told

    def _launch(self, site: Site, told: LaunchSection) -> Launch:
        patient, encounter = told.patient, told.encounter
        if patient is None:
            patient = next(iter(self.rosters[site.name]), "")
        elif isinstance(patient, int):
            patient = patient_id(site, patient)
        if encounter == "latest":
            found = site.auth.door.charts.encounters(patient, 1)
            encounter = found[0].id if found else ""
        client_id = self.scenario.client.client_id
        return planned(
            site,
            user=told.user,
            patient=patient,
            encounter=encounter,
            client_id=client_id,
            intent=told.intent,
            ask=told.ask,
            deny=told.deny,
        )

    def truth(self, site: Site, handed: HandedBack) -> TruthReport:
        """What the client has of one site, compared with what it should have."""
        given, parked = handed.records, handed.parked
        told = self.scenario.truth.told
        if told is not None:
            return told_of(site, told.link, given, told.records, parked)
        heard = self.scenario.truth.heard
        if heard is not None:
            return heard_of(site, heard.webhook, given, parked)
        return truth_of(site, self.rosters[site.name], self._types(site), given, parked)

    def _types(self, site: Site) -> dict[str, str]:
        """What the client is to sync of a site: types that it lacks are expected of others, if those have them."""
        types, others = self.scenario.truth.types, {kind for one in self.sites for kind in one.fhir.types}
        return {kind: query for kind, query in types.items() if kind in site.fhir.types or kind not in others}

    def _judged(self, site: Site, handed: HandedBack) -> bool:
        told = self.scenario.truth.told
        if told is not None:
            return told.link in site.links.links
        heard = self.scenario.truth.heard
        if heard is not None:
            return heard.webhook in site.outbox.lanes
        return site.charts is not None and (not self.scenario.launches or handed.there)

    def _site(self, config: SiteConfig) -> Site:
        site = self._connected(config)
        client = self.scenario.client
        if client.client_id in site.auth.clients:
            raise ConfigError(
                f"The site {site.name} has a client {client.client_id} of its own, which is the one under test.",
                remedy="Leave it out of the site's clients, or give the scenario's client another client_id.",
            )
        if client.redirect_uris:
            keys = not (client.public or client.secret)
            register_app(site, client.client_id, client.redirect_uris, client.scopes, secret=client.secret, keys=keys)
        else:
            register_demo_client(site, client.client_id, client.scopes)
        for begun in self.scenario.begin:
            begins_at(site, begun)
        refuse_phases(site, self.scenario.phases)
        return site

    def _connected(self, config: SiteConfig) -> Site:
        """The site with its feeds, whose ports may be free still; those that are judged are watched."""
        free = [link.name for link in config.hl7.links if not link.port and link.role == "dial"]
        chosen = {"port": UNASSIGNED}
        links = [link.model_copy(update=chosen) if link.name in free else link for link in config.hl7.links]
        config = config.model_copy(update={"hl7": config.hl7.model_copy(update={"links": links})})
        phases = [phase.name for phase in self.scenario.phases]
        site = build_configured(config, seed=self.scenario.seed, base=self._base, phases=phases)
        self._free += [site.links.get(name) for name in free]
        self._free_hooks += [(site, hook) for hook in site.outbox.hooks.values() if urlsplit(hook.url).port == 0]
        told = self.scenario.truth.told
        if told is not None and told.link in site.links.links:
            watch(site, site.links.get(told.link))
        return site


def _key_for(site: Site) -> str:
    """The public test key of a kind that the site takes: not every vendor takes ES384."""
    algorithm = "ES384" if "ES384" in site.auth.settings.assertion_algs else "RS384"
    return orjson.dumps(private_jwk(load_key(read_bundled_key(f"client-1-{algorithm}")))).decode()


def _feed_ports(site: Site) -> Iterator[tuple[str, int]]:
    """(variable, port) of each feed that dials the client; the only one needs no name."""
    dialling = [link for link in site.links.links.values() if link.port and link.connection.role == "dial"]
    for link in dialling:
        own = "" if len(dialling) == 1 else f"{link.name.upper().replace('-', '_')}_"
        yield f"FEED_{own}PORT", link.port


def _own_hooks(site: Site) -> list[Hook]:
    """The webhooks that the client is to listen for: those on this machine."""
    return [hook for hook in site.outbox.hooks.values() if urlsplit(hook.url).hostname in LOOPBACK]


def _place(hook: Hook) -> tuple[str, int]:
    parts = urlsplit(hook.url)
    return str(parts.hostname), parts.port or (443 if parts.scheme == "https" else 80)


def _webhooks(site: Site) -> Iterator[tuple[str, str]]:
    """(variable, value) of where each webhook comes in and what signs it; the only one needs no name."""
    hooks = _own_hooks(site)
    for hook in hooks:
        own = "" if len(hooks) == 1 else f"{hook.name.upper().replace('-', '_')}_"
        yield f"WEBHOOK_{own}PORT", str(_place(hook)[1])
        yield f"WEBHOOK_{own}PATH", urlsplit(hook.url).path or "/"
        yield f"WEBHOOK_{own}SECRET", hook.secret


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
