"""`mockehr corpus`: folders of records, clean or dirty, for use without a server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import orjson

FORM_NAMES = ("ndjson", "bundles", "transactions", "hl7", "csv")

_forms = click.option(
    "--form",
    "forms",
    multiple=True,
    type=click.Choice(FORM_NAMES),
    default=("ndjson",),
    show_default=True,
    help="How it is written: FHIR NDJSON by type, Bundles by patient, HL7 v2 batches, tables; may be repeated.",
)
_truth = click.option("--truth/--no-truth", default=True, help="Whether NDJSON has the clean records beside it.")
_json = click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")


@click.group()
def corpus() -> None:
    """Make, list, show and export folders of records, for use without a server."""


@corpus.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--vendor", default="generic", show_default=True, help="Whose records they look like.")
@click.option("--patients", default=100, show_default=True, type=click.IntRange(min=1), help="How many, any number.")
@click.option("--seed", default="7", show_default=True, help="Of everything that is drawn.")
@click.option(
    "--dirt", default="", metavar="PRESET", help="sandbox, typical, decades or nightmare; clean unless told."
)
@_forms
@_truth
@_json
def make(
    folder: Path, vendor: str, patients: int, seed: str, dirt: str, forms: tuple[str, ...], truth: bool, as_json: bool
) -> None:
    """Make a corpus: a manifest, the records, what is true, and which are not shown as they are.

    The same seed, vendor, number, preset and version make the same bytes. In clean corpora nothing is corrupted.
    """
    from mockehr.sites.corpus import Recipe

    recipe = Recipe(vendor, patients, int(seed) if seed.isdigit() else seed, dirt)
    _write(folder, recipe, forms, truth, as_json)


@corpus.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--to", "target", required=True, type=click.Path(path_type=Path, file_okay=False), help="A new folder.")
@_forms
@_truth
@_json
def export(folder: Path, target: Path, forms: tuple[str, ...], truth: bool, as_json: bool) -> None:
    """Write a corpus in other forms, into a folder of its own; the records are made again from its manifest."""
    from mockehr.sites.corpus import CORRUPTED, read_recipe

    recipe, told = read_recipe(folder)
    made = _write(target, recipe, forms, truth, as_json)
    before, now = (one["files"].get(CORRUPTED, {}).get("sha256") for one in (told, made))
    if before != now:
        click.echo(
            f"note: {folder} was made by mockehr {told['mockehr']}; this one is {made['mockehr']} and dirties other "
            "records. Make the corpus anew to have both alike.",
            err=True,
        )


@corpus.command("list")
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False), default=Path())
@_json
def listed(folder: Path, as_json: bool) -> None:
    """The curated records that come with mockehr, and the corpora in a folder and right below it."""
    from mockehr.sites.corpus import found_in
    from mockehr.sites.curated import curated

    rows: list[dict[str, Any]] = [
        {"name": f"curated/{name}", "corruption": one.corruption, "about": one.what}
        for name, one in curated().items()
    ]
    made = [{"name": str(path), **manifest} for path, manifest in found_in(folder)]
    if as_json:
        click.echo(orjson.dumps({"corpora": made, "curated": rows}).decode())
        return
    for row in made:
        dirt = row["dirt"] or "clean"
        click.echo(f"{row['name']:28} {row['personality']}, {row['patients']} patients, seed {row['seed']}, {dirt}")
    for row in rows:
        click.echo(f"{row['name']:28} {row['corruption']}: {row['about']}")


@corpus.command()
@click.argument("place")
@_json
def show(place: str, as_json: bool) -> None:
    """A corpus by its folder, or a curated patient by name (curated/NAME): what is wrong, and the records concerned.

    The files of a corpus are compared with their hashes. Exit status 1 if one was changed.
    """
    if place.startswith("curated/"):
        _show_curated(place.partition("/")[2], as_json)
        return
    from mockehr.core.errors import VerdictFailed
    from mockehr.sites.corpus import changed_files, read_recipe

    _, told = read_recipe(Path(place))
    wrong = changed_files(Path(place), told)
    if as_json:
        click.echo(orjson.dumps({**told, "changed": wrong}).decode())
    else:
        click.echo(
            f"{told['personality']}, {told['patients']} patients, seed {told['seed']}, {told['dirt'] or 'clean'}"
        )
        for name, row in told["files"].items():
            click.echo(f"{name:36} {row['records']:9} records {row['bytes']:12} bytes")
    if wrong:
        raise VerdictFailed(f"Not as the manifest says: {', '.join(wrong)}.", remedy="Make the corpus anew.")


def _show_curated(name: str, as_json: bool) -> None:
    from mockehr.fhir.record import encode
    from mockehr.sites.curated import curated_named, differences

    one = curated_named(name)
    rows = list(differences(one))
    if as_json:
        found = [{"key": key, "path": path, "true": true, "shown": shown} for key, path, true, shown in rows]
        click.echo(encode({**one.as_json(), "differences": found}).decode("utf-8", "backslashreplace"))
        return
    click.echo(f"{one.who}\n{one.corruption}: {one.what}\nA client {one.client}\n\n{one.documentation}\n")
    for key, path, true, shown in rows:
        click.echo(f"{key} {path}\n  is    {_short(true)}\n  shown {_short(shown)}")


def _short(value: object) -> str:
    from mockehr.fhir.record import encode

    text = encode(value).decode("utf-8", "backslashreplace")
    return text if len(text) <= 200 else f"{text[:197]}…"


def _write(folder: Path, recipe: Any, forms: tuple[str, ...], truth: bool, as_json: bool) -> Any:
    from mockehr.sites.corpus import make_corpus
    from mockehr.sites.corpus_forms import FORMS, Ndjson

    chosen = {name: FORMS[name]() for name in dict.fromkeys(forms)}
    if "ndjson" in chosen:
        chosen["ndjson"] = Ndjson(truth=truth)
    with _progress(recipe.patients) as told:
        manifest = make_corpus(folder, recipe, chosen, told=told)
    if as_json:
        click.echo(orjson.dumps(manifest).decode())
    else:
        click.echo(f"{folder}: {len(manifest['files'])} files, {recipe.patients} patients")
    return manifest


@contextmanager
def _progress(patients: int) -> Iterator[Callable[[int], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("charts"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("charts", total=patients)
        yield lambda done: progress.update(task, completed=done, total=max(patients, done))
