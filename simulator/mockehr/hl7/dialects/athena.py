"""How athenahealth writes HL7."""

from __future__ import annotations

from typing import Final

from mockehr.hl7.dialect import Dialect, IdentifierRule

ATHENA: Final = Dialect(
    "athena",
    "ATHENANET",
    "195900^Athenahealth Practice",
    receiving_application="CLIENT",
    version="2.3.1",
    charset="",
    identifiers=(IdentifierRule("https://fhir.athena.io/sid/ah-patient", "", "", bare=True),),
    visit=IdentifierRule("https://fhir.athena.io/sid/ah-encounter", "", "", bare=True),
    patient_number="all",
    pid={1: "", 21: "ATHENA"},
    structure=False,
    control_id="{number}M195900",
    precision="minute",
    offset="",
    person_update="A31",
    operator="athenauser",
)
"""athenahealth, as in public fixtures: `ATHENANET` in MSH-3, the practice and its name in MSH-4, version 2.3.1
(2.2 and 2.5.1 occur), two components in MSH-9, times to the minute, MSH-10 that ends in `M` and the practice; PID-1
empty, the same bare number in PID-2, 3 and 4, `ATHENA` in PID-21; a user name in EVN-5; A31 for a person's data. What
it answers, and segments of its own, were not found. (vendor reference athenahealth 1.10)"""

PRESETS: Final = {ATHENA.name: ATHENA}
"""By name."""
