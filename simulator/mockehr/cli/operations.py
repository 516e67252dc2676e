"""Commands derived from the control operations: one per operation, run on a server over its control API."""

from __future__ import annotations

import re
import urllib.error
import urllib.request
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import quote, urlencode

import click
import orjson

from mockehr.control.facade import Control, operations
from mockehr.control.operation import Operation
from mockehr.core.errors import EnvironmentProblem, MockehrError, UsageError, VerdictFailed
from mockehr.sites.directory import Directory

_KINDS: Final[Mapping[str, type[MockehrError]]] = MappingProxyType(
    {"VerdictFailed": VerdictFailed, "EnvironmentProblem": EnvironmentProblem}
)
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
        offline = Control(Directory())
        answer = offline.call(op.name, **arguments) if op.offline else ask(op, server, token, arguments)
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
        raise _told(error) from error
    except orjson.JSONDecodeError as error:
        raise EnvironmentProblem(f"What answers at {server} is no mockehr server.") from error
    except OSError as error:
        raise EnvironmentProblem(
            f"No server answers at {server}: {error}.",
            remedy="Start one with mockehr serve, or name it with --server.",
        ) from error


def _told(error: urllib.error.HTTPError) -> MockehrError:
    """The error that the server answered, of the kind that it was there, so that the exit status is the same."""
    try:
        told = orjson.loads(error.read())
    except orjson.JSONDecodeError:
        told = {}
    told = told if isinstance(told, dict) else {}
    kind = _KINDS.get(told.get("error", ""), UsageError)
    parts = {name: str(told.get(name, "")) for name in ("nearest", "remedy", "reference")}
    return kind(str(told.get("what", error)), **parts)


def _parsed(op: Operation, key: str, value: Any) -> Any:
    declared = next((p for p in op.parameters if p.name == key), None)
    if declared is not None and declared.type is dict and isinstance(value, str):
        try:
            return orjson.loads(value)
        except orjson.JSONDecodeError as error:
            raise UsageError(f"--{key} is no JSON: {error}", remedy='Write it like {"every": 5}.') from error
    return value
