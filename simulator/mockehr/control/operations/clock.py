"""The site's time."""

from __future__ import annotations

from typing import Any

from mockehr.control.operation import operation
from mockehr.core.clock import Settled, duration, instant
from mockehr.sites.site import Site


@operation("clock show", "GET", "/clock")
def show(site: Site) -> dict[str, Any]:
    """What time it is at the site, and whether time passes there."""
    return {
        "now": instant(site.clock.now(), millis=True),
        "frozen": site.clock.frozen,
        "pending": site.clock.pending(),
    }


@operation("clock advance", "POST", "/clock/advance")
def advance(site: Site, by: str) -> dict[str, Any]:
    """Move the clock forward (`30s`, `36h`); all that falls due fires in order."""
    return _settled(site.clock.advance(duration(by)))


@operation("clock freeze", "POST", "/clock/freeze")
def freeze(site: Site) -> dict[str, Any]:
    """Stop the clock where it stands."""
    site.clock.freeze()
    return show(site)


@operation("clock run", "POST", "/clock/run")
def run(site: Site, scale: float = 1.0) -> dict[str, Any]:
    """Let the clock follow the wall clock, `scale` times as fast."""
    site.clock.run(scale=scale)
    return show(site)


def _settled(settled: Settled) -> dict[str, Any]:
    return {"now": instant(settled.now, millis=True), "fired": list(settled.fired), "pending": settled.pending}
