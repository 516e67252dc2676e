"""Documents in Latin-1 that say they are UTF-8."""

from __future__ import annotations

import binascii
from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mockehr.core.chance import Stream
from mockehr.core.exchange import JSON
from mockehr.population.corruption.base import corruption
from mockehr.population.corruption.reworking import reworked


@corruption("documents-in-latin-1", ledger=("E1",))
@dataclass(frozen=True, slots=True)
class DocumentsInLatin1:
    """The octets of some notes are Latin-1, while the note, or its media type, says UTF-8.

    What the client sees: a Binary of `text/html`, `text/plain` or XML whose octets have B0 for the degree sign and F3
    for ó, below `<meta charset="utf-8">` or `encoding="utf-8"`; `size` in the DocumentReference counts the UTF-8
    octets that it should have. Coping: keep the octets as they came and decode them only to show them, with Latin-1
    where UTF-8 does not fit; a strict decoder loses the note, one that replaces and stores the text destroys letters
    for good.

    Seen: No Binary of this kind is on record. The messages that bring notes are, with Latin-1 or Windows-1252 under
    an MSH-18 that is empty or says UTF-8 (panates/hl7v2#28; hl7v2.md A7, B3 E11).

    `share` of the text documents of `rate` of the patients.
    """

    rate: float = 0.2
    share: float = 0.5

    def applies(self, person: Any) -> bool:
        """Whether there are notes shows only in the chart."""
        return True

    def dirty(self, chart: Sequence[JSON], dice: Stream) -> list[JSON]:
        """The chart with those documents in Latin-1."""
        return reworked(chart, ("Binary", "DocumentReference"), _in_latin_1, dice, self.share)


def _in_latin_1(resource: JSON, dice: Stream) -> JSON | None:
    if resource["resourceType"] == "Binary":
        return _recoded(resource)
    found = resource.get("content")
    contents: list[Any] = found if isinstance(found, list) else []
    for place, content in enumerate(contents):
        made = _recoded(content.get("attachment")) if isinstance(content, dict) else None
        if made is not None:
            return resource | {"content": [*contents[:place], content | {"attachment": made}, *contents[place + 1 :]]}
    return None


def _recoded(attachment: Any) -> JSON | None:
    """The same with its data in Latin-1; None where that makes no difference, or cannot be done."""
    kind = str(attachment.get("contentType", "")) if isinstance(attachment, dict) else ""
    if not kind.startswith(("text/", "application/xml", "application/hl7-v3+xml")):
        return None
    try:
        octets = b64decode(attachment.get("data", ""))
        recoded = octets.decode("utf-8").encode("latin-1", "xmlcharrefreplace")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return None if recoded == octets else attachment | {"data": b64encode(recoded).decode("ascii")}
