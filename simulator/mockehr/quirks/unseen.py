"""Answers without what was committed lately: how readers see a store whose copies or index lag behind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from mockehr.core.exchange import JSON, Exchange
from mockehr.core.page import PageEntry, SearchPage
from mockehr.core.problem import not_found
from mockehr.fhir.record import Record
from mockehr.quirks.base import World

Hidden = Callable[[str, float], bool]
"""(`Type/id`, when that version was committed, in site seconds) → whether nobody sees it yet."""

SEARCHES: Final = (
    "search", "search-system", "search-compartment", "history-instance", "history-type", "history-system",
)  # fmt: skip
READS: Final = ("read", "vread")


def hide(exchange: Exchange, world: World, hidden: Hidden) -> tuple[str, ...]:
    """Take hidden versions out of what the exchange found; answers what was taken, as `Type/id`.

    Where there is an older version, that is shown in its place; else the resource is not there. Deletions show at
    once.
    """
    result, asked = exchange.result, exchange.interaction
    if isinstance(result, Record) or (isinstance(result, dict) and asked is not None and asked.name in READS):
        return _read(exchange, result, world, hidden)
    if isinstance(result, SearchPage):
        return _searched(exchange, result, world, hidden)
    if isinstance(result, dict) and result.get("type") == "history":
        return _told(exchange, result, hidden)
    return ()


def _read(exchange: Exchange, found: Record | JSON, world: World, hidden: Hidden) -> tuple[str, ...]:
    """Of a record, or of what `_summary` or `_elements` left of one."""
    asked = exchange.interaction
    assert asked is not None
    versions = world.versions_of(asked.resource_type, asked.id)
    committed = found.updated if isinstance(found, Record) else _updated(found)
    key = f"{asked.resource_type}/{asked.id}"
    if not versions or not hidden(key, committed):
        return ()
    older = _older(versions, hidden) if asked.name == "read" else None
    if older is None:
        exchange.result = not_found(asked.resource_type, asked.id)
    else:
        cut = world.cut(older, asked.resource_type, exchange.query)
        exchange.result = older if isinstance(found, Record) or isinstance(cut, bytes) else cut
    return (key,)


def _searched(exchange: Exchange, page: SearchPage, world: World, hidden: Hidden) -> tuple[str, ...]:
    kept: list[PageEntry] = []
    taken: list[str] = []
    gone = 0
    for entry in page.entries:
        kind, id, _, mode = entry
        versions = world.versions_of(kind, id) if mode != "outcome" else ()
        if not versions or not hidden(versions[-1].key, versions[-1].updated):
            kept.append(entry)
            continue
        taken.append(f"{kind}/{id}")
        older = _older(versions, hidden)
        if older is None:
            gone += mode == "match"
        else:
            cut = world.cut(older, page.resource_type, page.query, included=mode == "include")
            kept.append((kind, id, cut, mode))
    if taken:
        total = None if page.total is None else max(page.total - gone, 0)
        exchange.result = replace(page, entries=kept, total=total, joined=None)
        still = {f"{kind}/{id}" for kind, id, _, _ in kept}
        exchange.returned = tuple(key for key in exchange.returned if key in still)
    return tuple(taken)


def _told(exchange: Exchange, bundle: JSON, hidden: Hidden) -> tuple[str, ...]:
    """Leave out the entries of a history; its links stay as they are."""
    kept: list[JSON] = []
    taken: list[str] = []
    for entry in bundle.get("entry", ()):
        key = "/".join(str(entry.get("fullUrl", "")).split("/")[-2:])
        if hidden(key, _seconds(entry.get("response", {}).get("lastModified", ""))):
            taken.append(key)
        else:
            kept.append(entry)
    if taken:
        rest = {name: value for name, value in bundle.items() if name != "entry"}
        rest["total"] = max(int(bundle.get("total", 0)) - len(taken), 0)
        exchange.result = rest | ({"entry": kept} if kept else {})
        exchange.returned = tuple(key for key in exchange.returned if key not in taken)
    return tuple(taken)


def _older(versions: Any, hidden: Hidden) -> Record | None:
    """The newest version that is seen, unless that says that the resource was deleted."""
    seen = next((one for one in reversed(versions) if not hidden(one.key, one.updated)), None)
    return None if seen is None or seen.deleted else seen


def _updated(document: JSON) -> float:
    return _seconds(document.get("meta", {}).get("lastUpdated", ""))


def _seconds(instant: str) -> float:
    try:
        return datetime.fromisoformat(instant).timestamp()
    except ValueError:
        return 0.0
