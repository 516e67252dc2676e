"""The probes' answers about every client at every site, and what they add up to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from mockehr.core.errors import UnknownName, VerdictFailed
from mockehr.core.exchange import JSON, Exchange
from mockehr.scenarios.launch_reading import claimants
from mockehr.scenarios.probe import Case, Finding, Probe
from mockehr.scenarios.probes import probes
from mockehr.scenarios.reading import answer

_NOTHING: Final = "No probe saw an occasion, so nothing is proved."


@dataclass(frozen=True, slots=True)
class Card:
    """The findings about one client at one site, in the order of the probes."""

    site: str
    client: str
    findings: tuple[Finding, ...]

    def find(self, probe: str) -> Finding:
        """The finding of that probe; raises UnknownName if it was not asked."""
        for finding in self.findings:
            if finding.probe == probe:
                return finding
        raise UnknownName("judged probe", probe, (finding.probe for finding in self.findings))


@dataclass(frozen=True, slots=True)
class Scorecard:
    """All cards of one run. `title` names the run, `seed` repeats it.

    `required` are probes that must have seen an occasion and passed for at least one client at one site.
    """

    cards: tuple[Card, ...]
    title: str = "Scorecard"
    seed: str = ""
    required: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[tuple[Card, Finding]]:
        """Every finding with its card, in order."""
        return ((card, finding) for card in self.cards for finding in card.findings)

    def count(self, verdict: str) -> int:
        """How many findings have that verdict."""
        return sum(1 for _, finding in self if finding.verdict == verdict)

    @property
    def passed(self) -> bool:
        """True if no probe failed, at least one passed and so did all required: what was not judged is not proved."""
        return self.count("fail") == 0 and self.count("pass") > 0 and not self.unproved

    @property
    def unproved(self) -> tuple[str, ...]:
        """The required probes that were never put to the test: nowhere passed, and nowhere failed."""
        tested = {finding.probe for _, finding in self if finding.verdict != "not-applicable"}
        return tuple(name for name in self.required if name not in tested)

    def assert_passed(self, *names: str) -> None:
        """Raise VerdictFailed unless the named probes passed for every client; without names, unless `passed`.

        A named probe that saw no occasion has not passed. Raises UnknownName for a probe that was not asked.
        """
        if names:
            wanted = [(card, card.find(name)) for card in self.cards for name in names]
            bad = [(card, finding) for card, finding in wanted if finding.verdict != "pass"]
            if not wanted:
                raise VerdictFailed("No client was judged.", remedy="Run the client before asking for its scorecard.")
        else:
            bad = [(card, finding) for card, finding in self if finding.verdict == "fail"]
        if bad:
            raise VerdictFailed("\n".join(_complaint(card, finding) for card, finding in bad), remedy=self._again())
        if not names and not self.passed:
            what = f"Required, but never put to the test: {', '.join(self.unproved)}." if self.unproved else _NOTHING
            raise VerdictFailed(what, remedy=self._again())

    def as_json(self) -> JSON:
        """The scorecard as plain JSON."""
        return {
            "title": self.title,
            "seed": self.seed,
            "passed": self.passed,
            "unproved": list(self.unproved),
            "counts": {name: self.count(name) for name in ("pass", "fail", "not-applicable")},
            "cards": [
                {"site": card.site, "client": card.client, "findings": [item.as_json() for item in card.findings]}
                for card in self.cards
            ],
        }

    def _again(self) -> str:
        return f"The same run again: seed {self.seed}." if self.seed else ""


def judge(
    cases: Iterable[Case],
    asked: Iterable[Probe | str] = (),
    *,
    title: str = "",
    seed: str = "",
    required: Iterable[str] = (),
) -> Scorecard:
    """Put the probes (all of them unless some are named or given) to every case.

    Raises UnknownName for a probe that does not exist.
    """
    registry = probes()
    chosen = [registry.get(probe) if isinstance(probe, str) else probe for probe in asked]
    chosen = chosen or [probe for _, probe in registry.items()]
    cards = [Card(case.site, case.client, tuple(probe.judge(case) for probe in chosen)) for case in cases]
    return Scorecard(tuple(cards), title or "Scorecard", seed, tuple(required))


def cases_of(
    exchanges: Iterable[Exchange], site: str, *, known: Case | None = None, scopes: Mapping[str, str] | None = None
) -> list[Case]:
    """The exchanges of one site as one case per client, sorted by client.

    `known` carries what is the same for all of them (truth, expectations); `scopes` maps clients to the scopes that
    they are registered for.
    """
    base = known or Case(())
    registered = scopes or {}
    return [
        replace(base, exchanges=found, site=site, client=client, registered_scopes=registered.get(client, ""))
        for client, found in sorted(by_client(exchanges).items())
    ]


def by_client(exchanges: Iterable[Exchange]) -> dict[str, list[Exchange]]:
    """Exchanges by client id, each list in order.

    A refused request does not say whose it is. It is given to the client to whom its token was issued or who used it
    otherwise, else to the only client there is, else (discovery, launches) to whom `claimants` knows, else it stays
    under the empty name.
    """
    every = sorted(exchanges, key=lambda exchange: exchange.number)
    claimed = claimants(every)
    owners: dict[str, str] = {}
    for exchange in every:
        if exchange.client:
            owners[exchange.headers.get("authorization", "")] = exchange.client
            token = (answer(exchange) or {}).get("access_token") if exchange.channel == "token" else None
            if token:
                owners[f"Bearer {token}"] = exchange.client
    owners.pop("", None)
    clients = {exchange.client for exchange in every if exchange.client}
    only = next(iter(clients)) if len(clients) == 1 else ""
    found: dict[str, list[Exchange]] = {}
    for exchange in every:
        client = exchange.client or owners.get(exchange.headers.get("authorization", ""), only) or claimed(exchange)
        found.setdefault(client, []).append(exchange)
    return found


def _complaint(card: Card, finding: Finding) -> str:
    what = "failed" if finding.verdict == "fail" else "saw no occasion"
    who = f"{card.client or 'a client'} at {card.site or 'the site'}"
    lines = [f"{finding.probe} {what} ({who}): {finding.summary}"]
    lines += [f"  entry {item.entry}: {item.text}" if item.entry else f"  {item.text}" for item in finding.evidence]
    return "\n".join(lines)
