"""Where one site's endpoints are beside FHIR: which path belongs to which channel, and what it is called."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from mockehr.auth.addresses import Addresses
from mockehr.core.exchange import Channel
from mockehr.fhir.bulk import Addresses as BulkAddresses
from mockehr.fhir.bulk import BulkSettings, ImportSettings
from mockehr.personalities.proprietary import Api
from mockehr.sites.changed import feed_paths
from mockehr.sites.proprietary import apis_of

if TYPE_CHECKING:
    from mockehr.sites.site import Site

SMART_CONFIGURATION: Final = "/.well-known/smart-configuration"
OPENID_CONFIGURATION: Final = "/.well-known/openid-configuration"
WELL_KNOWN: Final = frozenset({SMART_CONFIGURATION, OPENID_CONFIGURATION})
"""Discovery documents below the FHIR base."""
PAGES: Final = ("continue", "sign-in", "choose-patient", "choose-encounter", "consent", "idp", "embed", "retired")
"""What lies below the authorization endpoint: where the forms of its pages go, the stations of an identity provider,
the page that opens an app in a frame, and an endpoint that is no more."""
ELSEWHERE: Final = "/train"
"""Below it lies the hospital's other environment, of which there is no more than what an app sees before it is told
that its launch is not known there."""
_OAUTH: Final = ("introspect", "revoke", "register", "userinfo")
KEPT: Final = 16


class Endpoints:
    """The endpoints of one site. Its paths never change; its addresses depend on how a client addressed it."""

    def __init__(self, site: Site) -> None:
        vendor, facts = site.personality, site.facts
        paths: dict[str, tuple[Channel, str]] = {}
        authorize = site.personality.authorize_path(facts)
        if authorize:
            paths[authorize] = ("authorize", "authorize")
            paths |= {f"{authorize}/{page}": ("authorize", page) for page in PAGES}
            paths |= {
                ELSEWHERE + vendor.fhir_path(facts).rstrip("/") + SMART_CONFIGURATION: ("authorize", "elsewhere"),
                ELSEWHERE + authorize: ("authorize", "elsewhere-authorize"),
                ELSEWHERE + vendor.token_path(facts): ("authorize", "elsewhere-token"),
            }
        manage = vendor.oauth_path("manage", facts)
        if manage:
            paths[manage] = ("authorize", "manage")
        for name in _OAUTH:
            path = vendor.oauth_path(name, facts)
            if path:
                paths[path] = ("oauth", name)
        style = vendor.oauth_path("style", facts)
        if style:
            paths[style] = ("discovery", "style")
        issuer = vendor.issuer("", facts).rstrip("/")
        paths[issuer + OPENID_CONFIGURATION] = ("discovery", "openid-configuration")
        paths[vendor.jwks_path(facts)] = ("discovery", "jwks")
        paths |= _discovery_elsewhere(vendor.oauth_path("discovery", facts))
        before = vendor.oauth_path("token_before", facts)
        if before:
            paths[before] = ("token", "token")
        paths[vendor.token_path(facts)] = ("token", "token")
        self.bulk = _bulk_addresses(site)
        """Where exports and imports are asked after and their files fetched."""
        paths |= {path: ("feed", what) for path, what, _ in feed_paths(vendor, facts)}
        self.apis = apis_of(site)
        """Path prefix → the proprietary API below it."""
        self._errors = vendor.oauth_path("errors", facts)
        self._site = site
        self.paths = MappingProxyType(paths)
        """Path below the site's root → its channel, and what is there."""
        self._kept: dict[str, Addresses] = {}

    def channel(self, path: str) -> Channel | None:
        """Which channel a path below the site's root belongs to; None if to none of these."""
        found = self.paths.get(path)
        if found is None:
            if self.bulk.serves(path):
                return "files"
            if self.apis and self.api(path) is not None:
                return "proprietary"
            return "authorize" if self._below_errors(path) else None
        return found[0]

    def api(self, path: str) -> Api | None:
        """The proprietary API that a path belongs to; of several the one with the longest prefix."""
        under = (prefix for prefix in self.apis if path == prefix or path.startswith(f"{prefix}/"))
        prefix = max(under, key=len, default="")
        return self.apis[prefix] if prefix else None

    def _below_errors(self, path: str) -> bool:
        return bool(self._errors) and path.startswith(f"{self._errors}/")

    def token_url(self, base_url: str, path: str) -> str:
        """The token endpoint as a client addressed it that asked at this path."""
        there = self.addresses(base_url).token
        return there.removesuffix(self._site.token_path) + path if self.channel(path) == "token" else there

    def name(self, path: str) -> str:
        """What is at a path: `authorize`, `sign-in`, `introspect`, `jwks`, `smart-configuration` …"""
        if self._below_errors(path):
            return "error"
        found = self.paths.get(path)
        return path.rpartition("/")[2] if found is None else found[1]

    def addresses(self, base_url: str) -> Addresses:
        """Where everything is, for a client that addressed the FHIR base as `base_url`."""
        found = self._kept.get(base_url)
        if found is None:
            if len(self._kept) >= KEPT:
                self._kept.clear()
            found = self._kept[base_url] = self._made(base_url)
        return found

    def page(self, name: str, base_url: str) -> str:
        """Address of one of PAGES, or (`elsewhere`) of the FHIR base of the other environment."""
        base = self._site.fhir_path.rstrip("/")
        if name == "elsewhere":
            return base_url.removesuffix(base) + ELSEWHERE + base
        return f"{self.addresses(base_url).authorize}/{name}"

    def _made(self, base_url: str) -> Addresses:
        site, vendor, facts = self._site, self._site.personality, self._site.facts
        root = base_url.removesuffix(site.fhir_path.rstrip("/"))

        def at(path: str) -> str:
            return root + path if path else ""

        settings = site.auth.settings
        return Addresses(
            base=base_url,
            token=at(vendor.token_path(facts)),
            authorize=at(vendor.authorize_path(facts)),
            jwks=at(vendor.jwks_path(facts)),
            issuer=vendor.issuer(root, facts),
            register=at(vendor.oauth_path("register", facts)) if settings.registration != "off" else "",
            **{
                name: at(vendor.oauth_path(name, facts))
                for name in ("introspect", "revoke", "userinfo", "manage", "style")
            },
        )


def _discovery_elsewhere(path: str) -> dict[str, tuple[Channel, str]]:
    """Where smart-configuration is beside the FHIR base."""
    return {path.rstrip("/") + SMART_CONFIGURATION: ("discovery", "smart-configuration")} if path else {}


def _bulk_addresses(site: Site) -> BulkAddresses:
    vendor = site.personality
    settings = vendor.settings
    imports = ImportSettings.of(settings["import"]) if vendor.operates("import") else None
    return BulkAddresses(BulkSettings.of(settings["bulk"]), vendor.fhir_path(site.facts).rstrip("/"), imports)
