"""Ids of a responder: those of the site behind, with its number in front (`r1.`), so that each is found again."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from mockehr.core.exchange import JSON

_OURS: Final = re.compile(r"r([1-9][0-9]{0,3})\.(.+)", re.DOTALL)
_RELATIVE: Final = re.compile(r"([A-Z][A-Za-z]+)/([^/?#]+)(?:/_history/.*)?")


def named(id: str, place: int) -> str:
    """An id of the site in that place (from 0), as the responder has it."""
    return f"r{place + 1}.{id}"


def own(id: str) -> tuple[int | None, str]:
    """The place of a site and its own id; no place for an id that was never given out."""
    found = _OURS.fullmatch(id)
    return (None, "") if found is None else (int(found[1]) - 1, found[2])


def told(resource: JSON, place: int, bases: Sequence[str], base_url: str) -> JSON:
    """A resource of a site behind with the responder's ids and addresses."""
    made: JSON = _told(resource, place, bases, base_url)
    if "id" in made:
        made["id"] = named(str(made["id"]), place)
    return made


def _told(value: Any, place: int, bases: Sequence[str], base_url: str) -> Any:
    if isinstance(value, list):
        return [_told(one, place, bases, base_url) for one in value]
    if not isinstance(value, dict):
        return value
    made = {key: _told(one, place, bases, base_url) for key, one in value.items()}
    for key in ("reference", "url"):
        if isinstance(made.get(key), str):
            made[key] = _address(made[key], place, bases, base_url, absolute=key == "url")
    return made


def _address(text: str, place: int, bases: Sequence[str], base_url: str, *, absolute: bool) -> str:
    for base in bases:
        if text.startswith(f"{base}/"):
            text, absolute = text[len(base) + 1 :], True
            break
    found = _RELATIVE.fullmatch(text)
    if found is None:
        return text
    local = f"{found[1]}/{named(found[2], place)}"
    return f"{base_url}/{local}" if absolute else local
