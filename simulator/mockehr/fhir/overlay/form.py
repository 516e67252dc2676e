"""Documents and texts in the form in which a database can hold them and give them back exactly."""

from __future__ import annotations

import json
from typing import Any

import orjson

from mockehr.core.exchange import JSON
from mockehr.fhir.lossless import Lexical
from mockehr.fhir.record import encode


def beside(document: JSON, body: bytes) -> str | None:
    """What has to be kept beside the body to have the document again; None where the body says it all.

    It does not for decimals whose digits count, for octets that are no UTF-8, and where the body is another's.
    """
    try:
        read = orjson.loads(body)
    except orjson.JSONDecodeError:
        return "".join(_pieces(document))
    if read == document and encode(read) == encode(document):
        return None
    return "".join(_pieces(document))


def document_of(body: bytes, kept: str | None) -> Any:
    """The document again, from the body and what `beside` gave."""
    return orjson.loads(body) if kept is None else json.loads(kept, parse_float=_decimal)


def storable(text: str) -> str | bytes:
    """A text that the database takes: itself, or its octets if lone surrogates are in it."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")
    return text


def restored(stored: str | bytes) -> str:
    """The text that `storable` was given."""
    return stored if isinstance(stored, str) else stored.decode("utf-8", "surrogatepass")


def _pieces(node: Any) -> list[str]:
    """JSON in ASCII: lone surrogates as escapes, decimals with their digits."""
    if isinstance(node, dict):
        inner = ["".join([json.dumps(name), ":", *_pieces(value)]) for name, value in node.items()]
        return ["{", ",".join(inner), "}"]
    if isinstance(node, (list, tuple)):
        return ["[", ",".join("".join(_pieces(value)) for value in node), "]"]
    return [node.text if isinstance(node, Lexical) else json.dumps(node)]


def _decimal(text: str) -> float:
    value = float(text)
    return value if repr(value) == text else Lexical(text)
