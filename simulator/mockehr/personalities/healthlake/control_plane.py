"""HealthLake's control plane: JSON posted to `/`, with the action in `X-Amz-Target`.

(docs.aws.amazon.com/healthlake/latest/APIReference.) What can be asked is what there is: one data store. Requests are
not signed here: a signature would say nothing about a client.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import orjson

from mockehr.core.exchange import JSON, Exchange, Interaction, Reply
from mockehr.core.problem import Problem
from mockehr.personalities.proprietary import Records

MEDIA: Final = "application/x-amz-json-1.0"
SERVICE: Final = "HealthLake"


class _Refused(Exception):
    """An exception of the service, by name."""

    def __init__(self, name: str, text: str) -> None:
        super().__init__(text)
        self.name = name


@dataclass(frozen=True, slots=True)
class ControlPlane:
    """See the module. `store` is the id of the data store, `path` its FHIR base below the site's root."""

    store: str
    title: str
    path: str
    name: str = "healthlake-control"
    bearer: bool = False

    @property
    def paths(self) -> tuple[str, ...]:
        """See Api."""
        return ("/",)

    @property
    def routes(self) -> tuple[tuple[str, str, str], ...]:
        """See Api."""
        return tuple(("POST", "/", action) for action in ACTIONS)

    def interaction(self, exchange: Exchange) -> Interaction:
        """The action."""
        return Interaction(exchange.headers.get("x-amz-target", "").rpartition(".")[2][:64] or "control-plane")

    def answer(self, exchange: Exchange, records: Records) -> Reply:
        """What the action gives, or an exception by name."""
        try:
            return _reply(200, self._done(exchange))
        except _Refused as refused:
            return _reply(400, {"__type": refused.name, "message": str(refused)})

    def refuse(self, problem: Problem) -> Reply:
        """As any other exception."""
        name = "ThrottlingException" if problem.kind == "rate-limited" else "ValidationException"
        return _reply(400, {"__type": name, "message": problem.text})

    def _done(self, exchange: Exchange) -> JSON:
        service, _, action = exchange.headers.get("x-amz-target", "").rpartition(".")
        if exchange.method != "POST" or service != SERVICE or action not in ACTIONS:
            known = ", ".join(f"{SERVICE}.{name}" for name in ACTIONS)
            raise _Refused("UnknownOperationException", f"POST an X-Amz-Target of: {known}")
        try:
            given = orjson.loads(exchange.body or b"{}")
        except orjson.JSONDecodeError as error:
            raise _Refused("SerializationException", "The body is no JSON.") from error
        if not isinstance(given, dict):
            raise _Refused("SerializationException", "The body is no JSON object.")
        root = exchange.base_url.removesuffix(self.path.rstrip("/"))
        return ACTIONS[action](self, given, root)

    def properties(self, root: str) -> JSON:
        """What is told of the data store."""
        return {
            "DatastoreId": self.store,
            "DatastoreName": self.title,
            "DatastoreStatus": "ACTIVE",
            "DatastoreTypeVersion": "R4",
            "DatastoreEndpoint": f"{root}{self.path.rstrip('/')}/",
        }


def _describe(plane: ControlPlane, given: Mapping[str, Any], root: str) -> JSON:
    if given.get("DatastoreId") != plane.store:
        raise _Refused("ResourceNotFoundException", f"There is no data store {given.get('DatastoreId')!r:.80}.")
    return {"DatastoreProperties": plane.properties(root)}


def _list(plane: ControlPlane, given: Mapping[str, Any], root: str) -> JSON:
    return {"DatastorePropertiesList": [plane.properties(root)]}


ACTIONS: Final[Mapping[str, Callable[[ControlPlane, Mapping[str, Any], str], JSON]]] = MappingProxyType(
    {"DescribeFHIRDatastore": _describe, "ListFHIRDatastores": _list}
)


def _reply(status: int, document: JSON) -> Reply:
    return Reply(status, [], orjson.dumps(document), None, MEDIA)
