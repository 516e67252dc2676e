"""The audit trail: what one exchange accessed, of whom, for whom, and what came of it.

An Access is made of the exchange when somebody asks, so that the trail costs nothing while requests are served. What
no exchange can say (whose chart a record is in, who signed in) is asked of `Known`, which the site implements.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Final, Literal, Protocol
from urllib.parse import parse_qsl

from mockehr.core.clock import instant
from mockehr.core.exchange import JSON, Channel, Exchange, Interaction
from mockehr.core.problem import Problem
from mockehr.journal.entry import encodable, shown_query

What = Literal[
    "read",
    "vread",
    "history",
    "search",
    "create",
    "update",
    "patch",
    "delete",
    "batch",
    "transaction",
    "operation",
    "capabilities",
    "bulk-kick-off",
    "bulk-file",
    "token",
    "authorize",
    "oauth",
    "discovery",
    "launch",
    "message-in",
    "message-out",
    "delivery",
    "upstream",
]
Outcome = Literal["success", "refused", "failed"]
OUTCOMES: Final = ("success", "refused", "failed")
"""`refused`: the answer was no (4xx, a negative acknowledgement); `failed`: a 5xx, or none where one was due."""

_BY_CHANNEL: Final = MappingProxyType[Channel, What](
    {
        "discovery": "discovery",
        "authorize": "authorize",
        "token": "token",
        "oauth": "oauth",
        "files": "bulk-file",
        "feed": "search",
        "proprietary": "search",
        "launch": "launch",
        "webhook": "delivery",
        "mllp-in": "message-in",
        "mllp-out": "message-out",
        "upstream": "upstream",
    }
)
_BY_INTERACTION: Final = MappingProxyType[str, What](
    {
        "read": "read",
        "vread": "vread",
        "history-instance": "history",
        "history-type": "history",
        "history-system": "history",
        "search": "search",
        "search-system": "search",
        "search-compartment": "search",
        "create": "create",
        "update": "update",
        "patch": "patch",
        "delete": "delete",
        "batch": "batch",
        "transaction": "transaction",
        "capabilities": "capabilities",
    }
)
_BY_METHOD: Final = MappingProxyType(
    {"GET": "read", "HEAD": "read", "PUT": "update", "PATCH": "patch", "DELETE": "delete", "POST": "create"}
)
_NAMING: Final = frozenset({"patient", "subject", "beneficiary"})
"""Search parameters whose value is a patient."""


class Known(Protocol):
    """What a site knows of its exchanges beyond what they carry."""

    def owner(self, key: str) -> str:
        """The id of the patient in whose chart `Type/id` is; empty for nobody's."""

    def change(self, number: int) -> tuple[str, str]:
        """(`Type/id`, id of the patient) of a committed change; two empty texts if it is not known."""

    def user(self, exchange: Exchange) -> str:
        """Who signed in to what asks, as `Practitioner/…`; empty for a system, or if that is not known."""

    def patient(self, exchange: Exchange) -> str:
        """The patient in the context of a token that the exchange issued; empty if there is none."""


@dataclass(frozen=True, slots=True)
class Access:
    """What one exchange accessed. `at` is in site seconds; `patients` are ids, `resources` are `Type/id`."""

    entry: int
    """Number of the journal's entry, which has all else."""
    at: float
    channel: Channel
    direction: Literal["in", "out"]
    what: What
    detail: str
    """The same in the channel's own words: `search-compartment`, `$everything`, `ADT^A01`, a grant type …"""
    method: str
    path: str
    query: str
    """Without secrets."""
    resource_type: str
    resources: tuple[str, ...]
    """What was sent back, written, or told of."""
    patients: tuple[str, ...]
    """Whose records these are, and who was asked about, whether or not there was anything to find."""
    client: str
    """Who asked: a client id, the sending application; the receiver of what goes out."""
    user: str
    """Who had signed in, as `Practitioner/…`; empty for a system."""
    peer: str
    """The address that it came from."""
    status: int
    outcome: Outcome
    reason: str = ""
    """Why it was refused or failed; empty for a success."""

    def as_json(self) -> JSON:
        """The plain form: all fields that are not empty, the time as a FHIR instant; fit for JSON."""
        shown: JSON = {name: value for name, value in asdict(self).items() if value not in ("", (), 0)}
        shown["at"] = instant(self.at, millis=True)
        plain: JSON = encodable(shown)
        return plain

    def concerns(self, resource: str) -> bool:
        """Whether it is about a type (`Observation`) or one resource (`Observation/1`)."""
        if "/" in resource:
            return resource in self.resources
        return resource == self.resource_type or any(key.startswith(f"{resource}/") for key in self.resources)


def is_over(exchange: Exchange) -> bool:
    """Whether it came to an end: what is still being answered or delivered has accessed nothing yet."""
    return exchange.reply is not None or "failure" in exchange.notes or "dropped" in exchange.notes


def access_of(exchange: Exchange, known: Known) -> Access:
    """What an exchange that is over accessed."""
    asked = exchange.interaction or _by_path(exchange)
    what = _what(exchange, asked)
    resources = tuple(dict.fromkeys(_resources(exchange, asked, known)))
    patients = tuple(dict.fromkeys(one for one in _patients(exchange, asked, resources, known) if one))
    outcome, reason = _ended(exchange)
    return Access(
        exchange.number,
        exchange.at,
        exchange.channel,
        exchange.direction,
        what,
        asked.name,
        exchange.method,
        exchange.path,
        shown_query(exchange),
        _type_of(exchange, asked),
        resources,
        patients,
        exchange.client or (exchange.peer if exchange.direction == "out" else ""),
        known.user(exchange),
        exchange.peer,
        exchange.reply.status if exchange.reply is not None else 0,
        outcome,
        reason,
    )


def _what(exchange: Exchange, asked: Interaction) -> What:
    if exchange.channel != "fhir":
        return _BY_CHANNEL[exchange.channel]
    if asked.name == "$export":
        return "bulk-kick-off"
    return _BY_INTERACTION.get(asked.name, "operation")


def _by_path(exchange: Exchange) -> Interaction:
    """What a request was after that was refused before anybody named it."""
    if exchange.channel != "fhir":
        return Interaction("")
    method, parts = exchange.method, [part for part in exchange.path.split("/") if part]
    if parts == ["metadata"]:
        return Interaction("capabilities")
    kind = parts[0] if parts and parts[0][:1].isupper() and parts[0].isalpha() else ""
    id = parts[1] if kind and len(parts) > 1 and parts[1][:1] not in "_$" else ""
    operation = next((part for part in parts if part.startswith("$")), "")
    if operation:
        return Interaction(operation, kind, id)
    if "_history" in parts:
        all_of_it = "history-instance" if id else "history-type" if kind else "history-system"
        return Interaction(all_of_it if parts[-1] == "_history" else "vread", kind, id)
    if method == "POST" and not parts:
        return Interaction("transaction")
    if len(parts) > 2 and kind:
        return Interaction("search-compartment", parts[2] if parts[2].isalpha() else "", id, kind)
    if parts[-1:] == ["_search"] or (method in ("GET", "HEAD") and not id):
        return Interaction("search" if kind else "search-system", kind)
    return Interaction(_BY_METHOD.get(method, ""), kind, id)


def _resources(exchange: Exchange, asked: Interaction, known: Known) -> Iterator[str]:
    yield from exchange.returned
    if asked.id and asked.name != "search-compartment":
        yield f"{asked.resource_type}/{asked.id}"
    for number in exchange.changes:
        key = known.change(number)[0]
        if key:
            yield key


def _patients(exchange: Exchange, asked: Interaction, resources: tuple[str, ...], known: Known) -> Iterator[str]:
    if exchange.channel == "fhir":
        yield from _asked_about(exchange, asked)
    else:  # of a FHIR request it would be the token's patient, who need not be the one asked about
        yield exchange.patient or known.patient(exchange)
    found = getattr(exchange.result, "record", exchange.result)
    owner = getattr(found, "patient", "")
    # to be told of accesses is none to the records that they were to
    if isinstance(owner, str) and asked.resource_type != "AuditEvent":
        yield owner
        if owner and resources == (getattr(found, "key", ""),):
            return
    for number in exchange.changes:
        yield known.change(number)[1]
    for key in resources:
        yield key[8:] if key.startswith("Patient/") else known.owner(key)


def _asked_about(exchange: Exchange, asked: Interaction) -> Iterator[str]:
    """The patients whom a FHIR request names itself."""
    if asked.name == "search-compartment":
        if asked.version == "Patient":
            yield asked.id
    elif asked.resource_type == "Patient":
        yield asked.id
    text = exchange.query
    if exchange.method == "POST" and "x-www-form-urlencoded" in exchange.headers.get("content-type", ""):
        text = f"{text}&{exchange.body.decode('utf-8', 'replace')}"
    if "=" not in text:
        return
    for name, value in parse_qsl(text):
        if name == "_id" and asked.resource_type == "Patient":
            yield from value.split(",")
        elif name.removesuffix(":Patient") in _NAMING and "|" not in value:
            for one in value.split(","):
                kind, _, id = one.rpartition("/")
                if not kind or kind.rpartition("/")[2] == "Patient":
                    yield id


def _type_of(exchange: Exchange, asked: Interaction) -> str:
    if asked.resource_type not in ("", "*"):
        return asked.resource_type
    kinds = {key.partition("/")[0] for key in exchange.returned}
    return kinds.pop() if len(kinds) == 1 else ""


def _ended(exchange: Exchange) -> tuple[Outcome, str]:
    """What came of it, and why it was no success."""
    status = exchange.reply.status if exchange.reply is not None else 0
    notes, problem = exchange.notes, exchange.problem
    if exchange.direction == "out" and not 0 < status < 400:
        why = str(notes.get("failure") or ("dropped" if "dropped" in notes else _answered(status, notes)))
        return ("refused" if 400 <= status < 500 and "failure" not in notes else "failed"), why
    if problem is not None and problem.status >= 400:
        return ("failed" if problem.status >= 500 else "refused"), _in_words(problem)
    if status < 400:
        return "success", ""
    why = ": ".join(str(notes[name]) for name in ("refused", "refused_because") if notes.get(name))
    why = why or str(getattr(exchange.result, "text", ""))
    fired = ", ".join(one.quirk for one in exchange.decisions if one.outcome == "fired")
    why = why or _answered(status, notes) + (f" ({fired})" if fired else "")
    return ("failed" if status >= 500 else "refused"), why


def _answered(status: int, notes: JSON) -> str:
    if notes.get("ack"):
        return f"acknowledged {notes['ack']}"
    return f"answered {status}" if status else "no answer"


def _in_words(problem: Problem) -> str:
    kind = f"{problem.kind} ({problem.value})" if problem.kind == "token-invalid" and problem.value else problem.kind
    return f"{kind}: {problem.text}"
