"""Characters: what XML 1.0 can hold, how the rest is written, and names that XML allows."""

from __future__ import annotations

import re
from functools import lru_cache
from types import MappingProxyType
from typing import Final

FHIR: Final = "http://hl7.org/fhir"
XHTML: Final = "http://www.w3.org/1999/xhtml"
REPLACEMENT: Final = "\ufffd"
"""What stands for a character that XML 1.0 has not (XML 1.0 section 2.2): NUL, controls, halves of pairs."""

_UNHELD: Final = "\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udc7f\udd00-\udfff"
_ODD: Final = re.compile(f'[<>&"\t\n\r{_UNHELD}]')
_FAULTY: Final = re.compile(f"[{_UNHELD}]")
_ESCAPES: Final = MappingProxyType(
    {"<": "&lt;", ">": "&gt;", "&": "&amp;", '"': "&quot;", "\t": "&#9;", "\n": "&#10;", "\r": "&#13;"}
)
_search: Final = _ODD.search
_NAME: Final = re.compile(r"[^\W\d][\w.\-]*")


def escaped(text: str) -> str:
    """Text as it stands between double quotes, line ends and tabs kept (XML 1.0 section 3.3.3).

    What XML cannot hold becomes U+FFFD, as with most EHRs that write XML through a library. Octets that are no UTF-8
    (U+DC80 to U+DCFF, `surrogateescape`) stay: they shall be seen on the wire.
    """
    return _ODD.sub(_escape, text) if _search(text) else text


def holdable(text: str) -> str:
    """Text with nothing escaped, and U+FFFD for what XML cannot hold."""
    return _FAULTY.sub(REPLACEMENT, text)


def _escape(found: re.Match[str]) -> str:
    return _ESCAPES.get(found.group(), REPLACEMENT)


@lru_cache(maxsize=1024)
def element_name(text: str) -> str:
    """The text if XML allows it as the name of an element, else the nearest name that it allows."""
    if _NAME.fullmatch(text) and text.isascii():
        return text
    made = re.sub(r"[^A-Za-z0-9_.\-]", "_", text)
    return made if _NAME.fullmatch(made) else f"_{made}"
