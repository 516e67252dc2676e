"""`mockehr parity`: how much a site's answers look like recorded ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import orjson

from mockehr.cli.places import served
from mockehr.core.errors import UsageError, VerdictFailed

if TYPE_CHECKING:
    from mockehr.recording.likeness import Likeness
    from mockehr.recording.questions import Ask, Recorded


@click.command()
@click.argument("recorded", type=click.Path(file_okay=False, path_type=Path))
@click.option("--site", default="", metavar="NAME=PERSONALITY", help="A site to be built for it, here and now.")
@click.option("--url", default="", metavar="BASE", help="FHIR base of a running system in place of --site.")
@click.option("--bearer", default="", metavar="TOKEN", help="Access token for --url.")
@click.option("--patient", "named", multiple=True, metavar="ID", help="Whom to ask --url about; may be repeated.")
@click.option(
    "--patients",
    type=click.IntRange(min=1),
    default=30,
    show_default=True,
    help="How many patients of --site to ask about.",
)
@click.option("--seed", default="7", show_default=True, help="Seed of --site.")
@click.option("--environment", type=click.Choice(["sandbox", "production"]), default=None, help="Of --site.")
@click.option("--variance", type=click.Choice(["none", "realistic"]), default="none", help="Of --site.")
@click.option("--missing", default=5, show_default=True, help="Tokens to print of each kind that are missing.")
@click.option("--foreign", default=5, show_default=True, help="Tokens to print of each kind that were not recorded.")
@click.option("--recall", default=0.0, help="Fail (exit status 1) below this mean.")
@click.option("--precision", default=0.0, help="Fail (exit status 1) below this mean.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def parity(recorded: Path, recall: float, precision: float, missing: int, foreign: int, **given: Any) -> None:
    """Ask a site what RECORDED asked another system, and print what is missing and what is foreign, token by token.

    RECORDED is a folder of JSON files: a FHIR resource or Bundle each, or `{"_request": {"method", "url", "status"},
    "body": …}`. Shapes are compared, never values: elements, systems, extensions, the forms of dates and ids.
    """
    from mockehr.recording.likeness import likenesses, mean
    from mockehr.recording.questions import read_recorded

    if bool(given["site"]) == bool(given["url"]):
        raise UsageError("parity compares with one system.", remedy="Give --site north=epic, or --url BASE.")
    tape = read_recorded(recorded)
    if tape.unread:
        click.echo(f"No FHIR answers, and left out: {', '.join(tape.unread)}", err=True)
    pile = _compared_with(tape, given)
    rows = list(likenesses(tape.pile, pile))
    found = mean(rows)
    if given["as_json"]:
        kinds = [asdict(row) for row in rows]
        click.echo(orjson.dumps({"kinds": kinds, "recall": found[0], "precision": found[1]}).decode())
    else:
        _tell(rows, missing, foreign)
        click.echo(f"{'mean':34} {'':31} recall {found[0]:.3f}  precision {found[1]:.3f}")
    for name, figure, wanted in (("recall", found[0], recall), ("precision", found[1], precision)):
        if figure < wanted:
            raise VerdictFailed(f"The mean {name} is {figure:.3f}, and {wanted:g} was wanted.")


def _compared_with(tape: Recorded, given: dict[str, Any]) -> Any:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    from mockehr.recording.questions import put

    patients, ask = _built(given) if given["site"] else _remote(given)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("asking", total=len(tape.questions))
        return put(tape, patients, ask, lambda target: progress.update(task, advance=1, description=target[:60]))


def _built(given: dict[str, Any]) -> tuple[Sequence[str], Ask]:
    from mockehr.core.exchange import Exchange
    from mockehr.sites.build import build_site
    from mockehr.sites.options import SiteOptions

    told = served(given["site"])
    options = SiteOptions(
        told.name,
        told.personality,
        patients=given["patients"],
        seed=f"{given['seed']}/{told.name}",
        stepped=True,
        open_access=True,
        environment=given["environment"] or "",
        variance=given["variance"],
    )
    site = build_site(options)
    base = f"http://127.0.0.1:8642/{told.name}{site.fhir_path.rstrip('/')}"

    def ask(target: str) -> tuple[int, Any]:
        path, _, query = target.partition("?")
        asked = Exchange("fhir", "GET", f"/{path}", query, {"accept": "application/json"}, base_url=base)
        reply = site.handle(asked).reply
        assert reply is not None
        return reply.status, _json(reply.body)

    if site.charts is None:
        raise UsageError(
            f"{told.personality} has no patients of its own.",
            remedy="Name another personality, or serve it in front of a site (--fronts) and give --url.",
        )
    return [site.charts.patient_id(index) for index in range(site.charts.size)][: given["patients"]], ask


def _remote(given: dict[str, Any]) -> tuple[Sequence[str], Ask]:
    import httpx2

    if not given["named"]:
        raise UsageError("Whom should that system be asked about?", remedy="Give --patient ID, once or more.")
    headers = {"Accept": "application/fhir+json"}
    headers |= {"Authorization": f"Bearer {given['bearer']}"} if given["bearer"] else {}
    client = httpx2.Client(headers=headers, timeout=60)

    def ask(target: str) -> tuple[int, Any]:
        answer = client.get(f"{given['url'].rstrip('/')}/{target}")
        return answer.status_code, _json(answer.content)

    return list(given["named"]), ask


def _tell(rows: Sequence[Likeness], missing: int, foreign: int) -> None:
    for row in rows:
        click.echo(
            f"{row.kind:34} recorded {row.recorded:5}  shown {row.shown:6}  "
            f"recall {row.recall:.3f}  precision {row.precision:.3f}"
        )
        for label, tokens, most in (("missing", row.missing, missing), ("foreign", row.foreign, foreign)):
            for token, weight in tokens[:most]:
                click.echo(f"    {label}  {weight:5.0%}  {token}")


def _json(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
