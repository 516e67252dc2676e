"""What the codes of an order message mean: ORC-1 (table 0119), ORC-5 (table 0038), priorities (table 0485)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, slots=True)
class Control:
    """What one code of ORC-1 asks for.

    `status` is what the order has afterwards, as request-status (empty: ORC-5 says so, or nothing changes). `known`:
    the order must be there. `content`: what the segments after ORC say holds from now on. `done` and `failed` are
    the ORC-1 of the reply.
    """

    status: str = ""
    known: bool = True
    content: bool = False
    done: str = "OK"
    failed: str = "UA"


_NEW: Final = Control("active", known=False, content=True)
CONTROLS: Final = MappingProxyType(
    {
        **dict.fromkeys(("NW", "RE", "PA", "CH", "RO"), _NEW),
        "SN": replace(_NEW, done="NA"),
        "XO": Control(content=True, done="XR", failed="UX"),
        "XX": Control(content=True, failed="UX"),
        "XR": Control(content=True, failed="UX"),
        "CA": Control("revoked", done="CR", failed="UC"),
        "DC": Control("revoked", done="DR", failed="UD"),
        "HD": Control("on-hold", done="HR", failed="UH"),
        "RL": Control("active", done="OR", failed="UR"),
        "RP": Control("revoked", done="RQ", failed="UM"),
        "RU": Control("revoked", failed="UM"),
        "RQ": Control("revoked", failed="UM"),
        **dict.fromkeys(("OC", "CR", "OD", "DR", "UA"), Control("revoked", failed="DE")),
        **dict.fromkeys(("OH", "HR"), Control("on-hold", failed="DE")),
        **dict.fromkeys(("OE", "OR"), Control("active", failed="DE")),
        **dict.fromkeys(("SC", "OK", "NA", "SR"), Control(failed="DE")),
        "SS": Control(done="SR", failed="DE"),
        **dict.fromkeys(("UC", "UD", "UF", "UH", "UM", "UN", "UR", "UX", "DE", "LI"), Control(failed="DE")),
    }
)
"""Table 0119. New: NW, SN (give it a number), PA and CH (parent, child), RO (in place of another). Asked for: CA, DC,
HD, RL, XO, RP, SS. Told by the filler: the rest."""

ORDER_STATE: Final = MappingProxyType(
    {
        "A": "active", "CA": "revoked", "CM": "completed", "DC": "revoked", "ER": "entered-in-error",
        "HD": "on-hold", "IP": "active", "RP": "revoked", "SC": "active",
    }
)  # fmt: skip
"""ORC-5 (table 0038) to request-status."""
STATE_OF: Final = MappingProxyType(
    {"active": "IP", "completed": "CM", "revoked": "CA", "on-hold": "HD", "entered-in-error": "ER"}
)
"""Back again."""

_PRIORITY: Final = {"S": "stat", "A": "asap", "R": "routine", "T": "urgent", "U": "urgent", "STAT": "stat",
                    "ASAP": "asap", "ROUTINE": "routine", "URGENT": "urgent"}  # fmt: skip
PRIORITY: Final = MappingProxyType(_PRIORITY)
"""TQ1-9, or the sixth component of a TQ, to request-priority; T is time critical."""
PRIORITY_CODE: Final = MappingProxyType({"stat": "S", "asap": "A", "routine": "R", "urgent": "T"})

REPLIES: Final = MappingProxyType(
    {"ORM^O01": "ORR^O02", "OML^O21": "ORL^O22", "OMG^O19": "ORG^O20", "OMI^O23": "ORI^O24"}
)
"""The application reply to each message of orders."""
PLAIN_TEXT: Final = "Unspecified service"
"""OBR-4, which must not be empty, for an order that says neither code nor text."""
