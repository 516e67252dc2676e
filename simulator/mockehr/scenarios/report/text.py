"""A scorecard for the terminal."""

from __future__ import annotations

from io import StringIO
from typing import Final

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from mockehr.scenarios.probe import Finding
from mockehr.scenarios.scorecard import Card, Scorecard

WORDS: Final = {"pass": "pass", "fail": "FAIL", "not-applicable": "n/a"}
ORDER: Final = ("fail", "pass", "not-applicable")
"""What is to be looked at comes first."""
IDLE_SHOWN: Final = 4
"""So many probes that saw no occasion have a line each, with the reason; more of them share one."""
_COLOURS: Final = {"pass": "green", "fail": "bold red", "not-applicable": "dim"}


def table(scorecard: Scorecard, *, evidence: int = 5) -> Group:
    """One table per client at a site, ready for a rich console; `evidence` pieces are shown for each failure."""
    parts: list[Table | Text] = [_card(card, evidence) for card in scorecard.cards]
    return Group(Text(scorecard.title, style="bold"), *parts, Text(_sum(scorecard)))


def text(scorecard: Scorecard, *, width: int = 100, evidence: int = 5) -> str:
    """The same as plain text without colour, `width` columns wide."""
    sink = StringIO()
    Console(file=sink, width=width, color_system=None, force_terminal=False, highlight=False).print(
        table(scorecard, evidence=evidence)
    )
    return "\n".join(line.rstrip() for line in sink.getvalue().splitlines()) + "\n"


def _card(card: Card, evidence: int) -> Table:
    shown = Table(title=Text(f"{card.client or 'unknown client'} at {card.site or 'the site'}"), title_justify="left")
    shown.add_column("verdict", no_wrap=True)
    shown.add_column("probe", no_wrap=True)
    shown.add_column("what was seen")
    idle = [finding for finding in card.findings if finding.verdict == "not-applicable"]
    told = [finding for finding in urgent_first(card) if len(idle) <= IDLE_SHOWN or finding not in idle]
    for finding in told:
        verdict = Text(WORDS[finding.verdict], style=_COLOURS[finding.verdict])
        shown.add_row(verdict, Text(finding.probe), Text(_seen(finding, evidence)))
    if len(idle) > IDLE_SHOWN:
        names = ", ".join(finding.probe for finding in idle)
        style = _COLOURS["not-applicable"]
        shown.add_row(
            Text(WORDS["not-applicable"], style=style), Text(f"{len(idle)} probes"), Text(f"No occasion: {names}.")
        )
    return shown


def _seen(finding: Finding, evidence: int) -> str:
    lines = [finding.summary]
    if finding.verdict == "fail":
        for item in finding.evidence[:evidence]:
            lines.append(f"  entry {item.entry}: {item.text}" if item.entry else f"  {item.text}")
        rest = len(finding.evidence) - evidence
        lines += [f"  and {rest} more"] if rest > 0 else []
    return "\n".join(lines)


def urgent_first(card: Card) -> list[Finding]:
    """The findings: what failed, what passed, what saw no occasion, each in the order of the probes."""
    return sorted(card.findings, key=lambda finding: ORDER.index(finding.verdict))


def _sum(scorecard: Scorecard) -> str:
    counts = ", ".join(f"{scorecard.count(verdict)} {word}" for verdict, word in WORDS.items())
    seed = f"; seed {scorecard.seed}" if scorecard.seed else ""
    if scorecard.passed:
        return f"Passed: {counts}{seed}"
    never = scorecard.unproved
    unproved = f"; required, but never put to the test: {', '.join(never)}" if never else ""
    return f"{'Failed' if scorecard.count('fail') else 'Nothing proved'}: {counts}{unproved}{seed}"
