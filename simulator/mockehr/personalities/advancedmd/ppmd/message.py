"""A ppmdmsg in either of its forms: XML, and JSON with `@` before attributes. Sources: notes.md.

Both are one Element here. In JSON a list of one becomes that one, an empty list nothing at all, and an element that
has a text alone becomes this text.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

import orjson

from mockehr.core.exchange import Reply
from mockehr.personalities.envelope import to_bytes
from mockehr.personalities.markup import DEEPEST, MOST, Element, NoMarkup, read_markup, write_markup

Form = Literal["json", "xml"]
_DECLARATION: Final = '<?xml version="1.0" encoding="utf-8"?>'


def read_message(body: bytes) -> tuple[Element, Form]:
    """The message, and the form that it has; raises NoMarkup."""
    if not body.lstrip().startswith(b"{"):
        return read_markup(body), "xml"
    try:
        told = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise NoMarkup(str(error)) from None
    message = _Reader().element("", told)
    return (message.children[0] if len(message.children) == 1 else message), "json"


def form_of(body: bytes) -> Form:
    """The form that a body is meant to have."""
    return "json" if body.lstrip().startswith(b"{") else "xml"


def reply_of(message: Element, form: Form) -> Reply:
    """200 with the message."""
    if form == "json":
        octets = to_bytes({message.name: told(message)})
        return Reply(200, [], octets, None, "application/json; charset=utf-8")
    return Reply(200, [], (_DECLARATION + write_markup(message)).encode(), None, "text/xml; charset=utf-8")


def told(element: Element) -> Any:
    """The element's JSON: an object, the text alone, or None where there is nothing."""
    if not element.attributes and not element.children:
        return element.text or ({} if element.name == "Results" else None)
    made: dict[str, Any] = {f"@{name}": value for name, value in element.attributes.items()}
    if element.text:
        made["#text"] = element.text
    groups: dict[str, list[Any]] = {}
    for child in element.children:
        groups.setdefault(child.name, []).append(told(child))
    return made | {name: found[0] if len(found) == 1 else found for name, found in groups.items()}


class _Reader:
    """Makes elements of JSON, and counts them."""

    def __init__(self) -> None:
        self._count = 0

    def element(self, name: str, value: Any, depth: int = 0) -> Element:
        """The element of that name; raises NoMarkup if it is too deep or too large."""
        self._count += 1
        if depth > DEEPEST or self._count > MOST:
            raise NoMarkup("too many elements")
        if not isinstance(value, Mapping):
            return Element(name, text=_plain(value).strip())
        made = Element(name)
        for key, one in value.items():
            if key.startswith("@"):
                made.attributes[key[1:]] = _plain(one)
            elif key == "#text":
                made.text = _plain(one).strip()
            else:
                several = one if isinstance(one, list) else [one]
                made.children += [self.element(key, each, depth + 1) for each in several]
        return made


def _plain(value: Any) -> str:
    if value is None or isinstance(value, (dict, list)):
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)
