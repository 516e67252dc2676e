"""Binary as what it holds (FHIR R4 binary.html#rest): a client that asks for its content type gets the bytes."""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from typing import Final

from mockehr.core.exchange import JSON, Exchange, Reply
from mockehr.fhir.media import form_of, split_media
from mockehr.fhir.record import Record

_MEDIA: Final = re.compile(r"[\w.+-]+/[\w.+-]+(?:\s*;[ -~]*)?")
"""What may stand in a Content-Type header; anything else that is stored stays inside the resource."""


def content_reply(exchange: Exchange, record: Record, *, always: bool = False) -> Reply | None:
    """The content of a Binary in its own media type, unless the client asks for a form of FHIR; None then.

    The standard means the resource to be sent only to those who name its media type. A client that names another type
    than the content's gets the resource's refusal. With `always` nobody gets anything but the content.
    """
    media = record.document.get("contentType")
    if not isinstance(media, str) or not _MEDIA.fullmatch(media):
        return None
    if not always and not _wants_content(exchange, media):
        return None
    try:
        content = b64decode(str(record.document.get("data", "")), validate=False)
    except ValueError:
        return None  # damaged: the resource shows it
    return Reply(200, [], content, None, media)


def _wants_content(exchange: Exchange, media: str) -> bool:
    if "_format=" in exchange.query:
        return False
    kind = media.partition(";")[0].strip().lower()
    fitting = ("", "*/*", kind, f"{kind.partition('/')[0]}/*")
    wanted = [split_media(part)[0] for part in exchange.headers.get("accept", "").split(",")]
    return not any(form_of(name) for name in wanted if name != kind) and any(name in fitting for name in wanted)


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
