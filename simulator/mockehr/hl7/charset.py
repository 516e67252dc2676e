"""Which characters a message's bytes are: MSH-18 by HL7 table 0211, aliases met in practice, and a fallback policy.

MLLP allows only octets above 1F (and CR) in a payload, so UTF-16 and UTF-32 cannot occur and are not in the table.
Segments and fields are split as bytes: right for every single-byte set, UTF-8 and EUC; in ISO IR87, GB 18030 and
Big5 a delimiter octet can be half a character, which HL7 itself leaves open.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

FALLBACK: Final = ("utf-8", "cp1252", "latin-1")
"""Tried in this order on the whole message when nothing is declared or the declaration does not hold."""

TABLE_0211: Final[dict[str, str]] = {
    "ASCII": "ascii",
    **{f"8859/{part}": f"iso8859-{part}" for part in (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 14, 15, 16)},
    "ISO IR6": "ascii",
    "ISO IR14": "shift_jis",
    "ISO IR87": "iso2022_jp",
    "ISO IR159": "iso2022_jp_1",
    "GB 18030-2000": "gb18030",
    "KS X 1001": "euc_kr",
    "BIG-5": "big5",
    "UNICODE": "utf-8",
    "UNICODE UTF-8": "utf-8",
}
_ALIASES: Final[dict[str, str]] = {
    "UTF-8": "utf-8",
    "UTF8": "utf-8",
    "US-ASCII": "ascii",
    "LATIN1": "iso8859-1",
    "LATIN-1": "iso8859-1",
    "BIG5": "big5",
    "GB18030": "gb18030",
    "SHIFT_JIS": "shift_jis",
}
_ISO: Final = re.compile(r"(?:ISO[-_ ]?)?8859[-_/ ](\d{1,2})")
_WINDOWS: Final = re.compile(r"(?:WINDOWS|CP|MS)[-_ ]?(125[0-8])")


@dataclass(frozen=True, slots=True)
class Charset:
    """`declared` is MSH-18 as written, `codec` the Python codec to use, `trusted` whether the two agree."""

    declared: str
    codec: str
    trusted: bool


def codec_of(name: str) -> str | None:
    """The Python codec for a name of table 0211 or a known alias; None if nobody knows it."""
    wanted = name.strip().upper()
    known = TABLE_0211.get(wanted) or _ALIASES.get(wanted)
    if known:
        return known
    iso = _ISO.fullmatch(wanted)
    if iso:
        return TABLE_0211.get(f"8859/{int(iso[1])}")
    windows = _WINDOWS.fullmatch(wanted)
    return f"cp{windows[1]}" if windows else None


def choose(raw: bytes, declared: str, fallback: tuple[str, ...] = FALLBACK) -> Charset:
    """The charset of a whole message.

    The declared one if the bytes agree with it; otherwise the first of `fallback` in which every byte means
    something. Octets 80-9F under `8859/1` are taken for Windows-1252, which is what they are in practice.
    """
    codec = codec_of(declared) if declared else None
    if raw.isascii() and codec not in ("iso2022_jp", "iso2022_jp_1"):
        return Charset(declared, codec or fallback[0], codec is not None or not declared)
    if codec == "iso8859-1" and any(0x80 <= octet <= 0x9F for octet in raw):
        codec = None if "cp1252" in fallback and _decodes(raw, "cp1252") else codec
        if codec is None:
            return Charset(declared, "cp1252", False)
    if codec and _decodes(raw, codec):
        return Charset(declared, codec, True)
    found = next((candidate for candidate in fallback if _decodes(raw, candidate)), "latin-1")
    return Charset(declared, found, False)


def _decodes(raw: bytes, codec: str) -> bool:
    try:
        raw.decode(codec)
    except UnicodeDecodeError:
        return False
    return True
