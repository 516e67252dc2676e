"""Who wants to hear of which changes, and in what form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mockehr.core.changes import Change
from mockehr.core.exchange import JSON


@dataclass(frozen=True, slots=True)
class Hook:
    """One webhook endpoint. `resources` and `kinds` empty mean any; `ladder` is the waits before each retry, seconds.

    `payload`: `id-only` names the resource, `full` carries it.
    """

    name: str
    url: str
    secret: str = ""
    resources: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    payload: Literal["id-only", "full"] = "id-only"
    ladder: tuple[float, ...] = (10.0, 60.0, 600.0, 3600.0)
    timeout: float = 10.0

    def wants(self, change: Change) -> bool:
        """Whether this endpoint is told of the change."""
        return (not self.resources or change.resource_type in self.resources) and (
            not self.kinds or change.kind in self.kinds
        )

    def message(self, change: Change, at: str) -> JSON:
        """The body of the webhook; `id` is the event's own and the same in every delivery of it."""
        body: JSON = {
            "id": f"evt-{change.number}",
            "type": f"{change.resource_type.lower()}.{change.kind}d",
            "occurred": at,
            "resource": {"reference": f"{change.resource_type}/{change.id}", "version": str(change.version)},
        }
        if change.patient:
            body["patient"] = {"reference": f"Patient/{change.patient}"}
        trigger = change.event.partition("^")[2]
        if trigger:
            body["trigger"] = trigger
        if self.payload == "full":
            body["resource"]["document"] = change.document
        return body
