"""How Epic Bridges writes HL7."""

from __future__ import annotations

from typing import Final

from mockehr.hl7.dialect import Dialect, IdentifierRule, ZSegment

EPIC: Final = Dialect(
    "epic",
    "EPIC",
    "HOSPITAL",
    "CLIENT",
    "CLIENT",
    security="ADTPA",
    version="2.3",
    charset="",
    identifiers=(
        IdentifierRule("urn:oid:1.2.840.114350.1.13.0.1.7.5.737384.14", "EPI", "MR", "EPI"),
        IdentifierRule("urn:oid:1.2.840.114350.1.13.0.1.7.5.737384.0", "EPIC", "MRN", "EPIC"),
    ),
    visit=IdentifierRule("urn:oid:1.2.840.114350.1.13.0.1.7.3.698084.8", "", "", "CSN"),
    patient_classes={"3": "I", "4": "E", "13": "O", "2": "P"},
    structure=False,
    accept_condition="AL",
    application_condition="NE",
    z_segments=(ZSegment("PID", "ZPD||MYCH~Post||ACTIVATED|||Y"),),
)
"""Epic Bridges, as seen in public samples: an interface user in MSH-8, PID-3 repeated with authorities EPI and EPIC
(types MR and MRN), PV1-19 a bare CSN, `AL`/`NE` in MSH-15/16, MSH-9 of two components, ZPD after PID. 2.3 is what the
vendor's scheduling specification shows; 2.4, 2.5 and 2.8.1 occur too. (vendor reference A10 rows 1 to 3; CDCgov
trusted-intermediary issue 1207 for MSH-9.3)"""

PRESETS: Final = {EPIC.name: EPIC}
"""By name."""
