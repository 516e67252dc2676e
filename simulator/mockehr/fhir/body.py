"""The body of a request as a resource, in JSON or XML."""

from __future__ import annotations

from typing import Final

from mockehr.core.exchange import JSON
from mockehr.core.problem import Problem
from mockehr.fhir.elements import R4
from mockehr.fhir.lossless import Unreadable, parse
from mockehr.fhir.media import CHARSETS, form_of, speaks, split_media
from mockehr.fhir.xml import from_xml

DEFAULT: Final = "application/fhir+json"
"""What a body without `Content-Type` is taken for."""


def parse_resource(body: bytes, content_type: str, fhir_version: str = R4) -> JSON | Problem:
    """The resource in a body of that `Content-Type`; an empty one means FHIR JSON. Decimals keep their digits.

    A Problem of status 415 for another media type, charset or FHIR version. Raises Unreadable, with line and column,
    for what is no JSON object, or no XML of FHIR R4. Whether it is a valid resource is validation's business.
    """
    name, parameters = split_media(content_type or DEFAULT)
    form = form_of(name) if "/" in name else None
    charset = parameters.get("charset", "utf-8").lower()
    if form is None:
        text = f"{name} is not supported; send application/fhir+json or application/fhir+xml"
        return Problem(415, "media-unsupported", text, value=name)
    if charset not in CHARSETS:
        text = f"{charset} is not supported; FHIR is written in UTF-8"
        return Problem(415, "media-unsupported", text, value=charset)
    if not speaks(parameters, fhir_version):
        version, own = parameters["fhirversion"], fhir_version.rpartition(".")[0]
        return Problem(415, "media-unsupported", f"FHIR {version} is not supported; send FHIR {own}", value=version)
    if form == "xml":
        return from_xml(body, fhir_version)
    document = parse(body)
    if not isinstance(document, dict):
        raise Unreadable(f"the body is {_named(document)}, and a resource is an object")
    return document


def _named(value: object) -> str:
    if value is None:
        return "null"
    kinds = {bool: "a boolean", str: "a text", list: "a list"}
    return kinds.get(type(value), "a number")
