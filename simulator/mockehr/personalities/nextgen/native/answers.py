"""Answers of NextGen's own API: JSON with a message, plain text, or nothing. Sources: notes.md."""

from __future__ import annotations

from typing import Any

import orjson

from mockehr.core.exchange import JSON, Exchange, Reply
from mockehr.personalities.envelope import to_bytes

JSON_TYPE = "application/json; charset=utf-8"


class Faulty(Exception):
    """A request that cannot be answered; `reply` says why."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.status)
        self.reply = reply


def message(status: int, text: str) -> Reply:
    """`{"message": …}`."""
    return Reply(status, [], document={"message": text}, content_type=JSON_TYPE)


def plain(status: int, text: str) -> Reply:
    """A bare text."""
    return Reply(status, [], text.encode(), None, "text/plain; charset=utf-8")


def told(document: Any, status: int = 200) -> Reply:
    """JSON, an array among it."""
    return Reply(status, [], to_bytes(document), None, JSON_TYPE)


def empty(status: int = 200) -> Reply:
    """Done, and no word about it."""
    return Reply(status, [], b"")


def body_of(exchange: Exchange) -> JSON:
    """The JSON object that a client sent; raises Faulty."""
    try:
        found = orjson.loads(exchange.body)
    except orjson.JSONDecodeError:
        raise Faulty(message(400, "The request body is not valid JSON.")) from None
    if not isinstance(found, dict):
        raise Faulty(message(400, "The request body must be a JSON object."))
    return found
