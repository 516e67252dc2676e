"""Fewer scopes than asked for."""

from __future__ import annotations

from dataclasses import dataclass, replace

from mockehr.auth.scopes import Scopes
from mockehr.auth.tokens import Grant
from mockehr.quirks.base import Act, quirk


@quirk("scope-subset", family="auth", ledger=("A5",), channels=("token",))
@dataclass(frozen=True, slots=True)
class ScopeSubset:
    """Scopes for the resource types in `drop` are not granted, whatever was asked for. The token response says so in
    `scope` and nowhere else; calls that need them are refused.

    Coping: read `scope` of every token response, do without, never repeat a 403 in a loop.
    """

    drop: tuple[str, ...] = ("DocumentReference",)

    def on_grant(self, grant: Grant, act: Act) -> Grant:
        """Take the scopes away from a token about to be issued."""
        words = grant.scopes.text.split()
        kept = [word for word in words if not any(f"/{kind}." in word for kind in self.drop)]
        if len(kept) == len(words):
            act.leave("nothing to drop")
            return grant
        act.why = f"dropped {len(words) - len(kept)} of {len(words)}"
        return replace(grant, scopes=Scopes.parse(" ".join(kept)))
