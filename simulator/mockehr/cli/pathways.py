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
@click.argument("names", nargs=-1)
def steps(names: tuple[str, ...]) -> None:
    """The steps that a pathway can have; with NAMES what each of these can be told."""
    from mockehr.pathways.step import Step
    from mockehr.pathways.step import steps as known

    for name in names or known():
        step = known().get(name)
        told = " ".join((step.__doc__ or "").partition("\n\n")[0].split())
        click.echo(f"{name:20} {told}")
        for key, field in step.model_fields.items() if names else ():
            if key not in Step.model_fields:
                short = f" (`- {name}: …` alone means it)" if key == step.SHORT else ""
                what = "required" if field.is_required() else f"{field.get_default(call_default_factory=True)!r}"
                click.echo(f"  {field.alias or key}: {what}{short}")
    if names:
        click.echo(f"Every step has {', '.join(Step.model_fields)}, too. Forms: mockehr pathway schema")
