"""What the REST APIs are sent and answer: JSON objects, and errors with a title. Sources: notes.md."""

from __future__ import annotations

from typing import Any, Final

import orjson

from mockehr.core.exchange import JSON, Reply
from mockehr.personalities.advancedmd.desk import Refused
from mockehr.personalities.advancedmd.envelopes import titled
from mockehr.personalities.envelope import to_bytes

MEDIA: Final = "application/json; charset=utf-8"


def members(body: bytes) -> JSON:
    """The members of a JSON object, names in lower case. Raises Refused for anything else."""
    try:
        told = orjson.loads(body)
    except orjson.JSONDecodeError:
        told = None
    if not isinstance(told, dict):
        raise Refused("The request is no JSON object.")
    return {str(name).lower(): value for name, value in told.items()}


def answered(document: Any) -> Reply:
    """200 with a document."""
    return Reply(200, [], to_bytes(document), None, MEDIA)


def error(status: int, title: str, detail: str) -> Reply:
    """A refusal in JSON."""
    return Reply(status, [], orjson.dumps(titled(title, detail)), None, MEDIA)
