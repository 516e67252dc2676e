"""Documents of 20 megabytes."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from mockehr.core.chance import Stream
from mockehr.core.errors import ConfigError
from mockehr.core.exchange import JSON
from mockehr.population.corruption.base import Added, corruption
from mockehr.population.corruption.reworking import seconds_of

MOST: Final = 200.0
"""Megabytes at most."""
_WIDTH: Final = 3072
"""Of the page in pixels, a byte each; a multiple of 3, so that its rows fall on whole groups of base64."""
_KEPT: Final = (
    "meta",
    "status",
    "docStatus",
    "type",
    "category",
    "subject",
    "date",
    "author",
    "custodian",
    "context",
)


@corruption("large-documents", ledger=("E10",))
@dataclass(frozen=True, slots=True)
class LargeDocuments:
    """Some patients have a scanned document of 20 megabytes.

    What the client sees: one more DocumentReference with `contentType` `application/pdf`, whose Binary (or, at
    vendors that have no Binary, whose `data`) holds a PDF with one uncompressed page: 27 million characters of
    base64 in one answer. It is true. Coping: ask for the Binary in its own media type, write it to a file as it
    arrives, do not hold pages of documents in memory, give it time; bound what is accepted, and say so when it is
    not.

    Seen in HL7 v2: PDFs of 100 KiB to 20 MiB in OBX-5 (hl7v2.md B10, F01), of which one of 1.6 MB took an engine 15
    minutes (mirth#1665). Bounds differ: Redox takes 40 MB over its API and 10 MB elsewhere (vendors-others.md 9.1).

    `megabytes` for `rate` of the patients.
    """

    rate: float = 0.002
    megabytes: float = 20.0

    def __post_init__(self) -> None:
        if not 0 < self.megabytes <= MOST:
            what = f"large-documents: megabytes is {self.megabytes:g}; it must be above 0 and at most {MOST:g}."
            raise ConfigError(what, remedy="Write a size, as in megabytes: 20.")

    def applies(self, person: Any) -> bool:
        """Who has a document already shows only in the chart."""
        return True

    def grow(self, chart: Sequence[JSON], dice: Stream) -> Iterator[Added]:
        """One more document like the first one of the chart, and its Binary; nothing where there is none."""
        like = next((one for one in chart if one["resourceType"] == "DocumentReference"), None)
        if like is None:
            return
        at = seconds_of(str(like["date"]))
        rows = max(1, round(self.megabytes * 1_000_000 / _WIDTH))
        data, size = scanned_page(rows, dice.token(32))
        first = f"{chart[0]['id']}-{len(chart)}"
        url = f"Binary/{chart[0]['id']}-{len(chart) + 1}"
        attachment = {"contentType": "application/pdf", "url": url, "size": size, "title": "Scanned record"}
        attachment["creation"] = like["date"]
        content = like["content"][0] | {"attachment": attachment}
        number = [one | {"value": first} for one in like.get("identifier", ())]
        kept: JSON = {name: like[name] for name in _KEPT if name in like}
        yield {"resourceType": "DocumentReference", "identifier": number, **kept, "content": [content]}, at
        context = {"reference": f"DocumentReference/{first}"}
        yield (
            {"resourceType": "Binary", "contentType": "application/pdf", "securityContext": context, "data": data},
            at,
        )


def scanned_page(rows: int, grain: bytes) -> tuple[str, int]:
    """A PDF with one grey image of `rows` rows, in base64, and its size in bytes; the image repeats a pattern.

    Made of repeated text, so that it takes no more memory than itself.
    """
    pattern = (grain * (_WIDTH // len(grain) + 1))[:_WIDTH]
    picture = f"<</Type/XObject/Subtype/Image/Width {_WIDTH}/Height {rows}/ColorSpace/DeviceGray/BitsPerComponent 8"
    drawn = b"q 595 0 0 842 0 0 cm /S Do Q"
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</XObject<</S 5 0 R>>>>>>",
        b"<</Length %d>>\nstream\n%s\nendstream" % (len(drawn), drawn),
    ]
    head, places = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, start=1):
        places.append(len(head))
        head += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    places.append(len(head))
    head += f"5 0 obj\n{picture}/Length {rows * _WIDTH}".encode()
    behind = b">>\nstream\n"
    head += b" " * (-(len(head) + len(behind)) % 3) + behind  # so that the image begins on a whole group of base64
    length = len(head) + rows * _WIDTH
    tail = b"\nendstream\nendobj\nxref\n0 6\n0000000000 65535 f \n"
    start = length + len(b"\nendstream\nendobj\n")
    tail += b"".join(b"%010d 00000 n \n" % place for place in places)
    tail += b"trailer\n<</Size 6/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % start
    text = "".join((b64encode(head).decode(), b64encode(pattern).decode() * rows, b64encode(tail).decode()))
    return text, length + len(tail)
