"""Sites from files: a `SiteConfig` built with everything that it says, or refused; nothing is left out silently."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from mockehr.auth.launches import Launch
from mockehr.auth.people import User
from mockehr.config.document import Document, KeyPath
from mockehr.config.explain import validate
from mockehr.config.load import load_file
from mockehr.config.settings import RuleConfig, ServerConfig, SiteConfig
from mockehr.core.errors import ConfigError, MockehrError, UsageError
from mockehr.fhir.intake import import_path
from mockehr.personalities.load import load_personality, personality_names
from mockehr.population.corruption.base import corruptions
from mockehr.population.presets import preset_names
from mockehr.quirks.rule import quirks
from mockehr.sites.build import build_site
from mockehr.sites.hl7_sections import dialect_from, folders_from, link_from, listener_from
from mockehr.sites.launching import checked
from mockehr.sites.options import SiteOptions
from mockehr.sites.pathway_setup import furnish_pathways, pathway_names
from mockehr.sites.sections import client_from, hook_from
from mockehr.sites.site import Site
from mockehr.sites.stores import store_below


def load_server(path: Path) -> ServerConfig:
    """Read and check a server file; raises ConfigError with line and nearest name for every problem.

    Build its sites with `build_configured(site, seed=..., base=path.parent)`.
    """
    document = load_file(path)
    config = validate(ServerConfig, document, known=known_names())
    for place, site in enumerate(config.sites):
        with _located(document, ("sites", place, "settings")):
            load_personality(site.personality, site.settings)
    return config


@contextmanager
def _located(document: Document, path: KeyPath) -> Iterator[None]:
    """What is wrong with a setting is told with its line."""
    try:
        yield
    except ConfigError as error:
        place = document.place((*path, *error.setting.split(".")) if error.setting else path)
        what, nearest, remedy = error.what, error.nearest, error.remedy
        raise ConfigError(f"{place}: {what}", nearest=nearest, remedy=remedy, setting=error.setting) from error


def known_names() -> Mapping[str, Any]:
    """The names that a file may use, by kind; quirks and corruptions with the names of their settings."""
    settings = {name: cls.__dataclass_fields__ for name, cls in [*quirks().items(), *corruptions().items()]}
    return {"quirk": settings, "personality": personality_names(), "pathway": pathway_names()} | {
        "preset of dirt": preset_names()
    }


def build_configured(
    config: SiteConfig, *, seed: int | str, base: Path | None = None, phases: Collection[str] = ()
) -> Site:
    """The site that a file describes.

    `seed` is that of the server or scenario: a site without a seed of its own takes it together with its name. `base`
    is the file's folder, from which relative paths of `import` count; the working folder unless told. `phases` are
    those that rules may name, since somebody plays them. Listening for HL7 is left to whoever serves the site:
    `site.listeners.wanted()` has what the file asks for.

    Raises ConfigError with every problem for what the site cannot do, EnvironmentProblem for an import that is not
    there.
    """
    site = build_site(
        SiteOptions(
            config.name,
            personality=config.personality,
            patients=config.patients,
            seed=config.seed if config.seed is not None else f"{seed}/{config.name}",
            stepped=config.clock.mode == "stepped",
            start=config.clock.start,
            settings=config.settings,
            open_access=config.open_access,
            fronts=tuple(config.fronts),
            upgrade=config.upgrade,
            environment=config.environment,
            dirt=config.dirt,
            variance=config.variance,
            hl7_listen=next((one.port for one in config.hl7.listen if not one.name), None),
            store=store_below(config.store, base or Path()),
        )
    )
    try:
        _complete(site, config, base or Path(), phases)
    except BaseException:
        site.store.close()
        raise
    return site


def _complete(site: Site, config: SiteConfig, base: Path, phases: Collection[str]) -> None:
    if config.clock.scale != 1.0:
        site.clock.run(scale=config.clock.scale)
    problems: list[str] = []
    with site.store.transaction():
        fresh = not site.store.last
        if fresh:
            _import(site, config, base, problems)
    _register(site, config, problems)
    _connect_hl7(site, config, base, problems)
    _connect(site, config, problems)
    for position, rule in enumerate(config.quirks):
        with _noted(f"quirks[{position}]", problems):
            _arm(site, rule, phases)
    if config.pathways is not None:
        with _noted("pathways", problems):
            furnish_pathways(site, config.pathways, base)
    if problems:
        if fresh:  # of a site that is refused, nothing stays in a store that lasts
            site.store.clear()
        raise ConfigError(f"The site {config.name} cannot be built as its file says.", problems)


def _import(site: Site, config: SiteConfig, base: Path, problems: list[str]) -> None:
    """What is imported was always there: it comes before anybody could be told, and once where the store lasts."""
    for position, name in enumerate(config.imports):
        place = f"import[{position}]: {name}"
        path = base / name
        if path.is_file() and path.suffix not in (".json", ".ndjson"):
            problems.append(f"{place}: only .json, .ndjson and folders of them can be imported")
            continue
        taken = import_path(site.store, path, version=site.fhir.fhir_version)
        problems += [f"{place}: {reason}" for reason in taken.refused]
        if not taken.total and not taken.refused:
            problems.append(f"{place}: holds no resource")


def _register(site: Site, config: SiteConfig, problems: list[str]) -> None:
    for position, client in enumerate(config.clients):
        with _noted(f"clients[{position}]", problems):
            site.auth.clients.add(client_from(client, site.auth.settings, now=site.clock.now()))
    for position, user in enumerate(config.users):
        with _noted(f"users[{position}]", problems):
            patients = tuple(one if isinstance(one, str) else patient_id(site, one) for one in user.patients)
            site.auth.users.add(User(user.username, user.reference, user.name, user.password, patients, user.email))
    for position, told in enumerate(config.approvals):
        with _noted(f"approvals[{position}]", problems):
            patient = told.patient if isinstance(told.patient, str) else patient_id(site, told.patient)
            launch = Launch(told.user, patient, told.encounter, client_id=told.client_id)
            launch = replace(launch, withheld=tuple(told.withhold), denied=told.deny)
            site.auth.launches.approve(checked(site, launch))


def patient_id(site: Site, index: int) -> str:
    """The id of the patient at a place of the site's order. Raises UsageError if there is none."""
    size = site.charts.size if site.charts is not None else 0
    if site.charts is None or not 0 <= index < size:
        raise UsageError(f"There is no patient number {index}: the site has {size}, counted from 0.")
    return site.charts.patient_id(index)


def _connect_hl7(site: Site, config: SiteConfig, base: Path, problems: list[str]) -> None:
    root = site.personality.oid_root
    if config.hl7.settings:
        with _noted("hl7", problems):
            site.dialect = dialect_from(site.dialect, config.hl7.settings, oid_root=root)
    if config.hl7.folders is not None:
        site.listeners.folders = folders_from(config.hl7.folders, base)
    for position, listener in enumerate(config.hl7.listen):
        with _noted(f"hl7.listen[{position}]", problems):
            site.listeners.declare(listener_from(listener, site.dialect, oid_root=root, base=base))
    for position, peer in enumerate(config.hl7.links):
        with _noted(f"hl7.links[{position}]", problems):
            folders = site.listeners.folders
            link = link_from(peer, site.dialect, oid_root=root, base=base, folders=folders)
            if link.name in site.links.links:
                raise ConfigError("", [f"a second link is named {link.name!r}"])
            site.links.add(link)


def _connect(site: Site, config: SiteConfig, problems: list[str]) -> None:
    for position, receiver in enumerate(config.webhooks):
        with _noted(f"webhooks[{position}]", problems):
            hook = hook_from(receiver, f"webhook-{position + 1}", site.fhir.types)
            if hook.name in site.outbox.lanes:
                raise ConfigError("", [f"a second webhook is named {hook.name!r}"])
            site.outbox.add(hook)


def _arm(site: Site, rule: RuleConfig, phases: Collection[str]) -> None:
    if rule.when.phase and rule.when.phase not in phases:
        raise ConfigError("", [f"when.phase: no phase {rule.when.phase!r} ever begins; use after or window"])
    site.arm(rule.plain())


@contextmanager
def _noted(place: str, problems: list[str]) -> Iterator[None]:
    """Gather what is refused within, so that all of a file's problems are told at once."""
    try:
        yield
    except MockehrError as error:
        told = error.problems if isinstance(error, ConfigError) and error.problems else (error.what,)
        near = f"; nearest: {error.nearest}" if error.nearest else ""
        problems += [f"{place}: {problem}{near}" for problem in told]
