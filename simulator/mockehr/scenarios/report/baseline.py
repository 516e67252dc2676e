"""What earlier runs found, as JSON, and what is new since: regressions, known failures, improvements."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from mockehr.core.errors import ConfigError, EnvironmentProblem
from mockehr.core.exchange import JSON
from mockehr.scenarios.report.failure import Failure, failures
from mockehr.scenarios.report.run import Run

_REMEDY = "Write it with mockehr check … --write-baseline FILE."


def as_json(runs: Sequence[Run]) -> JSON:
    """One scorecard as it is; of several, what they add up to, and each of them below `scorecards`."""
    found = [_one(run) for run in runs]
    if len(found) == 1:
        return found[0]
    verdicts = ("pass", "fail", "not-applicable")
    return {
        "title": ", ".join(run.scorecard.title for run in runs),
        "passed": all(run.passed for run in runs),
        "counts": {name: sum(run.scorecard.count(name) for run in runs) for name in verdicts},
        "scorecards": found,
    }


def _one(run: Run) -> JSON:
    told = {"scenario": run.name, "overdue": run.overdue, "status": run.status, **run.scorecard.as_json()}
    told["passed"] = run.passed
    if run.real is not None:
        told["real"] = {"seconds": round(run.real.seconds, 3)}
    return told


@dataclass(frozen=True, slots=True)
class Comparison:
    """What is new since a baseline, by scenario; lists of (scenario, failure's key)."""

    regressions: tuple[tuple[str, Failure], ...]
    known: frozenset[tuple[str, tuple[str, str, str]]]
    """Failures now that the baseline had."""
    improved: tuple[tuple[str, str], ...]
    """(scenario, what passes now that had failed)."""
    unseen: tuple[tuple[str, str], ...]
    """(scenario, what had failed and saw no occasion now): neither better nor worse."""
    stale: tuple[str, ...]
    """What in the baseline does not fit these runs any more."""

    def knows(self, run: Run, failure: Failure) -> bool:
        """Whether the baseline has that failure."""
        return (run.name, failure.key) in self.known

    def lines(self) -> Iterator[str]:
        """The comparison for people."""
        counts = f"{len(self.regressions)} regressions, {len(self.known)} known failures"
        yield f"Compared with the baseline: {counts}, {len(self.improved)} improvements."
        yield from (f"regression: {name}: {one.probe}, {one.who}: {one.told}" for name, one in self.regressions)
        yield from (f"improved: {name}: {told} passes now" for name, told in self.improved)
        yield from (f"not judged: {name}: {told} had failed, and saw no occasion now" for name, told in self.unseen)
        yield from (f"stale: {told}" for told in self.stale)
        if self.improved or self.stale:
            yield "Write the baseline again (--write-baseline) to hold what is better now, and to drop what is stale."


def compare_with(baseline: Mapping[str, JSON], runs: Sequence[Run]) -> Comparison:
    """Runs compared with a baseline as `read_baseline` gives it."""
    regressions: list[tuple[str, Failure]] = []
    known: set[tuple[str, tuple[str, str, str]]] = set()
    improved: list[tuple[str, str]] = []
    unseen: list[tuple[str, str]] = []
    stale = [f"{name} was not run" for name in baseline if name not in {run.name for run in runs}]
    for run in runs:
        before = baseline.get(run.name)
        had = _failed(before) if before is not None else frozenset()
        if before is not None and before.get("seed", "") != run.scorecard.seed:
            stale.append(f"{run.name} ran with seed {before.get('seed')} then, with {run.scorecard.seed} now")
        now = {failure.key: failure for failure in failures(run)}
        regressions += [(run.name, failure) for key, failure in now.items() if key not in had]
        known |= {(run.name, key) for key in now if key in had}
        verdicts = {(card.site, card.client, finding.probe): finding.verdict for card, finding in run.scorecard}
        for key in sorted(had - now.keys()):
            told = f"{key[2]} ({key[1]} at {key[0]})" if key[0] else key[2]
            verdict = verdicts.get(key, "pass" if not key[0] else "")
            if verdict == "pass":
                improved.append((run.name, told))
            elif verdict:
                unseen.append((run.name, told))
            else:
                stale.append(f"{run.name}: {told} is not asked any more")
    return Comparison(tuple(regressions), frozenset(known), tuple(improved), tuple(unseen), tuple(stale))


def read_baseline(file: Path) -> dict[str, JSON]:
    """Scorecards by scenario, as `as_json` wrote them; raises EnvironmentProblem or ConfigError."""
    try:
        document = orjson.loads(file.read_bytes())
    except OSError as error:
        raise EnvironmentProblem(f"The baseline {file} cannot be read: {error.strerror}.", remedy=_REMEDY) from error
    except orjson.JSONDecodeError as error:
        raise ConfigError(f"The baseline {file} is no JSON: {error}.", remedy=_REMEDY) from error
    cards = document.get("scorecards", [document]) if isinstance(document, dict) else []
    try:
        found = {str(card["scenario"]): card for card in cards if _failed(card) is not None}
    except (AttributeError, KeyError, TypeError, ValueError):
        found = {}
    if not found:
        raise ConfigError(f"{file} is no baseline: it has no scorecards.", remedy=_REMEDY)
    return found


def _failed(card: Mapping[str, Any]) -> frozenset[tuple[str, str, str]]:
    """What the scorecard of an earlier run was not passed for, by the keys of failures."""
    verdicts = [
        (one["site"], one["client"], finding["probe"], finding["verdict"])
        for one in card["cards"]
        for finding in one["findings"]
    ]
    found = {(site, client, probe) for site, client, probe, verdict in verdicts if verdict == "fail"}
    found |= {("", "", probe) for probe in card.get("unproved", ())}
    if all(verdict == "not-applicable" for *_, verdict in verdicts):
        found.add(("", "", "nothing-proved"))
    if card.get("overdue"):
        found.add(("", "", "in-time"))
    return frozenset(found)
