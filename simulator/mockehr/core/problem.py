"""A Problem is what went wrong with one exchange in neutral words; a personality turns it into its own dialect."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Kind = Literal[
    "bad-request",  # the request cannot be understood
    "body-invalid",  # the body is no JSON, or no valid resource
    "parameter-missing",  # a required search parameter is absent
    "parameter-invalid",  # a parameter's value cannot be used
    "parameter-unknown",  # a parameter that this system does not know (strict handling only)
    "parameter-conflict",  # parameters that cannot go together
    "no-token",
    "token-invalid",  # unknown, expired or revoked bearer token
    "scope-missing",  # the token does not cover the interaction
    "compartment",  # the token covers another patient
    "not-found",
    "type-unknown",  # a resource type that this system does not have
    "interaction-unknown",  # the type exists, the interaction does not
    "operation-unknown",  # there is no such $operation here
    "gone",  # deleted
    "page-expired",  # a paging session is over
    "merged",  # the record lives on elsewhere; `where` names it
    "conflict",
    "precondition-failed",
    "precondition-required",
    "not-acceptable",
    "media-unsupported",
    "too-costly",  # too many matches
    "rate-limited",
    "unavailable",
    "internal",
    "tenant-unknown",
    "version-withdrawn",
]


@dataclass(frozen=True, slots=True)
class Problem:
    """One refusal. `text` is for people; `parameter` names the search parameter or element concerned."""

    status: int
    kind: Kind
    text: str
    parameter: str = ""
    resource_type: str = ""
    value: str = ""
    where: str = ""
    retry_after: str = ""
    """Ready-made `Retry-After` value; empty for none."""
    expression: tuple[str, ...] = field(default=())
    """FHIRPath locations of the elements concerned."""
    scopes: str = ""
    """What the token covers, in its own words, where that is too little; told when the refusal is written."""


def not_found(resource_type: str, value: str) -> Problem:
    """404 for an id that this site does not have."""
    return Problem(
        404, "not-found", f"{resource_type}/{value} is not known", resource_type=resource_type, value=value
    )


def quotable(text: str) -> str:
    """A text within the characters of `error_description` (RFC 6749 section 5.2, RFC 6750 section 3)."""
    plain = text.replace('"', "'").replace("\\", "/")
    return "".join(letter if " " <= letter <= "~" else "?" for letter in plain)
