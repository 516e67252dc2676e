"""`mockehr bulk`: what can be asked of a running server's exports, and bringing files of resources in."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import click
import orjson

from mockehr.cli.operations import DEFAULT_SERVER, ask, operation_group
from mockehr.control.facade import operations
from mockehr.fhir.intake import ResourceFile, files_at

bulk = operation_group("bulk", "See and cancel exports, see groups; bring files of resources in.")

PIECE: Final = 1 << 20
"""Octets of lines that are sent at once."""
SHOWN: Final = 20
"""Refused lines that are printed."""


@dataclass(slots=True)
class _Taken:
    """What became of all files so far."""

    stored: Counter[str] = field(default_factory=Counter)
    refused: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Piece:
    """Some lines of a file, or all of it (`first` 0)."""

    text: str
    first: int
    refused: tuple[str, ...]
    """Lines that were left out, since they are no text, and why."""


@bulk.command("import")
@click.argument("site")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print what was stored and refused as JSON.")
@click.option("--server", default=DEFAULT_SERVER, show_default=True, help="Address of the server.")
@click.option("--token", default="", help="Token of the control API.")
def import_files(site: str, files: Sequence[Path], as_json: bool, server: str, token: str) -> None:
    """Bring in FILES: NDJSON, single resources and Bundles as JSON, the same as .gz, and folders of them.

    Every resource needs an id; one that is there already gets a new version. What is stored is what the file holds,
    to the octet.

    Exit status: 0 if everything was stored, 1 if something was refused, 3 if a file or the server cannot be reached.
    """
    found = [file for path in files for file in files_at(path)]
    taken = _Taken()
    _send(found, site, server, token, taken)
    if as_json:
        row = {"files": len(found), "stored": dict(sorted(taken.stored.items())), "refused": taken.refused}
        click.echo(orjson.dumps(row).decode())
    else:
        _tell(len(found), taken)
    sys.exit(1 if taken.refused else 0)


def _send(found: Sequence[Path], site: str, server: str, token: str, taken: _Taken) -> None:
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        shown = progress.add_task(site, total=sum(file.stat().st_size for file in found))
        before = 0
        for file in found:
            progress.update(shown, description=file.name)
            with ResourceFile(file) as opened:
                for piece in _pieces(opened):
                    told = {"site": site, "text": piece.text, "source": str(file), "first": piece.first}
                    answer = ask(operations().get("bulk import"), server, token, told)
                    taken.stored.update(answer["stored"])
                    taken.refused += [*piece.refused, *answer["refused"]]
                    progress.update(shown, completed=before + opened.read)
            before += file.stat().st_size


def _pieces(opened: ResourceFile) -> Iterator[_Piece]:
    """The file in pieces of some size; lines that are no UTF-8 are left empty, so that numbers hold."""
    lines: list[str] = []
    refused: list[str] = []
    size, first = 0, 1
    for number, octets in opened:
        try:
            text = octets.rstrip(b"\n").decode() if opened.by_lines else octets.decode()
        except UnicodeDecodeError as error:
            refused.append(f"{opened.path}:{number}: no UTF-8: {error.reason} at octet {error.start}")
            text = ""
        lines.append(text)
        size += len(octets)
        if size >= PIECE and opened.by_lines:
            yield _Piece("\n".join(lines), first, tuple(refused))
            lines, refused, size, first = [], [], 0, number + 1
    if lines:
        yield _Piece("\n".join(lines), first if opened.by_lines else 0, tuple(refused))


def _tell(files: int, taken: _Taken) -> None:
    for kind, count in sorted(taken.stored.items()):
        click.echo(f"{count:9,}  {kind}")
    click.echo(f"{taken.stored.total():9,}  resources of {files} files")
    if not taken.refused:
        return
    for line in taken.refused[:SHOWN]:
        click.echo(f"refused: {line}", err=True)
    if len(taken.refused) > SHOWN:
        click.echo(f"refused: {len(taken.refused) - SHOWN} more, which --json lists", err=True)
    click.echo("Mend these and import their files again: what was stored is stored as a new version then.", err=True)
