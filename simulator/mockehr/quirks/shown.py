"""The resources in a reply that is shaped and not yet rendered, to be changed where they are shown."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Final

from mockehr.core.exchange import JSON, Exchange
from mockehr.core.page import PageEntry, SearchPage
from mockehr.fhir.lossless import Unreadable, parse

OUTCOME: Final = "OperationOutcome"


def document_of(exchange: Exchange) -> JSON | None:
    """The JSON object that a reply of success is about to show, a copy to be changed; None if it shows none."""
    reply = exchange.reply
    if reply is None or reply.status >= 300:
        return None
    if reply.document is not None:
        reply.document = dict(reply.document)
        return reply.document
    if not reply.body.startswith(b"{"):
        return None
    try:
        document = parse(reply.body)
    except Unreadable:
        return None
    return document if isinstance(document, dict) else None


def show(exchange: Exchange, document: JSON) -> None:
    """Show that document in place of what the reply had; rendering it, as XML too, is left to its stage."""
    assert exchange.reply is not None
    exchange.reply.document, exchange.reply.body = document, b""


def change_resources(document: JSON, change: Callable[[JSON], JSON]) -> list[str]:
    """Put `change` of each resource in its place, in a Bundle's entries too; answers whose `Type/id` differ then.

    `change` answers the very same object where it leaves a resource as it is, and never writes into it.
    """
    changed: list[str] = []
    entries = document.get("entry")
    if document.get("resourceType") == "Bundle" and isinstance(entries, list):
        kept: list[Any] = []
        for entry in entries:
            resource = entry.get("resource") if isinstance(entry, dict) else None
            made = change(resource) if isinstance(resource, dict) else resource
            if made is not resource:
                entry, changed = {**entry, "resource": made}, [*changed, key_of(resource)]
            kept.append(entry)
        document["entry"] = kept
    else:
        made = change(document)
        if made is not document:
            changed.append(key_of(document))
            rest = dict(made)
            document.clear()
            document.update(rest)
    return changed


def key_of(resource: Any) -> str:
    """`Type/id` of a resource."""
    return f"{resource.get('resourceType', '')}/{resource.get('id', '')}"


def resources_of(document: JSON) -> Iterator[JSON]:
    """The resource, or those in the entries of a Bundle."""
    if document.get("resourceType") != "Bundle":
        yield document
        return
    for entry in document.get("entry") or ():
        resource = entry.get("resource") if isinstance(entry, dict) else None
        if isinstance(resource, dict):
            yield resource


def put_entries(exchange: Exchange, page: SearchPage, entries: list[PageEntry]) -> None:
    """Let the page that was found have those entries; what the journal says was sent back follows."""
    exchange.result = replace(page, entries=entries, joined=None)
    still = {f"{kind}/{id}" for kind, id, _, mode in entries if mode != "outcome"}
    exchange.returned = tuple(key for key in exchange.returned if key in still)


def outcome_entry(id: str, severity: str, code: str, text: str) -> PageEntry:
    """An OperationOutcome among the entries of a searchset (FHIR R4 search.html#3.1.1.1, `search.mode` outcome)."""
    issue = {"severity": severity, "code": code, "details": {"text": text}, "diagnostics": text}
    return OUTCOME, id, {"resourceType": OUTCOME, "id": id, "issue": [issue]}, "outcome"
