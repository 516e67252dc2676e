"""Hypothesis strategies: misbehaviour and resources drawn, and shrunk to what breaks the client."""

from mockehr.testing.strategies.resources import any_resource, resources
from mockehr.testing.strategies.schedules import Schedule, schedules
from mockehr.testing.strategies.settings import Choices

__all__ = ["Choices", "Schedule", "any_resource", "resources", "schedules"]
