"""`mockehr pathway`: what can be asked of a running hospital; whether pathway files hold, and their schema."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from mockehr.cli.operations import operation_group

pathway = operation_group("pathway", "Let patients go through the hospital; check pathway files.")


@pathway.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
def check(files: tuple[Path, ...]) -> None:
    """Read pathway files and play each to its end at a small site; all problems are told.

    What it writes is validated as a client's writes are. Exit status: 0 if every file holds, 2 if one does not, 3 if
    one cannot be read.
    """
    from mockehr.core.errors import MockehrError
    from mockehr.pathways.schema import load_pathway
    from mockehr.sites.pathway_trial import play

    worst = 0
    for file in files:
        try:
            trial = play(load_pathway(file))
        except MockehrError as error:
            worst = max(worst, error.exit_code)
            click.echo(f"{file}: {error}", err=True)
        else:
            click.echo(f"{file}: holds; {trial.summary}")
    sys.exit(worst)


@pathway.command()
def schema() -> None:
    """Print the JSON Schema of pathway files, as `pathway.schema.json` beside the shipped ones.

    An editor with a YAML language server finds it by the first line of a file:
    # yaml-language-server: $schema=pathway.schema.json
    """
    from mockehr.pathways.schema import pathway_schema

    click.echo(pathway_schema(), nl=False)


@pathway.command()
def steps() -> None:
    """The steps that a pathway can have."""
    from mockehr.pathways.step import steps as known

    for name, step in known().items():
        click.echo(f"{name:20} {(step.__doc__ or '').partition(chr(10))[0]}")
