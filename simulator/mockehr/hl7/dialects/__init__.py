"""Presets of dialects, one file each: a plausible default for a vendor's interfaces, changed site by site."""

from __future__ import annotations

from typing import Final

from mockehr.core.registry import Registry
from mockehr.hl7.dialect import Dialect
from mockehr.hl7.families import collect

DIALECTS: Final[Registry[Dialect]] = collect("HL7 dialect", __name__, __path__, "PRESETS")
"""By name, such as `epic`."""
