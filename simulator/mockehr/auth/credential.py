"""By what a caller can be told from others, before anything of it is verified."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from mockehr.auth.assertion import read_assertion
from mockehr.auth.form import FORM, read_basic, read_form
from mockehr.auth.refusal import Refused
from mockehr.auth.tokens import bearer_of


@dataclass(frozen=True, slots=True)
class Credential:
    """A bearer token or a client id; `text` is empty if the request has neither. Nothing says that it is genuine."""

    kind: Literal["bearer", "client", "none"]
    text: str = ""


NOBODY = Credential("none")


def credential_of(headers: Mapping[str, str], body: bytes = b"") -> Credential:
    """The credential of a request; `headers` have lower-case names.

    A token request is its client's: by Basic authorization, `client_id`, or the issuer of its assertion (RFC 6749
    section 2.3, RFC 7523 section 3).
    """
    token = bearer_of(headers.get("authorization", ""))
    if token:
        return Credential("bearer", token)
    try:
        basic = read_basic(headers)
        if basic is not None:
            return Credential("client", basic[0])
        if not body or headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
            return NOBODY
        form = read_form(body, headers)
        client = form.get("client_id", "")
        if not client and form.get("client_assertion"):
            client = read_assertion(form["client_assertion"]).issuer
    except Refused:
        return NOBODY
    return Credential("client", client) if client else NOBODY
