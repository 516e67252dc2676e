"""The control operations over HTTP, below `/_mockehr`, and the OpenAPI document made from their declarations."""

from __future__ import annotations

import inspect
import re
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from hmac import compare_digest
from typing import Any, Final

import orjson
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

import mockehr
from mockehr.control.facade import Control, operations
from mockehr.control.operation import Operation
from mockehr.core.errors import ConfigError, MockehrError, UnknownName, UsageError
from mockehr.sites.directory import Directory

Calls = Callable[[Operation, str, Mapping[str, Any]], Awaitable[Any]]
"""Runs an operation, wherever it has to be, with the name of the site that it is about (or nothing) and arguments."""
_STATUS: Final = {"UnknownName": 404, "VerdictFailed": 417, "EnvironmentProblem": 503}


class ControlApi:
    """An ASGI application. With a `token`, every call needs `Authorization: Bearer <token>`.

    Operations run on the directory, unless there are `calls` that know of other processes that serve the same.
    """

    def __init__(self, directory: Directory, *, token: str = "", calls: Calls | None = None) -> None:
        self._control = Control(directory)
        self._calls = calls
        self._token = token
        self._app: Starlette | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if self._app is None:  # made when first asked: many servers are never asked anything
            self._app = self._made()
        await self._app(scope, receive, send)

    def _made(self) -> Starlette:
        routes = [Route("/_mockehr/openapi.json", self._describe)]
        # A partial and not a closure: each route has its own operation.
        routes += [Route(op.full_path, partial(self._call, op), methods=[op.verb]) for _, op in operations().items()]
        handlers = {404: _no_path, 405: _no_method, 401: _no_token, MockehrError: _refuse, ValueError: _refuse_value}
        return Starlette(routes=routes, exception_handlers=handlers)

    async def _describe(self, request: Request) -> Response:
        self._admit(request)
        return _json(openapi())

    async def _call(self, op: Operation, request: Request) -> Response:
        self._admit(request)
        arguments: dict[str, Any] = dict(request.query_params)
        arguments |= _document(await request.body())
        arguments |= request.path_params
        site = arguments.pop("site", "") if op.scope == "site" else ""
        if not arguments.get("address") and any(p.name == "address" for p in op.parameters):
            arguments["address"] = str(request.base_url)  # the server's own, as whoever asks reaches it
        if self._calls is None:
            answer = self._control.call(op.name, site=site, **arguments)
        else:
            answer = await self._calls(op, site, arguments)
        if inspect.isawaitable(answer):  # it has to wait for others
            answer = await answer
        return Response(answer, media_type="application/json") if isinstance(answer, bytes) else _json(answer)

    def _admit(self, request: Request) -> None:
        told = request.headers.get("authorization", "").encode()
        if self._token and not compare_digest(told, f"Bearer {self._token}".encode()):
            raise HTTPException(401)


async def _refuse(request: Request, error: Exception) -> Response:
    assert isinstance(error, MockehrError)
    return _json(error.as_json(), _STATUS.get(type(error).__name__, 400))


async def _refuse_value(request: Request, error: Exception) -> Response:
    return _json({"error": "ValueError", "what": str(error)}, 400)


async def _no_token(request: Request, error: Exception) -> Response:
    refusal = UsageError("The control API wants its token.", remedy="Send Authorization: Bearer TOKEN.")
    return _json(refusal.as_json(), 401)


async def _no_path(request: Request, error: Exception) -> Response:
    known = [op.full_path for _, op in operations().items()]
    return _json(UnknownName("control path", request.url.path, known).as_json(), 404)


async def _no_method(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    allowed = (error.headers or {}).get("Allow", "")
    what = f"{request.method} is not offered at {request.url.path}."
    return _json(UsageError(what, remedy=f"Use {allowed}." if allowed else "").as_json(), 405)


def _json(document: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(document), status, media_type="application/json")


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
    if op.details:
        described["description"] = op.details
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
