"""The section `pathways` of a site's file, and the options of the same meaning. The machinery is loaded on use."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mockehr.config.settings import PathwaysConfig
from mockehr.core.data import data_root
from mockehr.core.errors import ConfigError, MockehrError, UnknownName, nearest_names

if TYPE_CHECKING:
    from mockehr.sites.site import Site

ALL: Final = "all"


def pathway_names() -> list[str]:
    """What `use` may say: the shipped pathways, and `all`. Reads names alone."""
    files = (entry.name for entry in (data_root("corpora") / "pathways").iterdir())
    found = sorted(name.removesuffix(".yaml") for name in files if name.endswith(".yaml") and name != "manifest.yaml")
    return [*found, ALL]


def use_pathways(site: Site, names: Sequence[str], rate: str) -> None:
    """Let patients come to a site by shipped pathways. Raises UnknownName, or ConfigError for what is no rate."""
    for name in names:
        if name not in pathway_names():
            raise UnknownName("pathway", name, pathway_names(), reference="mockehr pathway list")
    furnish_pathways(site, PathwaysConfig(use=list(names), rate=rate or 0.0), Path())


def furnish_pathways(site: Site, config: PathwaysConfig, base: Path) -> None:
    """Give a site its beds and pathways, and let patients come. Raises ConfigError with every problem."""
    from mockehr.pathways.beds import FEWEST, WARDS, share_out
    from mockehr.pathways.scalars import rate
    from mockehr.pathways.schema import load_pathway
    from mockehr.pathways.shipped import shipped_files, shipped_pathway
    from mockehr.sites.pathway_runs import BEDS

    problems: list[str] = []
    beds = config.beds if config.beds is not None else max(BEDS, sum(config.wards.values()) + FEWEST)
    for ward in config.wards:
        if ward not in WARDS:
            near = nearest_names(ward, WARDS, limit=1) or list(WARDS)
            problems.append(f"wards.{ward}: there is no such ward; nearest: {', '.join(near)}")
    if beds < sum(config.wards.values()) + sum(ward not in config.wards for ward in WARDS):
        problems.append(f"beds: {beds} are too few: each of the {FEWEST} wards has one at least")
    use = [config.use] if isinstance(config.use, str) else config.use
    names = list(shipped_files()) if ALL in use else list(use)
    runs = site.pathways
    for name in names:
        runs.add(shipped_pathway(name))
    for file in config.files:
        try:
            own = load_pathway(base / file, source=file)
            runs.add(own)
            names.append(own.name)
        except ConfigError as error:
            problems += error.problems or [error.what]
        except MockehrError as error:
            problems.append(f"files: {error.what}")
    try:
        per_second = rate(config.rate)
    except ValueError as error:
        problems.append(f"rate: {error}")
    if problems:
        raise ConfigError(f"The pathways of {site.name} do not hold.", problems)
    runs.furnish(share_out(beds, config.wards), config.full)
    runs.draw_at(per_second, names or None)
