"""What OBX segments say of a document: lines of text, files in base64, and where a file lies, as attachments."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Sequence
from types import MappingProxyType
from typing import Final

from mockehr.core.exchange import JSON
from mockehr.hl7.faults import Fault, Rejection
from mockehr.hl7.segment import Repetition, Segment, part

_TEXTS: Final = frozenset({"", "ST", "TX", "FT"})
_SIGNATURES: Final = (
    ("JVBERi", "application/pdf"),
    ("e1xydGY", "text/rtf"),
    ("iVBORw0", "image/png"),
    ("/9j/", "image/jpeg"),
    ("R0lGOD", "image/gif"),
    ("SUkq", "image/tiff"),
    ("TU0A", "image/tiff"),
)
"""How well-known files begin in base64."""
_MAJOR: Final = MappingProxyType(
    {"AP": "application", "TEXT": "text", "TX": "text", "FT": "text", "IM": "image", "AU": "audio", "NS": "image"}
)
_MEDIA: Final = MappingProxyType(
    {
        "PDF": "application/pdf",
        "RTF": "text/rtf",
        "HTML": "text/html",
        "XML": "text/xml",
        "JPEG": "image/jpeg",
        "JPG": "image/jpeg",
        "PNG": "image/png",
        "TIFF": "image/tiff",
        "GIF": "image/gif",
        "X-HL7-CDA-LEVEL-ONE": "text/xml",
    }
)
"""ED.3 (table 0291 and what sites write), or what stands in its place, to a media type."""


def attachments(observations: Sequence[Segment]) -> list[JSON]:
    """The attachments of one document, in order. All lines of text make one; a file in pieces is put together.

    Raises Rejection: 102 for what is no base64, 103 for an encoding that nobody knows.
    """
    found: list[JSON] = []
    lines: list[str] = []
    place = 0
    for sequence, obx in enumerate(observations, 1):
        kind = obx.text(2, 1, 1)
        if kind in _TEXTS:
            if not lines:
                place = len(found)
            lines += _lines(obx)
        elif obx.has(5):
            read = _pointer if kind == "RP" else _file
            for item in obx.repetitions(5):
                _append(found, read(item, obx, sequence))
    if any(lines):
        found.insert(place, _text("\n".join(lines)))
    for one in found:
        _measure(one)
    return found


def _lines(obx: Segment) -> list[str]:
    raw = obx.field(5) or b""
    if raw.startswith(b"{\\rtf"):
        # RTF is full of backslashes; whoever sends it without escaping them does not mean escape sequences.
        return [raw.decode("latin-1") if b"\\E\\" not in raw else obx.text(5)]
    return [line for text in obx.texts(5) for line in text.split("\n")] or [""]


def _text(text: str) -> JSON:
    start = text.lstrip()[:14].lower()
    kind = "text/plain"
    if start.startswith("{\\rtf"):
        kind = "text/rtf"
    elif start.startswith(("<!doctype html", "<html")):
        kind = "text/html"
    return {"contentType": kind, "data": b64encode(text.encode()).decode()}


def _file(item: Repetition, obx: Segment, sequence: int) -> JSON:
    """An ED, also one of which only the data are there, or the type stands in the first component."""
    pieces = [part(item, number) for number in range(1, 6)]
    data = pieces[4] or next((piece for piece in reversed(pieces) if piece), "")
    encoding = pieces[3].lower()
    if encoding in ("a", "ascii") and pieces[4]:
        data = b64encode(data.encode()).decode()
    elif encoding == "hex" and pieces[4]:
        data = b64encode(_bytes_of_hex(data, sequence)).decode()
    elif encoding not in ("", "base64") and pieces[4]:
        text = f"OBX-5.4 is {pieces[3]!r}, not one of Base64, Hex, A"
        raise Rejection("AE", Fault(103, "OBX", sequence, 5, 4, text))
    found: JSON = {"data": "".join(data.split()), "contentType": _media_type(pieces[:3], data)}
    title = obx.text(3, 1, 2)
    return {**found, "title": title} if title else found


def _pointer(item: Repetition, obx: Segment, sequence: int) -> JSON:
    """An RP: the file lies elsewhere."""
    pieces = ["", part(item, 3), part(item, 4)]
    return {"url": part(item, 1), "contentType": _media_type(pieces, "")}


def _append(found: list[JSON], attachment: JSON) -> None:
    """Add it, or join it to the one before if that is a file that began there and goes on here."""
    before = found[-1] if found else {}
    data = attachment.get("data", "")
    if data and _signature(before.get("data", "")) and not _signature(data) and not _whole(before["data"]):
        before["data"] += data
    else:
        found.append(attachment)


def _whole(data: str) -> bool:
    """Whether base64 ends as a file of its own does: padded, or in full groups with an end of file that shows."""
    return len(data) % 4 == 0 and (data.endswith("=") or b"%%EOF" in b64decode(data[-24:] + "====")[-18:])


def _signature(data: str) -> str:
    return next((kind for start, kind in _SIGNATURES if data.startswith(start)), "")


def _media_type(pieces: Sequence[str], data: str) -> str:
    known = next((_MEDIA[piece.upper()] for piece in reversed(pieces) if piece.upper() in _MEDIA), "")
    if known or _signature(data):
        return known or _signature(data)
    kind, subtype = pieces[1], pieces[2]
    major = _MAJOR.get(kind.upper(), kind.lower() or "application")
    return f"{major}/{subtype.lower() or ('plain' if major == 'text' else 'octet-stream')}"


def _bytes_of_hex(text: str, sequence: int) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise Rejection("AE", Fault(102, "OBX", sequence, 5, 5, "OBX-5.5 is not hexadecimal")) from None


def _measure(attachment: JSON) -> None:
    if "data" not in attachment:
        return
    data = attachment["data"]
    data += "=" * (-len(data) % 4)
    try:
        size = len(b64decode(data, validate=True))
    except ValueError:
        raise Rejection("AE", Fault(102, "OBX", 1, 5, 5, "OBX-5.5 is not base64")) from None
    attachment |= {"data": data, "size": size}
