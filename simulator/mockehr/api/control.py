"""The control operations over HTTP, below `/_mockehr`, and the OpenAPI document made from their declarations."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, MutableMapping
from hmac import compare_digest
from typing import Any, Final
from urllib.parse import parse_qsl

import orjson

import mockehr
from mockehr.control.facade import Control, operations
from mockehr.control.operation import Operation
from mockehr.core.errors import ConfigError, MockehrError, UnknownName, UsageError
from mockehr.sites.directory import Directory

Message = MutableMapping[str, Any]
_STATUS: Final = {"UnknownName": 404, "VerdictFailed": 417, "EnvironmentProblem": 503}


class ControlApi:
    """An ASGI application. With a `token`, every call needs `Authorization: Bearer <token>`."""

    def __init__(self, directory: Directory, *, token: str = "") -> None:
        self._control = Control(directory)
        self._token = token
        self._table = [
            (op, re.compile("^" + re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", op.full_path) + "/?$"))
            for _, op in operations().items()
        ]

    async def __call__(
        self, scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
    ) -> None:
        """Answer one request."""
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        status, answer = self.answer(
            scope["method"],
            scope["path"],
            scope["query_string"].decode(),
            body,
            dict(scope["headers"]).get(b"authorization", b"").decode("latin-1"),
        )
        octets = answer if isinstance(answer, bytes) else orjson.dumps(answer)
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(octets)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": octets})

    def answer(self, method: str, path: str, query: str, body: bytes, authorization: str) -> tuple[int, Any]:
        """Status and document for one request."""
        if self._token and not compare_digest(authorization.encode(), f"Bearer {self._token}".encode()):
            refusal = UsageError("The control API wants its token.", remedy="Send Authorization: Bearer TOKEN.")
            return 401, refusal.as_json()
        if path.rstrip("/") == "/_mockehr/openapi.json":
            return 200, openapi()
        try:
            return 200, self._call(method, path, query, body)
        except MockehrError as error:
            return _STATUS.get(type(error).__name__, 400), error.as_json()
        except ValueError as error:
            return 400, {"error": "ValueError", "what": str(error)}

    def _call(self, method: str, path: str, query: str, body: bytes) -> Any:
        fitting = [(op, match) for op, pattern in self._table if (match := pattern.match(path))]
        for op, match in fitting:
            if op.verb == method:
                arguments: dict[str, Any] = dict(parse_qsl(query, keep_blank_values=True))
                arguments |= _document(body)
                arguments |= match.groupdict()
                site = arguments.pop("site", "") if op.scope == "site" else ""
                return self._control.call(op.name, site=site, **arguments)
        if fitting:
            raise ConfigError(f"{method} is not offered at {path}.", remedy=", ".join(op.verb for op, _ in fitting))
        raise UnknownName("control path", path, [op.full_path for op, _ in self._table])


def openapi() -> dict[str, Any]:
    """OpenAPI 3.1 of the control API. Paths that differ only in a parameter's name are one path there."""
    paths: dict[str, Any] = {}
    written: dict[str, str] = {}
    for _, op in operations().items():
        path = written.setdefault(re.sub(r"\{\w+\}", "{}", op.full_path), op.full_path)
        paths.setdefault(path, {})[op.verb.lower()] = _described(op, re.findall(r"\{(\w+)\}", path))
    return {"openapi": "3.1.0", "info": {"title": "mockehr control", "version": mockehr.__version__}, "paths": paths}


def _described(op: Operation, shown: list[str]) -> dict[str, Any]:
    """One operation; `shown` are the names that its path parameters have in the document."""
    types = {int: "integer", float: "number", bool: "boolean", str: "string", dict: "object", list: "array"}
    in_path = re.findall(r"\{(\w+)\}", op.full_path)
    schema = {p.name: {"type": types.get(p.type, "object")} for p in op.parameters}
    described: dict[str, Any] = {
        "operationId": op.name.replace(" ", "_"),
        "summary": op.summary,
        "parameters": [
            {"name": told, "in": "path", "required": True, "schema": schema.get(own, {"type": "string"})}
            for own, told in zip(in_path, shown, strict=True)
        ],
        "responses": {"200": {"description": "done"}, "default": {"description": "refused, with reason and remedy"}},
    }
    others = [p for p in op.parameters if p.name not in in_path]
    if op.verb == "GET":
        described["parameters"] += [
            {"name": p.name, "in": "query", "required": p.required, "schema": schema[p.name]} for p in others
        ]
    elif others:
        content = {
            "type": "object",
            "properties": {p.name: schema[p.name] for p in others},
            "required": [p.name for p in others if p.required],
            "additionalProperties": False,
        }
        described["requestBody"] = {"content": {"application/json": {"schema": content}}}
    return described


def _document(body: bytes) -> dict[str, Any]:
    if not body.strip():
        return {}
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise ConfigError(f"The body is no JSON: {error}.") from error
    if not isinstance(document, dict):
        raise ConfigError("The body is no JSON object.", remedy='Send arguments as {"name": value}.')
    return document
