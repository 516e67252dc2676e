"""Commands derived from the control operations: one per operation, run on a server over its control API."""

from __future__ import annotations

import re
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

import click
import orjson

from mockehr.cli.brief import BRIEF, in_brief
from mockehr.cli.vendor_tables import TABLED, as_table
from mockehr.config.load import load_file
from mockehr.control.facade import Control, operations
from mockehr.control.operation import Operation
from mockehr.core.errors import EnvironmentProblem, MockehrError, UsageError, VerdictFailed
from mockehr.sites.directory import Directory

_KINDS: Final[Mapping[str, type[MockehrError]]] = MappingProxyType(
    {"VerdictFailed": VerdictFailed, "EnvironmentProblem": EnvironmentProblem}
)
_METAVARS: Final[Mapping[type, str]] = MappingProxyType({dict: "KEY=VALUE,…|JSON|@FILE", list: "NAMES|JSON|@FILE"})
_REQUIRED: Final[Mapping[type, str]] = MappingProxyType({dict: "JSON|@FILE", list: "NAMES|JSON|@FILE"})
_TYPES: Final[Mapping[type, type]] = MappingProxyType({int: int, float: float})
_TEXTS: Final = frozenset({("hl7 send", "message"), ("hl7 receive", "message")})
"""Texts that may lie in a file: operation and parameter."""
_LINES: Final = frozenset({"audit export", "vendor table", "quirk page", "quirk coverage"})
"""Operations whose answer is printed as it is: its member `lines`, to be kept in a file."""
_ALSO: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType({"settings": ("--with",)})
"""Options that are called as in files, too."""
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
        shown = _METAVARS.get(p.type)
        if p.name in in_path or p.required:
            form = "TEXT|@FILE" if (op.name, p.name) in _TEXTS else _REQUIRED.get(p.type)
            named = f"{p.name.upper()}({form})" if form else None
            params.append(click.Argument([p.name], type=_TYPES.get(p.type, str), metavar=named))
        elif p.type is bool:
            params.append(
                click.Option([f"--{p.name.replace('_', '-')}/--no-{p.name.replace('_', '-')}"], default=None)
            )
        else:
            kind = _TYPES.get(p.type, str)
            called = [f"--{p.name.replace('_', '-')}", *_ALSO.get(p.name, ()), p.name]
            params.append(click.Option(called, type=kind, default=None, metavar=shown))
    params += _common(op.name)

    def run(server: str, token: str, brief: bool = False, as_json: bool = False, **given: Any) -> None:
        arguments = {key: argument_of(op, key, value) for key, value in given.items() if value is not None}
        for key, value in arguments.items():
            if (op.name, key) in _TEXTS and value.startswith("@"):
                arguments[key] = _text(Path(value[1:]), arguments.get("encoding", "utf-8"))
        offline = Control(Directory())
        answer = offline.call(op.name, **arguments) if op.offline else ask(op, server, token, arguments)
        if op.name in _LINES:
            click.echo(answer["lines"], nl=False)
            return
        if op.name in TABLED and not (as_json or brief):
            click.echo(as_table(op.name, answer))
            return
        click.echo(in_brief(op.name, answer) if brief else orjson.dumps(answer, option=orjson.OPT_INDENT_2).decode())

    return click.Command(name, params=params, callback=run, help=f"{op.summary}\n\n{op.details}")


def _common(name: str) -> Iterator[click.Option]:
    """How the answer is shown, and where the server is."""
    if name in BRIEF:
        yield click.Option(["--brief"], is_flag=True, help="Lines to read instead of JSON.")
    if name in TABLED:
        yield click.Option(["--json", "as_json"], is_flag=True, help="JSON instead of a table.")
    yield click.Option(["--server"], default=DEFAULT_SERVER, show_default=True, help="Address of the server.")
    yield click.Option(["--token"], default="", help="Token of the control API.")


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
        with open_url(request) as answer:
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


def open_url(request: urllib.request.Request) -> Any:
    """The answer: as the environment says (`http_proxy`), but never by a proxy to a server on loopback."""
    host = (urlsplit(request.full_url).hostname or "").rstrip(".")
    local = host == "localhost" or host == "::1" or host.startswith("127.")
    proxies = [urllib.request.ProxyHandler({})] if local else []
    return urllib.request.build_opener(*proxies).open(request, timeout=60)


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


def argument_of(op: Operation, key: str, value: Any) -> Any:
    declared = next((p for p in op.parameters if p.name == key), None)
    if declared is None or declared.type not in (dict, list) or not isinstance(value, str):
        return value
    if value.startswith("@"):
        return _read(Path(value[1:]), as_list=declared.type is list)
    if declared.type is list and not value.lstrip().startswith("["):
        return value
    if declared.type is dict and not declared.required and "=" in value and not value.lstrip().startswith("{"):
        return _pairs(key, value)
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError as error:
        shape = '{"every": 5}, or every=5,' if declared.type is dict else '["one", "two"],'
        said = f"{key.upper()}" if declared.required else f"--{key.replace('_', '-')}"
        raise UsageError(
            f"{said} is no JSON: {error}", remedy=f"Write it like {shape} or give a file of it as @FILE."
        ) from error


def _pairs(key: str, text: str) -> dict[str, Any]:
    """An object from `budget=5,per=10s`: what is JSON counts as that, all else as text; raises UsageError."""
    found: dict[str, Any] = {}
    for pair in text.split(","):
        name, equals, value = pair.partition("=")
        if not name.strip() or not equals:
            raise UsageError(
                f"--{key.replace('_', '-')}: {pair!r} is no KEY=VALUE.",
                remedy='Write it like every=5,skip=2; what holds commas or lists needs JSON, such as {"every": 5}.',
            )
        try:
            found[name.strip()] = orjson.loads(value)
        except orjson.JSONDecodeError:
            found[name.strip()] = value.strip()
    return found


def _text(file: Path, encoding: str) -> str:
    """The message in a file, out of its MLLP frame if it is kept in one; raises EnvironmentProblem, UsageError."""
    try:
        octets = file.read_bytes()
    except OSError as error:
        raise EnvironmentProblem(f"{file} cannot be read: {error.strerror}.", remedy="Give a file of HL7.") from error
    try:
        return octets.removeprefix(b"\x0b").partition(b"\x1c")[0].decode(encoding).replace("\r\n", "\n")
    except (LookupError, UnicodeDecodeError) as error:
        raise UsageError(f"{file} is not in {encoding}: {error}.", remedy="Say in which with --encoding.") from error


def _read(file: Path, *, as_list: bool) -> Any:
    """The JSON in a file, or the YAML; for a list also NDJSON, and a single value is a list of one."""
    if file.suffix in (".yaml", ".yml"):
        return load_file(file).value
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
