"""One message of the Data Model API on its way to one destination, and how it fails."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote, urlencode

from mockehr.core.exchange import JSON, Exchange
from mockehr.personalities.behind import Answer, Behind
from mockehr.personalities.envelope import to_bytes
from mockehr.personalities.proprietary import Records


class Invalid(Exception):
    """The message lacks what its event type wants."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


class Failed(Exception):
    """The destination did not do what it was asked for."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.text)
        self.answer = answer


@dataclass(frozen=True, slots=True)
class Errand:
    """What a writer of a data model may do. Every method raises Failed."""

    exchange: Exchange
    records: Records
    behind: Behind
    patience: float
    pages: int

    def find(self, resource_type: str, /, **criteria: str) -> list[JSON]:
        """All matches of a search, page by page; `_` in a name stands for `-`."""
        pairs = [(name.replace("__", "-"), value) for name, value in criteria.items() if value]
        return self.found(f"/{resource_type}?{urlencode(pairs)}")

    def found(self, target: str) -> list[JSON]:
        """The same for a search that is written already."""
        answer = self.ask("GET", target)
        matches = answer.resources
        for _ in range(self.pages - 1):
            if not answer.next:
                break
            answer = self.ask("GET", answer.next)
            matches += answer.resources
        return matches

    def read(self, resource_type: str, id: str) -> JSON:
        """One resource."""
        answer = self.ask("GET", f"/{resource_type}/{quote(id, safe='')}")
        if answer.document.get("resourceType") != resource_type:  # `_history`, which is no id
            raise Failed(replace(answer, status=404))
        return answer.document

    def create(self, resource: JSON) -> str:
        """Its id at the destination."""
        answer = self.ask("POST", f"/{resource['resourceType']}", resource)
        place = answer.header("location").split("/_history/")[0]
        return place.rpartition("/")[2] or str(answer.document.get("id", ""))

    def update(self, resource: JSON) -> None:
        """Over the one with its id, if nobody else changed it since."""
        version = str((resource.get("meta") or {}).get("versionId", ""))
        headers = {"if-match": f'W/"{version}"'} if version else {}
        self.ask("PUT", f"/{resource['resourceType']}/{resource['id']}", resource, **headers)

    def ask(self, method: str, target: str, resource: JSON | None = None, **headers: str) -> Answer:
        """Any request."""
        body = b"" if resource is None else to_bytes(resource)
        told = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = self.behind.ask(self.exchange, method, target, body, told, patience=self.patience)
        if not answer.ok or (method == "GET" and not answer.document):
            raise Failed(answer)
        return answer


Writer = Callable[[Errand, JSON], JSON]
"""Does what a message wants at one destination; gives what the answer says beside `Meta`."""


def part(body: JSON, name: str) -> JSON:
    """A part of a message that is an object; empty where it is not."""
    found = body.get(name)
    return found if isinstance(found, dict) else {}


def objects(told: Any) -> list[JSON]:
    """The objects of a list; none where it is no list."""
    return [one for one in told if isinstance(one, dict)] if isinstance(told, list) else []


def wanted(body: JSON, name: str, field: str) -> Any:
    """A field that has to be there; raises Invalid."""
    found = part(body, name).get(field)
    if found in (None, "", []):
        raise Invalid(f"{name}.{field} is required")
    return found
