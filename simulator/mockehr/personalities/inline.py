"""Texts that a clean resource carries in itself and a vendor only links to."""

from __future__ import annotations

from typing import Any

from mockehr.core.exchange import JSON


def linked(attachment: JSON, clean: JSON) -> str:
    """The clean reference to an attachment's Binary; one for inline data has the id of the resource around it."""
    if "data" in attachment:
        return f"Binary/{clean['id']}"
    url = str(attachment.get("url", ""))
    return url if url.startswith("Binary/") else ""


def inline_binary(clean: JSON) -> JSON | None:
    """The clean Binary for the first inline text of a report or document; None if there is none."""
    attachments: list[Any] = [*clean.get("presentedForm", ())]
    attachments += [content.get("attachment", {}) for content in clean.get("content", ())]
    told = next((one for one in attachments if "data" in one), None)
    if told is None:
        return None
    media = told.get("contentType", "text/plain")
    return {"resourceType": "Binary", "id": clean["id"], "contentType": media, "data": told["data"]}
