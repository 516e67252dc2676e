"""Granted scopes, told in other words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from mockehr.auth.scopes import Scope, Scopes
from mockehr.core.exchange import Exchange
from mockehr.quirks.base import Act, quirk

_WORDS: Final = MappingProxyType({"rs": "read", "cud": "write", "cruds": "*"})
_OTHER: Final = MappingProxyType({"patient": "user", "user": "patient", "system": "user"})
_CATEGORY: Final = "http://terminology.hl7.org/CodeSystem/"
_PARTS: Final = MappingProxyType(
    {
        "Observation": ("observation-category|laboratory", "observation-category|vital-signs"),
        "Condition": ("condition-category|encounter-diagnosis", "condition-category|problem-list-item"),
    }
)


def _v1(scope: Scope) -> str:
    word = _WORDS.get(scope.actions, "") if not scope.query else ""
    return _written(scope, word) if word else scope.text


def _v2(scope: Scope) -> str:
    return _written(scope, scope.actions) if scope.dialect == "v1" else scope.text


def _mixed_case(scope: Scope) -> str:
    text = _v1(scope)
    start, _, word = text.rpartition(".")
    return f"{start}.{word.capitalize()}" if word in ("read", "write") else text


def _another_context(scope: Scope) -> str:
    context = _OTHER[scope.context]
    return f"{context}/{scope.text.partition('/')[2]}"


def _granular(scope: Scope) -> str:
    parts = _PARTS.get(scope.resource_type, ()) if not scope.query else ()
    return " ".join(f"{_v2(scope)}?category={_CATEGORY}{part}" for part in parts) or scope.text


def _written(scope: Scope, permission: str) -> str:
    return f"{scope.context}/{scope.resource_type}.{permission}"


FORMS = ("v1", "v2", "mixed-case", "another-context", "granular", "reordered")
_WRITING: Final[Mapping[str, Callable[[Scope], str]]] = MappingProxyType(
    {"v1": _v1, "v2": _v2, "mixed-case": _mixed_case, "another-context": _another_context, "granular": _granular}
)


@quirk("scope-dialect", family="auth", ledger=("A6",), channels=("token",))
@dataclass(frozen=True, slots=True)
class ScopeDialect:
    """The token response writes the granted scopes in another `form` than they were asked for: `v1` (`.read` for
    `.rs`), `v2` (`.rs` for `.read`), `mixed-case` (`.Read`), with `another-context` (`user/` for `patient/` or
    `system/`), `granular` (`.rs?category=…` in parts for Observation and Condition), or `reordered`.

    What cannot be said in that form stays as it is. The token itself covers what it ever did. Coping: understand v1
    and v2, with or without constraints, in any order and case; do not give up what was granted.
    """

    form: str = "v1"

    def __post_init__(self) -> None:
        if self.form not in FORMS:
            raise ValueError(f"form is {self.form!r}; it must be one of {', '.join(FORMS)}")

    def on_reply(self, exchange: Exchange, act: Act) -> None:
        """Write `scope` of a token response anew."""
        document = exchange.reply.document if exchange.reply is not None else None
        told = (document or {}).get("scope")
        if document is None or not document.get("access_token") or not isinstance(told, str):
            act.leave("no scopes in the answer")
            return
        written = _rewritten(told, _WRITING.get(self.form))
        if written == told:
            act.leave("nothing to write in other words")
            return
        exchange.reply.document = {**document, "scope": written}  # type: ignore[union-attr]  # it is there
        act.why = self.form


def _rewritten(told: str, form: Callable[[Scope], str] | None) -> str:
    scopes = list(Scopes.parse(told))
    if form is None:
        return " ".join(scope.text for scope in reversed(scopes))
    return " ".join(dict.fromkeys(form(scope) if scope.actions else scope.text for scope in scopes))
