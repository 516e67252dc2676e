"""Binary as what it holds (FHIR R4 binary.html#rest): a client that asks for its content type gets the bytes."""

from __future__ import annotations

from base64 import b64decode, b64encode

from mockehr.core.exchange import JSON, Exchange, Reply
from mockehr.fhir.media import form_of, split_media
from mockehr.fhir.record import Record


def content_reply(exchange: Exchange, record: Record) -> Reply | None:
    """The content of a Binary, if the client names its media type (or `image/*`) and no form of FHIR; else None."""
    if "_format=" in exchange.query:
        return None
    media = record.document.get("contentType")
    if not isinstance(media, str) or not media:
        return None
    kind = media.partition(";")[0].strip().lower()
    wanted = [split_media(part)[0] for part in exchange.headers.get("accept", "").split(",")]
    if not any(name in (kind, f"{kind.partition('/')[0]}/*") for name in wanted):
        return None
    if kind != wanted[0] and any(form_of(name) for name in wanted):
        return None
    try:
        content = b64decode(str(record.document.get("data", "")), validate=False)
    except ValueError:
        return None  # damaged: the resource shows it
    return Reply(200, [], content, None, media)


def as_resource(exchange: Exchange, id: str = "") -> JSON | None:
    """The Binary that a body of another media type than FHIR's becomes; None for a body that is FHIR already."""
    media = exchange.headers.get("content-type", "")
    name = split_media(media)[0]
    if not name or form_of(name) is not None or name == "application/x-www-form-urlencoded":
        return None
    made: JSON = {"resourceType": "Binary"} | ({"id": id} if id else {}) | {"contentType": media}
    context = exchange.headers.get("x-security-context")
    if context:
        made["securityContext"] = {"reference": context}
    return made | {"data": b64encode(exchange.body).decode()}
