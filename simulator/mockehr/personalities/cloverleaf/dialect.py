"""An interface engine: it has no records, and no FHIR; HL7 v2 goes through it."""

from __future__ import annotations

from mockehr.personalities.behind import Platform


class Vendor(Platform):
    """What the engine does is in its settings, in `hl7/engines`, and in `sites/interposing.py`."""

    offers_fhir = False
