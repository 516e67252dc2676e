"""Small XML of proprietary APIs: read without declarations of types or entities, bounded; and written.

Namespaces are not looked at: names are what stands after the colon. Whoever writes says names as they shall stand.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

DEEPEST: Final = 40
MOST: Final = 20_000
"""Elements of one document."""


class NoMarkup(Exception):
    """A text that is no XML of this kind; the message says where and why."""


@dataclass(slots=True)
class Element:
    """An element: its attributes, its text with blanks around it cut off, and what is in it."""

    name: str
    attributes: dict[str, str] = field(default_factory=dict)
    text: str = ""
    children: list[Element] = field(default_factory=list)

    def find(self, name: str) -> Element | None:
        """The first child of that name, whatever its case."""
        return next((one for one in self.children if one.name.lower() == name.lower()), None)

    def every(self, name: str) -> Iterator[Element]:
        """All elements of that name in it, at any depth."""
        for child in self.children:
            if child.name.lower() == name.lower():
                yield child
            yield from child.every(name)

    def get(self, name: str, default: str = "") -> str:
        """An attribute, whatever its case."""
        lowered = name.lower()
        return next((value for key, value in self.attributes.items() if key.lower() == lowered), default)

    def said(self, name: str) -> str:
        """The text of the child of that name; empty if there is none."""
        found = self.find(name)
        return found.text if found is not None else ""


def read_markup(body: bytes | str) -> Element:
    """The document's element. UTF-8 unless its declaration says otherwise; raises NoMarkup."""
    parser = expat.ParserCreate("utf-8" if isinstance(body, str) else None)
    parser.buffer_text = True
    open_elements: list[Element] = [Element("")]
    count = 0

    def begin(name: str, attributes: Mapping[str, str]) -> None:
        nonlocal count
        count += 1
        if len(open_elements) > DEEPEST or count > MOST:
            raise NoMarkup(f"line {parser.CurrentLineNumber}: too many elements")
        told = {_plain(key): value for key, value in attributes.items()}
        made = Element(_plain(name), told)
        open_elements[-1].children.append(made)
        open_elements.append(made)

    def end(name: str) -> None:
        done = open_elements.pop()
        done.text = done.text.strip()

    def text(letters: str) -> None:
        open_elements[-1].text += letters

    def refuse(*of: object) -> None:
        raise NoMarkup(f"line {parser.CurrentLineNumber}: declarations of types are not allowed")

    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = begin, end, text
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(body, True)
    except (expat.ExpatError, ValueError, LookupError) as error:  # LookupError: an encoding that nobody knows
        raise NoMarkup(str(error)) from None
    finally:
        parser.StartElementHandler = parser.EndElementHandler = parser.CharacterDataHandler = None
        parser.StartDoctypeDeclHandler = None
    return open_elements[0].children[0]


def _plain(name: str) -> str:
    return name.rpartition(":")[2]


def write_markup(element: Element) -> str:
    """The element and all that is in it, on one line; what no XML can say (control characters) is left out."""
    return "".join(_pieces(element))


def _pieces(element: Element) -> Iterable[str]:
    head = "".join(f" {name}={quoteattr(_sayable(value))}" for name, value in element.attributes.items())
    if not element.text and not element.children:
        yield f"<{element.name}{head}/>"
        return
    yield f"<{element.name}{head}>{escape(_sayable(element.text))}"
    for child in element.children:
        yield from _pieces(child)
    yield f"</{element.name}>"


def _sayable(text: str) -> str:
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        c for c in text if (c >= " " and not "\ud800" <= c <= "\udfff" and c not in "\ufffe\uffff") or c in "\t\n\r"
    )
