"""Changes for tests of what is told of them, and deliveries written in memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mockehr.core.changes import Change, Kind
from mockehr.core.clock import STEPPED_START, Clock
from mockehr.events import Delivery, Hook, Outbox, Sender, forms
from mockehr.fhir.record import encode


def changed(
    resource_type: str,
    document: Mapping[str, Any] | None = None,
    *,
    kind: Kind = "create",
    id: str = "1",
    number: int = 1,
    patient: str = "",
    before: Mapping[str, Any] | None = None,
    event: str = "",
) -> Change:
    """A change; an update of a resource that was not there before is given as what it says."""
    shown = {"resourceType": resource_type, "id": id, **(document or {})}
    was = None if before is None else {"resourceType": resource_type, "id": id, **before}
    whose = patient or (id if resource_type == "Patient" else "")
    return Change(number, kind, resource_type, id, 1, STEPPED_START, "fhir", shown, whose, event, before=was)


def outbox(form: str, *, settings: Mapping[str, Any] | None = None, **hook: Any) -> tuple[Outbox, Clock]:
    """An outbox of the site `north` with the endpoint `app` of that form, by the form's own rules of delivery."""
    clock = Clock(stepped=True)
    box = Outbox(clock, Sender("north", encode, now=clock.now, settings=settings or {}))
    box.add(Hook("app", "http://app.example.org/hook", form=form, **{"policy": forms().get(form).policy} | hook))

    def prepare(delivery: Delivery) -> None:
        box.write(delivery)
        box.sign(delivery)

    box.prepare = prepare
    return box, clock


def delivered(form: str, *changes: Change, settings: Mapping[str, Any] | None = None, **hook: Any) -> Delivery:
    """The first delivery of those changes."""
    box, _ = outbox(form, settings=settings, **hook)
    for change in changes:
        box.hear(change)
    delivery = box.take()
    assert delivery is not None
    return delivery
