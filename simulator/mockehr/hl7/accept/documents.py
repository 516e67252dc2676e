"""Documents in OBX-5: ED and RP, and text that is really a file (RTF), as Attachments (HL7 v2 chapter 2A).

What production leaves out of an ED is guessed: the content type from the first characters of the data, the encoding
from the data being Base64. Base64 that is wrapped by line breaks or cut over several OBX is put together again.
"""

from __future__ import annotations

import binascii
from base64 import b64decode, b64encode
from dataclasses import dataclass, field
from typing import Final

from mockehr.core.exchange import JSON
from mockehr.hl7.faults import Fault, Rejection
from mockehr.hl7.segment import Segment, part

_SIGNS: Final = (
    ("JVBER", "application/pdf"),
    ("e1xydGY", "application/rtf"),
    ("iVBOR", "image/png"),
    ("/9j/", "image/jpeg"),
    ("R0lGOD", "image/gif"),
    ("SUkqA", "image/tiff"),
    ("UEsDB", "application/zip"),
    ("PD94bWw", "application/xml"),
)
"""How the Base64 of a file begins."""
_MAJOR: Final = {"AP": "application", "TX": "text", "FT": "text", "IM": "image", "AU": "audio"}
"""Table 0191 (type of referenced data) where it is not the MIME type itself."""
_NAMED: Final = {
    "PDF": "application/pdf", "RTF": "application/rtf", "XML": "application/xml", "HTML": "text/html",
    "TXT": "text/plain", "PLAIN": "text/plain", "TEXT": "text/plain", "JPG": "image/jpeg", "JPEG": "image/jpeg",
    "PNG": "image/png", "GIF": "image/gif", "TIF": "image/tiff", "TIFF": "image/tiff",
}  # fmt: skip
RTF: Final = b"{\\rtf"


@dataclass(slots=True)
class Document:
    """One ED, or the first of several that make one file. `pieces` are the data as sent, without white space."""

    code: bytes
    content_type: str
    title: str
    pieces: list[str]
    sequence: int
    known: bool = field(default=False)
    """Whether the first piece begins like a file of a known type."""

    def goes_on(self, other: Document) -> bool:
        """Whether `other` is a further piece of this file: the same code, but not the beginning of a file."""
        return self.known and not other.known and other.code == self.code

    def attachment(self) -> JSON:
        """The whole as Attachment; raises Rejection (102) if the data are no Base64."""
        try:
            if any(piece.endswith("=") for piece in self.pieces[:-1]):
                data = b64encode(b"".join(map(_decoded, self.pieces))).decode()
            else:
                data = _padded("".join(self.pieces))
                _decoded(data)
        except (binascii.Error, ValueError) as error:
            fault = Fault(102, "OBX", self.sequence, 5, 5, f"OBX-5.5 is no Base64: {error}")
            raise Rejection("AE", fault) from None
        found = {"contentType": self.content_type, "data": data}
        return {**found, "title": self.title} if self.title else found


def document(obx: Segment, sequence: int) -> Document:
    """An ED. Raises Rejection: 101 without data, 103 for an encoding that table 0299 does not have."""
    item = obx.repetitions(5)[0] if obx.has(5) else []
    source, kind, subtype, encoding, data = (part(item, place) for place in range(1, 6))
    if not data:
        raise Rejection("AE", Fault(101, "OBX", sequence, 5, 5, "OBX-5 (ED) has no data"))
    compact = "".join(data.split()) if encoding.upper() not in ("A", "TEXT") else b64encode(data.encode()).decode()
    if encoding.upper() == "HEX":
        compact = _from_hex(compact, sequence)
    elif encoding.upper() not in ("BASE64", "", "A", "TEXT"):
        text = f"OBX-5.4 is {encoding!r}; A, Hex and Base64 are taken (table 0299)"
        raise Rejection("AE", Fault(103, "OBX", sequence, 5, 4, text))
    seen = next((name for sign, name in _SIGNS if compact.startswith(sign)), "")
    told = _content_type(source, kind, subtype) or seen or "application/octet-stream"
    title = obx.text(3, 1, 2) if obx.has(3) else ""
    return Document(obx.field(3) or b"", told, title, [compact], sequence, bool(seen))


def pointer(obx: Segment, sequence: int) -> JSON:
    """An RP (pointer^application^type^subtype) as Attachment with a url; raises Rejection (101) without a pointer."""
    item = obx.repetitions(5)[0] if obx.has(5) else []
    url, _, kind, subtype = (part(item, place) for place in range(1, 5))
    if not url:
        raise Rejection("AE", Fault(101, "OBX", sequence, 5, 1, "OBX-5 (RP) has no pointer"))
    found = {"url": "".join(url.split())}
    told = _content_type("", kind, subtype)
    if told:
        found["contentType"] = told
    title = obx.text(3, 1, 2) if obx.has(3) else ""
    return {**found, "title": title} if title else found


def rich_text(obx: Segment) -> str:
    """The RTF in a text OBX, empty if it is none. Its backslashes are mostly sent as they are, so that reading escape
    sequences would eat its commands: only what was escaped properly is unescaped."""
    raw = obx.field(5) or b""
    if raw.startswith(RTF):
        return raw.decode("utf-8", "surrogateescape")  # its own codes say what its octets mean
    text = obx.text(5) if b"rtf" in raw[:12] else ""
    return text if text.startswith(RTF.decode()) else ""


def form_of(text: str, content_type: str, title: str) -> JSON:
    """A text as Attachment."""
    found = {"contentType": content_type, "data": b64encode(text.encode("utf-8", "surrogateescape")).decode()}
    return {**found, "title": title} if title else found


def _content_type(source: str, kind: str, subtype: str) -> str:
    """From ED.1 to ED.3: `application`, `pdf`; `AP`, `PDF`; a subtype in the place of the type; only `PDF`."""
    if kind and subtype:
        return f"{_MAJOR.get(kind.upper(), kind.lower())}/{subtype.lower()}"
    if "/" in kind:
        return kind.lower()
    return next((_NAMED[name.upper()] for name in (subtype, kind, source) if name.upper() in _NAMED), "")


def _from_hex(text: str, sequence: int) -> str:
    try:
        return b64encode(bytes.fromhex(text)).decode()
    except ValueError as error:
        raise Rejection("AE", Fault(102, "OBX", sequence, 5, 5, f"OBX-5.5 is no Hex: {error}")) from None


def _padded(data: str) -> str:
    return data.rstrip("=") + "=" * (-len(data.rstrip("=")) % 4)


def _decoded(data: str) -> bytes:
    return b64decode(_padded(data), validate=True)
