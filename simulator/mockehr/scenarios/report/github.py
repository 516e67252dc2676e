"""Failures of runs as GitHub Actions shows them: annotations of a workflow, and a summary of a job in Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from mockehr.scenarios.report.baseline import Comparison
from mockehr.scenarios.report.failure import Failure, failures
from mockehr.scenarios.report.run import Run

_SHOWN = 3
"""Pieces of evidence of a failure that an annotation carries."""


def commands(runs: Sequence[Run], compared: Comparison | None = None) -> Iterator[str]:
    """A workflow command (`::error …::…`) for each failure, `::warning` for those that a baseline knows."""
    for run in runs:
        for failure in failures(run):
            level = "warning" if compared is not None and compared.knows(run, failure) else "error"
            settings = {"file": run.file} if run.file else {}
            settings["title"] = f"{failure.probe}: {failure.who}, {run.scorecard.title}"
            told = ",".join(f"{name}={_property(value)}" for name, value in settings.items())
            yield f"::{level} {told}::{_data(_message(failure))}"


def summary(runs: Sequence[Run], compared: Comparison | None = None) -> str:
    """A job's summary in Markdown: a line for each scenario, then each failure with its first evidence."""
    lines = ["## mockehr", "", "| Scenario | Verdict | Passed | Failed | No occasion |", "|---|---|---:|---:|---:|"]
    for run in runs:
        card = run.scorecard
        counts = " | ".join(str(card.count(verdict)) for verdict in ("pass", "fail", "not-applicable"))
        lines.append(f"| {_text(card.title)} | {'passed' if run.passed else '**not passed**'} | {counts} |")
    rows = [_row(run, failure, compared) for run in runs for failure in failures(run)]
    if rows:
        lines += ["", "| Scenario | Probe | Who | What was seen |", "|---|---|---|---|", *rows]
    lines += ["", *(f"- {_text(line)}" for line in compared.lines())] if compared is not None else []
    return "\n".join(lines) + "\n\n"


def _row(run: Run, failure: Failure, compared: Comparison | None) -> str:
    known = " (known)" if compared is not None and compared.knows(run, failure) else ""
    cells = [run.scorecard.title, failure.probe + known, failure.who, _message(failure)]
    return f"| {' | '.join(map(_text, cells))} |"


def _message(failure: Failure) -> str:
    lines = [f"entry {item.entry}: {item.text}" if item.entry else item.text for item in failure.evidence[:_SHOWN]]
    return "\n".join([failure.told, *lines])


def _data(text: str) -> str:
    """As the message of a workflow command wants it: one line, percent signs told apart from escapes."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    """As a property of a workflow command wants it, where colons and commas separate."""
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _text(text: str) -> str:
    """As a cell of a table in Markdown wants it."""
    plain = escape(text, quote=False).replace("\\", "\\\\").replace("|", "\\|")
    for sign in "`*_[]":
        plain = plain.replace(sign, f"\\{sign}")
    return "<br>".join(plain.splitlines())
