"""What is to be served, as a value: the sites are built from it, in this process or in several."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mockehr.cli.places import Feed, Hearing, Receiver, Served
from mockehr.sites.options import SiteOptions

if TYPE_CHECKING:
    from mockehr.auth.credential import Credential
    from mockehr.config.settings import ServerConfig
    from mockehr.sites.directory import Directory
    from mockehr.sites.site import Site


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that `mockehr serve` was told, checked. It can be pickled.

    `common` are the settings of the sites named by --site, by the names of SiteOptions; `config` is the server file,
    `folder` the one that it lies in. `starts` has, by site, the time at which it was built first, if this is to be
    the same site once more: nothing is imported then.
    """

    host: str
    port: int
    control_token: str
    named: tuple[Served, ...]
    common: Mapping[str, Any]
    config: ServerConfig | None
    folder: Path
    peers: tuple[Feed | Receiver, ...]
    hearings: tuple[Hearing, ...]
    per_client: tuple[str, ...]
    fronts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Site → the sites behind it, as --fronts says; over what a file says."""
    starts: Mapping[str, float] = field(default_factory=dict)

    def sites(self) -> Iterator[tuple[Site, int | None]]:
        """Every site, built now, with the port of its own, None if it has none. Raises what building raises."""
        for site in self.named:
            yield built(self._options(site)), site.port
        for configured in self._configured():
            yield configured, None

    def join_peers(self, directory: Directory) -> None:
        """Let the sites tell those whom the options name."""
        for peer in self.peers:
            peer.join(directory.get(peer.site))

    def _options(self, site: Served) -> SiteOptions:
        options = SiteOptions(
            site.name,
            personality=site.personality,
            # the seed as in files: two hospitals have not the same patients
            **{
                **self.common,
                "seed": f"{self.common['seed']}/{site.name}",
                "variance": site.variance or self.common["variance"],
                "fronts": self.fronts.get(site.name, ()),
            },
        )
        start = self.starts.get(site.name)
        return options if start is None else replace(options, start=start, imports=())

    def _configured(self) -> Iterator[Site]:
        from mockehr.sites.configured import build_configured
        from mockehr.sites.test_client import register_demo_client

        for one in self.config.sites if self.config else ():
            assert self.config is not None
            told, start = one, self.starts.get(one.name)
            if start is not None:
                clock = one.clock.model_copy(update={"start": start})
                told = one.model_copy(update={"clock": clock, "imports": []})
            if one.name in self.fronts:
                told = told.model_copy(update={"fronts": list(self.fronts[one.name])})
            seed = 7 if self.config.seed is None else self.config.seed
            site = build_configured(told, seed=seed, base=self.folder)
            if not one.clients:
                register_demo_client(site)
            yield site


def built(options: SiteOptions, client: str = "demo") -> Site:
    """A site with a client that has the public test keys."""
    from mockehr.sites.build import build_site
    from mockehr.sites.test_client import register_demo_client

    site = build_site(options)
    register_demo_client(site, client)
    return site


def tenant(lobby: Site, name: str, credential: Credential) -> Site:
    """A site like the one at the address, with the client that asks for it."""
    return built(replace(lobby.options, name=name), credential.text if credential.kind == "client" else "demo")
