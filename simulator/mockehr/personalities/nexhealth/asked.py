"""One call of the Synchronizer API, with the practice that it is for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import orjson

from mockehr.core.clock import instant
from mockehr.core.exchange import JSON, Exchange
from mockehr.personalities.behind import Behind
from mockehr.personalities.proprietary import Records

COMMON = ("subdomain", "location_id", "page", "per_page", "start_cursor", "end_cursor", "sort", "include[]")
"""Parameters that every call may have."""
Done = tuple[int, Any, Mapping[str, Any]]
"""Status, `data`, and what else the envelope has."""


class Refusal(Exception):
    """The call is refused with that status and text."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


@dataclass(slots=True)
class Asked:
    """What a call may know."""

    exchange: Exchange
    records: Records
    behind: Behind
    place: JSON
    told: Mapping[str, Any]
    query: list[tuple[str, str]]
    version: str
    _known: set[str] = field(default_factory=set)

    def get(self, name: str) -> str:
        """A parameter; empty if it is not there."""
        self._known.add(name)
        return next((value for key, value in self.query if key == name), "")

    def all(self, name: str) -> list[str]:
        """All values of a parameter."""
        self._known.add(name)
        return [value for key, value in self.query if key == name and value]

    def need_location(self) -> None:
        """Raises Refusal where a call of one location names none."""
        if not self.get("location_id"):
            raise Refusal(400, "Missing parameter: location_id")

    def number(self, name: str, default: int, most: int = 1 << 62) -> int:
        """A parameter that is a positive number; raises Refusal."""
        text = self.get(name)
        if not text:
            return default
        if not (text.isascii() and text.isdigit() and int(text[:18]) > 0):
            raise Refusal(400, f"Invalid parameter: {name}")
        return min(int(text[:18]), most)

    def remarks(self) -> str | None:
        """What the call was given and does not know: it is ignored, and said so."""
        known = self._known | set(COMMON)
        strange = [key for key in dict.fromkeys(key for key, _ in self.query) if key not in known]
        return f"Note that following parameters are ignored: {', '.join(strange)}." if strange else None

    def body(self, name: str) -> JSON:
        """A part of the body that has to be an object; raises Refusal."""
        try:
            found = orjson.loads(self.exchange.body)
        except orjson.JSONDecodeError:
            raise Refusal(400, "Invalid JSON") from None
        told = found.get(name) if isinstance(found, dict) else None
        if not isinstance(told, dict):
            raise Refusal(400, f"Missing parameter: {name}")
        return told

    def moment(self, at: float) -> str:
        """As the API writes it."""
        return instant(at, millis=True)

    def page(self, found: Sequence[JSON], count: int) -> Done:
        """One page of what was found, by number."""
        page, size = self.number("page", 1), self.size
        start = (page - 1) * size
        return 200, list(islice(found, start, start + size)), {"count": count}

    @property
    def size(self) -> int:
        """How many a page has."""
        return self.number("per_page", int(self.told["per_page"]), int(self.told["most_per_page"]))

    def turn(self, found: Sequence[JSON]) -> Done:
        """One page of what was found, by cursor: the number of its last record, or its first when turning back."""
        if self.version == "v2":
            return self.page(found, len(found))
        numbers = [str(one["id"]) for one in found]
        after, before, size = self.get("end_cursor"), self.get("start_cursor"), self.size
        if (after and after not in numbers) or (before and before not in numbers):
            raise Refusal(400, "Invalid cursor")
        start = numbers.index(after) + 1 if after else 0
        if before:
            start = max(0, numbers.index(before) - size)
        end = numbers.index(before) if before else start + size
        shown = list(found[start:end])
        info = {
            "has_previous_page": start > 0,
            "has_next_page": end < len(found),
            "start_cursor": str(shown[0]["id"]) if shown else None,
            "end_cursor": str(shown[-1]["id"]) if shown else None,
        }
        return 200, shown, {"count": len(found), "page_info": info}


def objects(value: Any) -> Iterator[JSON]:
    """The objects of a list that somebody sent."""
    return (one for one in value if isinstance(one, dict)) if isinstance(value, list) else iter(())
