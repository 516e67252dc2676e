"""Chaos: a client in memory, misbehaviour drawn by Hypothesis, and the smallest schedule that breaks it."""

from mockehr.testing.havoc.network import TooManyCalls
from mockehr.testing.havoc.outcome import Break, Outcome
from mockehr.testing.havoc.report import ChaosReport, ClientBroke
from mockehr.testing.havoc.run import ChaosRun
from mockehr.testing.havoc.search import Chaos, chaos, replay

__all__ = ["Break", "Chaos", "ChaosReport", "ChaosRun", "ClientBroke", "Outcome", "TooManyCalls", "chaos", "replay"]
