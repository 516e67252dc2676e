"""Where users see which apps they let in, and take it back (SMART App Launch 2.2, `management_endpoint`)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mockehr.auth.clients import ClientRegistry
from mockehr.auth.drawers import Drawers
from mockehr.auth.front.steps import Page
from mockehr.auth.front.wording import scope_lines
from mockehr.auth.people import Charts, Choice, User
from mockehr.auth.renewals import Renewals
from mockehr.auth.tokens import Grant, TokenTable
from mockehr.core.clock import Clock, instant


@dataclass(frozen=True, slots=True)
class Management:
    """The authorizations of one site, by whom they are."""

    clock: Clock
    clients: ClientRegistry
    tokens: TokenTable
    renewals: Renewals
    drawers: Drawers
    charts: Charts

    def page(self, user: User | None, accounts: tuple[Choice, ...] = (), *, notice: str = "") -> Page:
        """What that user let in; for nobody a page to sign in on."""
        if user is None:
            return Page("manage", choices=accounts, notice=notice)
        listed = tuple(self._line(grant) for grant in self.authorizations(user.username))
        return Page("manage", user=user.username, person=user.name or user.username, choices=listed, notice=notice)

    def authorizations(self, username: str) -> list[Grant]:
        """The first grant of each authorization that still gives something, the latest first."""
        now = self.clock.now()
        held = [renewal.grant for renewal in self.drawers["families"].every(now)]
        devices = self.drawers["devices"].every(now)
        grants = {grant.family: grant for grant in (*devices, *self.tokens.working(), *held) if grant.family}
        mine = [grant for grant in grants.values() if grant.username == username]
        return sorted(mine, key=lambda grant: (grant.auth_time, grant.family), reverse=True)

    def withdraw(self, username: str, family: str) -> bool:
        """End all tokens of one of that user's authorizations; False if it is none of theirs."""
        if family not in {grant.family for grant in self.authorizations(username)}:
            return False
        self.renewals.end(family)
        return True

    def _line(self, grant: Grant) -> Choice:
        client = self.clients.find(grant.client_id)
        title = client.name if client is not None and client.name else grant.client_id
        patient = self.charts.patient(grant.patient) if grant.patient else None
        record = f", record of {patient.label}" if patient is not None else ""
        return Choice(
            grant.family, title, f"Since {instant(grant.auth_time)[:10]}{record}: {'; '.join(_words(grant))}."
        )


def _words(grant: Grant) -> Iterator[str]:
    return (line.label for line in scope_lines(grant.scopes))
