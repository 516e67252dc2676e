"""The xhtml `div` of a narrative: inlined where it is XML, and found again in the octets that came (FHIR R4
narrative.html, xml.html)."""

from __future__ import annotations

import re
from html.entities import html5
from typing import Final
from xml.parsers import expat

from mockehr.fhir.xml.text import XHTML, escaped, holdable

_OWN: Final = frozenset({"amp", "lt", "gt", "quot", "apos"})
_ENTITY: Final = re.compile(r"&([A-Za-z][A-Za-z0-9]*);")
_OCTETS: Final = re.compile("[\udc80-\udcff]")
_XML: Final = "http://www.w3.org/XML/1998/namespace "


def inlined(text: str) -> str:
    """A narrative's `div` as it stands in XML.

    What is well-formed is taken as it stands, HTML's named characters (`&nbsp;`) written out since XML does not know
    them. What is not would spoil the whole document: it is written as the text of a `div`, its markup escaped.
    """
    text = holdable(text.strip())
    if "&" in text:
        text = _ENTITY.sub(_written_out, text)
    if text.startswith("<div") and _is_element(text):
        return text
    return f'<div xmlns="{XHTML}">{escaped(text)}</div>'


def _written_out(found: re.Match[str]) -> str:
    name = found.group(1)
    letters = None if name in _OWN else html5.get(f"{name};")
    return found.group() if letters is None else "".join(f"&#{ord(letter)};" for letter in letters)


def _is_element(text: str) -> bool:
    """Whether the text is one XML element and nothing after it but blanks and comments."""
    parser = expat.ParserCreate("utf-8", " ")
    try:
        parser.Parse(_OCTETS.sub("?", text).encode(), True)
    except expat.ExpatError:
        return False
    return True


class Canonical:
    """A `div` written anew in the usual namespaces, from what the parser tells of it."""

    __slots__ = ("_parts",)

    def __init__(self) -> None:
        self._parts: list[str] = []

    def start(self, name: str, attributes: list[str]) -> None:
        """An element with its attributes (name, value, name, value …), names with their namespace before a blank."""
        local = name.removeprefix(f"{XHTML} ")
        told = f' xmlns="{XHTML}"' if not self._parts else ""
        for place in range(0, len(attributes), 2):
            label = attributes[place]
            label = f"xml:{label.removeprefix(_XML)}" if label.startswith(_XML) else label.rpartition(" ")[2]
            told += f' {label}="{escaped(attributes[place + 1])}"'
        self._parts.append(f"<{local}{told}>")

    def end(self, name: str) -> None:
        """The end of an element."""
        local = name.removeprefix(f"{XHTML} ")
        self._parts.append(f"</{local}>")

    def text(self, data: str) -> None:
        """Text."""
        self._parts.append(data.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;"))

    def written(self) -> str:
        """The whole of it."""
        return "".join(self._parts)
