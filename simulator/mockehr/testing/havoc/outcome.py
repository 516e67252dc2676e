"""How one run ended: whether the client broke, at what, and what was going on."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, Literal, TypeAlias

import orjson

from mockehr.core.clock import instant
from mockehr.core.errors import MockehrError, VerdictFailed
from mockehr.core.exchange import JSON
from mockehr.scenarios.probe import Case
from mockehr.scenarios.probes import probes
from mockehr.scenarios.probes.fits_the_site import SIBLINGS
from mockehr.scenarios.scorecard import Scorecard
from mockehr.scenarios.scorecard import judge as judged
from mockehr.sites.character import siblings_of
from mockehr.testing.havoc.network import TooManyCalls, finished
from mockehr.testing.havoc.run import ChaosRun

ClientUnderTest: TypeAlias = Callable[[ChaosRun], Any]
"""A function or coroutine function. It may return the records that it ended up with: FHIR resources as dicts, or
those by the names of their sites."""
Judge: TypeAlias = Callable[[ChaosRun], str | None]
"""Says what is wrong after a run, or nothing; may raise AssertionError as well."""
TRUTH: Final = "truth"
SHOWN: Final = 25
"""Exchanges that an excerpt of the journal has at most."""
Kind = Literal["raised", "livelock", "probe", "judge"]


@dataclass(frozen=True, slots=True)
class Break:
    """How a client broke. `what` is the exception's type or the probe's name, `text` tells more."""

    kind: Kind
    what: str
    text: str

    @property
    def same(self) -> tuple[str, str]:
        """What two breaks have in common that are taken for the same bug."""
        return self.kind, self.what


@dataclass(frozen=True, slots=True)
class Outcome:
    """One run: the break (None: it coped), the rules that fired, and an excerpt of the journals."""

    broke: Break | None
    fired: tuple[str, ...]
    journal: str
    calls: int


def play(
    client: ClientUnderTest,
    run: ChaosRun,
    runner: Any,
    *,
    judge: Sequence[str] | Judge,
    gives_up: tuple[type[BaseException], ...],
) -> Outcome:
    """Let the client run and judge it. An exception of `gives_up` ends the run as if it had returned nothing."""
    broke, records = None, None
    try:
        answer = client(run)
        records = finished(runner, answer, "chaos") if inspect.iscoroutine(answer) else answer
    except TooManyCalls as bound:
        broke = Break("livelock", "TooManyCalls", str(bound))
    except gives_up:
        pass
    except MockehrError:
        raise  # we were asked for something that cannot be
    except Exception as error:
        broke = Break("raised", type(error).__name__, f"{type(error).__name__}: {error}")
    broke = broke or _judged(run, judge, records)
    fired = tuple(f"{site.name}: {rule.name}" for site in run.sites for rule in site.rules if rule.fired)
    return Outcome(broke, fired, excerpt(run) if broke is not None else "", run.calls)


def _judged(run: ChaosRun, judge: Sequence[str] | Judge, records: Any) -> Break | None:
    if callable(judge):
        try:
            told = judge(run)
        except (AssertionError, VerdictFailed) as error:
            told = str(error) or "the judge's assertion failed"
        if told:
            return Break("judge", getattr(judge, "__name__", "judge"), told)
        wanted = [TRUTH] if records is not None else []
    else:
        wanted = [name for name in judge or probes() if name != TRUTH or records is not None]
    for card, finding in scored(run, wanted, records) if wanted else ():
        if finding.verdict == "fail":
            lines = [f"{finding.summary} ({card.client} at {card.site})"]
            lines += [f"entry {one.entry}: {one.text}" if one.entry else one.text for one in finding.evidence[:5]]
            return Break("probe", finding.probe, "\n  ".join(lines))
    return None


def scored(run: ChaosRun, names: Sequence[str], records: Any) -> Scorecard:
    """The findings of those probes; `records` as the client returned them, or None."""
    trial = run.trial
    known = trial.scenario
    trial.scenario = known.model_copy(update={"verdict": known.verdict.model_copy(update={"probes": list(names)})})
    try:
        if TRUTH not in names:
            return _without_truth(run, names)
        with TemporaryDirectory(prefix="mockehr-") as folder:
            given = records if isinstance(records, Mapping) else {trial.sites[0].name: records}
            for name, documents in given.items():
                run.site(name)
                _write(Path(folder) / f"{name}.ndjson", documents)
            return trial.judge(Path(folder))
    finally:
        trial.scenario = known


def _write(file: Path, documents: Any) -> None:
    lines: list[JSON] = list(documents.values()) if isinstance(documents, Mapping) else list(documents)
    file.write_bytes(b"".join(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE) for line in lines))


def _without_truth(run: ChaosRun, names: Sequence[str]) -> Scorecard:
    """Comparing records is dear, and there are none."""
    told = run.trial.scenario.client
    cases = [
        Case(
            tuple(site.journal),
            site.name,
            told.client_id,
            registered_scopes=told.scopes,
            expected={SIBLINGS: siblings_of(site, run.sites)},
        )
        for site in run.sites
    ]
    return judged(cases, names, title=run.trial.title, seed=str(run.trial.scenario.seed))


def excerpt(run: ChaosRun) -> str:
    """The last exchanges of each site with what rules did to them, oldest first."""
    lines = []
    for site in run.sites:
        every = list(site.journal)
        lines.append(f"{site.name}: {len(every)} exchanges" + (f", the last {SHOWN}" if len(every) > SHOWN else ""))
        for exchange in every[-SHOWN:]:
            query = f"?{exchange.query}" if exchange.query else ""
            status = exchange.reply.status if exchange.reply is not None else "-"
            at = instant(exchange.at)[11:23]
            what = f"{exchange.channel} {exchange.method} {exchange.path}{query}"
            lines.append(f"  {exchange.number:4} {at} {what[:100]} → {status}")
            acts = [one for one in exchange.decisions if one.outcome == "fired"]
            lines += [f"         {one.rule}: {one.why or one.capability}" for one in acts]
    return "\n".join(lines)
