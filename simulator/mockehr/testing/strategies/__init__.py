"""Hypothesis strategies: misbehaviour, resources and messages drawn, and shrunk to what breaks the client."""

from mockehr.testing.strategies.dirt import Dirt, dirty
from mockehr.testing.strategies.messages import hl7_messages
from mockehr.testing.strategies.resources import any_resource, resources
from mockehr.testing.strategies.schedules import Schedule, rules, schedules
from mockehr.testing.strategies.settings import Choices
from mockehr.testing.strategies.wire import WireFault, wire_faults

__all__ = [
    "Choices",
    "Dirt",
    "Schedule",
    "WireFault",
    "any_resource",
    "dirty",
    "hl7_messages",
    "resources",
    "rules",
    "schedules",
    "wire_faults",
]
