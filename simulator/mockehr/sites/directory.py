"""All sites of one process, and admitting an exchange to one of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from mockehr.auth.credential import Credential
from mockehr.core.errors import DuplicateName, UnknownName, nearest_names
from mockehr.core.exchange import Channel, Exchange
from mockehr.core.problem import Problem
from mockehr.sites.endpoints import WELL_KNOWN
from mockehr.sites.fronting import Frontings
from mockehr.sites.site import Site
from mockehr.sites.tenancy import Tenancy

Watcher = Callable[[Site, bool], None]


class Directory:
    """Sites by name. A site is admitted to by path prefix `/<name>/…`, and on its own port, if it has one, without.

    A site whose address is shared (`share`) stands for one site per credential.

    Whoever has sockets listens on each site's `own_port`, and calls `watch` to be told of sites that join and leave.
    """

    def __init__(self) -> None:
        self._sites: dict[str, Site] = {}
        self._ports: dict[int, Site] = {}
        self._asked: dict[str, int] = {}
        self._watchers: list[Watcher] = []
        self._tenancies: dict[str, Tenancy] = {}
        self._frontings = Frontings()
        self.strays = 0

    def add(self, site: Site, *, port: int | None = None) -> Site:
        """Admit to `site` from now on, with `port` also there; 0 is any free one, known once it is listened on.

        Raises DuplicateName if the name or the port is taken, and what a watcher says who cannot listen there.
        """
        if site.name in self._sites:
            raise DuplicateName("site", site.name, "the one that runs", "the one to be added")
        if port is not None and port in self._ports:
            raise DuplicateName("port", str(port), f"that of {self._ports[port].name}", f"that of {site.name}")
        self._frontings.joined(site)
        self._sites[site.name] = site
        if port is not None:
            self._asked[site.name] = port
            if port:
                self._ports[port] = site
        try:
            for watcher in self._watchers:
                watcher(site, True)
        except Exception:
            self._forget(site)
            raise
        return site

    def remove(self, name: str) -> Site:
        """Take a site away and close it; raises UnknownName."""
        site = self.get(name)
        self._forget(site)
        for watcher in self._watchers:
            watcher(site, False)
        site.close()
        return site

    def close(self) -> None:
        """Close all sites, when nobody serves them any more; they stay in the directory. May be called twice."""
        for site in self._sites.values():
            site.close()

    def check(self) -> None:
        """Raise UnknownName for a site that another stands in front of and that is not there, UsageError for a
        platform that stands in front of nothing. To be asked once all that are to be there were added."""
        self._frontings.check()

    def share(self, lobby: Site, make: Callable[[str, Credential], Site]) -> Tenancy:
        """Let every unseen credential that comes to `lobby` have a site of its own, which `make` builds by name."""

        def joined(name: str, credential: Credential) -> Site:
            return self.add(make(name, credential))

        tenancy = self._tenancies[lobby.name] = Tenancy(lobby, joined)
        return tenancy

    def tenant(self, site: Site, exchange: Exchange) -> Site:
        """The site that answers an exchange addressed to `site`: itself, unless its address is shared."""
        tenancy = self._tenancies.get(site.name)
        return site if tenancy is None else tenancy.site_for(exchange)

    def watch(self, watcher: Watcher) -> None:
        """Call `watcher` with every site that joins (True) or has left (False)."""
        self._watchers.append(watcher)

    def unwatch(self, watcher: Watcher) -> None:
        """Tell `watcher` no more."""
        self._watchers.remove(watcher)

    def own_port(self, site: Site) -> int | None:
        """The port of a site's own, 0 while it is any free one; None if it has none."""
        return self._asked.get(site.name)

    def settle_port(self, site: Site, port: int) -> None:
        """The port that is listened on for a site that asked for one."""
        self._ports = {number: owner for number, owner in self._ports.items() if owner is not site}
        self._ports[port] = site
        self._asked[site.name] = port

    def _forget(self, site: Site) -> None:
        del self._sites[site.name]
        self._frontings.left(site)
        self._tenancies.pop(site.name, None)
        for tenancy in self._tenancies.values():
            tenancy.forget(site)
        self._asked.pop(site.name, None)
        self._ports = {port: owner for port, owner in self._ports.items() if owner is not site}

    def get(self, name: str) -> Site:
        """The site called `name`; raises UnknownName with the nearest names."""
        site = self._sites.get(name)
        if site is None:
            raise UnknownName("site", name, self._sites)
        return site

    def __iter__(self) -> Iterator[Site]:
        return iter(tuple(self._sites.values()))

    def __len__(self) -> int:
        return len(self._sites)

    def admit(self, path: str, port: int = 0) -> tuple[Site, str, str] | None:
        """(site, root prefix, path below the root) for a request path, or None for a stray."""
        site = self._ports.get(port)
        if site is not None:
            return site, "", path
        name, slash, rest = path[1:].partition("/")
        site = self._sites.get(name)
        if site is None:
            self.strays += 1
            return None
        return site, "/" + name, slash + rest if slash else "/"

    def nearest(self, path: str) -> list[str]:
        """Names of sites that a stray may have meant."""
        return nearest_names(path[1:].partition("/")[0], self._sites) or sorted(self._sites)[:3]


def channel_of(site: Site, path: str) -> tuple[Channel, str] | None:
    """Which channel a path below a site's root belongs to, and the path within it; None if to none.

    FHIR paths are relative to the FHIR base afterwards; a trailing slash of the base does not matter.
    """
    base = site.fhir_path.rstrip("/")
    path = site.personality.renamed(path, site.facts)
    if path.startswith(base) and (len(path) == len(base) or path[len(base)] == "/"):
        below = path[len(base) :] or "/"
        if below in WELL_KNOWN:
            return "discovery", below
        if not below[1:2].isupper():  # types begin with a capital
            if site.endpoints.bulk.serves(path):
                return "files", path
            if path in site.endpoints.paths:  # some vendors let apps in below the FHIR base
                return site.endpoints.paths[path][0], path
        return "fhir", below
    channel = site.endpoints.channel(path)
    return None if channel is None else (channel, path)


def withdrawn_at(site: Site, path: str) -> tuple[str, str, Problem] | None:
    """(base, path below it, refusal) for a path below the base of a version of FHIR that the vendor has withdrawn.

    None for any other path. Discovery documents below such a base are gone with it.
    """
    for base, status in site.personality.withdrawn(site.facts).items():
        if path.startswith(base) and (len(path) == len(base) or path[len(base)] == "/"):
            text = f"The version of FHIR at {base} has been withdrawn; use {site.fhir_path}"
            return base, path[len(base) :] or "/", Problem(status, "version-withdrawn", text, value=base)
    return None
