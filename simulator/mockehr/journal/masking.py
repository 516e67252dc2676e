"""Secrets in the bodies of proprietary APIs, which carry them in forms, JSON and XML wherever their vendors like."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import parse_qsl, urlencode

MASK: Final = "<redacted>"
_NAMES: Final = (
    "psw|pwd|pass(?:word|wd)|(?:client_?)?secret|(?:access|refresh|security|id)?_?token|(?:client_)?assertion"
    "|refresh|usercontext"
)
"""Members, attributes, elements and parameters, whatever their case, that are passwords, secrets or sessions."""
_ASKING: Final = re.compile("GetUserAuthentication", re.IGNORECASE)
"""Unity's action whose first parameter is a password."""


def _patterns(names: str) -> tuple[re.Pattern[str], ...]:
    """(what stands before, the secret), each in one form of a body. A body may be cut off within a secret."""
    member = rf'("@?(?:{names})"\s*:\s*)'
    return tuple(
        re.compile(pattern, re.IGNORECASE | re.DOTALL)
        for pattern in (
            rf'{member}("(?:[^"\\]|\\.)*(?:"|\\?$)|[{{\[][^}}\]]*[}}\]]?|[^\s"{{\[,}}]+)',
            rf"(<(?:[\w.-]+:)?(?:{names})(?:\s[^<>]*)?(?<!/)>)(.*?)(?=</(?:[\w.-]+:)?(?:{names})|$)",
            rf"(\s(?:[\w.-]+:)?(?:{names})\s*=\s*)(\"[^\"]*(?:\"|$)|'[^']*(?:'|$))",
        )
    )


_USUAL: Final = _patterns(_NAMES)
_WITH_PARAMETER: Final = _patterns(f"{_NAMES}|parameter1")
_FIELD: Final = re.compile(_NAMES, re.IGNORECASE)


def masked_text(text: str) -> str:
    """A body, or the beginning of one, without secrets; what is in another encoding than UTF-8 is not shown."""
    if "\0" in text or text.startswith("\ufffd"):
        return MASK
    if text.lstrip()[:1] in ("{", "[", "<"):
        for pattern in _WITH_PARAMETER if _ASKING.search(text) else _USUAL:
            text = pattern.sub(_mask, text)
        return text
    return masked_form(text)


def masked_form(text: str) -> str:
    """A form or query without secrets; to the letter as it is where it has none."""
    pairs = parse_qsl(text, keep_blank_values=True)
    if not any(value and _FIELD.fullmatch(name) for name, value in pairs):
        return text
    return urlencode(
        [(name, MASK if value and _FIELD.fullmatch(name) else value) for name, value in pairs], safe="<>"
    )


def _mask(found: re.Match[str]) -> str:
    quote = found[2][:1] if found[2][:1] in ("'", '"') else ""
    return f"{found[1]}{quote}{MASK}{quote}" if found[2] else found[0]
