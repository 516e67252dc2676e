"""Answers from a tape instead of the simulator."""
