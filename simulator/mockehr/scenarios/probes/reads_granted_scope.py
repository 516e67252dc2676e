"""Ledger A5, A6: the client does what it was granted, in whatever words that was told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from mockehr.auth.scopes import ACTIONS, Scope, Scopes
from mockehr.core.exchange import Exchange
from mockehr.scenarios.asking import scopes_asked, scopes_given, token_given
from mockehr.scenarios.probe import Case, Evidence, Finding, Probe
from mockehr.scenarios.reading import answer, bearer, label, resource_type, same_request, status


@dataclass(frozen=True, slots=True)
class _Given:
    """One token response: what was asked for, what the token covers, what was told."""

    entry: int
    asked: Scopes
    scopes: Scopes
    told: str

    @property
    def narrowed(self) -> list[Scope]:
        """Scopes of resources that were asked for and not given, or not wholly."""
        return [scope for scope in self.asked if scope.actions and not _covers(self.scopes, scope)]

    @property
    def reworded(self) -> bool:
        """Whether what was given was told in other words than it was asked for."""
        given = [scope.text for scope in self.asked if scope.actions and _covers(self.scopes, scope)]
        return [word for word in self.told.split() if word in set(given)] != given


@dataclass(frozen=True, slots=True)
class ReadsGrantedScope(Probe):
    """When a token response grants less than was asked for, or says it in other words, does the client read it?

    It fails if it asks for types that its token does not cover though the response said so, if it repeats a request
    that was answered 403, or if it gives up a type that was granted in another dialect (v1 for v2, `user/` for
    `system/`, parts with `?category=`, another order or case).
    """

    name: ClassVar[str] = "reads-granted-scope"
    ledger: ClassVar[tuple[str, ...]] = ("A5", "A6")

    def judge(self, case: Case) -> Finding:
        """Hold every call against the token that it was made with."""
        given = _given(case)
        occasions = list(_occasions(given))
        if not occasions:
            return self.unseen("Every token gave what was asked for, in the words of the request.")
        calls = case.on("fhir")
        faults = [*_uncovered(calls, given), *_repeated(calls), *_given_up(calls, given)]
        faults.sort(key=lambda item: item.entry)
        good = "Token responses that gave less or other words than asked for, and were read: {n}."
        return self.weigh(faults, occasions, good, "Faults in reading the scopes that were granted: {n}.")


def _given(case: Case) -> dict[str, _Given]:
    """What every token is good for, by its text."""
    found: dict[str, _Given] = {}
    asked_before = ""
    for exchange in case.on("authorize", "token"):
        asked = scopes_asked(exchange)
        if exchange.channel == "authorize":
            asked_before = asked or asked_before
            continue
        scopes = scopes_given(exchange)
        told = (answer(exchange) or {}).get("scope")
        asked = asked or asked_before or case.registered_scopes
        if scopes is not None and isinstance(told, str):
            found[token_given(exchange)] = _Given(exchange.number, Scopes.parse(asked), scopes, told)
    return found


def _occasions(given: Mapping[str, _Given]) -> Iterator[Evidence]:
    for one in given.values():
        if one.narrowed:
            yield Evidence(one.entry, f"not granted: {' '.join(scope.text for scope in one.narrowed)}")
        elif one.reworded:
            yield Evidence(one.entry, f"granted in other words: {one.told}")


def _uncovered(calls: Sequence[Exchange], given: Mapping[str, _Given]) -> Iterator[Evidence]:
    for call in calls:
        one = given.get(bearer(call) or "")
        kind = resource_type(call)
        refused = call.problem is None or call.problem.kind == "scope-missing"
        if one is None or not one.narrowed or not kind or status(call) != 403 or not refused:
            continue
        if not any(one.scopes.allows(kind, action) for action in _actions(call)):
            text = f"{label(call)} was sent, though the token of entry {one.entry} does not cover {kind}"
            yield Evidence(call.number, text)


def _repeated(calls: Sequence[Exchange]) -> Iterator[Evidence]:
    refused = [call for call in calls if status(call) == 403]
    for position, call in enumerate(refused):
        if any(same_request(call, other) and bearer(call) == bearer(other) for other in refused[:position]):
            yield Evidence(call.number, f"{label(call)} was answered 403 before and sent again")


def _given_up(calls: Sequence[Exchange], given: Mapping[str, _Given]) -> Iterator[Evidence]:
    used = {resource_type(call) for call in calls}
    told: set[str] = set()
    for one in given.values():
        if not one.reworded:
            continue
        for scope in one.asked:
            kind = scope.resource_type
            if scope.actions and kind not in used | told | {"*"} and _covers(one.scopes, scope):
                told.add(kind)
                yield Evidence(one.entry, f"{scope.text} was granted in other words ({one.told}) and never used")


def _covers(scopes: Scopes, wanted: Scope) -> bool:
    return all(scopes.allows(wanted.resource_type, ACTIONS[letter]) for letter in wanted.actions)


def _actions(call: Exchange) -> tuple[str, ...]:
    """What permissions would have let a refused call through."""
    if call.method in ("GET", "HEAD") or call.path.endswith("/_search"):
        return ("read", "search")
    return {"POST": ("create",), "DELETE": ("delete",)}.get(call.method, ("update",))
