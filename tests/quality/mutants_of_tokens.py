"""Mutants of ledger A: how tokens are asked for, kept and renewed. Shared with `test_auth_over_sockets.py`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from test_auth_over_sockets import App, Backend, Everywhere, KeyServer, Patient, Rotating, Stopped

from mockehr.auth.assertion import client_assertion
from mockehr.scenarios.probe import Finding
from mockehr.testing.world import TestSite

Play = Callable[[Any, bool], Iterable[Finding]]


def findings_at(site: TestSite, client: str, **known: Any) -> tuple[Finding, ...]:
    """What all probes say of that client."""
    (card,) = [card for card in site.judge(**known).cards if card.client == client]
    return card.findings


def day(
    kind: type[Backend], bug: str, quirk: str = "", when: Mapping[str, Any] | None = None, **settings: Any
) -> tuple[Play, str]:
    """A client of that kind, on a day with that quirk, with that bug or without."""

    def play(stand: Any, flawed: bool) -> Iterable[Finding]:
        site = stand.mockehr.site(stepped=True, patients=12)
        if quirk:
            site.quirk(quirk, when=when or {}, **settings)
        keys = KeyServer() if kind is Rotating else None
        try:
            client = kind(site, stand.http, bug if flawed else "", keys)
            if isinstance(client, Everywhere):
                client.other = stand.mockehr.site(stepped=True, patients=12)
            client.sync()
        finally:
            if keys is not None:
                keys.stop()
        return findings_at(site, client.name)

    return play, ""


class Nameless(Backend):
    """With the bug it takes a response without a token for one, calls without, and only then asks again."""

    def take(self, answer: Any) -> bool:
        taken = super().take(answer)
        if not taken and self.bug == "goes-without":
            self.token, self.good_until = "none", self.site.now + 300
            return True
        return taken

    def send(self, target: str) -> Any:
        if self.token == "none":
            return self.http.get(f"{self.site.fhir_url}{target}")
        return super().send(target)


class Brief(Backend):
    """Reads two patients: whoever is refused more often should know without having read its scopes."""

    def sync(self) -> None:
        for id in ("p1", "p2"):
            self.get(f"/Patient/{id}")
            if self.granted.allows("Condition", "search"):
                self.get(f"/Condition?patient={id}")


class Insistent(App):
    """With the bug it sends a refused refresh token three times more before it gives up."""

    def renew(self) -> None:
        form = {"grant_type": "refresh_token", "refresh_token": self.renewal, "client_id": self.name}
        for _ in range(4 if self.bug == "insists" else 1):
            if self.tell(form).status_code == 200:
                return
            self.site.advance("1s")
        raise Stopped("somebody has to sign in again")


class LongLived(Backend):
    """With the bug its assertions are good for an hour."""

    def form(self, key: Mapping[str, str]) -> dict[str, str]:
        form = super().form(key)
        now = self.site.now
        claims = {"exp": int(now) + 3600} if self.bug == "an-hour" else None
        signed = client_assertion(
            self.name, self.site.token_url, key, now=now, jti=f"long-{next(self.jtis)}", claims=claims
        )
        return form | {"client_assertion": signed}


MUTANTS: dict[str, tuple[Play, str]] = {
    "renews-token-after-401": day(Backend, "trusts-expires-in", "token-expiry", uses=3),
    "gives-up-on-refused-refresh": day(Insistent, "insists", "refresh-fails", reason="expired"),
    "never-sends-empty-token": day(
        Nameless, "goes-without", "silent-reauth-failure", {"first": 1}, body="missing-token"
    ),
    "reads-granted-scope": day(Brief, "ignores-scopes", "scope-subset", drop=["Condition"]),
    "keys-credentials-by-site": day(Everywhere, "one-token-for-all"),
    "rotates-keys-without-outage": day(Rotating, "replaces-its-key", "client-key-rotation"),
    "refetches-server-keys": day(App, "never-fetches-keys-again", "server-key-rotation"),
    "assertion-correct": day(LongLived, "an-hour"),
    "spares-token-endpoint": day(Backend, "a-token-for-each-call"),
    "waits-for-activation": day(Patient, "hammers", "registration-pending"),
}
