"""HL7 by the book."""

from __future__ import annotations

from typing import Final

from mockehr.hl7.dialect import GENERIC

PRESETS: Final = {GENERIC.name: GENERIC}
"""By name."""
