"""Commands derived from the control operations: one per operation, run on a server over its control API."""

from __future__ import annotations

import re
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

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
            shown = "JSON|@FILE" if p.type is dict else "NAMES|JSON|@FILE" if p.type is list else None
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
        flat = {key: ",".join(map(str, v)) if isinstance(v, list) else v for key, v in arguments.items()}
        url += "?" + urlencode(flat) if flat else ""
    else:
        body = orjson.dumps(arguments)
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    request = urllib.request.Request(url, data=body or None, method=op.verb, headers=headers)
    try:
        with _opener(url).open(request, timeout=60) as answer:
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


def _opener(url: str) -> urllib.request.OpenerDirector:
    """What opens a URL: as the environment says (`http_proxy`), but never by a proxy to a server on loopback."""
    host = (urlsplit(url).hostname or "").rstrip(".")
    if host == "localhost" or host == "::1" or host.startswith("127."):
        return urllib.request.build_opener(urllib.request.ProxyHandler({}))
    return urllib.request.build_opener()


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
    if declared is None or declared.type not in (dict, list) or not isinstance(value, str):
        return value
    if value.startswith("@"):
        return _read(Path(value[1:]), as_list=declared.type is list)
    if declared.type is list and not value.lstrip().startswith("["):
        return value
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError as error:
        shape = '{"every": 5}' if declared.type is dict else '["one", "two"]'
        raise UsageError(f"--{key} is no JSON: {error}", remedy=f"Write it like {shape}.") from error


def _read(file: Path, *, as_list: bool) -> Any:
    """The JSON in a file; for a list also NDJSON, and a single value is a list of one."""
    try:
        octets = file.read_bytes()
    except OSError as error:
        raise EnvironmentProblem(f"{file} cannot be read: {error.strerror}.", remedy="Give a JSON file.") from error
    try:
        if as_list and file.suffix == ".ndjson":
            return [orjson.loads(line) for line in octets.splitlines() if line.strip()]
        found = orjson.loads(octets)
    except orjson.JSONDecodeError as error:
        remedy = "A file with one value a line is to be named .ndjson."
        raise UsageError(f"{file} is no JSON: {error}", remedy=remedy) from error
    return [found] if as_list and not isinstance(found, list) else found
