"""Which content type a reply gets for an `Accept` header and `_format` (FHIR R4 http.html#mime-type)."""

from __future__ import annotations

from typing import Final

JSON_NAMES: Final = frozenset(
    {"json", "application/json", "application/fhir+json", "application/json+fhir", "text/json"}
)
XML_NAMES: Final = frozenset({"xml", "application/xml", "application/fhir+xml", "application/xml+fhir", "text/xml"})
ANY_NAMES: Final = frozenset({"", "*/*", "application/*", "*"})


def asked_types(accept: str, format_param: str) -> list[str]:
    """Media types that a client asked for, best first; `_format` beats the header, parameters are dropped."""
    if format_param:
        # A plus in a query string has become a space by now.
        return [format_param.strip().lower().replace(" ", "+").partition(";")[0]]
    ranked = []
    for place, part in enumerate(accept.split(",")):
        name, *parameters = (piece.strip().lower() for piece in part.split(";"))
        quality = next((p[2:] for p in parameters if p.startswith("q=")), "1")
        try:
            weight = float(quality)
        except ValueError:
            weight = 1.0
        if name and weight > 0:
            ranked.append((-weight, place, name))
    return [name for _, _, name in sorted(ranked)]
