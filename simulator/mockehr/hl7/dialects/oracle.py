"""How Oracle Health (Cerner Millennium) writes HL7."""

from __future__ import annotations

from typing import Final

from mockehr.hl7.dialect import Dialect, IdentifierRule

ORACLE: Final = Dialect(
    "oracle",
    "HNAM",
    "CERNER",
    "CLIENT",
    "CLIENT",
    version="2.3",
    charset="8859/1",
    identifiers=(
        IdentifierRule("urn:oid:2.16.840.1.113883.6.1000", "HOSP_MRN", "MRN", "MRN"),
        IdentifierRule("urn:oid:2.16.840.1.113883.3.787.0.0", "HOSP_EMPI", "CMRN", "Community Medical Record Number"),
    ),
    visit=IdentifierRule("urn:oid:5.5.5.5.5.5.", "CERNER", "FIN NBR", "FIN NBR"),
    account_is_visit=True,
    structure=False,
    control_id="Q{number}T{seconds}",
    name_type="CURRENT",
    address_type="HOME",
    phone_types=("HOM",),
    renamed={"ADT^A40": "ADT^A34"},
    order_reply="orr",
)
"""Oracle Health (Cerner Millennium), as seen in public samples: HNAM|CERNER, version 2.3, `8859/1` in MSH-18, control
ids `Q<n>T<n>`, identifier types MRN and CMRN under `X_MRN` authorities, the FIN as `FIN NBR` in PV1-19 and PID-18,
`(…)…^HOM` telephones, name type CURRENT, merges as A34. (vendor reference B10 rows 1, 5 to 7)"""

PRESETS: Final = {ORACLE.name: ORACLE}
"""By name."""
