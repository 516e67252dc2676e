"""Building a site: every part made once and wired to the others. The only place that knows them all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mockehr.auth.server import AuthServer
from mockehr.auth.setting_values import auth_settings
from mockehr.auth.settings import AuthSettings
from mockehr.core.chance import Chance
from mockehr.core.changes import ChangeLog
from mockehr.core.clock import Clock
from mockehr.core.errors import UsageError
from mockehr.core.exchange import Channel, Exchange
from mockehr.core.pipeline import Pipeline, Stage
from mockehr.events import Outbox
from mockehr.events.endurance import Endurance
from mockehr.fhir.elements import is_resource_type, resource_types
from mockehr.fhir.intake import import_path
from mockehr.fhir.interactions import INTERACTIONS
from mockehr.fhir.pages import Pages
from mockehr.fhir.server import FhirServer
from mockehr.fhir.store import Base, EmptyBase, Store
from mockehr.hl7.dialect import Dialect
from mockehr.hl7.dialects import DIALECTS
from mockehr.journal import Journal
from mockehr.personalities.behind import Platform
from mockehr.personalities.dresser import SiteFacts
from mockehr.personalities.filling import filled
from mockehr.personalities.load import laid_over, load_personality
from mockehr.personalities.variance import Drawn, draw_site
from mockehr.population.corruption.base import Infection, corruptions
from mockehr.population.population import Population
from mockehr.quirks.apply import Mischief
from mockehr.quirks.rule import configured
from mockehr.quirks.where import refuse_unknown
from mockehr.recording.replay import perform_from
from mockehr.recording.tape import load_tape
from mockehr.sites.audit import Audited, AuditTrail
from mockehr.sites.authorize_stages import authorize_stages
from mockehr.sites.budgets import Budgets
from mockehr.sites.bulk import bulk_desk
from mockehr.sites.changed import changed_feeds, feed_stages, name_feed
from mockehr.sites.charts import Charts
from mockehr.sites.endpoints import Endpoints
from mockehr.sites.fhir_stages import fhir_stages
from mockehr.sites.files_stages import files_stages, name_file
from mockehr.sites.filing import filing_of
from mockehr.sites.fronting import front_of
from mockehr.sites.importing import import_desk
from mockehr.sites.launching import launch_stages
from mockehr.sites.links import Links
from mockehr.sites.listeners import Listeners
from mockehr.sites.media import Media
from mockehr.sites.mllp_stages import mllp_stages, name_message
from mockehr.sites.oauth_stages import oauth_stages
from mockehr.sites.options import SiteOptions
from mockehr.sites.outbox_spool import open_keeper
from mockehr.sites.pathway_setup import use_pathways
from mockehr.sites.people import SitePeople
from mockehr.sites.proprietary import name_call, proprietary_stages
from mockehr.sites.site import Site
from mockehr.sites.snapshot import Snapshots
from mockehr.sites.statement import Statements
from mockehr.sites.stores import open_overlay
from mockehr.sites.subscriptions import Subscriptions
from mockehr.sites.token_stages import discovery_stages, token_stages
from mockehr.sites.topic_resources import WithTopics
from mockehr.sites.upgrades import Upgrades
from mockehr.sites.vendor import server_parts
from mockehr.sites.webhook_stages import delivery_stages, sender_of


def build_site(options: SiteOptions) -> Site:
    """Make a site; raises UnknownName for a personality that does not exist and ConfigError for wrong settings."""
    site = Site(options)
    site.clock = Clock(stepped=options.stepped, start=options.start)
    site.chance = Chance(options.seed)
    site.facts, site.drawn = facts_of(options, site.chance.key)
    site.personality = load_personality(options.personality, facts=site.facts)
    site.upgrades = Upgrades(site)
    site.personality.withdrawn(site.facts)  # so that what is wrong with it is told now
    site.media = Media(site.personality)
    site.journal = Journal(site.clock)
    site.log = ChangeLog()
    site.charts = _charts(site)
    site.audit = AuditTrail(site)
    base: Base = Audited(site.charts if site.charts is not None else EmptyBase(), site.audit)
    if is_resource_type("SubscriptionTopic", site.personality.fhir_version):
        base = WithTopics(base, site)
    ids = site.charts.ids if site.charts is not None else site.personality.ids(site.facts)
    site.store = Store(base, site.clock, site.log, id_form=ids.fresh, overlay=open_overlay(site))
    try:
        _furnish(site)
    except BaseException:
        site.store.close()
        raise
    return site


def facts_of(options: SiteOptions, key: Callable[..., bytes]) -> tuple[SiteFacts, Drawn]:
    """What a site gives its personality, and what was drawn of it. Its own settings lie over those drawn."""
    drawn = draw_site(options.personality, key, environment=options.environment, variance=options.variance)
    settings: Mapping[str, Any] = laid_over(*drawn.layers, options.settings) if drawn.layers else options.settings
    return SiteFacts(options.name, key, settings=settings), drawn


def _furnish(site: Site) -> None:
    """Everything above the store, wired together."""
    options = site.options
    # Two hospitals with one seed may treat the same patients, but a token of one must mean nothing to the other.
    chance = Chance(f"{options.seed}/{options.name}")
    site.auth = AuthServer(clock=site.clock, chance=chance, settings=_auth_settings(site), charts=SitePeople(site))
    site.endpoints = Endpoints(site)
    site.fhir = _fhir_server(site)
    site.bulk = site.fhir.bulk = bulk_desk(site)
    site.imports = site.fhir.imports = import_desk(site)
    site.upgrades.furnish()
    routes = {"fhir": site.fhir.name, "mllp-in": name_message, "files": name_file(site), "feed": name_feed(site)}
    routes["proprietary"] = name_call(site)
    site.changed = changed_feeds(site)
    site.mischief = Mischief(site.clock, site.chance, site, routes)
    site.outbox = Outbox(site.clock, sender_of(site))
    site.outbox.prepare = delivery_stages(site)
    site.outbox.open_keeper = lambda: open_keeper(site)
    site.outbox.listen(lambda delivery: site.journal.close(delivery.exchange))
    site.outbox.listen(Endurance(site.outbox, site.clock.now).hear)
    site.subscriptions = Subscriptions(site)
    site.log.listen(site.subscriptions.hear)
    site.log.listen(lambda change: site.outbox.hear(site.upgrades.told(change)))
    site.dialect = _dialect(site)
    site.links = Links(site)
    site.listeners = Listeners(site)
    site.log.listen(site.links.hear)
    site.front = front_of(site)
    site.open_access = options.open_access
    site.perform = _performer(site)
    site.budgets = Budgets(site)
    site.fhir.admit_entry = site.budgets.admit_entry
    site.pipelines = _pipelines(site)
    site.snapshots = Snapshots(site)
    site.dirty()
    _import(site)
    site.subscriptions.rebuild()
    if site.front is not None:
        site.front.open()
    if options.pathways:
        use_pathways(site, options.pathways, options.rate)


def _import(site: Site) -> None:
    """What is imported was always there: a store that lasts has it already when the site is built again."""
    with site.store.transaction():
        for path in site.options.imports if not site.store.last else ():
            import_path(site.store, path, version=site.fhir.fhir_version)


def _dialect(site: Site) -> Dialect:
    """How the site writes HL7: the preset that is told, or the vendor's, with the fields that it has otherwise."""
    vendor, root = site.personality, site.personality.oid_root
    told = dict(vendor.settings["hl7"])
    preset = str(told.pop("dialect", "")) or (vendor.name if vendor.name in DIALECTS else "generic")
    dialect = DIALECTS.get(site.options.hl7_dialect or preset).at_site(root)
    if told:
        from mockehr.sites.hl7_sections import dialect_from  # heavy, and most sites say nothing here

        dialect = dialect_from(dialect, told, oid_root=root)
    return dialect


def infection_from(site: Site, use: str, settings: Mapping[str, Any]) -> Infection:
    """A corruption from plain settings; raises ConfigError if the site has no charts to dirty."""
    refuse_unknown("corruption", {k: v for k, v in settings.items() if v}, ("use", "name", "with"))
    if site.charts is None:
        raise UsageError(f"{use} dirties charts, and the site {site.name} has none.", remedy="Give it patients.")
    ailment = configured(corruptions().get(use), use, settings.get("with") or {})
    name = str(settings.get("name") or use)
    if name in site.charts.infections:
        raise UsageError(f"{name} is armed already.", remedy="Give the second one a name of its own.")
    population = site.charts.population
    return Infection(name, ailment, site.chance, population.size, population.person)


def _charts(site: Site) -> Charts | None:
    options = site.options
    if options.replay is not None or not options.patients or isinstance(site.personality, Platform):
        return None  # a platform has the patients of the sites behind it
    as_of = options.start if options.start is not None else site.clock.now()
    midnight = as_of - as_of % 86400
    population = Population(site.chance, options.patients, as_of=midnight)
    return Charts(population, site.chance, site.personality, site.facts, kept=options.charts_kept)


def _auth_settings(site: Site) -> AuthSettings:
    told = site.personality.settings["token"]
    vendor, facts = site.personality, site.facts
    # Claims are filled in when a token is written, the names that only a site knows here.
    extra = filled(told.get("server", {}), {"tenant": vendor.tenant(facts), "oid": vendor.oid_root})
    # Clients live on the wall clock: beside a stepped site their assertions' times mean nothing.
    extra.setdefault("check_times", not site.clock.frozen)
    extra.setdefault("resource_types", list(resource_types(vendor.fhir_version)))
    extra |= {"token_lifetime": told["expires_in"], "token_format": told["format"], "token_type": told["type"]}
    return auth_settings(extra, place="token.server")


def _fhir_server(site: Site) -> FhirServer:
    return FhirServer(
        store=site.store,
        clock=site.clock,
        pages=Pages(site.personality.page_token),
        new_id=site.store.new_id,
        capability=Statements(site).text,
        interactions=INTERACTIONS,
        anything=site.options.replay is not None,
        received=filing_of(site),
        **server_parts(site.personality),
    )


def _performer(site: Site) -> Callable[[Exchange], None]:
    if site.front is not None:
        return site.front.perform
    if site.options.replay is None:
        return site.fhir.perform
    tape = load_tape(site.options.replay)
    return lambda exchange: perform_from(tape, exchange)


def _pipelines(site: Site) -> Mapping[Channel, Pipeline]:
    stages: Mapping[Channel, Mapping[str, Stage]] = {
        "fhir": fhir_stages(site),
        "token": token_stages(site),
        "discovery": discovery_stages(site),
        "authorize": authorize_stages(site),
        "launch": launch_stages(site),
        "oauth": oauth_stages(site),
        "mllp-in": mllp_stages(site),
        "files": files_stages(site),
        "feed": feed_stages(site),
        "proprietary": proprietary_stages(site),
    }
    if site.front is not None:
        entering = site.front.entering(stages["fhir"]["open_entry"])
        stages = {**stages, "fhir": {**stages["fhir"], "open_entry": entering}}
    return {channel: Pipeline(site.budgets.around(channel, told)) for channel, told in stages.items()}
