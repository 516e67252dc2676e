"""Receivers of a site's events."""

from __future__ import annotations

from typing import Any, cast

from mockehr.control.operation import operation
from mockehr.core.clock import duration
from mockehr.core.errors import ConfigError, UnknownName
from mockehr.events import Hook
from mockehr.sites.site import Site


@operation("webhook add", "POST", "/webhooks")
def add(
    site: Site,
    name: str,
    url: str,
    secret: str = "",
    resources: str = "",
    payload: str = "id-only",
    ladder: str = "10s,60s,10m,1h",
) -> dict[str, Any]:
    """Tell a receiver of changes from now on; `resources` are types, `ladder` the waits before each retry."""
    if payload not in ("id-only", "full"):
        raise ConfigError("The payload is not known.", [f"payload is {payload!r}"], remedy="Use id-only or full.")
    kinds = tuple(kind.strip() for kind in resources.split(",") if kind.strip())
    waits = tuple(duration(wait) for wait in ladder.split(",") if wait.strip())
    site.outbox.hooks[name] = Hook(name, url, secret, kinds, payload=cast(Any, payload), ladder=waits)
    return {"webhook": name, "url": url}


@operation("webhook remove", "DELETE", "/webhooks/{name}")
def remove(site: Site, name: str) -> dict[str, Any]:
    """Tell a receiver no more."""
    if site.outbox.hooks.pop(name, None) is None:
        raise UnknownName("webhook", name, site.outbox.hooks)
    return {"removed": name}


@operation("webhook list", "GET", "/webhooks")
def listed(site: Site) -> dict[str, Any]:
    """Receivers, and what became of deliveries."""
    outbox = site.outbox
    hooks = [{"name": hook.name, "url": hook.url, "payload": hook.payload} for hook in outbox.hooks.values()]
    return {"webhooks": hooks, "delivered": outbox.delivered, "waiting": len(outbox.ready), "dead": len(outbox.dead)}
