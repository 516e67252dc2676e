"""How eClinicalWorks writes HL7."""

from __future__ import annotations

from typing import Final

from mockehr.hl7.dialect import Dialect, IdentifierRule

ECW: Final = Dialect(
    "ecw",
    "ECW",
    "100200",
    version="2.3",
    charset="",
    visit=IdentifierRule("urn:oid:2.16.840.1.113883.4.391", "", "", "VN"),
    structure=False,
    precision="minute",
    control_id="{stamp}",
    patient_number="external",
    words=True,
    pid={22: "Standard", 29: "", 30: ""},
)
"""eClinicalWorks, as in public fixtures: MSH-3 `ECW`, MSH-4 an account number, version 2.3, MSH-10 the time of MSH-7;
the patient's number bare in PID-2 and again in PID-4, PID-3 empty; race and marital status as words, ten bare digits
for a telephone, the fee schedule in PID-22. PID-8 is a letter or (`sex_words`) a word. Messages go by files in
folders (a site's `hl7.folders`). Z segments and acknowledgement rules were not found: settings. (vendor reference,
eCW 3.4)"""

PRESETS: Final = {ECW.name: ECW}
"""By name."""
