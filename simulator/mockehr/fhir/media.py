"""Names of FHIR's two forms as media types, with their parameters (FHIR R4 http.html#mime-type)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from mockehr.fhir.elements import R4

JSON_NAMES: Final = frozenset(
    {"json", "application/json", "application/fhir+json", "application/json+fhir", "text/json"}
)
XML_NAMES: Final = frozenset({"xml", "application/xml", "application/fhir+xml", "application/xml+fhir", "text/xml"})
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


def speaks(parameters: Mapping[str, str], version: str = R4) -> bool:
    """Whether a media type with those parameters is of that version of FHIR, or says nothing of a version.

    `fhirVersion` may have the version whole or without its last part (FHIR R4 versioning.html#mt-version).
    """
    told = parameters.get("fhirversion")
    return told is None or told in (version, version.rpartition(".")[0])
