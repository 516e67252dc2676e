"""`mockehr contract`: pin what a FHIR server says and shows, and tell what has changed since."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click

from mockehr.core.errors import UsageError, VerdictFailed
from mockehr.recording.contract.drift import Severity
from mockehr.recording.contract.taking import MOST

if TYPE_CHECKING:
    from mockehr.recording.contract.pin import Pin
    from mockehr.recording.questions import Ask

_TARGET = (
    click.option("--bearer", default="", metavar="TOKEN", help="Access token, for a URL."),
    click.option("--patient", "named", multiple=True, metavar="ID", help="Whom to ask about; may be repeated."),
    click.option("--most", default=MOST, show_default=True, help="Requests that may be sent."),
    click.option("--patients", default=20, show_default=True, help="How many patients a site built here has."),
    click.option("--seed", default="7", show_default=True, help="Seed of a site built here."),
    click.option("--upgrade", default="", metavar="NAME", help="An upgrade that a site built here has taken."),
    click.option("--environment", type=click.Choice(["sandbox", "production"]), help="Of a site built here."),
)


def _asked(command: Any) -> Any:
    for option in reversed(_TARGET):
        command = option(command)
    return command


@click.group()
def contract() -> None:
    """Pin what a FHIR server says and shows, and tell what has changed since.

    A server is a URL of its FHIR base (a real sandbox too), or a site that is built here and now: `north=epic`.
    """


@contract.command()
@click.argument("server", metavar="SITE_OR_URL")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="File of the pin (.yaml or .json).")
@_asked
def pin(server: str, out: Path | None, **given: Any) -> None:
    """Freeze CapabilityStatement, smart-configuration and the shapes of answers; never values, but for systems."""
    from mockehr.recording.contract.pin import save_pin, written

    taken = _taken(server, given)
    if out is None:
        click.echo(written(taken), nl=False)
        return
    save_pin(taken, out)
    seen = sum(kind.seen for kind in taken.observed.values())
    types = len(taken.statement.get("resources", {}))
    click.echo(
        f"{out}: {types} resource types offered, {len(taken.observed)} kinds seen, {seen} resources.", err=True
    )


@contract.command()
@click.argument("pinned", metavar="PIN", type=click.Path(dir_okay=False, path_type=Path))
@click.argument("server", metavar="[SITE_OR_URL]", default="")
@click.option("--format", "form", type=click.Choice(["text", "json", "junit"]), default="text", show_default=True)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="File of the report.")
@click.option(
    "--fail-on", type=click.Choice(get_args(Severity)), default="breaking", show_default=True,
    help="Exit status 1 from here on.",
)  # fmt: skip
@click.option("--ignore", multiple=True, metavar="PATTERN", help="Places not to tell of, as in 'observed.Goal*'.")
@_asked
def verify(
    pinned: Path, server: str, form: str, out: Path | None, fail_on: Severity, ignore: tuple[str, ...], **given: Any
) -> None:
    """Ask a server the questions of PIN again and tell what differs: of the server that was pinned, unless told."""
    from mockehr.recording.contract.drift import at_least, drift
    from mockehr.recording.contract.pin import load_pin
    from mockehr.recording.contract.report import FORMS

    old = load_pin(pinned)
    new = _taken(server or old.source, given, like=old)
    found = drift(old, new, ignore)
    text = FORMS[form](old, new, found, fail_on)
    if out is not None:
        out.write_text(text, "utf-8")
    else:
        click.echo(text, nl=False)
    bad = at_least(found, fail_on)
    if bad:
        raise VerdictFailed(
            f"The contract with {old.source} does not hold; changes that are {fail_on} or worse: {len(bad)}.",
            remedy="Look at each; pin again what you accept, or leave it out with --ignore.",
        )


def _taken(server: str, given: dict[str, Any], like: Pin | None = None) -> Pin:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    from mockehr.recording.contract.taking import take_pin

    remote = server.startswith(("http://", "https://"))
    base, patients, ask = _remote(server, given) if remote else _built(server, given)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("asking", total=given["most"])
        return take_pin(
            ask,
            source=server,
            base=base,
            patients=given["named"] or patients,
            like=like,
            most=given["most"],
            step=lambda target: progress.update(task, advance=1, description=target[:60]),
        )


def _built(server: str, given: dict[str, Any]) -> tuple[str, list[str], Ask]:
    from mockehr.cli.places import served
    from mockehr.sites.build import build_site
    from mockehr.sites.options import SiteOptions
    from mockehr.sites.visitor import Visitor

    told = served(server)
    options = SiteOptions(
        told.name,
        told.personality,
        patients=given["patients"],
        seed=given["seed"],
        stepped=True,
        upgrade=given["upgrade"],
        environment=given["environment"] or "",
    )
    site = build_site(options)
    if given["upgrade"]:
        site.upgrades.bring_forward(given["upgrade"])
    if site.charts is None:
        raise UsageError(f"{server} has no patients to ask about.", remedy="Name a hospital, as in north=epic.")
    visitor = Visitor(site)
    return visitor.base, [site.charts.patient_id(index) for index in range(min(site.charts.size, 5))], visitor.ask


def _remote(server: str, given: dict[str, Any]) -> tuple[str, list[str], Ask]:
    import httpx2
    import orjson

    from mockehr.core.errors import EnvironmentProblem

    base = server.rstrip("/")
    headers = {"Accept": "application/fhir+json, application/json"}
    headers |= {"Authorization": f"Bearer {given['bearer']}"} if given["bearer"] else {}
    client = httpx2.Client(headers=headers, timeout=60, follow_redirects=True)
    click.get_current_context().call_on_close(client.close)

    def ask(target: str) -> tuple[int, Any]:
        try:
            answer = client.get(f"{base}/{target}")
        except httpx2.HTTPError as error:
            raise EnvironmentProblem(f"{base}/{target} gave no answer: {error}.") from error
        try:
            return answer.status_code, orjson.loads(answer.content)
        except orjson.JSONDecodeError:
            return answer.status_code, None

    return base, [], ask
