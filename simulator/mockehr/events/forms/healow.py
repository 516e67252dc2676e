"""healow's remote monitoring: an order of a device goes to its vendor, and can be taken back for an hour.

(eClinicalWorks, "healow RPM vendor integration", as in api-evangelist/eclinicalworks asyncapi.) An order is POSTed to
the vendor's `orderApiUrl` as a collection of Patient and DeviceRequest, answered with Parameters (`order_number`,
`status: received`), and taken back by DELETE of `{orderApiUrl}/{orderNumber}`. What the Patient in it tells beside
its number was not found.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

import orjson

from mockehr.core.changes import Change
from mockehr.core.exchange import JSON
from mockehr.events.delivery import Delivery
from mockehr.events.form import Form, Sender
from mockehr.events.policy import Policy

SYSTEMS: Final = "https://healow.com/fhir/tracker/"
"""Before `order`, `patient`, `vendor`, `device-id`: the identifier systems of this program."""
TAKEN_BACK: Final = ("revoked", "entered-in-error")
WITHIN: Final = 3600.0
"""Seconds after its order for which a device can be taken back."""


def write(delivery: Delivery, sender: Sender) -> None:
    """POST of a collection, or DELETE with an empty body; a handshake says nothing."""
    exchange, change = delivery.exchange, delivery.change
    exchange.headers["x-client-id"] = dict(delivery.hook.headers).get("x-client-id", sender.name)
    if change is None:
        return
    if _is_taken_back(change):
        exchange.method = "DELETE"
        exchange.path = f"{exchange.path.rstrip('/')}/{order_number(change)}"
        return
    exchange.headers["content-type"] = "application/fhir+json"
    exchange.body = sender.encode(_bundle(change))


def order_number(change: Change) -> str:
    """The number of an order in this program: its identifier there, else the id of the record."""
    told = (one for one in change.document.get("identifier", ()) if one.get("system") == f"{SYSTEMS}order")
    return str(next((one["value"] for one in told if one.get("value")), change.id))


def is_told(change: Change) -> bool:
    """Of orders of devices: new ones, and those that are taken back in time."""
    if change.resource_type != "DeviceRequest":
        return False
    if change.kind == "create":
        return True
    return _is_taken_back(change) and change.at - _ordered(change) <= WITHIN


def is_received(delivery: Delivery, status: int, body: bytes) -> bool:
    """A DELETE by its status; a POST only with Parameters that say `received`."""
    if not delivery.hook.policy.takes(status):
        return False
    if delivery.exchange.method == "DELETE" or delivery.change is None:
        return True
    try:
        told = orjson.loads(body)
    except orjson.JSONDecodeError:
        return False
    parameters = told.get("parameter", ()) if isinstance(told, dict) else ()
    found = {one.get("name"): one for one in parameters if isinstance(one, dict)}
    answer = found.get("status", {})
    return "received" in (answer.get("valueString"), answer.get("valueCode"))


def _bundle(change: Change) -> JSON:
    patient = change.patient or str(change.document.get("subject", {}).get("reference", "")).rpartition("/")[2]
    who: JSON = {
        "resourceType": "Patient",
        "id": patient,
        "identifier": [{"system": f"{SYSTEMS}patient", "value": patient}],
    }
    others = [one for one in change.document.get("identifier", ()) if one.get("system") != f"{SYSTEMS}order"]
    number = {"system": f"{SYSTEMS}order", "value": order_number(change)}
    order = {**change.document, "identifier": [number, *others]}
    return {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": who}, {"resource": order}]}


def _is_taken_back(change: Change) -> bool:
    if change.kind == "delete":
        return True
    return change.document.get("status") in TAKEN_BACK and change.status_before not in TAKEN_BACK


def _ordered(change: Change) -> float:
    """When the order was given, in site seconds; long ago where it does not say."""
    told = str(change.document.get("authoredOn", ""))
    try:
        return datetime.fromisoformat(told).timestamp() if "T" in told else 0.0
    except ValueError:
        return 0.0


HEALOW = Form("healow-tracker", write, "healow", Policy(), payloads=("full",), tells=is_told, taken=is_received)
