"""What Epic's Binaries hold: the text of a note as HTML and as RTF. Sources: notes.md, section DocumentReference."""

from __future__ import annotations

import base64
import html
import re
from typing import Final

from mockehr.core.exchange import JSON

NOTES: Final = frozenset({"text/plain", "text/html"})
"""Media types of texts that are served in both forms."""


def shown_as(media: str) -> str:
    """The media type under which a Binary of that type is served."""
    return "text/html" if media.partition(";")[0] in NOTES else media


def shape_binary(made: JSON, clean: JSON, flavour: str | None) -> JSON:
    """The text of a note as HTML, or as RTF under its RTF id; anything else as it is."""
    if not is_note(clean) or "data" not in clean:
        return made
    text = base64.b64decode(clean["data"]).decode("utf-8", "replace")
    marked = str(clean["contentType"]).startswith("text/html")
    if flavour == "rtf":
        body, made["contentType"] = as_rtf(plain(text) if marked else text), "text/rtf"
    else:
        body, made["contentType"] = text if marked else as_html(text), "text/html"
    made["data"] = base64.b64encode(body.encode()).decode()
    return made


def is_note(clean: JSON) -> bool:
    """Whether a Binary is text that is also served as RTF."""
    return str(clean.get("contentType", "")).partition(";")[0] in NOTES


_BREAK: Final = re.compile(r"<(?:br|/p|/h[1-6]|/li|/tr|/title)\b[^>]*>", re.IGNORECASE)
_TAG: Final = re.compile(r"<[^>]*>")


def plain(marked: str) -> str:
    """The words of some HTML."""
    return html.unescape(_TAG.sub("", _BREAK.sub("\n", marked))).strip()


def as_html(text: str) -> str:
    """Plain text as HTML."""
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return f"<div>{escaped.replace(chr(10), '<br/>')}</div>"


def as_rtf(text: str) -> str:
    """Plain text as RTF."""
    made = []
    for letter in text:
        if letter in "\\{}":
            made.append("\\" + letter)
        elif letter == "\n":
            made.append("\\par\n")
        elif ord(letter) < 128:
            made.append(letter)
        else:
            octets = letter.encode("utf-16-le")
            units = (octets[place] | octets[place + 1] << 8 for place in range(0, len(octets), 2))
            made.extend(f"\\u{unit - 65536 if unit > 32767 else unit}?" for unit in units)
    return "{\\rtf1\\ansi " + "".join(made) + "}"
