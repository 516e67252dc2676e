"""All sites of one process, and admitting an exchange to one of them."""

from __future__ import annotations

from collections.abc import Iterator

from mockehr.core.errors import DuplicateName, UnknownName, nearest_names
from mockehr.core.exchange import Channel
from mockehr.sites.site import Site

WELL_KNOWN = "/.well-known/smart-configuration"


class Directory:
    """Sites by name. A site is admitted to by path prefix `/<name>/…`, or by the port given to it alone."""

    def __init__(self) -> None:
        self._sites: dict[str, Site] = {}
        self._ports: dict[int, Site] = {}
        self.strays = 0

    def add(self, site: Site, *, port: int | None = None) -> Site:
        """Admit to `site` from now on; raises DuplicateName."""
        if site.name in self._sites:
            raise DuplicateName("site", site.name, "the one that runs", "the one to be added")
        self._sites[site.name] = site
        if port is not None:
            self._ports[port] = site
        return site

    def remove(self, name: str) -> Site:
        """Take a site away; raises UnknownName."""
        site = self.get(name)
        del self._sites[name]
        self._ports = {port: s for port, s in self._ports.items() if s is not site}
        return site

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
    if path.startswith(base) and (len(path) == len(base) or path[len(base)] == "/"):
        below = path[len(base) :] or "/"
        return ("discovery", below) if below == WELL_KNOWN else ("fhir", below)
    if path == site.token_path:
        return "token", path
    if path == site.jwks_path:
        return "discovery", path
    return None
