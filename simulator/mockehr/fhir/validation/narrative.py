"""The XHTML of narratives (FHIR R4 narrative.html, txt-1 and txt-2): well-formed, harmless, not empty.

Looked at: one `div` of the XHTML namespace around it, elements of the allowed list, no attributes that are scripts,
no document type, some content. Not looked at: which attributes an element may have otherwise, and where it may stand.
"""

from __future__ import annotations

import re
from html.entities import name2codepoint
from typing import Any, Final
from xml.parsers.expat import ExpatError, ParserCreate

XHTML: Final = "http://www.w3.org/1999/xhtml"
_NAMES: Final = (
    "a abbr acronym address area b bdo big blockquote br caption cite code col colgroup dd dfn div dl dt em h1 h2 h3 "
    "h4 h5 h6 hr i img kbd li map ol p pre q samp small span strong sub sup table tbody td tfoot th thead tr tt ul "
    "var"
)
ALLOWED: Final = frozenset(_NAMES.split())
"""HTML 4.0, chapters 7 to 11 (without 9.4) and 15, links, images and maps."""
_DECLARATION = re.compile(r"<!(?!--|\[CDATA\[)|<\?xml\s")
_SCRIPT = re.compile(r"[\s\x00-\x1f]*(javascript|vbscript|data:text/html)", re.IGNORECASE)


class _Unfit(Exception):
    """What is wrong, in words."""


class _Reader:
    """Follows the parser; raises _Unfit at what a narrative may not have."""

    def __init__(self) -> None:
        self.depth = 0
        self.content = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if self.depth == 0 and (name != "div" or attributes.get("xmlns") != XHTML):
            raise _Unfit(f"it begins with a div of the namespace {XHTML}")
        if name not in ALLOWED:
            raise _Unfit(f"the element {name[:40]} is not allowed")
        for key, value in attributes.items():
            if key.lower().startswith("on") or (key.lower() in ("href", "src") and _SCRIPT.match(value)):
                raise _Unfit(f"the attribute {key[:40]} of {name} holds a script")
        self.depth += 1
        self.content = self.content or name == "img"

    def end(self, _: str) -> None:
        self.depth -= 1

    def text(self, text: str) -> None:
        self.content = self.content or not text.isspace()

    def entity(self, name: str, _: bool) -> None:
        if name not in name2codepoint:
            raise _Unfit(f"the entity {name[:40]} is unknown")
        self.content = True


def fault_of(value: Any) -> str:
    """What is wrong with the text of a `div`, in words; empty if nothing is. Never raises."""
    if type(value) is not str or not value.strip():
        return "it is a text that is not blank"
    if _DECLARATION.search(value):
        return "declarations (DOCTYPE, ENTITY, <?xml ?>) are not allowed"
    reader, parser = _Reader(), ParserCreate("utf-8")
    parser.UseForeignDTD(True)  # HTML's names of characters are then told as skipped entities, not as faults
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    parser.SkippedEntityHandler = reader.entity
    parser.ExternalEntityRefHandler = lambda *_: 1
    try:
        parser.Parse(value.encode("utf-8", "surrogatepass"), True)
    except ExpatError as error:
        return f"it is not well-formed: {error}"
    except _Unfit as error:
        return str(error)
    return "" if reader.content else "it has no content"
