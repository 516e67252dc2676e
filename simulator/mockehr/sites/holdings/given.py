"""Records that a program hands over: a function that gives them, or the records themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import orjson

from mockehr.sites.holdings.model import Holding, Row, Unreadable


class GivenRecords:
    """What a function returns when it is called without arguments, or an iterable: resources as dicts, as JSON texts,
    as models of pydantic (fhir.resources), Rows. What the function raises goes through.
    """

    def __init__(self, source: Callable[[], Iterable[Any]] | Iterable[Any]) -> None:
        self._source = source

    def __iter__(self) -> Iterator[Holding]:
        for number, item in enumerate(self._source() if callable(self._source) else self._source, 1):
            yield _holding(item, f"record {number}")


def _holding(item: Any, place: str) -> Holding:
    if isinstance(item, dict | Row | Unreadable):
        return item
    if hasattr(item, "model_dump_json"):
        item = item.model_dump_json(exclude_none=True)
    if isinstance(item, str | bytes):
        try:
            document = orjson.loads(item)
        except orjson.JSONDecodeError as error:
            return Unreadable(place, f"no JSON: {error}")
        if isinstance(document, dict):
            return document
    return Unreadable(place, f"no resource, but {type(item).__name__}")
