"""Which message structure a message type and trigger have (HL7 table 0354), version by version.

From 2.3.1 on MSH-9.3 names it; before, the name is that of the grammar. In 2.1 and 2.2 each trigger had a grammar of
its own, 2.3 put the like ones together, 2.4 took some apart again. Names that a version has withdrawn stay in its
table, because sites go on sending them.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from mockehr.hl7.versions import VERSIONS, known_version

Since = tuple[str, str]
"""From this version on, this structure; `*` is the trigger's own (`ADT_A04` for `ADT^A04`)."""

_OWN: Final = (("2.1", "*"),)
_GROUPS: Final[tuple[tuple[str, str, tuple[Since, ...]], ...]] = (
    ("ADT", "A01 A02 A03 A16 A17 A18 A20 A24 A30 A38 A39 A43 A45 A50 A52 A54 A60 A61", _OWN),
    ("ADT", "A04 A08 A13", (("2.1", "*"), ("2.3", "ADT_A01"))),
    ("ADT", "A05 A14 A28 A31", (("2.1", "*"), ("2.3", "ADT_A01"), ("2.4", "ADT_A05"))),
    ("ADT", "A06 A07", (("2.1", "*"), ("2.3", "ADT_A06"))),
    ("ADT", "A09 A10 A11", (("2.1", "*"), ("2.3", "ADT_A09"))),
    ("ADT", "A12", (("2.1", "ADT_A12"), ("2.4", "ADT_A09"), ("2.5", "ADT_A12"))),
    ("ADT", "A15", (("2.1", "*"), ("2.3", "ADT_A09"), ("2.4", "ADT_A15"))),
    ("ADT", "A21 A22 A23 A25 A26 A27 A29 A32 A33", (("2.1", "*"), ("2.3", "ADT_A02"), ("2.4", "ADT_A21"))),
    ("ADT", "A34 A35 A36", (("2.1", "*"), ("2.3", "ADT_A30"))),
    ("ADT", "A37", (("2.2", "ADT_A37"), ("2.3", "ADT_A24"), ("2.4", "ADT_A37"))),
    ("ADT", "A46 A48", (("2.3", "ADT_A30"),)),
    ("ADT", "A47", (("2.3", "ADT_A30"), ("2.7", "ADT_A44"))),
    ("ADT", "A49", (("2.3", "ADT_A30"), ("2.7", "ADT_A43"))),
    ("ADT", "A40 A41 A42", (("2.3", "ADT_A39"),)),
    ("ADT", "A44", (("2.3", "ADT_A43"), ("2.7", "ADT_A44"))),
    ("ADT", "A51", (("2.3", "ADT_A50"),)),
    ("ADT", "A53", (("2.4", "ADT_A52"),)),
    ("ADT", "A55", (("2.4", "ADT_A52"), ("2.7", "ADT_A54"))),
    ("ADT", "A62", (("2.4", "ADT_A61"),)),
    ("ORM", "O01", _OWN),
    ("ORR", "O02", _OWN),
    ("OMG", "O19", _OWN),
    ("ORG", "O20", _OWN),
    ("OMI", "O23", _OWN),
    ("ORI", "O24", _OWN),
    ("OML", "O21 O33 O35 O39", _OWN),
    ("ORL", "O22 O34 O36 O40", _OWN),
    ("OMP", "O09", _OWN),
    ("ORP", "O10", _OWN),
    ("ORU", "R01 R30 R40", _OWN),
    ("ORU", "R03", (("2.1", "ORU_R03"), ("2.3", "ORU_R01"))),
    ("ORU", "R31 R32", (("2.5", "ORU_R30"),)),
    ("ORU", "W01", (("2.3.1", "ORU_W01"),)),
    ("OUL", "R21 R22 R23 R24", _OWN),
    ("ORF", "R04", _OWN),
    ("QRY", "A19 Q01 Q02 R02", _OWN),
    ("ADR", "A19", _OWN),
    ("SIU", "S12 S13 S14 S15 S16 S17 S18 S19 S20 S21 S22 S23 S24 S26 S27", (("2.3", "SIU_S12"),)),
    ("SRM", "S01 S02 S03 S04 S05 S06 S07 S08 S09 S10 S11", (("2.3", "SRM_S01"),)),
    ("SRR", "S01 S02 S03 S04 S05 S06 S07 S08 S09 S10 S11", (("2.3", "SRR_S01"),)),
    ("SQM", "S25", _OWN),
    ("SQR", "S25", _OWN),
    ("MDM", "T01 T03 T05 T07 T09 T11", (("2.3", "MDM_T01"),)),
    ("MDM", "T02 T04 T06 T08 T10", (("2.3", "MDM_T02"),)),
    ("DFT", "P03 P11", _OWN),
    ("BAR", "P01 P02 P06 P10 P12", _OWN),
    ("BAR", "P05", (("2.3", "BAR_P01"), ("2.4", "BAR_P05"))),
    ("VXQ", "V01", _OWN),
    ("VXX", "V02", _OWN),
    ("VXR", "V03", _OWN),
    ("VXU", "V04", _OWN),
    ("RDE", "O01 O11", _OWN),
    ("RDE", "O25", (("2.5", "RDE_O11"),)),
    ("RRE", "O02 O12", _OWN),
    ("RRE", "O26", (("2.5", "RRE_O12"),)),
    ("RDS", "O01 O13", _OWN),
    ("RRD", "O02 O14", _OWN),
    ("RGV", "O01 O15", _OWN),
    ("RRG", "O02 O16", _OWN),
    ("RAS", "O01 O17", _OWN),
    ("RRA", "O02 O18", _OWN),
    ("MFN", "M01 M02 M03 M04 M05 M06 M07 M08 M09 M10 M11 M12 M13 M15 M16 M17 M18", _OWN),
    ("MFN", "M14", (("2.5", "MFN_Znn"),)),
    ("MFK", "M01", _OWN),
    ("MFK", "M02 M03", (("2.2", "*"), ("2.3.1", "MFK_M01"))),
    ("MFK", "M04 M05 M06 M07 M08 M09 M10 M11 M12 M13 M14 M15", (("2.3", "MFK_M01"),)),
    ("MFQ", "M01", _OWN),
    ("MFQ", "M02 M03", (("2.2", "*"), ("2.3.1", "MFQ_M01"))),
    ("MFR", "M01", _OWN),
    ("MFR", "M02 M03", (("2.2", "*"), ("2.3.1", "MFR_M01"))),
    ("QBP", "Q11 Q13 Q15", _OWN),
    ("QBP", "Q21 Q22 Q23 Q24 Q25 Q32", (("2.4", "QBP_Q21"),)),
    ("RSP", "K11 K21 K23 K25 K31 K32", _OWN),
    ("RSP", "K22", (("2.4", "RSP_K22"), ("2.5", "RSP_K21"), ("2.7", "RSP_K22"))),
    ("RSP", "K24", (("2.4", "RSP_K24"), ("2.5", "RSP_K23"))),
    ("QCN", "J01", _OWN),
)
"""Checked against the event maps of HAPI (hapi-hl7v2, `parser/eventmap/*.properties`). K22 has no grammar in 2.5 to
2.6; HAPI and IHE's patient demographics query (ITI-21) use RSP_K21 there. ORU_R40 is IHE's name (PCD-04)."""

_TABLE: Final[dict[str, tuple[Since, ...]]] = {
    f"{kind}^{trigger}": tuple((since, name.replace("*", f"{kind}_{trigger}")) for since, name in changes)
    for kind, triggers, changes in _GROUPS
    for trigger in triggers.split()
}


@lru_cache(maxsize=2048)
def structure(kind: str, version: str) -> str:
    """The structure of a message type and trigger (`ADT^A04`) in a version as in MSH-12; empty if nobody knows it.

    A third component of `kind` is not looked at. `ACK` has the structure ACK whatever its trigger. A trigger that
    came after `version` has the structure that it came with.
    """
    message_type, _, rest = kind.partition("^")
    if message_type == "ACK":
        return "ACK"
    changes = _TABLE.get(f"{message_type}^{rest.partition('^')[0]}")
    if changes is None:
        return ""
    age = VERSIONS.index(known_version(version))
    past = [name for since, name in changes if VERSIONS.index(since) <= age]
    return past[-1] if past else changes[0][1]


def kinds() -> tuple[str, ...]:
    """Every message type and trigger whose structure is known, such as `ADT^A01`."""
    return tuple(_TABLE)
