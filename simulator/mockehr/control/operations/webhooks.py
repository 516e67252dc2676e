"""Receivers of a site's events."""

from __future__ import annotations

from typing import Any, cast

from mockehr.config.settings import WebhookConfig
from mockehr.control.operation import NOTHING, Document, operation
from mockehr.core.errors import ConfigError
from mockehr.events.hook import rotated
from mockehr.sites.sections import hook_from
from mockehr.sites.site import Site


@operation("webhook add", "POST", "/webhooks")
def add(
    site: Site,
    name: str,
    url: str,
    secret: str = "",
    resources: str = "",
    topics: str = "",
    payload: str = "id-only",
    form: str = "mockehr",
    signing: str = "",
    ladder: str = "",
    more: Document = NOTHING,
) -> dict[str, Any]:
    """Tell a receiver of changes from now on.

    `resources` are types; `topics` changes such as `patient.created`, events such as `encounter-start`, or the form's
    own. All changes unless told. `payload` is empty, id-only or full. `form`, how notifications are written, is
    mockehr, standard, athena, redox or health-gorilla; each has a `signing` of its own unless told: mockehr,
    standard, hub, hub-256, verification-token, bearer, none. `ladder` are the waits before each retry, such as
    `10s,1m`; `more` the other settings of deliveries, such as `order=fifo`, `accepts=2xx`, `timeout=3s`, `at_once=1`.
    One of that name that there is already is replaced.
    """
    if not url.startswith(("http://", "https://")):
        raise ConfigError(
            "The webhook cannot be set up.", [f"url: {url!r} is no URL; begin it with http:// or https://"]
        )
    if payload not in ("empty", "id-only", "full"):
        raise ConfigError(
            "The payload is not known.", [f"payload is {payload!r}"], remedy="Use empty, id-only or full."
        )
    settings = {**({"ladder": ladder} if ladder else {}), **more}
    config = WebhookConfig(
        name=name,
        url=url,
        topics=[part.strip() for part in f"{resources},{topics}".split(",") if part.strip()],
        secret=secret,
        payload=cast(Any, payload),
        form=form,
        signing=signing,
        settings=settings,
    )
    hook = hook_from(config, name, site.fhir.types)
    if name in site.outbox.lanes:
        site.outbox.remove(name)
    site.outbox.add(hook)
    return {"webhook": name, "url": url}


@operation("webhook remove", "DELETE", "/webhooks/{name}")
def remove(site: Site, name: str) -> dict[str, Any]:
    """Tell a receiver no more; what waits for it is given up."""
    site.outbox.remove(name)
    return {"removed": name}


@operation("webhook list", "GET", "/webhooks")
def listed(site: Site) -> dict[str, Any]:
    """Receivers, and what became of deliveries."""
    outbox = site.outbox
    hooks = [
        {
            "name": lane.hook.name,
            "url": lane.hook.url,
            "form": lane.hook.form,
            "payload": lane.hook.payload,
            "told": lane.told,
            "delivered": lane.delivered,
            "failed": lane.failed,
            "waiting": len(lane.ready) + len(lane.behind),
            "off": lane.off,
        }
        for lane in outbox
    ]
    return {"webhooks": hooks, "delivered": outbox.delivered, "waiting": outbox.waiting, "dead": len(outbox.dead)}


@operation("webhook rotate", "POST", "/webhooks/{name}/secret")
def rotate(site: Site, name: str, secret: str, keep_old: bool = False) -> dict[str, Any]:
    """Sign with a new secret from now on; with `keep_old` the present one signs beside it."""
    outbox = site.outbox
    outbox.change(rotated(outbox.lane(name).hook, secret, keep_old=keep_old))
    return {"webhook": name, "secrets": 1 + len(outbox.lane(name).hook.old_secrets)}


@operation("webhook secret", "GET", "/webhooks/{name}/secret")
def secret(site: Site, name: str) -> dict[str, Any]:
    """What deliveries to a receiver are signed with now, the newest first: as the vendor's portal shows it."""
    hook = site.outbox.lane(name).hook
    return {"webhook": name, "secrets": [one for one in (hook.secret, *hook.old_secrets) if one]}


@operation("webhook switch", "POST", "/webhooks/{name}/state")
def switch(site: Site, name: str, on: bool = True, why: str = "switched off by hand") -> dict[str, Any]:
    """Tell a receiver nothing more, or all again; what it missed while it was off is not told later."""
    site.outbox.switch(name, "" if on else why)
    return {"webhook": name, "off": site.outbox.lane(name).off}
