"""Names of FHIR's two forms as media types, with their parameters (FHIR R4 http.html#mime-type)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

JSON_NAMES: Final = frozenset(
    {"json", "application/json", "application/fhir+json", "application/json+fhir", "text/json"}
)
XML_NAMES: Final = frozenset({"xml", "application/xml", "application/fhir+xml", "application/xml+fhir", "text/xml"})
VERSIONS: Final = frozenset({"4.0", "4.0.1"})
"""What `fhirVersion` may say to an R4 server (FHIR R4 versioning.html#mt-version)."""
CHARSETS: Final = frozenset({"utf-8", "utf8", "us-ascii"})
"""FHIR is written in UTF-8, of which ASCII is a part."""

Form = Literal["json", "xml"]


def form_of(name: str) -> Form | None:
    """`json`, `xml`, or None for a media type that is neither; `name` is in lower case, without parameters."""
    if name in JSON_NAMES:
        return "json"
    return "xml" if name in XML_NAMES else None


def split_media(text: str) -> tuple[str, Mapping[str, str]]:
    """(name, parameters) of a media type, names in lower case: `application/fhir+json`, {`fhirversion`: `4.0`}."""
    name, *rest = text.split(";")
    pairs = (part.partition("=") for part in rest)
    return name.strip().lower(), {key.strip().lower(): value.strip().strip('"') for key, _, value in pairs}


def speaks_r4(parameters: Mapping[str, str]) -> bool:
    """Whether a media type with those parameters is of this version of FHIR, or says nothing of a version."""
    return parameters.get("fhirversion", "4.0") in VERSIONS
