"""How NextGen Enterprise writes HL7."""

from __future__ import annotations

from typing import Final

from mockehr.hl7.dialect import Dialect, IdentifierRule

NEXTGEN: Final = Dialect(
    "nextgen",
    "NextGen",
    "^DOSC",
    version="2.3",
    charset="",
    identifiers=(IdentifierRule("www.nextgen.com", "NextGen", "MRN"),),
    visit=IdentifierRule("http://www.nextgen.com", "", ""),
    structure=False,
    accept_condition="AL",
    application_condition="AL",
    sent_precision="packed",
    name_type="",
    address_type="",
    patient_number="beside",
)
"""NextGen Enterprise, as one public order looks: version 2.3, a facility with an empty first component, times to the
millisecond without a dot, `AL` twice, PID-2 a number of twelve digits and PID-3 `…^^^NextGen^MRN`, names and
addresses without types. Notes before PID and the ICD-9 diagnoses below each test are that practice's. Acknowledgement
rules were not found: settings. (vendor reference NextGen 4.3, HL7 rows)"""

PRESETS: Final = {NEXTGEN.name: NEXTGEN}
"""By name."""
