"""Asking what happened."""

from __future__ import annotations

from typing import Any

from mockehr.control.operation import operation
from mockehr.core.errors import VerdictFailed
from mockehr.journal import Question, entry, near_misses
from mockehr.sites.site import Site


@operation("journal list", "GET", "/journal")
def entries(
    site: Site,
    channel: str = "",
    client: str = "",
    method: str = "",
    path: str = "",
    interaction: str = "",
    resource: str = "",
    status: int = 0,
    quirk: str = "",
    after: int = 0,
    limit: int = 200,
) -> dict[str, Any]:
    """Exchanges that fit, oldest first; the newest `limit` of them."""
    question = Question(channel, client, method, path, interaction, resource, "", status, quirk, after=after)
    found = [exchange for exchange in site.journal if question.matches(exchange)]
    return {"total": len(found), "entries": [entry(exchange) for exchange in found[max(0, len(found) - limit) :]]}


@operation("journal why", "GET", "/journal/{number}")
def why(site: Site, number: int) -> dict[str, Any]:
    """One entry with every rule's decision on it."""
    return entry(site.journal.get(number))


@operation("journal verify", "POST", "/journal/verify")
def verify(
    site: Site,
    at_least: int = 1,
    at_most: int = -1,
    channel: str = "",
    client: str = "",
    method: str = "",
    path: str = "",
    interaction: str = "",
    resource: str = "",
    status: int = 0,
    quirk: str = "",
) -> dict[str, Any]:
    """Check how often something happened; the refusal names the nearest entries and what differs."""
    question = Question(channel, client, method, path, interaction, resource, "", status, quirk)
    count = sum(question.matches(exchange) for exchange in site.journal)
    if count < at_least or 0 <= at_most < count:
        misses = near_misses(question, [e for e in site.journal if not question.matches(e)])
        shown = "; ".join(f"entry {m.exchange.number}: {', '.join(m.differences)}" for m in misses)
        wanted = f"at least {at_least}" if count < at_least else f"at most {at_most}"
        raise VerdictFailed(
            f"{count} exchanges at {site.name} fit, {wanted} were wanted.",
            nearest=shown,
            remedy=f"Repeat with seed {site.options.seed}; look at mockehr journal why ENTRY.",
        )
    return {"count": count}


@operation("journal clear", "DELETE", "/journal")
def clear(site: Site) -> dict[str, Any]:
    """Forget all entries."""
    count = len(site.journal)
    site.journal.clear()
    return {"cleared": count}
