"""Hypothesis strategies: misbehaviour drawn, and shrunk to what breaks the client."""

from mockehr.testing.strategies.schedules import Schedule, schedules
from mockehr.testing.strategies.settings import Choices

__all__ = ["Choices", "Schedule", "schedules"]
