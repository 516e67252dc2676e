"""Documents as NextGen hands them out: PDF, and C-CDA with a stylesheet. Sources: notes.md, section Documents."""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from html import escape, unescape
from textwrap import wrap
from typing import Final

from mockehr.core.exchange import JSON

FORMS: Final = {"text/plain": "pdf", "text/html": "xml"}
"""Media type of a clean document → the form in which it is handed out."""
MEDIA: Final = {"pdf": "application/pdf", "xml": "application/xml"}
_TAG: Final = re.compile(r"<[^>]*>")
_BLOCK: Final = re.compile(r"</(?:p|h\d|li|title|div)>|<br\s*/?>", re.IGNORECASE)
_STYLE: Final = re.compile(r"<(style|head)\b.*?</\1>", re.IGNORECASE | re.DOTALL)
_LINES: Final = 58
_WIDTH: Final = 92


def form_of(media: str) -> str:
    """`pdf` or `xml` for a clean document's media type; empty for one that stays as it is."""
    return FORMS.get(media.partition(";")[0].strip(), "")


def shape_binary(made: JSON, clean: JSON) -> JSON:
    """The document in NextGen's form; what is neither text nor HTML stays as it is."""
    form = form_of(str(clean.get("contentType", "")))
    if not form:
        return made
    text = plain_text(b64decode(str(clean.get("data", ""))).decode("utf-8", "replace"))
    octets = pdf_of(text) if form == "pdf" else cda_of(text)
    return {**made, "contentType": MEDIA[form], "data": b64encode(octets).decode()}


def plain_text(text: str) -> str:
    """The words of a text or an HTML page, a line for each block."""
    if "<" not in text:
        return text.strip()
    lines = _TAG.sub("", _BLOCK.sub("\n", _STYLE.sub("", text))).splitlines()
    return "\n".join(unescape(line).strip() for line in lines if line.strip())


def cda_of(text: str) -> bytes:
    """A clinical document with the text as its narrative, and an xml-stylesheet that is not to be fetched."""
    lines = [line for line in text.splitlines() if line.strip()]
    title = escape(lines[0] if lines else "Document")
    told = "".join(f"<paragraph>{escape(line)}</paragraph>" for line in lines[1:] or [""])
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        '<?xml-stylesheet type="text/xsl" href="CDA.xsl"?>\n'
        '<ClinicalDocument xmlns="urn:hl7-org:v3" classCode="DOCCLIN" moodCode="EVN">'
        '<realmCode code="US"/><typeId root="2.16.840.1.113883.1.3" extension="POCD_HD000040"/>'
        '<templateId root="2.16.840.1.113883.10.20.22.1.1" extension="2015-08-01"/>'
        f"<title>{title}</title>"
        '<confidentialityCode code="N" codeSystem="2.16.840.1.113883.5.25"/><languageCode code="en-US"/>'
        f"<component><structuredBody><component><section><title>{title}</title><text>{told}</text></section>"
        "</component></structuredBody></component></ClinicalDocument>"
    ).encode()


def pdf_of(text: str) -> bytes:
    """A PDF 1.4 with the text in Helvetica, as many pages as it takes (ISO 32000-1, 7.5)."""
    lines = [part for line in text.splitlines() for part in (wrap(line, _WIDTH) or [""])] or [""]
    pages = [lines[start : start + _LINES] for start in range(0, len(lines), _LINES)]
    kids = " ".join(f"{4 + 2 * number} 0 R" for number in range(len(pages)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>".encode(),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    for number, page in enumerate(pages):
        shown = b"".join(b"(" + _escaped(line) + b") '\n" for line in page)
        stream = b"BT /F1 9 Tf 12 TL 54 760 Td\n" + shown + b"ET"
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents {5 + 2 * number} 0 R"
            " /Resources << /Font << /F1 3 0 R >> >> >>".encode()
        )
        objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream))
    return _file(objects)


def _escaped(line: str) -> bytes:
    octets = line.encode("cp1252", "replace")
    return octets.replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)")


def _file(objects: list[bytes]) -> bytes:
    octets, places = b"%PDF-1.4\n", []
    for number, one in enumerate(objects, start=1):
        places.append(len(octets))
        octets += b"%d 0 obj\n%s\nendobj\n" % (number, one)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    size = len(objects) + 1
    start = len(octets)
    octets += b"xref\n0 %d\n0000000000 65535 f \n%s" % (size, table)
    return octets + b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (size, start)
