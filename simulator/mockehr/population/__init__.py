"""Patients as a pure function of (seed, index)."""
