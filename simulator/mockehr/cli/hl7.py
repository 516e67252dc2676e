"""`mockehr hl7`: what can be asked of a running server's HL7 side, and batch files: whether they hold."""

from __future__ import annotations

import sys
from pathlib import Path

import click
import orjson

from mockehr.cli.operations import operation_group
from mockehr.core.errors import EnvironmentProblem

hl7 = operation_group("hl7", "See and steer HL7 links and listeners; send messages; check batch files.")


@hl7.group()
def batch() -> None:
    """Files of HL7 messages."""


@batch.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON.")
def check(file: Path, as_json: bool) -> None:
    """Count the messages of a file and say what is wrong with it: counts that lie, what is missing, ids that repeat.

    Exit status: 0 if nothing is wrong, 1 if something is, 3 if the file cannot be read.
    """
    from mockehr.hl7.batch import read_batch

    try:
        found = read_batch(file.read_bytes())
    except OSError as error:
        raise EnvironmentProblem(f"{file} cannot be read: {error.strerror}.", remedy="Name a file of HL7.") from error
    told = [{"finding": one.kind, "offset": one.offset, "text": one.text} for one in found.findings]
    if as_json:
        row = {"messages": len(found.messages), "batches": found.batches, "headers": found.headers, "findings": told}
        click.echo(orjson.dumps(row).decode())
    else:
        for one in told:
            click.echo(f"octet {one['offset']}: {one['text']} ({one['finding']})")
        click.echo(f"{len(found.messages)} messages, {found.batches} batches")
    sys.exit(1 if told else 0)
