"""Looking up quirks: what each is in full, as pages, and what serves the rows of the ledger."""

from __future__ import annotations

import inspect
from dataclasses import MISSING, fields
from typing import Any

from mockehr.control.operation import operation
from mockehr.scenarios.handbook import coverage as table
from mockehr.scenarios.handbook.article import article, names
from mockehr.scenarios.handbook.page import book, page
from mockehr.sites.directory import Directory


@operation("quirk show", "GET", "/quirks/{name}", scope="server", offline=True)
def show(directory: Directory, name: str) -> dict[str, Any]:
    """One quirk: what it shows, where it was seen, its settings, how to arm it, how to cope, who judges it."""
    told, cls = article(name), names()[name]
    defaults = {one.name: None if one.default is MISSING else one.default for one in fields(cls)}
    return {
        "name": told.name,
        "family": told.family,
        "ledger": list(told.ledger),
        "summary": told.summary,
        "documentation": inspect.getdoc(cls) or "",
        "settings": defaults,
        "units": {one.name: one.unit for one in told.settings},
        "channels": list(told.channels),
        "interactions": list(told.interactions),
        "shows": list(told.shows),
        "seen": told.seen,
        "coping": told.coping,
        "arm": dict(told.arming()),
        "probes": list(told.probes),
    }


@operation("quirk page", "GET", "/quirk-pages/{name}", scope="server", offline=True)
def paged(directory: Directory, name: str) -> dict[str, Any]:
    """The page of one quirk as Markdown; of all of them by the name `all`."""
    return {"lines": book() if name == "all" else page(name)}


@operation("quirk coverage", "GET", "/quirk-coverage", scope="server", offline=True)
def coverage(directory: Directory) -> dict[str, Any]:
    """What serves each row of the ledger, as Markdown: from Python, from a file, over control, by a probe."""
    rows = table.coverage()
    told = [{"row": one.id, **{column: list(getattr(one, column)) for column in table.COLUMNS}} for one in rows]
    return {"lines": table.as_markdown(rows), "rows": told}
