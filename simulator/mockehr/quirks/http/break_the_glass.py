"""Records that open to who says why."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qsl

from mockehr.core.exchange import Exchange
from mockehr.core.page import SearchPage
from mockehr.core.problem import Problem
from mockehr.fhir.record import Record
from mockehr.quirks.base import Act, quirk

_PERSON = ("patient", "subject")


@quirk(
    "break-the-glass",
    family="http",
    ledger=("D10",),
    channels=("fhir",),
    interactions=("read", "vread", "search", "search-compartment"),
)
@dataclass(frozen=True, slots=True)
class BreakTheGlass:
    """The records of a `share` of the patients are answered 403 until the request says in a `header` why it must see
    them; the outcome names that header.

    FHIR R4 security-labels.html#break-the-glass has a `Category` header for the purpose (v3-ActReason, BTG; after a
    draft that expired) and leaves policy and protocol to the site; R6 drops it (FHIR-53885). Here the site has a
    header of its own. The entry notes the reason as `broke_the_glass`. Searches count when they name the patient.

    Seen: Epic's error codes have it (4130 and 4131 refuse, 4134 informs; vendors-epic-oracle.md A4.3); how an app
    gives its reason there is not on record. Coping: ask a person, then repeat with the reason, for that patient
    alone; else leave the record out and mark it as withheld. Never send a reason with every request, never retry
    without one.
    """

    share: float = 1.0
    header: str = "X-Break-The-Glass"

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1:
            raise ValueError(f"share is {self.share:g}; it must be above 0 and at most 1")
        if not self.header.replace("-", "").isalnum():
            raise ValueError(f"header is {self.header!r}, which is no name of a header")

    def on_result(self, exchange: Exchange, act: Act) -> None:
        """Keep back what was found unless there is a reason."""
        reason = exchange.headers.get(self.header.lower(), "").strip()
        if reason:
            exchange.notes["broke_the_glass"] = reason
        if isinstance(exchange.result, Problem):
            act.leave("it is refused anyway")
            return
        guarded = [id for id in _persons(exchange) if act.world.draw("glass", id) < self.share]
        if not guarded:
            act.leave("no patient whose record is restricted")
        elif reason:
            act.leave(f"opened: {reason}")
        else:
            text = f"Restricted record: break the glass by repeating with {self.header}: your reason"
            exchange.result = Problem(403, "compartment", text, resource_type="Patient", value=guarded[0])
            exchange.returned = ()
            exchange.notes["glass"] = {"header": self.header.lower(), "patient": guarded[0]}
            act.why = f"Patient/{guarded[0]} is restricted"


def _persons(exchange: Exchange) -> list[str]:
    """The patients whose records the exchange is about."""
    result, asked = exchange.result, exchange.interaction
    if isinstance(result, Record):
        return [result.patient] if result.patient else []
    if asked is None:
        return []
    if asked.name == "search-compartment":
        return [asked.id]
    if not isinstance(result, SearchPage):
        return [asked.id] if asked.resource_type == "Patient" and asked.id else []
    names = ("_id",) if result.resource_type == "Patient" else _PERSON
    told = [value for name, value in parse_qsl(result.query) if name.partition(":")[0].partition(".")[0] in names]
    return [id.rpartition("/")[2] for value in told for id in value.split(",")]
