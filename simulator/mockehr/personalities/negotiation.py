"""Which form a reply gets for `Accept` and `_format` (FHIR R4 http.html#mime-type, RFC 9110 section 12.5.1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from mockehr.fhir.elements import R4
from mockehr.fhir.media import Form, form_of, speaks, split_media

ANY_NAMES: Final = frozenset({"*/*", "application/*", "*"})
FORMS: Final[tuple[Form, ...]] = ("json", "xml")


@dataclass(frozen=True, slots=True)
class Wish:
    """One media type that a client would take: `quality` from above 0 to 1, 0 for what it refuses."""

    name: str
    quality: float

    @property
    def wild(self) -> bool:
        """Whether any form will do."""
        return self.name in ANY_NAMES


def wishes(accept: str, format_param: str, version: str = R4) -> list[Wish]:
    """What a client asked for, in its own order; `_format` beats the header. Other versions of FHIR are left out."""
    if format_param:
        # A plus in a query string has become a space by now.
        name, parameters = split_media(format_param.strip().replace(" ", "+"))
        return [Wish(name, 1.0)] if speaks(parameters, version) else []
    found = []
    for part in accept.split(","):
        name, parameters = split_media(part)
        if name and speaks(parameters, version):
            found.append(Wish(name, _quality(parameters.get("q", "1"))))
    return found


def _quality(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        return 1.0
    return min(1.0, max(0.0, value)) if value == value else 1.0


def negotiate(
    accept: str, format_param: str, default: Form, offered: Sequence[Form] = FORMS, version: str = R4
) -> str | None:
    """The media type to answer with, by the name that the client used (`json` and `xml` if it used no more).

    Empty if the client leaves the form to the server; None if it takes nothing that is offered. The form of highest
    quality wins, then one that was named over one that was not, then the one named first. A form that is named is not
    meant by `*/*`.
    """
    asked = wishes(accept, format_param, version)
    if not asked and not format_param and not accept.strip(" ,"):
        return ""
    wild = max((wish.quality for wish in asked if wish.wild), default=0.0)
    best: tuple[float, bool, int] | None = None
    name: str | None = None
    for form in offered:
        place, own = _named(asked, form)
        quality = wild if own is None else own.quality
        rank = (quality, own is not None, -place if own is not None else int(form == default))
        if quality > 0 and (best is None or rank > best):
            best = rank
            name = own.name if own is not None else "" if form == default else form
    return name


def _named(asked: Sequence[Wish], form: Form) -> tuple[int, Wish | None]:
    """The wish of highest quality that names a form, and its place."""
    own = [(place, wish) for place, wish in enumerate(asked) if form_of(wish.name) == form]
    return max(own, key=lambda pair: (pair[1].quality, -pair[0]), default=(0, None))


def asked_for(accept: str, format_param: str) -> str:
    """What was asked for first, in words for a refusal."""
    return format_param or accept.partition(",")[0].strip()
