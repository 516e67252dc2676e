"""Commands derived from the control operations: one per operation, run on a server over its control API."""

from __future__ import annotations

import re
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import quote, urlencode

import click
import orjson

from mockehr.control.facade import Control, operations
from mockehr.control.operation import Operation
from mockehr.core.errors import EnvironmentProblem, MockehrError, UsageError
from mockehr.sites.directory import Directory

DEFAULT_SERVER = "http://127.0.0.1:8642"


def operation_group(name: str, summary: str) -> click.Group:
    """The click group of all operations whose name begins with `name`."""
    group = click.Group(name, help=summary)
    for full, op in operations().items():
        first, _, rest = full.partition(" ")
        if first == name:
            group.add_command(_command(rest, op))
    return group


def _command(name: str, op: Operation) -> click.Command:
    params: list[click.Parameter] = []
    if op.scope == "site":
        params.append(click.Argument(["site"]))
    in_path = re.findall(r"\{(\w+)\}", op.path)
    for p in op.parameters:
        if p.name in in_path or p.required:
            params.append(click.Argument([p.name], type=str))
        elif p.type is bool:
            params.append(
                click.Option([f"--{p.name.replace('_', '-')}/--no-{p.name.replace('_', '-')}"], default=None)
            )
        else:
            shown = "JSON" if p.type is dict else None
            params.append(click.Option([f"--{p.name.replace('_', '-')}"], type=str, default=None, metavar=shown))
    params.append(
        click.Option(["--server"], default=DEFAULT_SERVER, show_default=True, help="Address of the server.")
    )
    params.append(click.Option(["--token"], default="", help="Token of the control API."))

    def run(server: str, token: str, **given: Any) -> None:
        arguments = {key: _parsed(op, key, value) for key, value in given.items() if value is not None}
        if op.offline:
            answer = Control(Directory()).call(op.name, **arguments)
        else:
            answer = ask(op, server, token, arguments)
        click.echo(orjson.dumps(answer, option=orjson.OPT_INDENT_2).decode())

    return click.Command(name, params=params, callback=run, help=op.summary)


def ask(op: Operation, server: str, token: str, arguments: dict[str, Any]) -> Any:
    """Run an operation on a running server; raises the error that the server answered."""
    path = op.full_path
    for key in re.findall(r"\{(\w+)\}", path):
        path = path.replace(f"{{{key}}}", quote(str(arguments.pop(key)), safe=""))
    url, body = server.rstrip("/") + path, b""
    if op.verb == "GET":
        url += "?" + urlencode(arguments) if arguments else ""
    else:
        body = orjson.dumps(arguments)
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    request = urllib.request.Request(url, data=body or None, method=op.verb, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return orjson.loads(answer.read())
    except urllib.error.HTTPError as error:
        told = orjson.loads(error.read() or b"{}")
        raise UsageError(
            told.get("what", str(error)), nearest=told.get("nearest", ""), remedy=told.get("remedy", "")
        ) from error
    except OSError as error:
        raise EnvironmentProblem(
            f"No server answers at {server}: {error}.",
            remedy="Start one with mockehr serve, or name it with --server.",
        ) from error


def _parsed(op: Operation, key: str, value: Any) -> Any:
    declared = next((p for p in op.parameters if p.name == key), None)
    if declared is not None and declared.type is dict and isinstance(value, str):
        try:
            return orjson.loads(value)
        except orjson.JSONDecodeError as error:
            raise MockehrError(f"--{key} is no JSON: {error}", remedy='Write it like {"every": 5}.') from error
    return value
