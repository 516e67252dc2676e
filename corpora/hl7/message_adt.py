# ruff: noqa: E501 (a message is read best with each of its segments on one line)
# fmt: off
"""ADT, queries for demographics, and acknowledgements."""

from __future__ import annotations

from message_collector import Collector
from message_parts import (
    ANA,
    BEN,
    CERNER,
    CHI,
    DEE,
    ELI,
    ENGINE,
    EPIC,
    FAY,
    GENERIC,
    GUS,
    HAL,
    INA,
    JOE,
    LEGACY_LAB,
    MEDITECH,
    MODERN,
    pid,
    pv1,
)


def admissions(c: Collector) -> None:
    c.add("adt-a01-generic", GENERIC, "ADT^A01", [
        "EVN", pid(ANA, GENERIC), "PD1|||Lakeside Family Practice^^4410|1710050156^Brandt^Marcus^E^^^^^NPI",
        "NK1|1|Okafor^Samuel^^^^^L|SPO^Spouse^HL70063|418 Larch Street^^Peoria^IL^61602|(309)555-0143^PRN^PH||EC^Emergency contact^HL70131",
        pv1(ANA, GENERIC, f44="@t"), "PV2|||R07.9^Chest pain, unspecified^I10",
        "AL1|1|DA^Drug allergy^HL70127|7980^Penicillin G^RXNORM|MO^Moderate^HL70128|Hives|20140601",
        "DG1|1||R07.9^Chest pain, unspecified^I10||@t|A",
        "GT1|1||Okafor-Lind^Ana^Ruth||418 Larch Street^^Peoria^IL^61602|(309)555-0142||19580412|F||SE",
        "IN1|1|PPO01^Larkfield Preferred PPO|PPH001|Larkfield Health Plan|PO Box 900^^Peoria^IL^61601||(800)555-0130|GRP7781||||20260101|20261231|||Okafor-Lind^Ana^Ruth|SEL^Self^HL70063|19580412",
    ], "Admission with contact, allergy, diagnosis, guarantor and insurance")
    c.add("adt-a01-epic", EPIC, "ADT^A01", [
        "EVN|A01|@t||ADMIT|10021^REYES^CARLA^^^^^^NMH|202603020615", pid(BEN, EPIC), "PD1|||NMH DULUTH CLINIC^^10501",
        "NK1|1|TARRANT^LOUISE^^|Spouse|77 Quarry Lane Apt 4B^^Duluth^MN^55802|(218)555-0118||Emergency Contact 1",
        pv1(BEN, EPIC, "I", "NMH4E^4021^01^NMH^^^^^NMH 4 EAST", f44="@t", f4="UR", f14="7"),
        "PV2||Med/Surg|^Abdominal pain||||||||||||||||||||N", "ZPV|||||||||||||||EM", "DG1|1|I10|K35.80^Unspecified acute appendicitis^I10|Unspecified acute appendicitis||ADMISSION",
    ], "Epic-like: interface user in MSH-8, EPI and MRN in PID-3, bare CSN in PV1-19, ZPV", ids=("W16",))
    c.add("adt-a01-cerner", CERNER, "ADT^A01", [
        "EVN|A01|@t||CH_ADMIT|SYSTEM", pid(FAY, CERNER), "NK1|1|Abernathy^Dale|Brother||(478)555-0152^HOM",
        pv1(FAY, CERNER, "Inpatient", "3W^0312^B^NORTHPATH^^Bed(s)^NORTHPATH", f44="@t", f18="Inpatient", f39="NORTHPATH"),
        "DG1|1|I10|A41.9^Sepsis, unspecified organism^I10|Sepsis||Admitting", "ZVI|1|NPO|||20260302",
    ], "Cerner-like: HNAM, MRN and CMRN, FIN NBR in PID-18 and PV1-19, patient class in words", ids=("W10", "W16"))
    c.add("adt-a01-meditech", MEDITECH, "ADT^A01", [
        "EVN|A01|@t|||INTERF|@t", pid(GUS, MEDITECH), "NK1|1|PETRAKIS^SOPHIA|WI|||(410)555-0127",
        pv1(GUS, MEDITECH, "IN", "2N^203^1", f44="@t", f4="EL"), "GT1|1||PETRAKIS^CONSTANTINE^G||611 WHARF STREET^^BALTIMORE^MD^21231",
        "IN1|1|MCR|MCR|MEDICARE A AND B||||||||||||PETRAKIS^CONSTANTINE^G|01",
    ], "MEDITECH-like: capitals, times to the minute, M and V numbers without authority", ids=("P02", "D04"))
    c.add("adt-a01-engine", ENGINE, "ADT^A01", [
        "EVN", pid(HAL, ENGINE), "PD1||||1710050156^Brandt^Marcus", pv1(HAL, ENGINE, "E", "ED^12", f44="@t"),
        "PV2|||^Fall from ladder", "OBX|1|NM|29463-7^Body weight^LN|1|84.2|kg|||||F|||@t",
        "AL1|1|DA|^NKDA", "DG1|1||S72.001A^Fracture of unspecified part of neck of right femur^I10||@d|W",
        "ACC|@t|F^Fall",
    ], "Normalised by an engine: 2.3.1 with structure, Julian control id, NKDA as an allergy", ids=("N03",))
    old = LEGACY_LAB.at("2.2", name="old-adt", application="HIS", facility="MERCY")
    c.add("adt-a01-v22", old, "ADT^A01", ["EVN", pid(ELI, old), "NK1|1|Whitcomb^Ada|DAUGHTER", pv1(ELI, old, "I", "ICU^02^A", f44="@t")],
          "Version 2.2: PN names, plain numbers, no structure")
    first = old.at("2.1")
    c.add("adt-a01-v21", first, "ADT^A01", ["EVN|A01|@t^S", pid(ELI, first), "NK1|1|Whitcomb^Ada", pv1(ELI, first, "I", "ICU", f44="@t^S")],
          "Version 2.1: short PID, time stamps with their degree of precision", f7="20260305101500^S", ids=("D05",))
    for version in ("2.4", "2.5", "2.6", "2.7", "2.8", "2.8.1", "2.8.2"):
        feed = MODERN.at(version)
        lines = ["SFT|Example Software|8.1|EHR2|20260101", "EVN"][version < "2.5" :]
        who = {"2.4": CHI, "2.5": HAL, "2.6": INA, "2.7": JOE, "2.8": FAY, "2.8.1": BEN}.get(version, GUS)
        lines += [pid(who, feed), f"NK1|1|{who.family}^Robin|SIB^Sibling^HL70063", pv1(who, feed, f44="@t"),
                  "DG1|1||J18.9^Pneumonia, unspecified organism^I10||@t|A"]
        c.add(f"adt-a01-v{version.replace('.', '')}", feed, "ADT^A01", lines, f"Version {version}, with its data types")
    c.add("adt-a01-newborn", GENERIC, "ADT^A01", [
        "EVN", pid(DEE, GENERIC).replace("Castellanos^Delia^M", "Castellanos^BABY GIRL^"), "NK1|1|Castellanos^Rosa^^^^^L|MTH^Mother^HL70063",
        pv1(DEE, GENERIC, "I", "NURS^N04^1", f44="@t", f4="N"), "DG1|1||Z38.00^Single liveborn infant, delivered vaginally^I10||@t|A",
    ], "A newborn, named by sex and mother", ids=("P10",))


def movements(c: Collector) -> None:
    c.add("adt-a02-generic", GENERIC, "ADT^A02", ["EVN", pid(ANA, GENERIC), pv1(ANA, GENERIC, place="CCU^02^A", f6="4W^412^A", f44="20260302063611")], "Transfer: PV1-6 has where the patient was")
    c.add("adt-a02-epic", EPIC, "ADT^A02", ["EVN|A02|@t||XFER|10021^REYES^CARLA", pid(BEN, EPIC), pv1(BEN, EPIC, place="NMHOR^OR3^01^NMH", f6="NMH4E^4021^01^NMH"), "ZPV||||||||||X"], "Transfer to the operating room")
    c.add("adt-a02-meditech", MEDITECH, "ADT^A02", ["EVN|A02|@t", pid(GUS, MEDITECH), pv1(GUS, MEDITECH, "IN", "2N^207^2", f6="2N^203^1")], "Change of bed")
    c.add("adt-a03-generic", GENERIC, "ADT^A03", ["EVN", pid(ANA, GENERIC), pv1(ANA, GENERIC, f36="01", f44="20260302063611", f45="@t"), "DG1|1||I21.4^Non-ST elevation (NSTEMI) myocardial infarction^I10||@t|F",
          "PR1|1||4A023N7^Measurement of cardiac sampling and pressure, left heart, percutaneous^I10P||@t"], "Discharge home with final diagnosis and an ICD-10-PCS procedure")
    c.add("adt-a03-cerner", CERNER, "ADT^A03", ["EVN|A03|@t", pid(FAY, CERNER), pv1(FAY, CERNER, "Inpatient", "3W^0312^B", f36="SNF", f44="20260302081933", f45="@t")], "Discharge to a nursing facility, disposition in words")
    c.add("adt-a03-expired", GENERIC, "ADT^A03", ["EVN", pid(JOE, GENERIC) + "|" * 10 + "@t|Y", pv1(JOE, GENERIC, f36="20", f44="202603011200", f45="@t")], "The patient died: PID-29 and PID-30, disposition 20", ids=("P17",))
    c.add("adt-a03-v23-meditech", MEDITECH, "ADT^A03", ["EVN|A03|@t", pid(GUS, MEDITECH), pv1(GUS, MEDITECH, "IN", "2N^207^2", f36="HOM", f44="202603021300", f45="@t")], "Discharge, times to the minute", ids=("D04",))
    c.add("adt-a04-generic", GENERIC, "ADT^A04", ["EVN", pid(CHI, GENERIC), pv1(CHI, GENERIC, "O", "CLIN1^^^HOSPITAL", f44="@t"), "PV2|||^Prenatal visit"], "Registration of an outpatient")
    c.add("adt-a04-ed-epic", EPIC, "ADT^A04", ["EVN|A04|@t||REG", pid(HAL, EPIC), pv1(HAL, EPIC, "E", "NMHED^ED12^12^NMH", f44="@t"), "PV2|||^ANKLE INJURY"], "Emergency visit that only ever has A04", ids=("W05",))
    c.add("adt-a04-engine", ENGINE, "ADT^A04", ["EVN", pid(INA, ENGINE), pv1(INA, ENGINE, "O", "LABDRAW", f44="@t"), "IN1|1|HMO2|BADG|Larkfield HMO", "IN1|2|SELF|0|Self pay"], "Two insurances, the second self-pay", ids=("N04",))
    c.add("adt-a05-generic", GENERIC, "ADT^A05", ["EVN", pid(GUS, GENERIC), pv1(GUS, GENERIC, "P", "SURG"), "PV2|||M17.11^Unilateral primary osteoarthritis, right knee^I10|||||20260320|20260323"], "Pre-admission for elective surgery, expected dates in PV2-8 and PV2-9")
    c.add("adt-a05-cerner", CERNER, "ADT^A05", ["EVN|A05|@t", pid(ELI, CERNER), pv1(ELI, CERNER, "Preadmit", "SDS"), "DG1|1|I10|H25.9^Unspecified age-related cataract^I10|||A"], "Pre-admission in 2.3, structure ADT_A01 by table")
    c.add("adt-a06-generic", GENERIC, "ADT^A06", ["EVN", pid(HAL, GENERIC), "MRG|103590^^^HOSPITAL&1.2.3.4.5.9&ISO^MR||7004288^^^HOSPITAL^AN||88013077^^^HOSPITAL^VN", pv1(HAL, GENERIC, "I", "5N^501^A", f6="ED^12", f19="88013078^^^HOSPITAL^VN", f44="@t")], "Outpatient to inpatient with a new visit number, the old one in MRG-5", ids=("W09",))
    c.add("adt-a06-epic", EPIC, "ADT^A06", ["EVN|A06|@t", pid(HAL, EPIC), pv1(HAL, EPIC, "I", "NMH5N^501^01^NMH", f6="NMHED^ED12^12^NMH", f44="@t")], "Change to inpatient, same CSN")
    c.add("adt-a07-generic", GENERIC, "ADT^A07", ["EVN", pid(INA, GENERIC), pv1(INA, GENERIC, "O", "OBS^3", f6="5N^502^A", f44="@t")], "Inpatient to outpatient (observation)")
    c.add("adt-a07-engine", ENGINE, "ADT^A07", ["EVN", pid(INA, ENGINE), pv1(INA, ENGINE, "O", "OBS^3", f44="@t")], "Change to outpatient in 2.3.1")
    c.add("adt-a09-generic", GENERIC, "ADT^A09", ["EVN", pid(BEN, GENERIC), pv1(BEN, GENERIC, place="4E^4021^01", f11="RAD^WAIT", f44="202603020615")], "Departure to radiology, temporary location in PV1-11")
    c.add("adt-a10-generic", GENERIC, "ADT^A10", ["EVN", pid(BEN, GENERIC), pv1(BEN, GENERIC, place="RAD^CT1", f6="4E^4021^01", f44="202603020615")], "Arrival in radiology")
    c.add("adt-a14-generic", GENERIC, "ADT^A14", ["EVN", pid(FAY, GENERIC), pv1(FAY, GENERIC, "P", "3W")], "Pending admission")
    c.add("adt-a16-generic", GENERIC, "ADT^A16", ["EVN", pid(FAY, GENERIC), pv1(FAY, GENERIC, f44="202603020819")], "Pending discharge")
    c.add("adt-a17-generic", GENERIC, "ADT^A17", ["EVN", pid(ANA, GENERIC), pv1(ANA, GENERIC, place="4W^413^B", f6="4W^412^A"), pid(FAY, GENERIC), pv1(FAY, GENERIC, place="4W^412^A", f6="4W^413^B")], "Two patients swap beds", ids=("W13",), why="hl7apy takes one PID where the grammar has two")


def updates(c: Collector) -> None:
    moved = ANA.__class__(**{**ANA.__dict__, "street": "9 Willow Bend", "phone": "(309)555-0149"})
    c.add("adt-a08-generic", GENERIC, "ADT^A08", ["EVN", pid(moved, GENERIC), pv1(moved, GENERIC, f44="202603020636")], "New address and telephone of an inpatient")
    c.add("adt-a08-epic", EPIC, "ADT^A08", ["EVN|A08|@t||REG_UPDATE|10021^REYES^CARLA", pid(BEN, EPIC), "ZPD||MYCH~Post||ACTIVATED|||Y", pv1(BEN, EPIC, place="NMH4E^4021^01^NMH"), "AL1|1|DA|^SULFA ANTIBIOTICS|||20260303", "OBX|1|NM|8302-2^Body height^LN||178|cm|||||F"], "Update with ZPD after PID", ids=("W16",))
    c.add("adt-a08-cerner", CERNER, "ADT^A08", ["EVN|A08|@t", pid(FAY, CERNER), pv1(FAY, CERNER, "Inpatient", "3W^0312^B"), "AL1|1|DRUG|d00001^Cephalexin^MULDRUG|Mild|Rash", "GT1|1||Abernathy^Fay^Lorraine"], "Update with a local allergen code")
    c.add("adt-a08-meditech", MEDITECH, "ADT^A08", ["EVN|A08|@t", pid(GUS, MEDITECH), pv1(GUS, MEDITECH, "IN", "2N^207^2"), "OBX|1|NM|WT^WEIGHT^L||81.6|KG|||||F", "AL1|1|DA|PCN^PENICILLINS|S"], "Update with weight and allergy")
    c.add("adt-a08-v25-null", GENERIC.at("2.5"), "ADT^A08", ["EVN", pid(CHI, GENERIC).replace("|(253)555-0188^PRN^PH^^1^253^5550188|", '|""|'), pv1(CHI, GENERIC, "O", "CLIN1")], "The telephone is deleted: explicit null in PID-13", ids=("E20",))
    c.add("adt-a08-no-longer-dead", GENERIC, "ADT^A08", ["EVN", pid(JOE, GENERIC) + "|" * 10 + '""|N', pv1(JOE, GENERIC, f44="202603011200")], "A death that was entered by mistake is taken back", ids=("P17",), why="hl7apy takes no explicit null for a time")
    c.add("adt-a11-generic", GENERIC, "ADT^A11", ["EVN", pid(ANA, GENERIC), pv1(ANA, GENERIC, f44="202603020636")], "Admission cancelled", ids=("W08",))
    c.add("adt-a11-cerner", CERNER, "ADT^A11", ["EVN|A11|@t|@t", pid(FAY, CERNER), pv1(FAY, CERNER, "Inpatient", "3W^0312^B")], "Admission cancelled, 2.3", ids=("W08",))
    c.add("adt-a12-generic", GENERIC, "ADT^A12", ["EVN", pid(ANA, GENERIC), pv1(ANA, GENERIC, place="4W^412^A", f6="CCU^02^A"), "DG1|1||R07.9^Chest pain, unspecified^I10||@t|W"], "Transfer cancelled: the patient is back", ids=("W08",))
    c.add("adt-a12-v24", GENERIC.at("2.4"), "ADT^A12", ["EVN", pid(ANA, GENERIC.at("2.4")), pv1(ANA, GENERIC, place="4W^412^A")], "Transfer cancelled; in 2.4 the structure is ADT_A09", ids=("W08",))
    c.add("adt-a13-generic", GENERIC, "ADT^A13", ["EVN", pid(ANA, GENERIC), pv1(ANA, GENERIC, f44="202603020636")], "Discharge cancelled", ids=("W08",))
    c.add("adt-a13-epic", EPIC, "ADT^A13", ["EVN|A13|@t", pid(BEN, EPIC), pv1(BEN, EPIC, place="NMH4E^4021^01^NMH")], "Discharge cancelled", ids=("W08",))
    c.add("adt-a21-leave", GENERIC, "ADT^A21", ["EVN", pid(FAY, GENERIC), pv1(FAY, GENERIC), "PV2" + "|" * 47 + "202603091700"], "Leave of absence", ids=("W14",))
    c.add("adt-a28-generic", GENERIC, "ADT^A28", ["EVN", pid(INA, GENERIC), "PD1||||1710050156^Brandt^Marcus^E", pv1(INA, GENERIC, "N", "", f7="", f10="", f19="")], "A person without a visit: PV1 is there and says N", ids=("W12",))
    c.add("adt-a28-engine", ENGINE, "ADT^A28", ["EVN", pid(DEE, ENGINE), pv1(DEE, ENGINE, "N", "", f7="", f10="", f19="")], "New person in 2.3.1")
    c.add("adt-a31-generic", GENERIC, "ADT^A31", ["EVN", pid(moved, GENERIC), "PD1||||1710050156^Brandt^Marcus^E", "NK1|1|Okafor^Samuel|SPO^Spouse^HL70063", pv1(moved, GENERIC, "N", "", f7="", f10="", f19="")], "Person information changed", ids=("W04",))
    c.add("adt-a31-epic", EPIC, "ADT^A31", ["EVN|A31|@t", pid(CHI, EPIC), "ZPD||MYCH~Post||DECLINED", "PV1|1|N"], "Person update with a pseudo PV1", ids=("W04", "W12"))
    c.add("adt-a31-new-number", GENERIC, "ADT^A31", ["EVN", pid(INA, GENERIC).replace("104002^^^", "904002^^^"), "PV1|1|N"], "A new MRN without any merge", ids=("P18",))


def identities(c: Collector) -> None:
    gone = "100235^^^HOSPITAL&1.2.3.4.5.9&ISO^MR"
    c.add("adt-a40-generic", GENERIC, "ADT^A40", ["EVN", pid(ANA, GENERIC), f"MRG|{gone}||||||Okafor^Anna"], "Two numbers of one person are merged", ids=("M01",))
    c.add("adt-a40-two-groups", GENERIC, "ADT^A40", ["EVN", pid(ANA, GENERIC), f"MRG|{gone}", pid(BEN, GENERIC, "2"), "MRG|100876^^^HOSPITAL&1.2.3.4.5.9&ISO^MR"], "Two merges in one message", ids=("M01",))
    c.add("adt-a40-v282", MODERN, "ADT^A40", ["EVN", pid(ANA, MODERN), "MRG|100235^^^HOSPITAL&1.2.3.4.5.9&ISO^MR"], "Merge in 2.8.2", ids=("M01",))
    c.add("adt-a40-epic", EPIC, "ADT^A40", ["EVN|A40|@t||PATIENT MERGE", pid(BEN, EPIC), "PD1", "MRG|E100876^^^EPI^EPI~100876^^^NMH^MRN||||||TARRANT^BEN"], "Merge of all identifiers, 2.3", ids=("M01", "M16", "E05"))
    c.add("adt-a34-cerner", CERNER, "ADT^A34", ["EVN|A34|@t", pid(FAY, CERNER), "MRG|102760^^^NORTHPATH_MRN^MRN"], "Merge as A34", ids=("M02",))
    c.add("adt-a34-v25", GENERIC.at("2.5"), "ADT^A34", ["EVN", pid(FAY, GENERIC), "MRG|102760^^^HOSPITAL&1.2.3.4.5.9&ISO^MR"], "Merge as A34, with structure ADT_A30", ids=("M02",))
    c.add("adt-a18-meditech", MEDITECH, "ADT^A18", ["EVN|A18|@t", pid(GUS, MEDITECH), "MRG|M000103117||||||PETRAKIS^GUS", pv1(GUS, MEDITECH, "IN", "2N^207^2")], "Merge as A18, with a visit", ids=("M03",))
    c.add("adt-a18-v231", ENGINE, "ADT^A18", ["EVN", pid(HAL, ENGINE), "MRG|103591^^^REGIONAL^MR", pv1(HAL, ENGINE, "E", "ED^12")], "Merge as A18 in 2.3.1", ids=("M03",))
    c.add("adt-a30-generic", GENERIC, "ADT^A30", ["EVN", pid(CHI, GENERIC), "MRG|101421^^^HOSPITAL&1.2.3.4.5.9&ISO^MR"], "Merge of persons", ids=("M04",))
    c.add("adt-a35-generic", GENERIC, "ADT^A35", ["EVN", pid(CHI, GENERIC), "MRG|101420^^^HOSPITAL&1.2.3.4.5.9&ISO^MR||7003560^^^HOSPITAL^AN"], "Merge of accounts", ids=("M06",))
    c.add("adt-a41-generic", GENERIC, "ADT^A41", ["EVN", pid(CHI, GENERIC), "MRG|101420^^^HOSPITAL&1.2.3.4.5.9&ISO^MR||7003560^^^HOSPITAL^AN"], "Merge of accounts, newer event", ids=("M05",))
    c.add("adt-a43-generic", GENERIC, "ADT^A43", ["EVN", pid(INA, GENERIC), "MRG|104003^^^HOSPITAL&1.2.3.4.5.9&ISO^MR"], "A number moves to another person", ids=("M09",))
    c.add("adt-a45-generic", GENERIC, "ADT^A45", ["EVN", pid(INA, GENERIC), "MRG|104003^^^HOSPITAL&1.2.3.4.5.9&ISO^MR||||88013140^^^HOSPITAL^VN", pv1(INA, GENERIC, "O", "OBS^3")], "A visit moves to another person", ids=("M09",))
    c.add("adt-a47-generic", GENERIC, "ADT^A47", ["EVN", pid(INA, GENERIC), "MRG|104009^^^HOSPITAL&1.2.3.4.5.9&ISO^MR"], "The list of identifiers changes", ids=("M10",))
    c.add("adt-a24-generic", GENERIC, "ADT^A24", ["EVN", pid(ANA, GENERIC), pid(FAY, GENERIC, "2")], "Two records are linked, neither goes away", ids=("M07",), why="hl7apy takes one PID where the grammar has two")
    c.add("adt-a37-generic", GENERIC, "ADT^A37", ["EVN", pid(ANA, GENERIC), pid(FAY, GENERIC, "2")], "The link is dissolved", ids=("M08",), why="hl7apy takes one PID where the grammar has two")
    c.add("adt-a37-v23-cerner", CERNER, "ADT^A37", ["EVN|A37|@t", pid(ANA, CERNER), pid(FAY, CERNER, "2")], "Unlink in 2.3, structure ADT_A24", ids=("M08",), why="hl7apy takes one PID where the grammar has two")


def rare(c: Collector) -> None:
    number = "{0}^^^HOSPITAL&1.2.3.4.5.9&ISO^MR".format
    for trigger, shows in (
        ("A15", "Pending transfer"), ("A22", "Back from leave of absence"), ("A23", "A visit's record is deleted"),
        ("A25", "Pending discharge cancelled"), ("A26", "Pending transfer cancelled"), ("A27", "Pending admission cancelled"),
        ("A32", "Arrival cancelled"), ("A33", "Departure cancelled"), ("A38", "Pre-admission cancelled"),
    ):
        c.add(f"adt-{trigger.lower()}-generic", GENERIC, f"ADT^{trigger}", ["EVN", pid(FAY, GENERIC), pv1(FAY, GENERIC, f44="202603020819")], shows, ids=("W14",) if trigger == "A22" else ())
    c.add("adt-a20-generic", GENERIC, "ADT^A20", ["EVN", "NPU|4W^412^A|K"], "The state of a bed")
    c.add("adt-a29-generic", GENERIC, "ADT^A29", ["EVN", pid(INA, GENERIC), "PV1|1|N"], "A person's record is deleted")
    c.add("adt-a36-generic", GENERIC, "ADT^A36", ["EVN", pid(CHI, GENERIC), f"MRG|{number('101421')}||7003560^^^HOSPITAL^AN"], "Merge of person and account", ids=("M06",))
    c.add("adt-a39-generic", GENERIC, "ADT^A39", ["EVN", pid(CHI, GENERIC), f"MRG|{number('101421')}||||||Nguyen^Chee"], "Merge of persons, newer event", ids=("M01",))
    c.add("adt-a42-generic", GENERIC, "ADT^A42", ["EVN", pid(CHI, GENERIC), f"MRG|{number('101420')}||||88012543^^^HOSPITAL^VN", pv1(CHI, GENERIC, "O", "CLIN1")], "Merge of visits", ids=("M05",))
    c.add("adt-a44-generic", GENERIC, "ADT^A44", ["EVN", pid(INA, GENERIC), f"MRG|{number('104003')}||7004395^^^HOSPITAL^AN"], "An account moves to another person", ids=("M09",))
    c.add("adt-a46-generic", GENERIC, "ADT^A46", ["EVN", pid(INA, GENERIC), f"MRG|{number('104009')}"], "The number of a person changes", ids=("M10",))
    c.add("adt-a49-generic", GENERIC, "ADT^A49", ["EVN", pid(INA, GENERIC), f"MRG|{number('104002')}||7004390^^^HOSPITAL^AN"], "The number of an account changes", ids=("M10",))
    c.add("adt-a50-generic", GENERIC, "ADT^A50", ["EVN", pid(INA, GENERIC), f"MRG|{number('104002')}||||88013139^^^HOSPITAL^VN", pv1(INA, GENERIC, "O", "OBS^3")], "The number of a visit changes", ids=("M10",))
    c.add("adt-a60-generic", GENERIC, "ADT^A60", ["EVN", pid(ANA, GENERIC), "IAM|1|DA^Drug allergy^HL70127|7980^Penicillin G^RXNORM|MO^Moderate^HL70128|Hives|A^Add^HL70323|AL77^EHR"], "An allergy is added")
    c.add("bar-p01-generic", GENERIC, "BAR^P01", ["EVN", pid(ANA, GENERIC), pv1(ANA, GENERIC), "GT1|1||Okafor-Lind^Ana^Ruth", "IN1|1|PPO01^Larkfield Preferred PPO|PPH001|Larkfield Health Plan"], "An account is opened")
    c.add("bar-p05-generic", GENERIC, "BAR^P05", ["EVN", pid(ANA, GENERIC), pv1(ANA, GENERIC), "DG1|1||I21.4^Non-ST elevation (NSTEMI) myocardial infarction^I10|||F", "DRG|282^Acute myocardial infarction without complications^DRG"], "An account is updated with its group")
    c.add("bar-p06-generic", GENERIC, "BAR^P06", ["EVN", pid(ANA, GENERIC), pv1(ANA, GENERIC)], "An account is closed")


def queries(c: Collector) -> None:
    pdq = GENERIC.at("2.5", receiver="MPI", receiving_facility="HOSPITAL")
    name = "IHE PDQ Query^^HL7nnn"
    c.add("qbp-q22-by-name", pdq, "QBP^Q22", [f"QPD|{name}|Q0001|@PID.5.1^TARRANT~@PID.8^M", "RCP|I|10^RD"], "Demographics query by name and sex", why="hl7apy does not let QPD-3 repeat")
    c.add("qbp-q22-by-number", GENERIC, "QBP^Q22", [f"QPD|{name}|Q0002|@PID.3.1^100234~@PID.3.4.1^HOSPITAL", "RCP|I|1^RD"], "Demographics query by number, 2.5.1", why="hl7apy does not let QPD-3 repeat")
    c.add("qbp-q22-v282", MODERN, "QBP^Q22", [f"QPD|{name}|Q0003|@PID.7^19891205", "RCP|I"], "Demographics query by date of birth, 2.8.2")
    c.add("qbp-q22-continue", pdq, "QBP^Q22", [f"QPD|{name}|Q0001|@PID.5.1^TARRANT~@PID.8^M", "RCP|I|10^RD", "DSC|CONT-4471|I"], "The next page of an answer", ids=("Q03",), why="hl7apy does not let QPD-3 repeat")
    c.add("qbp-q23-generic", GENERIC, "QBP^Q23", ["QPD|IHE PIX Query^^HL7nnn|X0001|100234^^^HOSPITAL&1.2.3.4.5.9&ISO^PI", "RCP|I"], "Cross-reference query")
    found = ["MSA|AA|@n", f"QAK|Q0002|OK|{name}|1|1|0", f"QPD|{name}|Q0002|@PID.3.1^100234", pid(ANA, GENERIC), "QRI|95"]
    c.add("rsp-k22-one", GENERIC, "RSP^K22", found, "One match")
    c.add("rsp-k22-none", GENERIC, "RSP^K22", ["MSA|AA|001999", f"QAK|Q0009|NF|{name}|0|0|0", f"QPD|{name}|Q0009|@PID.5.1^NOBODY"], "Nobody found", ids=("Q02",))
    late = MODERN.at("2.8")
    c.add("rsp-k22-two-v28", late, "RSP^K22", ["MSA|AA|001998", f"QAK|Q0003|OK|{name}|12|2|10", f"QPD|{name}|Q0003|@PID.8^F", pid(ANA, late), "QRI|80", pid(CHI, late, "2"), "QRI|61", "DSC|CONT-4471|I"], "Two of twelve matches and a continuation", ids=("Q01", "Q03"))
    c.add("rsp-k22-refused", GENERIC, "RSP^K22", ["MSA|AE|001997", "ERR||QPD^1^3^1^8|204^Unknown key identifier^HL70357|E|||Domain not recognised", f"QAK|Q0011|AE|{name}", f"QPD|{name}|Q0011|@PID.3.4.1^ELSEWHERE"], "A domain that is not known here")
    c.add("rsp-k23-generic", GENERIC, "RSP^K23", ["MSA|AA|001996", "QAK|X0001|OK", "QPD|IHE PIX Query^^HL7nnn|X0001|100234^^^HOSPITAL&1.2.3.4.5.9&ISO^PI", "PID|||E100234^^^MPI&1.2.3.4.6&ISO^PI||~^^^^^^S"], "The numbers of a person elsewhere", ids=("P01",))
    c.add("qbp-q11-immunisations", GENERIC, "QBP^Q11", ["QPD|Z34^Request Immunization History^CDCPHINVS|Q0030|100234^^^HOSPITAL^MR|Castellanos^Delia^M^^^^L||20240227|F", "RCP|I|5^RD&records&HL70126"], "Immunisation history is asked for", f21="Z34^CDCPHINVS", why="hl7apy ends QPD at its third field")
    c.add("rsp-k11-too-many", GENERIC, "RSP^K11", ["MSA|AA|001994", "QAK|Q0030|TM|Z34^Request Immunization History^CDCPHINVS", "QPD|Z34^Request Immunization History^CDCPHINVS|Q0030|100234^^^HOSPITAL^MR"], "Too many candidates", ids=("Q01",), f21="Z33^CDCPHINVS")
    c.add("qcn-j01-generic", GENERIC, "QCN^J01", ["QID|Q0001|IHE PDQ Query^^HL7nnn"], "The querying system wants no further pages", ids=("Q03",))
    c.add("qbp-q21-generic", GENERIC, "QBP^Q21", ["QPD|Q21^Get Person Demographics^HL7nnn|Q0020|100234^^^HOSPITAL", "RCP|I"], "Demographics of one number")
    c.add("rsp-k21-generic", GENERIC, "RSP^K21", ["MSA|AA|001995", "QAK|Q0020|OK", "QPD|Q21^Get Person Demographics^HL7nnn|Q0020|100234^^^HOSPITAL", pid(ANA, GENERIC), "QRI|100"], "The answer to it")
    c.add("qry-a19-v23", CERNER, "QRY^A19", ["QRD|@t|R|I|QUERY7001|||1^RD|102761^ABERNATHY^FAY|DEM^DEMOGRAPHICS|ALL"], "Query by number, original style")
    c.add("qry-a19-v24", GENERIC.at("2.4"), "QRY^A19", ["QRD|@t|R|I|QUERY7002|||1^RD|100877^Tarrant^Benjamin|DEM^Demographics^HL70048|ALL"], "Query by number, 2.4")
    c.add("adr-a19-v24", GENERIC.at("2.4"), "ADR^A19", ["MSA|AA|Q7002", "QAK|QUERY7002|OK", "QRD|@t|R|I|QUERY7002|||1^RD|100877^Tarrant^Benjamin|DEM^Demographics^HL70048|ALL", pid(BEN, GENERIC.at("2.4")), pv1(BEN, GENERIC, place="4E^4021^01")], "The answer to such a query")


def acknowledgements(c: Collector) -> None:
    back = GENERIC.at("2.5.1", application="CLIENT", facility="CLIENT", receiver="MOCKEHR", receiving_facility="HOSPITAL")
    c.add("ack-aa", back, "ACK^A01", ["MSA|AA|001007"], "Accepted")
    c.add("ack-ae-two-errors", back, "ACK^A08", ["MSA|AE|001014", "ERR||PID^1^3|101^Required field missing^HL70357|E|||PID-3 is empty", "ERR||PV1^1^2|103^Table value not found^HL70357|W|||INPATIENT is not in table 0004"], "Refused with two ERR", ids=("A16",))
    c.add("ack-ar-unknown-event", back, "ACK^A99", ["MSA|AR|001021", "ERR||MSH^1^9^1^2|201^Unsupported event code^HL70357|E"], "Not for this system")
    c.add("ack-aa-warning", back, "ACK^V04", ["MSA|AA|001028", "ERR||RXA^1^11|0^Message accepted^HL70357|W|||Location not known, message kept"], "Accepted with a warning", ids=("A16",))
    c.add("ack-ca", back, "ACK^R01", ["MSA|CA|001035"], "Enhanced mode: committed", ids=("A08",), f15="NE", f16="NE")
    c.add("ack-v23", CERNER, "ACK", ["MSA|AA|Q1042T26061|Success"], "Bare ACK in MSH-9, text in MSA-3", ids=("A12",))
    c.add("ack-ae-v23", EPIC, "ACK", ["MSA|AE|1049|Patient not found", "ERR|PID^1^3^204"], "Old ERR-1", ids=("A16",))
    c.add("ack-v21", LEGACY_LAB.at("2.1"), "ACK", ["MSA|AA|L01056"], "Version 2.1", f7="20260309121500^S")
    c.add("ack-sequence", back, "ACK^A04", ["MSA|AA|001063||1064"], "Expected sequence number in MSA-4", f13="1063")
    c.add("ack-v282", MODERN, "ACK^A40", ["MSA|AA|001070"], "Version 2.8.2")


def collect(c: Collector) -> None:
    """All of this module."""
    for part in (admissions, movements, updates, identities, rare, queries, acknowledgements):
        part(c)
