"""A hospital's EHR that misbehaves on purpose, and can prove how your integration coped."""

__version__ = "0.1.0"
