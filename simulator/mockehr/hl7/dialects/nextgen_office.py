"""How NextGen Office writes HL7."""

from __future__ import annotations

from typing import Final

from mockehr.hl7.dialect import Dialect, IdentifierRule

NEXTGEN_OFFICE: Final = Dialect(
    "nextgen_office",
    "NextGen Office^practice",
    "PRACTICE^1000001",
    "CLIENT",
    "CLIENT^1000001",
    version="2.3",
    charset="",
    identifiers=(IdentifierRule("", "", "MR", "MR"),),
    visit=IdentifierRule("", "", ""),
    structure=False,
    name_type="",
    address_type="",
    patient_number="prefixed",
)
"""NextGen Office, as an integrator describes it: version 2.3, the practice in the second components of MSH-3 and 4,
PID-2 the patient's number and PID-3 and 4 the same with `HF` in front. Fields of one practice's interface (the list
at the end of PV1, mail in PID-13.4) are left out. (vendor reference NextGen 4.2, HL7 row)"""

PRESETS: Final = {NEXTGEN_OFFICE.name: NEXTGEN_OFFICE}
"""By name."""
