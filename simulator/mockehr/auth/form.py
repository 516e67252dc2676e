"""Reads a token request off the wire: the form, the Authorization header, and nothing of their meaning."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote_plus

from mockehr.auth.refusal import Refused

FORM = "application/x-www-form-urlencoded"
_MAX_FIELDS = 100


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """One request to the token endpoint, as sent."""

    form: Mapping[str, str]
    token_url: str
    """Absolute URL of the endpoint as the client addressed it; what `aud` must equal."""
    basic: tuple[str, str] | None = field(default=None, repr=False)
    """Client id and secret of a Basic Authorization header."""

    def get(self, name: str) -> str:
        """A form parameter; empty if it is absent or was sent without a value (RFC 6749 section 3.2)."""
        return self.form.get(name, "")


def read_request(body: bytes, headers: Mapping[str, str], token_url: str) -> TokenRequest:
    """The whole request; `headers` have lower-case names. Raises Refused."""
    return TokenRequest(read_form(body, headers), token_url, read_basic(headers))


def read_form(body: bytes, headers: Mapping[str, str]) -> dict[str, str]:
    """The form parameters; raises Refused on another media type, bad UTF-8 or a repeated parameter."""
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != FORM:
        raise Refused("content-type", f"The body must be {FORM}, not {media_type or 'untyped'}.")
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Refused("body-unreadable", "The body is no form in UTF-8.") from error
    return fields_of(text)


def fields_of(text: str) -> dict[str, str]:
    """The parameters of a form or a query; raises Refused for bad UTF-8, too many, or a repeated one."""
    try:
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=_MAX_FIELDS)
    except ValueError as error:
        raise Refused("body-unreadable", "The parameters are no form in UTF-8.") from error
    form: dict[str, str] = {}
    for name, value in pairs:
        if name in form:
            raise Refused("parameter-repeated", f"The parameter {name} is sent more than once.")
        form[name] = value
    return form


def read_basic(headers: Mapping[str, str]) -> tuple[str, str] | None:
    """Client id and secret of the Authorization header; None without one.

    Each is form-decoded (RFC 6749 section 2.3.1). Raises Refused `authorization-malformed`.
    """
    header = headers.get("authorization", "")
    if not header:
        return None
    scheme, _, credentials = header.partition(" ")
    try:
        if scheme.lower() != "basic":
            raise ValueError(scheme)
        text = base64.b64decode(credentials.strip(), validate=True).decode("utf-8")
        client_id, colon, secret = text.partition(":")
        if not colon:
            raise ValueError("no colon")
        return unquote_plus(client_id, errors="strict"), unquote_plus(secret, errors="strict")
    except (ValueError, binascii.Error) as error:
        raise Refused("authorization-malformed", "The Authorization header holds no Basic credentials.") from error
