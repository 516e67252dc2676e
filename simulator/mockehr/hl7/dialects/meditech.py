"""How MEDITECH writes HL7."""

from __future__ import annotations

from typing import Final

from mockehr.hl7.dialect import Dialect, IdentifierRule

_FACILITY: Final = "RCH"

MEDITECH: Final = Dialect(
    "meditech",
    "ADM",
    _FACILITY,
    version="2.4",
    charset="",
    identifiers=(
        IdentifierRule("", "", "MR", "MR", facility=_FACILITY),
        IdentifierRule("", "", "HCN", "HCN", facility=_FACILITY),
        IdentifierRule("", "", "PI", "PI", facility=_FACILITY),
        IdentifierRule("", "", "EMR", "EMR", facility=_FACILITY),
        IdentifierRule("", "", "PT", "PT", facility=_FACILITY),
    ),
    visit=IdentifierRule("", "", "VN"),
    visit_field="PID-18",
    account_is_visit=True,
    structure=False,
    application_condition="NE",
    precision="minute",
    operator="UNKNOWN^RUN^MIDNT^^^^^^^^^^^U",
)
"""MEDITECH, as in public fixtures that look like it (the vendor is inferred, not named): MSH-3 is the mnemonic of the
module (`ADM`), MSH-4 that of the facility, MSH-5 and 6 are empty, times to the minute, numeric MSH-10, version 2.4,
NE in MSH-16; PID-3 repeats with an empty CX.4, the type in CX.5 and the facility in CX.6; the account in PID-18;
EVN-5 names the user of the nightly job. Sites of that personality tell people and places by mnemonics as well
(`Dialect.mnemonics`), and know the systems of their own numbers. Z segments and acknowledgement rules were not found:
settings. (vendor reference MEDITECH 2, HL7 rows)"""

PRESETS: Final = {MEDITECH.name: MEDITECH}
"""By name."""
