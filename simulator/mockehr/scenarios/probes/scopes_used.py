"""Ledger A5, A12: the client asks for what it uses, and takes no for an answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final
from urllib.parse import parse_qs

from mockehr.auth.scopes import Scope, Scopes
from mockehr.core.exchange import Exchange
from mockehr.scenarios.asking import scopes_asked, scopes_given
from mockehr.scenarios.probe import Case, Evidence, Finding, Probe
from mockehr.scenarios.reading import label, resource_type, status

_WORDS: Final = (("rs", "read"), ("cud", "write"))
_WRITES: Final = frozenset({"create", "update", "patch", "delete"})


@dataclass(frozen=True, slots=True)
class ScopesUsed(Probe):
    """Are the scopes that the client asks for the scopes that it uses, and does it accept a 403?

    It fails if a granted resource scope was never made use of (minimum necessary), if it asks for every type with
    `*`, if one request is sent again and again after 403, or if it keeps asking for a type that its token does not
    cover. Where no scope is asked for, the registered ones are judged. Scopes not granted count as given up.
    Scopes of a part (`?category=…`) are used by requests that do not ask for other parts only; `user/` and `patient/`
    count like `system/`.
    """

    name: ClassVar[str] = "scopes-used"
    ledger: ClassVar[tuple[str, ...]] = ("A5", "A12")

    repeats: int = 2
    """How often one request may be sent that is answered 403."""
    refusals: int = 3
    """How many 403 for want of scope a client may collect on one type before it should know."""

    def judge(self, case: Case) -> Finding:
        """Compare what was asked for with what was used."""
        calls = case.on("fhir")
        asked = _asked(case)
        if not calls or not (asked or any(status(call) == 403 for call in calls)):
            return self.unseen("No scope was asked for or registered." if calls else "No FHIR request was made.")
        faults = [*self._unused(asked, calls), *self._stubborn(calls)]
        evidence = [Evidence(entry, f"{scope.text} was asked for and used") for scope, entry in asked.items()]
        good, bad = "Scopes asked for, all of them used: {n}.", "Faults in the use of scopes: {n}."
        return self.weigh(faults, evidence, good, bad)

    def _unused(self, asked: dict[Scope, int], calls: Sequence[Exchange]) -> Iterator[Evidence]:
        every = {use for call in calls for use in _uses(call)}
        for scope, entry in asked.items():
            used = {use for call in calls if _concerns(scope, call) for use in _uses(call)} if scope.query else every
            if scope.resource_type == "*":
                types = ", ".join(sorted({kind for kind, _ in used if kind})) or "none"
                yield Evidence(entry, f"{scope.text} covers every resource type; used: {types}")
                continue
            for letters, word in _WORDS:
                if set(letters) & set(scope.actions) and not {(scope.resource_type, word), ("*", word)} & used:
                    text = f"{scope.text} was asked for, but never used to {word} {scope.resource_type}"
                    yield Evidence(entry, text)

    def _stubborn(self, calls: Sequence[Exchange]) -> Iterator[Evidence]:
        same: Counter[tuple[str, str, str, bytes]] = Counter()
        kinds: Counter[tuple[str, str]] = Counter()
        for call in calls:
            if status(call) != 403:
                continue
            request = (call.method, call.path, call.query, call.body)
            same[request] += 1
            if same[request] == self.repeats + 1:
                yield Evidence(call.number, f"{label(call)} was answered 403, {same[request]} times by now")
            if call.problem is None or call.problem.kind == "scope-missing":
                for kind, word in _uses(call):
                    kinds[kind, word] += 1
                    if kinds[kind, word] == self.refusals + 1 and same[request] == 1:
                        text = f"{kinds[kind, word]} requests to {word} {kind} were refused, and it still asks"
                        yield Evidence(call.number, text)


def _asked(case: Case) -> dict[Scope, int]:
    """Resource scopes asked for and granted, each with the entry of the token request; 0 for registered ones."""
    found: dict[Scope, int] = {}
    named = ""
    for exchange in case.on("authorize", "token"):
        text = scopes_asked(exchange)
        named = text or named
        given = scopes_given(exchange) if exchange.channel == "token" else None
        if given is None:
            continue
        # A code is exchanged for what its authorization request asked.
        for scope in Scopes.parse(text or named):
            if any(_overlap(scope, other) for other in given):
                found.setdefault(scope, exchange.number)
    if not named:
        found = {scope: 0 for scope in Scopes.parse(case.registered_scopes) if scope.actions}
    return found


def _concerns(scope: Scope, call: Exchange) -> bool:
    """Whether what a finer-grained scope gives may be in the answer: it does not ask for other parts only."""
    asked = parse_qs(call.query if call.method == "GET" else call.body.decode("utf-8", "replace"))
    for name, value in scope.query:
        values = {one.rpartition("|")[2] for text in asked.get(name, []) for one in text.split(",")}
        if values and value.rpartition("|")[2] not in values:
            return False
    return True


def _overlap(scope: Scope, given: Scope) -> bool:
    same_type = scope.resource_type == given.resource_type or "*" in (scope.resource_type, given.resource_type)
    return bool(scope.actions) and same_type and bool(set(scope.actions) & set(given.actions))


def _uses(call: Exchange) -> list[tuple[str, str]]:
    """(type, read or write) pairs that a request needs; `*` for an export of everything."""
    if "$export" in call.path:
        types = parse_qs(call.query).get("_type", ["*"])
        return [(kind, "read") for kind in ",".join(types).split(",")]
    name = call.interaction.name if call.interaction is not None else ""
    writes = (
        name in _WRITES
        if name
        else call.method in ("PUT", "PATCH", "DELETE")
        or (call.method == "POST" and not call.path.endswith("/_search"))
    )
    kind = resource_type(call)
    return [(kind, "write" if writes else "read")] if kind else []
