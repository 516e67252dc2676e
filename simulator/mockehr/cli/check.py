"""`mockehr check`: judge a client of any language by scenarios."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from shutil import get_terminal_size
from typing import TYPE_CHECKING, Any, Final

import click
import orjson

from mockehr.core.errors import EnvironmentProblem, UsageError

if TYPE_CHECKING:
    from mockehr.cli.orders import Order
    from mockehr.cli.runs import Limits
    from mockehr.scenarios.report.baseline import Comparison
    from mockehr.scenarios.report.run import Run

MIN_WIDTH: Final = 60
"""Columns of the scorecard at least, however narrow the terminal."""
INTERRUPTED: Final = 130
"""Exit status after Ctrl-C, as shells have it."""
_FILE: Final = click.Path(path_type=Path)


@click.command(context_settings={"ignore_unknown_options": False})
@click.argument("scenarios", nargs=-1, required=True, type=_FILE)
@click.option("--junit", type=_FILE, help="Write JUnit XML to this file.")
@click.option("--html", type=_FILE, help="Write a self-contained HTML page to this file.")
@click.option("--sarif", type=_FILE, help="Write failures as SARIF 2.1.0 to this file.")
@click.option("--json", "as_json", is_flag=True, help="Print the scorecards as JSON.")
@click.option(
    "--json-file", "--write-baseline", "json_file", type=_FILE, help="Write them to this file, as --json has them."
)
@click.option("--baseline", type=_FILE, help="Fail only on what had not failed in this file of an earlier run.")
@click.option(
    "--annotations",
    type=click.Choice(["auto", "github", "none"]),
    default="auto",
    help="Tell failures to GitHub Actions, too; auto: where GITHUB_ACTIONS is true.",
)
@click.option(
    "--kind",
    type=click.Choice(["sync", "linker", "exporter", "app", "peer", "receiver"]),
    default=None,
    help="Of the scenarios only those that are for such a client.",
)
@click.option("--seed", type=int, default=None, help="Use this seed in place of the scenario's.")
@click.option(
    "--set", "given", multiple=True, metavar="NAME=VALUE", help="Give a parameter of the scenarios a value."
)
@click.option(
    "--jobs", type=click.IntRange(1), default=None, help="Run so many scenarios at once; as many as processors."
)
@click.option(
    "--timeout", metavar="DURATION", help="End the client after so long (90s, 5m), not when the scenario says."
)
@click.option("--site-timeout", metavar="DURATION", help="End it when so much time has passed by a site's own clock.")
@click.option("--reproducible", is_flag=True, help="Leave real time out of reports: equal runs give equal reports.")
@click.option("--variables", is_flag=True, help="Print the environment variables of the scenario, and run nothing.")
@click.option(
    "--format", "form", type=click.Choice(["text", "json", "dotenv"]), default="text", help="Form of --variables."
)
def check(scenarios: tuple[Path, ...], **options: Any) -> None:
    """Judge a client: mockehr check SCENARIO... -- COMMAND

    Starts the scenario's sites, tells COMMAND by environment variables where they are and who it is (MOCKEHR_SITES,
    MOCKEHR_OUTPUT, and per site MOCKEHR_<SITE>_FHIR_URL, _TOKEN_URL, _CLIENT_ID, _PRIVATE_KEY, _SCOPES, _PERSONALITY,
    _PATIENTS and more: mockehr check --variables SCENARIO explains those of a scenario), runs it, judges it. What
    COMMAND prints goes to stderr; its own exit status is told, but not judged.

    SCENARIO is a file, the name of a shipped one (mockehr scenario list), or `all` for all of those. Exit status:
    0 passed (with --baseline: no regression), 1 the client failed or did not finish in time, 2 usage, 3
    environment (COMMAND cannot be started; a port is taken), 130 interrupted.
    """
    files, command = _split(scenarios, wanted=not options["variables"])
    orders = _orders(files, command, options)
    if options["variables"]:
        _print_variables(orders, options["form"])
        return
    for name in ("junit", "html", "sarif", "json_file"):
        report = options[name]
        if report and not report.parent.is_dir():  # before the client has run for minutes
            raise UsageError(f"The folder of the report {report} does not exist.", remedy="Make it, or name another.")
    from mockehr.scenarios.report.baseline import compare_with, read_baseline

    before = read_baseline(options["baseline"]) if options["baseline"] else None
    try:
        runs = _perform(orders, options)
    except KeyboardInterrupt:
        click.echo("mockehr: interrupted; the clients were ended.", err=True)
        sys.exit(INTERRUPTED)
    compared = compare_with(before, runs) if before is not None else None
    _report(runs, options, compared)
    _tell_github(runs, options["annotations"], compared)
    good = all(one.passed for one in runs) if compared is None else not compared.regressions
    sys.exit(0 if good else 1)


def _orders(files: list[Path], command: list[str], options: dict[str, Any]) -> list[Order]:
    """What is to be run; raises UsageError for two scenarios of one name, which reports could not tell apart."""
    from mockehr.cli.orders import Order, scenarios_meant
    from mockehr.scenarios.parameters import settings_from

    given = tuple(settings_from(options["given"]).items())
    orders = [
        Order(
            path,
            tuple(command),
            seed=options["seed"],
            given=given,
            limits=_limits(options["timeout"], options["site_timeout"]),
            exchanges=options["html"] is not None,
            reproducible=options["reproducible"],
        )
        for path in scenarios_meant(files, options["kind"] or "")
    ]
    names = [order.name for order in orders]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UsageError(
            f"Two scenarios are named {', '.join(twice)}.",
            remedy="Name each once, and give files names of their own.",
        )
    return orders


def _limits(real: str | None, site: str | None) -> Limits:
    from mockehr.cli.runs import Limits
    from mockehr.core.clock import duration

    seconds: list[float | None] = []
    for name, told in (("--timeout", real), ("--site-timeout", site)):
        try:
            seconds.append(None if told is None else duration(told))
        except ValueError as error:
            raise UsageError(f"{name} {told!r} is no duration.", remedy="Write it like 90s, 5m or 2h30m.") from error
    return Limits(*seconds)


def _perform(orders: list[Order], options: dict[str, Any]) -> list[Run]:
    """The runs; scenarios are read before the first one begins, so that a typo costs no time."""
    from mockehr.cli.orders import fixed_ports, perform
    from mockehr.cli.parallel import jobs_for, run_all

    planned = [(order, fixed_ports(order.scenario())) for order in orders]
    quiet, jobs = options["as_json"], jobs_for(len(orders), options["jobs"])
    if jobs > 1:
        runs = run_all(planned, jobs, quiet=quiet)
        for run in runs:
            _print(run, quiet)
        return runs
    runs = []
    for order in orders:
        runs.append(perform(order, quiet=quiet, say=lambda line: click.echo(line, err=True)))
        _print(runs[-1], quiet)
    return runs


def _print(run: Run, quiet: bool) -> None:
    from mockehr.scenarios.report.text import text

    if not quiet:
        click.echo(text(run.scorecard, width=max(MIN_WIDTH, get_terminal_size((100, 24)).columns)))


def _report(runs: list[Run], options: dict[str, Any], compared: Comparison | None) -> None:
    """Write and print what was asked for."""
    from mockehr.scenarios.report.baseline import as_json
    from mockehr.scenarios.report.html import html
    from mockehr.scenarios.report.junit import junit
    from mockehr.scenarios.report.sarif import sarif

    if options["as_json"]:
        click.echo(orjson.dumps(as_json(runs)).decode())
    if compared is not None:
        for line in compared.lines():
            click.echo(line, err=options["as_json"])
    if options["junit"]:
        _write(options["junit"], junit(*runs))
    if options["html"]:
        _write(options["html"], html(*runs).encode())
    if options["sarif"]:
        _write(options["sarif"], sarif(*runs))
    if options["json_file"]:
        _write(options["json_file"], orjson.dumps(as_json(runs), option=orjson.OPT_INDENT_2) + b"\n")


def _tell_github(runs: list[Run], wanted: str, compared: Comparison | None) -> None:
    """Annotations on stderr, where the runner reads them too, and the summary of the job."""
    from mockehr.scenarios.report.github import commands, summary

    if wanted == "github" or (wanted == "auto" and os.environ.get("GITHUB_ACTIONS") == "true"):
        for line in commands(runs, compared):
            click.echo(line, err=True)
    file = os.environ.get("GITHUB_STEP_SUMMARY", "")
    if file and wanted != "none":
        try:
            with open(file, "a", encoding="utf-8") as sink:
                sink.write(summary(runs, compared))
        except OSError as error:
            click.echo(f"mockehr: the summary {file} cannot be written: {error.strerror}", err=True)


def _print_variables(orders: list[Order], form: str) -> None:
    from mockehr.cli.variables import as_dotenv, as_json, as_text, variables
    from mockehr.scenarios.trial import Trial

    if len(orders) != 1:
        raise UsageError("--variables explains one scenario.", remedy="Name one.")
    found = variables(Trial(orders[0].scenario(), base=orders[0].path.parent))
    click.echo({"text": as_text, "json": as_json, "dotenv": as_dotenv}[form](found))


def _write(file: Path, content: bytes) -> None:
    try:
        file.write_bytes(content)
    except OSError as error:
        raise EnvironmentProblem(
            f"The report {file} cannot be written: {error.strerror}.", remedy="Name a file that can be written."
        ) from error


def _split(given: tuple[Path, ...], *, wanted: bool) -> tuple[list[Path], list[str]]:
    """Scenario files, and the command: what click has left of `SCENARIO... -- COMMAND`."""
    words = sys.argv[sys.argv.index("--") + 1 :] if "--" in sys.argv else []
    files = list(given[: len(given) - len(words)])
    if not files or (wanted and not words):
        raise click.UsageError("Write the scenario files first, then -- and the client's command.")
    return files, words
