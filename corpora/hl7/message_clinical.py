# ruff: noqa: E501 (a message is read best with each of its segments on one line)
# fmt: off
"""Orders, results, appointments, documents, charges, immunisations, medication, master files."""

from __future__ import annotations

import base64

from message_collector import Collector
from message_parts import (
    ANA,
    BEN,
    BRANDT,
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
    LAB,
    LEGACY_LAB,
    MEDITECH,
    MODERN,
    NG,
    OYELARAN,
    PRICE,
    SATO,
    Sender,
    pid,
    pv1,
    xcn,
)

MG: str = "mg/dL^milligram per deciliter^UCUM"


def pdf(text: str) -> str:
    """A small PDF with one line, in base64."""
    stream = f"BT /F1 12 Tf 72 720 Td ({text}) Tj ET"
    parts = [
        "<</Type/Catalog/Pages 2 0 R>>",
        "<</Type/Pages/Kids[3 0 R]/Count 1>>",
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
        f"<</Length {len(stream)}>>\nstream\n{stream}\nendstream",
        "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    ]
    body, places = "%PDF-1.4\n", []
    for number, part in enumerate(parts, 1):
        places.append(len(body))
        body += f"{number} 0 obj\n{part}\nendobj\n"
    table = "".join(f"{place:010d} 00000 n \n" for place in places)
    body += f"xref\n0 6\n0000000000 65535 f \n{table}trailer\n<</Size 6/Root 1 0 R>>\nstartxref\n{len(body)}\n%%EOF\n"
    return base64.b64encode(body.encode("ascii")).decode("ascii")


def obx(number: int, kind: str, code: str, value: str, unit: str = "", normal: str = "", flag: str = "", status: str = "F", sub: str = "") -> str:
    """One OBX with a time."""
    return f"OBX|{number}|{kind}|{code}|{sub}|{value}|{unit}|{normal}|{flag}|||{status}|||@t"


def metabolic(status: str = "F") -> list[str]:
    """A basic metabolic panel."""
    rows = [
        ("2951-2^Sodium^LN", "139", "mmol/L", "136-145", ""), ("2823-3^Potassium^LN", "5.4", "mmol/L", "3.5-5.1", "H"),
        ("2075-0^Chloride^LN", "102", "mmol/L", "98-107", ""), ("2028-9^Carbon dioxide^LN", "24", "mmol/L", "22-29", ""),
        ("2345-7^Glucose^LN", "187", "mg/dL", "70-99", "H"), ("3094-0^Urea nitrogen^LN", "31", "mg/dL", "7-20", "H"),
        ("2160-0^Creatinine^LN", "1.62", "mg/dL", "0.60-1.10", "H"), ("17861-6^Calcium^LN", "9.1", "mg/dL", "8.6-10.2", ""),
    ]
    return [obx(n, "NM", code, value, unit, normal, flag, status) for n, (code, value, unit, normal, flag) in enumerate(rows, 1)]


def orders(c: Collector) -> None:
    bmp = "51990-0^Basic metabolic panel^LN"
    c.add("orm-o01-generic", GENERIC, "ORM^O01", [pid(ANA, GENERIC), pv1(ANA, GENERIC), f"ORC|NW|P40011^EHR||G700^EHR|||^^^202603020700^^R||@t|10021^Reyes^Carla||{xcn(NG)}|4W", f"OBR|1|P40011^EHR||{bmp}||||||||||||{xcn(NG)}", "NTE|1||Draw before the morning dose", "DG1|1||R07.9^Chest pain, unspecified^I10|||W"], "New laboratory order", why="hl7apy wants every alternative of the order segment")
    c.add("orm-o01-epic", EPIC, "ORM^O01", [pid(BEN, EPIC), pv1(BEN, EPIC), "ORC|NW|551023^EPIC||551020|Pend||^^^202603020800^^S||@t|10021^REYES^CARLA||050081^NG^LEONORA^T^^^^^EPIC^^^^PROVID|10501^^^NMH", "OBR|1|551023^EPIC||LAB120^CBC WITH DIFFERENTIAL^EAP^^CBC W/DIFF|S||||||L|||||050081^NG^LEONORA^T|||||||||||^^^202603020800^^S", "OBX|1|ST|FASTING^FASTING?^L||NO||||||F"], "Order with an EAP code and an order question", ids=("R23",), why="hl7apy wants every alternative of the order segment")
    c.add("orm-o01-cerner", CERNER, "ORM^O01", [pid(FAY, CERNER), pv1(FAY, CERNER, "Inpatient", "3W^0312^B"), "ORC|NW|78812345^HNAM_ORDERID|||Ordered||^^^20260302090000^^STAT||@t|050222^Oyelaran^Folake||050081^Ng^Leonora", "OBR|1|78812345^HNAM_ORDERID||LACT^Lactic Acid^NORTHPATH^^Lactate Level|||||||||||Blood&Blood|050081^Ng^Leonora|||||||||||^^^20260302090000^^STAT"], "Order with catalogue code and HNAM_ORDERID", why="hl7apy wants every alternative of the order segment")
    c.add("orm-o01-radiology", ENGINE, "ORM^O01", [pid(HAL, ENGINE), pv1(HAL, ENGINE, "E", "ED^12"), f"ORC|NW|R9001^HIS||||||@t|||{xcn(PRICE)}", f"OBR|1|R9001^HIS||36554-4^XR Chest Single view^LN|||||||||Fall from ladder|||{xcn(PRICE)}||||||||RAD|||^^^@t^^S||||^Chest pain after fall"], "Radiology order, reason in OBR-31", why="hl7apy wants every alternative of the order segment")
    c.add("orm-o01-cancel", GENERIC, "ORM^O01", [pid(ANA, GENERIC), "ORC|CA|P40011^EHR|F88110^LAB||CA||||@t", f"OBR|1|P40011^EHR|F88110^LAB|{bmp}"], "Order cancelled by its placer", ids=("R22",), why="hl7apy wants every alternative of the order segment")
    c.add("orm-o01-discontinue-v22", LEGACY_LAB, "ORM^O01", [pid(ELI, LEGACY_LAB), "ORC|DC|P22^HIS|F19^LAB", "OBR|1|P22^HIS|F19^LAB|DIG^DIGOXIN^L|||202603040600"], "Discontinued, 2.2", ids=("R22",), why="hl7apy wants every alternative of the order segment")
    c.add("orm-o01-status", GENERIC, "ORM^O01", [pid(ANA, GENERIC), "ORC|SC|P40012^EHR|F88111^LAB||IP||||@t", f"OBR|1|P40012^EHR|F88111^LAB|{bmp}|||||||||||||||||||||I"], "Status changed: in process", ids=("R22",), why="hl7apy wants every alternative of the order segment")
    c.add("orm-o01-three-orders", ENGINE, "ORM^O01", [pid(INA, ENGINE), *[part for n, (code, name) in enumerate((("58410-2", "CBC panel"), ("24323-8", "Comprehensive metabolic panel"), ("4548-4", "Hemoglobin A1c")), 1) for part in (f"ORC|NW|P5000{n}^HIS||G5000^HIS", f"OBR|{n}|P5000{n}^HIS||{code}^{name}^LN")]], "Three orders of one group", ids=("R29",), why="hl7apy wants every alternative of the order segment")
    c.add("orm-o01-medication", CERNER, "ORM^O01", [pid(FAY, CERNER), "ORC|NW|78812399^HNAM_ORDERID|||||^Q12H^^20260302100000||@t", "RXO|d00001^Ceftriaxone^MULDRUG|1||g||IV^^L", "RXR|IV^Intravenous^HL70162"], "A medication ordered by ORM, with RXO", ids=("X02",), why="hl7apy wants every alternative of the order segment")
    c.add("orm-o01-replace", GENERIC, "ORM^O01", [pid(ANA, GENERIC), "ORC|RP|P40012^EHR|F88111^LAB", f"OBR|1|P40012^EHR|F88111^LAB|{bmp}", "ORC|RO|P40013^EHR", "OBR|2|P40013^EHR||24323-8^Comprehensive metabolic panel^LN"], "Replaced by another order", ids=("R22",), why="hl7apy wants every alternative of the order segment")
    oml = ["ORC|NW|P41001^EHR|||||||@t|||" + xcn(NG), "TQ1|1||||||202603030600||R^Routine^HL70485", f"OBR|1|P41001^EHR||{bmp}||||||||||||" + xcn(NG), "DG1|1||N18.30^Chronic kidney disease, stage 3 unspecified^I10|||W", "SPM|1|P41001-1&EHR||119364003^Serum specimen^SCT|||||||||||||202603030600"]
    c.add("oml-o21-generic", GENERIC, "OML^O21", [pid(GUS, GENERIC), pv1(GUS, GENERIC, place="2N^207^2"), *oml], "Laboratory order with timing and specimen")
    c.add("oml-o21-v251-ask", GENERIC, "OML^O21", [pid(INA, GENERIC), "ORC|NW|P41010^EHR|||||||@t|||" + xcn(SATO), "OBR|1|P41010^EHR||10524-7^Cytology cervical or vaginal smear^LN|||202603051015||||L|||||" + xcn(SATO), "OBX|1|DT|8665-2^Last menstrual period start date^LN||20260214||||||F", "OBX|2|CWE|11778-8^Delivery date Estimated^LN||N^No^HL70136||||||F"], "Order with answers to entry questions")
    c.add("oml-o21-lab-reflex", LAB, "OML^O21", [pid(CHI, LAB), "ORC|NW|P41020^EHR|F90020^NORTHLAB", "OBR|1|P41020^EHR|F90020^NORTHLAB|11011-4^HCV RNA panel^LN|||||||G|||||||||||||||13955-0&Hepatitis C virus Ab&LN^1|||P41019&EHR^F90019&NORTHLAB"], "Reflex order with its parent result", ids=("R32",))
    c.add("oml-o21-v282", MODERN, "OML^O21", [pid(GUS, MODERN), oml[0], f"OBR|1|P41001^EHR||{bmp}"], "Laboratory order in 2.8.2")
    c.add("omg-o19-generic", GENERIC, "OMG^O19", [pid(HAL, GENERIC), "ORC|NW|R9100^EHR|||||||@t", "OBR|1|R9100^EHR||36643-5^XR Chest 2 Views^LN"], "General order")
    answer = GENERIC.at("2.5.1", application="LABSYS", facility="NORTHLAB", receiver="MOCKEHR", receiving_facility="HOSPITAL")
    c.add("orr-o02-accepted", answer, "ORR^O02", ["MSA|AA|001500", pid(ANA, GENERIC), "ORC|OK|P40011^EHR|F88110^LAB", f"OBR|1|P40011^EHR|F88110^LAB|{bmp}"], "Order accepted", why="hl7apy wants every alternative of the order segment")
    c.add("orr-o02-unable-v23", CERNER, "ORR^O02", ["MSA|AE|Q1234T26061|Test not offered", "ORC|UA|78812345^HNAM_ORDERID|||||^^^20260302090000^^STAT", "OBR|1|78812345^HNAM_ORDERID||LACT^Lactic Acid^NORTHPATH|||||||||||||||||||||||^^^20260302090000^^STAT"], "Unable to accept, 2.3", why="hl7apy wants every alternative of the order segment")
    c.add("orr-o02-cancelled", answer, "ORR^O02", ["MSA|AA|001501", "ORC|CR|P40011^EHR|F88110^LAB||CA", f"OBR|1|P40011^EHR|F88110^LAB|{bmp}"], "Cancelled as requested", ids=("R22",), why="hl7apy wants every alternative of the order segment")
    c.add("orl-o22-accepted", answer, "ORL^O22", ["MSA|AA|001502", pid(GUS, GENERIC), "ORC|OK|P41001^EHR|F90001^LAB", f"OBR|1|P41001^EHR|F90001^LAB|{bmp}"], "Laboratory order accepted")
    c.add("orl-o22-rejected", answer, "ORL^O22", ["MSA|AE|001503", "ERR||OBR^1^4^1^1|103^Table value not found^HL70357|E|||Unknown test"], "Laboratory order refused")


def further_orders(c: Collector) -> None:
    answer = GENERIC.at("2.5.1", application="LABSYS", facility="NORTHLAB", receiver="MOCKEHR", receiving_facility="HOSPITAL")
    chest = "36643-5^XR Chest 2 Views^LN"
    culture = "600-7^Bacteria identified in Blood by Culture^LN"
    c.add("omi-o23-generic", GENERIC, "OMI^O23", [pid(HAL, GENERIC), "ORC|NW|R9200^EHR", f"OBR|1|R9200^EHR||{chest}", "IPC|ACC9200^RIS|RP1^RIS|1.2.3.4.5.77^RIS|SPS1^RIS|DX"], "Imaging order with the study's identifiers")
    c.add("ori-o24-generic", answer, "ORI^O24", ["MSA|AA|001510", pid(HAL, GENERIC), "ORC|OK|R9200^EHR|ACC9200^RIS", f"OBR|1|R9200^EHR|ACC9200^RIS|{chest}", "IPC|ACC9200^RIS|RP1^RIS|1.2.3.4.5.77^RIS|SPS1^RIS|DX"], "Imaging order accepted")
    c.add("org-o20-generic", answer, "ORG^O20", ["MSA|AA|001511", pid(HAL, GENERIC), "ORC|OK|R9100^EHR|ACC9100^RIS", f"OBR|1|R9100^EHR|ACC9100^RIS|{chest}"], "General order accepted")
    c.add("oml-o33-generic", GENERIC, "OML^O33", [pid(FAY, GENERIC), "SPM|1|S1&EHR||119297000^Blood specimen^SCT", "ORC|NW|P47001^EHR", f"OBR|1|P47001^EHR||{culture}", "ORC|NW|P47002^EHR", "OBR|2|P47002^EHR||75241-0^Procalcitonin^LN"], "Two orders on one specimen", why="hl7apy takes the second order for earlier results")
    c.add("orl-o34-generic", answer, "ORL^O34", ["MSA|AA|001512", pid(FAY, GENERIC), "SPM|1|S1&EHR||119297000^Blood specimen^SCT", "ORC|OK|P47001^EHR|M26-1500^LAB", f"OBR|1|P47001^EHR|M26-1500^LAB|{culture}"], "Accepted, by specimen")
    c.add("oml-o35-generic", GENERIC, "OML^O35", [pid(FAY, GENERIC), "SPM|1|S2&EHR||119297000^Blood specimen^SCT", "SAC|||C2^EHR", "ORC|NW|P47003^EHR", f"OBR|1|P47003^EHR||{culture}"], "An order on one container")
    c.add("orl-o36-generic", answer, "ORL^O36", ["MSA|AA|001513", pid(FAY, GENERIC), "SPM|1|S2&EHR||119297000^Blood specimen^SCT", "SAC|||C2^EHR", "ORC|OK|P47003^EHR|M26-1501^LAB"], "Accepted, by container")
    c.add("oul-r22-generic", GENERIC, "OUL^R22", [pid(FAY, GENERIC), "SPM|1|S1&EHR||119297000^Blood specimen^SCT", "OBR|1|P47002^EHR|M26-1502^LAB|75241-0^Procalcitonin^LN|||@t|||||||||||||||@t||LAB|F", obx(1, "NM", "75241-0^Procalcitonin^LN", "6.1", "ng/mL", "<0.10", "H")], "Results by specimen")


def results(c: Collector) -> None:
    obr = "OBR|1|P40011^EHR|F88110^LAB|51990-0^Basic metabolic panel^LN|||@t|||||||@t||" + xcn(NG) + "||||||@t||LAB|F"
    c.add("oru-r01-generic", GENERIC, "ORU^R01", [pid(ANA, GENERIC), pv1(ANA, GENERIC), "ORC|RE|P40011^EHR|F88110^LAB", obr, *metabolic()], "Numeric panel with units, ranges and flags")
    c.add("oru-r01-epic", EPIC, "ORU^R01", [pid(BEN, EPIC), pv1(BEN, EPIC), "ORC|RE|551023^EPIC|26-061-0451^Beaker||CM||^^^202603020800^^S", "OBR|1|551023^EPIC|26-061-0451^Beaker|LAB120^CBC WITH DIFFERENTIAL^EAP|||202603020810|||||||202603020822||050081^NG^LEONORA^T||||||202603020931||Lab|F||^^^202603020800^^S", "OBX|1|NM|WBC^White Blood Cell Count^LAB^6690-2^Leukocytes^LN||14.8|10*3/uL|4.0-11.0|H|||F|||202603020931", "OBX|2|NM|HGB^Hemoglobin^LAB^718-7^Hemoglobin^LN||13.9|g/dL|13.5-17.5||||F|||202603020931", "OBX|3|NM|PLT^Platelets^LAB^777-3^Platelets^LN||228|10*3/uL|150-400||||F|||202603020931", "NTE|1|L|Slight hemolysis"], "Local and LOINC codes side by side, note after the last OBX", ids=("R23", "R11"))
    c.add("oru-r01-cerner", CERNER, "ORU^R01", [pid(FAY, CERNER), "ORC|RE|78812345^HNAM_ORDERID|||||^^^20260302090000^^STAT", "OBR|1|78812345^HNAM_ORDERID|000002026061000112^HNA_ACCN~91230011^HNAM_EVENTID|LACT^Lactic Acid^NORTHPATH|||20260302091500|||||||20260302092100|Blood&Blood|050081^Ng^Leonora||||000002026061000112||20260302094400||GLB|F||^^^20260302090000^^STAT", "OBX|1|NM|LACT^Lactate Lvl^NORTHPATH|1|4.1|mmol/L|0.5-2.0|>HI||\"\"|F|||20260302094400"], "Accession and event ids in OBR-3, critical flag of its own", ids=("R23", "R28", "E20"), why="OBR-3 does not repeat in 2.3")
    c.add("oru-r01-meditech", MEDITECH, "ORU^R01", [pid(GUS, MEDITECH), pv1(GUS, MEDITECH, "IN", "2N^207^2"), "ORC|RE|0302-0011|0302:C00011R", "OBR|1|0302-0011|0302:C00011R|1000.2100^POTASSIUM^L|||202603020600|||||||202603020618|BLD|50081^Ng^Leonora||||||202603020640||CHEM|F", "OBX|1|NM|K^POTASSIUM^L||3.1|MMOLL|3.5-5.1|L|||F|||202603020640"], "Local codes and units only", ids=("R23", "R26"), why="the feed leaves out ORC-7 and OBR-27, which 2.3 requires")
    c.add("oru-r01-v22", LEGACY_LAB, "ORU^R01", [pid(ELI, LEGACY_LAB), "OBR|1|P22^HIS|F19^LAB|DIG^DIGOXIN^L|||202603040600|||||||202603040611||00081^NG", "OBX|1|NM|DIG^DIGOXIN^L||1.9|NG/ML|0.8-2.0||||F", "NTE|1|L|LAST DOSE NOT STATED"], "Version 2.2 without ORC", ids=("R21",))
    c.add("oru-r01-v21", LEGACY_LAB.at("2.1"), "ORU^R01", [pid(ELI, LEGACY_LAB.at("2.1")), "OBR|1|4401|1919|DIG^DIGOXIN^L|||20260304060000^S|20260304060500^S||||||20260304061100^S", "OBX|1|ST|DIG^DIGOXIN^L|1|1.9|NG/ML|0.8-2.0||||F"], "Version 2.1", f7="20260304070000^S", ids=("D05",), why="OBR-9 and others are required in 2.1")
    c.add("oru-r01-lab-elr", LAB, "ORU^R01", ["SFT|Northlab^L|4.2|LABSYS|4.2.17", pid(CHI, LAB), f"ORC|RE|P60001^EHR|F60001^NORTHLAB^99D0000000^CLIA|||||||||{xcn(SATO)}||(253)555-0189^WPN^PH|||||||Harbor Clinic^L|12 Dock St^^Tacoma^WA^98402|(253)555-0190^WPN^PH", f"OBR|1|P60001^EHR|F60001^NORTHLAB^99D0000000^CLIA|94500-6^SARS-CoV-2 RNA^LN|||20260304081500-0500|||||||||{xcn(SATO)}||||||20260304161200-0500|||F", "OBX|1|CWE|94500-6^SARS-CoV-2 RNA^LN|1|260373001^Detected^SCT||Not detected|A|||F|||20260304081500-0500|||||20260304155900-0500||||Northlab^D^^^^CLIA&2.16.840.1.113883.4.7&ISO^XX^^^99D0000000|5 Assay Way^^Seattle^WA^98101|1710050487^Sato^Emi^^^^^^NPI", "SPM|1|S60001&EHR^S60001&NORTHLAB||258500001^Nasopharyngeal swab^SCT|||||||||||||20260304081500-0500|20260304113000-0500"], "Reportable result with CLIA numbers, performing laboratory and specimen", ids=("R33", "D01"))
    c.add("oru-r01-structured", GENERIC, "ORU^R01", [pid(CHI, GENERIC), obr.replace("51990-0^Basic metabolic panel", "75241-0^Procalcitonin"), obx(1, "SN", "75241-0^Procalcitonin^LN", "<^0.05", "ng/mL", "<0.10"), obx(2, "SN", "5799-2^Leukocyte esterase^LN", "^1^:^128"), obx(3, "SN", "5821-4^WBC in urine sediment^LN", "^5^-^10", "/[HPF]", "0-5", "H")], "Structured numeric: less than, titre, interval")
    c.add("oru-r01-coded", GENERIC, "ORU^R01", [pid(INA, GENERIC), obr.replace("51990-0^Basic metabolic panel", "24357-6^Urinalysis macro panel"), obx(1, "CWE", "5778-6^Color of Urine^LN", "371244009^Yellow^SCT"), obx(2, "CWE", "5802-4^Nitrite in Urine^LN", "10828004^Positive^SCT", "", "Negative", "A"), obx(3, "NM", "5803-2^pH of Urine^LN", "6.5", "[pH]", "5.0-8.0")], "Coded results")
    c.add("oru-r01-text", GENERIC, "ORU^R01", [pid(HAL, GENERIC), obr.replace("51990-0^Basic metabolic panel", "36643-5^XR Chest 2 Views").replace("|LAB|F", "|RAD|F"), *[obx(n, "TX", "36643-5&IMP^Impression^LN" if n > 4 else "36643-5&GDT^Findings^LN", line, sub=str(n)) for n, line in enumerate(("EXAM: Chest, two views", "COMPARISON: None", "", "FINDINGS: Lungs are clear. No effusion.", "IMPRESSION:", "No acute disease."), 1)]], "A radiology report, one line for each OBX, one of them blank", ids=("R08", "R07"), why="a suffix in the first component of OBX-3")
    c.add("oru-r01-formatted", GENERIC, "ORU^R01", [pid(HAL, GENERIC), obr.replace("51990-0^Basic metabolic panel", "11526-1^Pathology study"), obx(1, "FT", "22637-3^Pathology report final diagnosis^LN", "\\H\\DIAGNOSIS\\N\\\\.br\\\\.in+4\\Skin, left forearm, shave biopsy:\\.br\\Seborrheic keratosis.\\.br\\\\.in-4\\Margins: 2 mm \\T\\ free.")], "Formatted text with highlighting, indents and an escaped ampersand", ids=("E15",))
    c.add("oru-r01-text-repeats", ENGINE, "ORU^R01", [pid(HAL, ENGINE), "OBR|1|R9001^HIS|X77^RAD|36554-4^XR Chest Single view^LN|||@t|||||||||||||||@t||RAD|F", "OBX|1|TX|36554-4^XR Chest Single view^LN|1|Single view of the chest.~Heart size is normal.~No rib fracture is seen.||||||F"], "Lines of a report as repetitions of OBX-5", ids=("R06",))
    c.add("oru-r01-micro", GENERIC, "ORU^R01", [pid(FAY, GENERIC), "ORC|RE|P42001^EHR|M26-1442^LAB", "OBR|1|P42001^EHR|M26-1442^LAB|600-7^Bacteria identified in Blood by Culture^LN|||20260302091500|||||||@t||" + xcn(NG) + "||||||@t||MB|F", obx(1, "CWE", "600-7^Bacteria identified^LN", "112283007^Escherichia coli^SCT", sub="1", flag="A"), "OBR|2||M26-1442-1^LAB|50545-3^Bacterial susceptibility panel^LN|||20260302091500||||G|||||||||||@t||MB|F|600-7&Bacteria identified&LN^1^Escherichia coli|||P42001&EHR^M26-1442&LAB", obx(1, "SN", "18864-9^Ampicillin^LN", ">=^32", "ug/mL", "", "R", sub="1"), obx(2, "SN", "18906-8^Ciprofloxacin^LN", "<=^0.25", "ug/mL", "", "S", sub="1"), obx(3, "SN", "18928-2^Gentamicin^LN", "<=^1", "ug/mL", "", "S", sub="1"), "SPM|1|||119297000^Blood specimen^SCT"], "Culture with an organism and its susceptibilities as a child", ids=("R32", "R10"))
    c.add("oru-r01-micro-prelim", GENERIC, "ORU^R01", [pid(FAY, GENERIC), "OBR|1|P42001^EHR|M26-1442^LAB|600-7^Bacteria identified in Blood by Culture^LN|||20260302091500|||||||@t||||||||@t||MB|P", obx(1, "ST", "600-7^Bacteria identified^LN", "Gram negative rods in 1 of 2 bottles", status="P")], "Preliminary culture")
    c.add("oru-r01-micro-v23", CERNER, "ORU^R01", [pid(ELI, CERNER), "OBR|1|78812500^HNAM_ORDERID|26-MC-0091|URCX^Urine Culture^NORTHPATH|||20260301110000|||||||||||||||@t||MB|F||^^^20260301110000", "OBX|1|FT|URCX^Urine Culture^NORTHPATH|1|>100,000 cfu/ml Klebsiella pneumoniae\\.br\\AMP R\\.br\\CIP S\\.br\\NIT I||||||F|||@t"], "Culture and susceptibilities as one text", ids=("E15",))
    c.add("oru-r01-corrected", GENERIC, "ORU^R01", [pid(ANA, GENERIC), "ORC|RE|P40011^EHR|F88110^LAB", obr.removesuffix("F") + "C", obx(2, "NM", "2823-3^Potassium^LN", "4.4", "mmol/L", "3.5-5.1", status="C"), "NTE|1|L|Corrected: first result was from a hemolysed specimen (5.4)"], "Corrected potassium", ids=("R13",))
    c.add("oru-r01-corrected-epic", EPIC, "ORU^R01", [pid(BEN, EPIC), "OBR|1|551023^EPIC|26-061-0451^Beaker|LAB120^CBC WITH DIFFERENTIAL^EAP|||202603020810|||||||||||||||202603021120||Lab|C||^^^202603020800", "OBX|1|NM|WBC^White Blood Cell Count^LAB||11.8|10*3/uL|4.0-11.0|H|||C|||202603021120"], "Correction in 2.3", ids=("R13",))
    c.add("oru-r01-cancelled", GENERIC, "ORU^R01", [pid(ANA, GENERIC), "ORC|RE|P40014^EHR|F88114^LAB||CA", obr.removesuffix("F").replace("P40011", "P40014") + "X", obx(1, "TX", "2345-7^Glucose^LN", "Specimen clotted, test cancelled", status="X")], "Cancelled by the laboratory", ids=("R12", "R15"))
    c.add("oru-r01-withdrawn", GENERIC, "ORU^R01", [pid(ANA, GENERIC), obr.removesuffix("F") + "C", obx(7, "NM", "2160-0^Creatinine^LN", "", "mg/dL", status="W")], "A value is withdrawn: wrong patient", ids=("R15", "R07"))
    c.add("oru-r01-prelim-after-final", GENERIC, "ORU^R01", [pid(ANA, GENERIC), obr.removesuffix("F") + "P", *metabolic("P")[:3]], "Preliminary values of a panel that was final already", ids=("R14",))
    c.add("oru-r01-pdf", GENERIC, "ORU^R01", [pid(GUS, GENERIC), obr.replace("51990-0^Basic metabolic panel", "11502-2^Laboratory report"), obx(1, "ED", "11502-2^Laboratory report^LN", f"^application^pdf^Base64^{pdf('Cumulative laboratory report, Petrakis, Constantine')}")], "A report as embedded PDF", ids=("F01",), why="hl7apy holds the data of ED to 199 characters")
    c.add("oru-r01-pdf-epic", EPIC, "ORU^R01", [pid(BEN, EPIC), "OBR|1|551099^EPIC|26-SP-0012|LAB9000^SURGICAL PATHOLOGY^EAP|||202603031200|||||||||||||||202603041010||Path|F", f"OBX|1|ED|PDFREPORT^Scanned report^L||^^PDF^Base64^{pdf('Surgical pathology 26-SP-0012')}||||||F"], "PDF as the last field but six, type in the third component", ids=("F01", "F02"), why="hl7apy holds the data of ED to 199 characters")
    c.add("oru-r01-rtf", GENERIC, "ORU^R01", [pid(HAL, GENERIC), obr.replace("51990-0^Basic metabolic panel", "18748-4^Diagnostic imaging study"), obx(1, "FT", "18748-4^Diagnostic imaging study^LN", "{\\E\\rtf1\\E\\ansi{\\E\\b Impression}\\E\\par No fracture.\\E\\par}")], "RTF with escaped backslashes", ids=("F06",))
    c.add("oru-r01-two-orders", GENERIC, "ORU^R01", [pid(ELI, GENERIC), "ORC|RE|P43001^EHR|F43001^LAB", obr.replace("P40011", "P43001").replace("F88110", "F43001"), *metabolic()[:4], "ORC|RE|P43002^EHR|F43002^LAB", "OBR|2|P43002^EHR|F43002^LAB|58410-2^CBC panel^LN|||@t|||||||||||||||@t||LAB|F", obx(1, "NM", "718-7^Hemoglobin^LN", "10.2", "g/dL", "13.5-17.5", "L"), obx(2, "NM", "777-3^Platelets^LN", "402", "10*3/uL", "150-400", "H")], "Two orders in one message", ids=("R29",))
    c.add("oru-r01-two-patients", GENERIC, "ORU^R01", [pid(ANA, GENERIC), obr, *metabolic()[:2], pid(BEN, GENERIC, "2"), obr.replace("P40011", "P43009"), *metabolic()[4:6]], "Two patients in one message, which is legal", ids=("R30",), why="hl7apy keeps one patient of a message")
    c.add("oru-r01-unsolicited", GENERIC, "ORU^R01", [pid(DEE, GENERIC), "OBR|1||POC-7781^LAB|5671-3^Lead in Blood^LN|||@t|||||||||||||||@t||LAB|F", obx(1, "NM", "5671-3^Lead in Blood^LN", "6.2", "ug/dL", "<3.5", "H"), "NTE|1|L|Call to clinic at 14:10, read back"], "Without an order", ids=("R17",))
    c.add("oru-r01-newborn-screen", LAB, "ORU^R01", [pid(DEE, LAB), "OBR|1|P61000^EHR|F61000^NORTHLAB|54089-8^Newborn screening panel^LN|||20260301061000-0500|||||||||||||||20260304120000-0500|||F", "OBX|1|CWE|57130-7^Newborn screening report - overall interpretation^LN|1|LA18592-5^In range^LN||||||F|||20260301061000-0500"], "Newborn screening")
    c.add("oru-r01-vitals", GENERIC, "ORU^R01", [pid(ANA, GENERIC), pv1(ANA, GENERIC), "OBR|1|||85353-1^Vital signs panel^LN|||@t||||||||||||||||||F", obx(1, "NM", "8867-4^Heart rate^LN", "104", "/min"), obx(2, "NM", "8480-6^Systolic blood pressure^LN", "148", "mm[Hg]"), obx(3, "NM", "8310-5^Body temperature^LN", "38.1", "Cel"), obx(4, "NM", "59408-5^Oxygen saturation by pulse oximetry^LN", "93", "%")], "Vital signs from the bedside", ids=("R17",))
    for version in ("2.3.1", "2.4", "2.5", "2.6", "2.7", "2.8", "2.8.2"):
        feed = GENERIC.at(version)
        own = "OBR|1|P44000^EHR|F44000^LAB|4548-4^Hemoglobin A1c^LN|||@t|||||||||||||||@t||LAB|F"
        c.add(f"oru-r01-v{version.replace('.', '')}", feed, "ORU^R01", [pid(GUS, feed), "ORC|RE|P44000^EHR|F44000^LAB", own, "OBX|1|NM|4548-4^Hemoglobin A1c^LN|1|8.3|%^percent^UCUM|4.0-5.6|H|||F|||@t"], f"One value, version {version}", why="hl7apy takes one order group only" if version >= "2.8" else "")
    glucose = "41653-7^Glucose in Capillary blood by Glucometer^LN"
    c.add("oru-r03-v21", LEGACY_LAB.at("2.1"), "ORU^R03", [pid(ELI, LEGACY_LAB.at("2.1")), "OBR|1|4402|1920|CXR^CHEST X-RAY^L|||20260304060000^S|20260304060500^S|||||||20260304061100^S", "OBX|1|TX|CXR^CHEST X-RAY^L|1|NO ACUTE DISEASE||||||F"], "Results meant for display, 2.1", f7="20260304073000^S", why="OBR-9 and others are required in 2.1")
    c.add("oru-r30-point-of-care", GENERIC, "ORU^R30", [pid(BEN, GENERIC), "ORC|NW||POC-2^GLUMETER", f"OBR|1||POC-2^GLUMETER|{glucose}|||@t", obx(1, "NM", glucose, "212", "mg/dL", "70-99", "H")], "Point-of-care result for which an order is to be made", ids=("R17",))
    pump = GENERIC.at("2.6", application="PUMPGW^0012340000000001^EUI-64")
    c.add("oru-r40-alarm", pump, "ORU^R40", [pid(FAY, pump), pv1(FAY, pump), "OBR|1||AL-551^PUMPGW|196616^MDC_EVT_ALARM^MDC|||@t", "OBX|1|ST|68481^MDC_EVT_LO^MDC|1.1.1.1|OCCLUSION DOWNSTREAM||||||F|||@t"], "An alarm of an infusion pump, told as alert", why="ORU_R40 is no structure of hl7apy")
    c.add("oru-r32-point-of-care", GENERIC, "ORU^R32", [pid(BEN, GENERIC), "ORC|OK|P45000^EHR|POC-1^GLUMETER", "OBR|1|P45000^EHR|POC-1^GLUMETER|41653-7^Glucose in Capillary blood by Glucometer^LN|||@t", obx(1, "NM", "41653-7^Glucose in Capillary blood by Glucometer^LN", "54", "mg/dL", "70-99", "LL")], "Preordered point-of-care result")


def appointments(c: Collector) -> None:
    def sch(feed: Sender, reason: str, status: str, start: str = "202603161030", stop: str = "202603161100") -> str:
        code = f"{status.upper()}^{status}^HL70278"
        timing = f"^^30^{start}^{stop}"
        return f"SCH|A7781^EHR|S55102^SCHED|||G1|{reason or 'DESK^At the desk^L'}|ROUTINE^Routine^HL70276|FOLLOWUP^Follow-up visit^L|30|min^minute^UCUM|{timing}|||||10021^Reyes^Carla|||(309)555-0146|10021^Reyes^Carla||||{code}"

    rest = ["RGS|1|A", "AIS|1|A|OV30^Office visit, 30 minutes^L|202603161030|||30|min", "AIL|1|A|CLIN1^EX3^^HOSPITAL|C^Clinic", f"AIP|1|A|{xcn(NG)}|ATND^Attending"]
    for trigger, reason, status, shows in (
        ("S12", "", "Booked", "Booked"), ("S13", "RESCHED^Patient asked^L", "Booked", "Rescheduled, same filler id"),
        ("S14", "", "Booked", "Modified"), ("S15", "PTCANC^Cancelled by patient^L", "Cancelled", "Cancelled"),
        ("S16", "", "Complete", "Discontinued"), ("S17", "ERROR^Entered in error^L", "Deleted", "Deleted"),
        ("S26", "", "Noshow", "The patient did not come"),
    ):
        start = "202603181400" if trigger == "S13" else "202603161030"
        own = [line.replace("202603161030", start) for line in rest]
        c.add(f"siu-{trigger.lower()}-generic", GENERIC, f"SIU^{trigger}", [sch(GENERIC, reason, status, start, "202603181430" if trigger == "S13" else "202603161100"), pid(ANA, GENERIC), pv1(ANA, GENERIC, "O", "CLIN1"), *own], shows, ids={"S13": ("S02",), "S26": ("S06",)}.get(trigger, ()))
    wanted = (
        ("S01", "asked for"), ("S02", "asked to be moved"), ("S03", "asked to be changed"), ("S04", "asked to be cancelled"),
        ("S05", "asked to be discontinued"), ("S06", "asked to be deleted"),
    )  # fmt: skip
    for trigger, shows in wanted:
        arq = f"ARQ|P88120^PORTAL|{'' if trigger == 'S01' else 'F88120^EHR'}|||||CHECKUP^Check-up^L|ROUTINE^Routine^HL70277|30|min|202603161030||||{xcn(PRICE)}||||{xcn(PRICE)}"
        c.add(f"srm-{trigger.lower()}-portal", GENERIC, f"SRM^{trigger}", [arq, pid(ANA, GENERIC), *rest], f"An appointment is {shows} by a portal")
    epic = "SCH||90012|||||||20|M|^^20^20260317091500|||||10021^REYES^CARLA||||10021^REYES^CARLA|||||"
    for trigger, status in (("S12", "Scheduled"), ("S14", "Arrived"), ("S15", "Canceled"), ("S26", "No Show")):
        c.add(f"siu-{trigger.lower()}-epic", EPIC, f"SIU^{trigger}", [epic + status, pid(CHI, EPIC), pv1(CHI, EPIC, "O", "NMHOB"), "RGS|1", "AIS|1||1007^RETURN PRENATAL^EPIC", "AIL|1||10502^^^NMH OB CLINIC", "AIP|1||050487^SATO^EMI"], f"Epic-like, {status}: duration with unit M, times in SCH-11 only", ids=("S03",), why="the feed leaves out SCH-1 and SCH-6, which 2.3 requires")
    for trigger, status, shows in (
        ("S18", "Booked", "A service is added"), ("S19", "Booked", "A service is changed"),
        ("S20", "Booked", "A service is cancelled"), ("S21", "Booked", "A service is discontinued"),
        ("S22", "Booked", "A service is deleted"), ("S23", "Blocked", "Times are blocked"),
        ("S24", "Booked", "Blocked times are opened again"),
    ):
        action = {"S18": "A", "S20": "D", "S22": "D"}.get(trigger, "U")
        patient = [] if trigger in ("S23", "S24") else [pid(GUS, GENERIC)]
        c.add(f"siu-{trigger.lower()}-generic", GENERIC, f"SIU^{trigger}", [sch(GENERIC, "", status, "202603201400", "202603201430"), *patient, f"RGS|1|{action}", f"AIS|1|{action}|MRI^MRI knee^L|202603201400|||30|min", f"AIL|1|{action}|RAD^MR2"], shows)
    c.add("siu-s12-several-resources", GENERIC, "SIU^S12", [sch(GENERIC, "", "Booked"), pid(GUS, GENERIC), "RGS|1|A", "AIS|1|A|MRI^MRI knee^L|202603201400|||45|min", "AIS|2|A|INJ^Contrast injection^L|202603201400", "AIL|1|A|RAD^MR2", "RGS|2|A", "AIG|1|A|COIL7^Knee coil^L|EQ^Equipment", f"AIP|1|A|{xcn(PRICE)}|RAD^Radiologist", f"AIP|2|A|{xcn(OYELARAN)}|NUR^Nurse"], "Several services, places and people", ids=("S05",))
    c.add("siu-s12-cerner", CERNER, "SIU^S12", ["SCH|448812^CERNER|448812^CERNER||||NEWPT^New Patient|||40|minutes|^^40^20260319130000^20260319134000|||||050305^Price^Samuel||||050305^Price^Samuel|||||CONFIRMED", pid(ELI, CERNER), "PV1|1|Outpatient|EYE^^^NORTHPATH", "RGS|1", "AIG|1||050305^Price^Samuel|PERSONNEL", "AIL|1||EYE^^^NORTHPATH"], "Cerner-like: the clinician as a general resource")
    c.add("siu-s12-v24", GENERIC.at("2.4"), "SIU^S12", [sch(GENERIC, "", "Booked"), pid(DEE, GENERIC.at("2.4")), *rest], "Version 2.4")


def documents(c: Collector) -> None:
    def txa(kind: str, unique: str, status: str, parent: str = "", available: str = "AV") -> str:
        return f"TXA|1|{kind}|TX|202603031000|{xcn(NG)}|202603031010|202603031130||||T88^Moss^Ivy|{unique}^HIM|{parent}||||{status}||{available}"

    for trigger, kind, status, parent, shows, ids in (
        ("T01", "DS", "DI", "", "Notification of a dictated document", ()),
        ("T02", "DS", "IP", "", "Document with content", ("F08",)),
        ("T03", "DS", "AU", "", "Status changed: authenticated", ()),
        ("T04", "DS", "LA", "", "Status changed, with content", ()),
        ("T05", "DS", "DI", "D9001^HIM", "Notification of an addendum", ()),
        ("T06", "DS", "AU", "D9001^HIM", "Addendum with content", ("F08",)),
        ("T07", "DS", "IP", "", "Notification of an edit", ()),
        ("T08", "DS", "AU", "", "Edited document", ()),
        ("T09", "DS", "DI", "D9001^HIM", "Notification of a replacement", ()),
        ("T10", "DS", "AU", "D9001^HIM", "Replacement with content", ("F08",)),
        ("T11", "DS", "CA", "", "Cancelled", ("F08",)),
    ):
        unique = "D9002" if parent else "D9001"
        content = [obx(n, "TX", "18842-5^Discharge summary^LN", line, sub="1") for n, line in enumerate(("DISCHARGE SUMMARY", "Admitted with chest pain, NSTEMI.", "Stent to the LAD, no complications."), 1)]
        header = txa(kind, unique, status, parent, "CA" if trigger == "T11" else "AV")
        lines = ["EVN", pid(ANA, GENERIC), pv1(ANA, GENERIC), header]
        c.add(f"mdm-{trigger.lower()}-generic", GENERIC, f"MDM^{trigger}", [*lines, *(content if trigger in ("T02", "T04", "T06", "T08", "T10") else [])], shows, ids=ids)
    c.add("mdm-t02-epic", EPIC, "MDM^T02", ["EVN|T02|@t", pid(BEN, EPIC), pv1(BEN, EPIC), "TXA|1|PROGNOTE|TX|202603040915||202603040915||||||77001200|||||AU||AV", "OBX|1|TX|77001200^Progress Notes^EPC|1|Postoperative day 1. Pain controlled.||||||F", "OBX|2|TX|77001200^Progress Notes^EPC|1|Tolerating diet. Plan: home tomorrow.||||||F"], "Progress note in 2.3")
    c.add("mdm-t02-rtf", GENERIC, "MDM^T02", ["EVN", pid(GUS, GENERIC), pv1(GUS, GENERIC, place="2N^207^2"), txa("OP", "D9100", "AU"), obx(1, "ED", "28570-0^Procedure note^LN", "^TEXT^rtf^Base64^" + base64.b64encode(b"{\\rtf1\\ansi Right knee replacement.\\par}").decode())], "RTF in base64", ids=("F06",))
    c.add("mdm-t02-pdf-v25", GENERIC.at("2.5"), "MDM^T02", ["EVN", pid(FAY, GENERIC), pv1(FAY, GENERIC), txa("HP", "D9200", "AU"), obx(1, "ED", "34117-2^History and physical note^LN", f"^application^pdf^Base64^{pdf('History and physical, Abernathy, Fay')}")], "PDF in 2.5", ids=("F01",), why="hl7apy holds the data of ED to 199 characters")
    c.add("mdm-t08-meditech", MEDITECH, "MDM^T08", ["EVN|T08|@t", pid(GUS, MEDITECH), pv1(GUS, MEDITECH, "IN", "2N^207^2"), "TXA|1|CON|TX|202603051100|50305^Price^Samuel|||||||0305-0077|||||IP||AV", "OBX|1|TX|CON^CONSULTATION^L|1|CARDIOLOGY CONSULTATION, DRAFT||||||P"], "Consultation, still a draft")


def charges(c: Collector) -> None:
    c.add("dft-p03-generic", GENERIC, "DFT^P03", ["EVN", pid(ANA, GENERIC), pv1(ANA, GENERIC), "FT1|1|TX9001||20260303|20260303|CG|450010^Emergency visit, level 3^L||Emergency visit|1|412.00&USD^UP|412.00&USD|ED|||4W|||I21.4^NSTEMI^I10|1710050081^Ng^Leonora", "FT1|2|TX9002||20260303|20260303|CG|J1885^Ketorolac injection, per 15 mg^HCPCS||Ketorolac|2|||PHARM", "DG1|1||I21.4^Non-ST elevation (NSTEMI) myocardial infarction^I10|||F"], "Two charges, one with a HCPCS level II code")
    c.add("dft-p03-credit", GENERIC, "DFT^P03", ["EVN", pid(ANA, GENERIC), "FT1|1|TX9003||20260304|20260304|CR|450010^Emergency visit, level 3^L||Reversal|-1"], "Credit with a negative quantity", ids=("C01",))
    c.add("dft-p03-duplicate", GENERIC, "DFT^P03", ["EVN", pid(ANA, GENERIC), "FT1|1|TX9002||20260303|20260303|CG|J1885^Ketorolac injection, per 15 mg^HCPCS||Ketorolac|2"], "A charge that was sent before, same FT1-2", ids=("C01",))
    c.add("dft-p03-epic", EPIC, "DFT^P03", ["EVN|P03|@t", pid(HAL, EPIC), pv1(HAL, EPIC, "E", "NMHED"), "FT1|1|8800123||20260305|20260305|CG|27200104^CAST APPLICATION SHORT LEG|||1||||||NMHED|||S82.60XA^^I10|050305^PRICE^SAMUEL", "PR1|1|I10P|2W3QX2Z^Immobilization of right lower leg using cast^I10P||202603051500|D"], "Charge with a procedure, 2.3")
    c.add("dft-p03-cerner", CERNER, "DFT^P03", ["EVN|P03|@t", pid(FAY, CERNER), "FT1|1|CH551||20260303|20260303|CG|3000112^ROOM AND BOARD SEMI PRIVATE^NORTHPATH_CDM|||1|||3W"], "Room charge")
    c.add("dft-p03-v22", LEGACY_LAB, "DFT^P03", ["EVN", pid(ELI, LEGACY_LAB), "FT1|1|||20260304|20260304|CG|81001^DIGOXIN LEVEL^L|||1"], "Laboratory charge in 2.2", why="FT1-14 is required in 2.2")
    c.add("dft-p11-generic", GENERIC, "DFT^P11", ["EVN", pid(ANA, GENERIC), "DG1|1||I21.4^Non-ST elevation (NSTEMI) myocardial infarction^I10|||F", "FT1|1|TX9201||20260303|20260303|CG|450010^Emergency visit, level 3^L||Emergency visit|1"], "Charges with diagnoses ahead of them")
    c.add("dft-p03-v27", MODERN.at("2.7"), "DFT^P03", ["EVN", pid(JOE, MODERN.at("2.7")), "FT1|1|TX9100||20260306|20260306|CG^Charge^HL70017|700100^Day hospital chemotherapy^L|||1"], "Charge in 2.7")


def immunisations(c: Collector) -> None:
    z22 = "Z22^CDCPHINVS"
    reg = GENERIC.at("2.5.1", receiver="IIS", receiving_facility="STATE", accept=("ER", "AL"), profile=z22)
    given = "RXA|0|1|20260303101500|20260303101500|20^DTaP^CVX|0.5|mL^milliliter^UCUM||00^New immunization record^NIP001|1710050156^Brandt^Marcus^E^^^^^NPI|^^^Mesa Clinic||||U4471AA|20270630|PMC^Sanofi Pasteur^MVX|||CP|A"
    c.add("vxu-v04-new", reg, "VXU^V04", [pid(DEE, GENERIC), "PD1|||||||||||02^Reminder/recall - any method^HL70215|N|20260303", "NK1|1|Castellanos^Rosa^^^^^L|MTH^Mother^HL70063|9 Mesquite Court^^Las Cruces^NM^88001|(575)555-0163^PRN^PH", "ORC|RE|I7001^EHR|V7001^EHR", given, "RXR|C28161^Intramuscular^NCIT|LT^Left Thigh^HL70163", "OBX|1|CE|64994-7^Vaccine funding program eligibility category^LN|1|V02^VFC eligible - Medicaid^HL70064||||||F|||20260303", "OBX|2|TS|29769-7^Date vaccine information statement presented^LN|2|20260303||||||F"], "A dose given today, with eligibility", ids=("V01",))
    c.add("vxu-v04-historical", reg, "VXU^V04", [pid(DEE, GENERIC), "ORC|RE||V7002^EHR", "RXA|0|1|20250902|20250902|08^Hep B, adolescent or pediatric^CVX|999|||01^Historical information - source unspecified^NIP001|||||||||||CP|A"], "A historical dose, amount 999", ids=("V01",))
    c.add("vxu-v04-refusal", reg, "VXU^V04", [pid(DEE, GENERIC), "ORC|RE||9999^EHR", "RXA|0|1|20260303|20260303|03^MMR^CVX|999||||||||||||00^Parental decision^NIP002||RE|A"], "Refused by a parent", ids=("V01",))
    c.add("vxu-v04-none-given", reg, "VXU^V04", [pid(INA, GENERIC), "ORC|RE||9999^EHR", "RXA|0|1|20260303|20260303|998^No vaccine administered^CVX|999||||||||||||||NA", "OBX|1|CE|59784-9^Disease with presumed immunity^LN|1|38907003^Varicella^SCT||||||F"], "No vaccine, immune by disease", ids=("V01",))
    c.add("vxu-v04-several", reg, "VXU^V04", [pid(DEE, GENERIC), "ORC|RE||V7003^EHR", given, "RXR|C28161^Intramuscular^NCIT|RT^Right Thigh^HL70163", "ORC|RE||V7004^EHR", given.replace("20^DTaP", "21^Varicella").replace("PMC^Sanofi Pasteur", "MSD^Merck"), "RXR|C38299^Subcutaneous^NCIT|LA^Left Arm^HL70163", "ORC|RE||V7005^EHR", given.replace("20^DTaP", "03^MMR").replace("|CP|A", "|CP|D"), "RXR|C38299^Subcutaneous^NCIT"], "Two doses, and one deleted", ids=("V01",))
    c.add("vxu-v04-v231", ENGINE, "VXU^V04", [pid(CHI, ENGINE), "RXA|0|1|20251012|20251012|140^Influenza, seasonal, injectable, preservative free^CVX|0.5|ML||00^New immunization record^NIP001", "RXR|IM^Intramuscular^HL70162"], "Version 2.3.1 without ORC", ids=("V01",))


def medication(c: Collector) -> None:
    lisinopril, ceftriaxone = "314076^lisinopril 10 MG Oral Tablet^RXNORM", "CEFT1^Ceftriaxone 1 g IV^L"
    c.add("rde-o11-generic", GENERIC, "RDE^O11", [pid(ANA, GENERIC), pv1(ANA, GENERIC), "ORC|NW|M5001^EHR|RX77001^PHARM|||||||||" + xcn(NG), f"RXE|^^^20260304^^R|{lisinopril}|10||mg^milligram^UCUM|TAB^Tablet^L|Take one tablet by mouth daily|||30|TAB^Tablet^L|2", "TQ1|1||QD&Every day&HL70335||||20260304", "RXR|PO^Oral^HL70162"], "A pharmacy order with timing in TQ1", why="hl7apy files TQ1 under the wrong group")
    c.add("rde-o11-no-tq1", GENERIC, "RDE^O11", [pid(ANA, GENERIC), "ORC|NW|M5002^EHR", "RXE|^BID^^20260304|197361^amlodipine 5 MG Oral Tablet^RXNORM|5||mg|TAB|Take one tablet twice daily", "RXR|PO^Oral^HL70162"], "TQ1 is missing, timing in RXE-1", ids=("X01",), why="TQ1 is missing")
    c.add("rde-o11-compound", GENERIC, "RDE^O11", [pid(JOE, GENERIC), pv1(JOE, GENERIC, "O", "ONC^CH4"), "ORC|NW|M5003^EHR|RX77003^PHARM", "RXE|^^^20260306|CHEMO1^Day hospital infusion^L|1||{bag}|IV", "TQ1|1||ONCE&Once&HL70335||||202603060900", "RXR|IV^Intravenous^HL70162", "RXC|B|NS500^Sodium chloride 0.9 % 500 mL^L|500|mL", "RXC|A|PACL^Paclitaxel^L|135|mg"], "An infusion of base and additive", why="hl7apy files TQ1 under the wrong group")
    c.add("rde-o11-change", GENERIC, "RDE^O11", [pid(ANA, GENERIC), "ORC|XO|M5001^EHR|RX77001^PHARM", f"RXE|^^^20260305|{lisinopril.replace('10 MG', '20 MG').replace('314076', '314077')}|20||mg", "TQ1|1||QD&Every day&HL70335", "RXR|PO^Oral^HL70162"], "The dose changes", ids=("R22",), why="hl7apy files TQ1 under the wrong group")
    feed = GENERIC.at("2.4")
    c.add("rde-o11-v24", feed, "RDE^O11", [pid(ANA, feed), "ORC|NW|M5001^EHR|RX77001^PHARM", f"RXE|^QD^^20260304^^R|{lisinopril}|10||mg|TAB|Take one tablet by mouth daily", "RXR|PO^Oral^HL70162"], "Pharmacy order in 2.4, timing in RXE-1")
    c.add("rde-o01-v23", CERNER, "RDE^O01", [pid(FAY, CERNER), "ORC|NW|78812399^HNAM_ORDERID|91||||^Q12H^^20260302100000|||050222^Oyelaran^Folake||050081^Ng^Leonora", f"RXE|^Q12H^^20260302100000|{ceftriaxone}|1||g|SOLN|Infuse over 30 minutes", "RXR|IV^Intravenous^HL70162", "OBX|1|NM|29463-7^Body weight^LN||68|kg|||||F"], "Pharmacy order in 2.3")
    c.add("rde-o01-meditech", MEDITECH, "RDE^O01", [pid(GUS, MEDITECH), "ORC|NW|000123456", "RXE|^BID^^202603021800|METF500^METFORMIN 500 MG TAB^L|500||MG|TAB|WITH MEALS", "RXR|PO"], "Mnemonics as drug codes", ids=("X01",), why="the feed leaves out ORC-7, which 2.3 requires")
    c.add("ras-o17-generic", GENERIC, "RAS^O17", [pid(ANA, GENERIC), "ORC|RE|M5001^EHR|RX77001^PHARM", f"RXA|0|1|202603040812|202603040812|{lisinopril}|10|mg^milligram^UCUM|TAB|||4W^412^A|||||||||CP", "RXR|PO^Oral^HL70162"], "A dose given at the bedside")
    c.add("ras-o17-not-given", GENERIC, "RAS^O17", [pid(ANA, GENERIC), "ORC|RE|M5001^EHR", f"RXA|0|2|202603050810|202603050810|{lisinopril}|0|mg|||||||||||PR^Patient refused^L||RE", "RXR|PO^Oral^HL70162"], "Refused by the patient")
    c.add("ras-o01-v23", CERNER, "RAS^O01", [pid(FAY, CERNER), "ORC|RE|78812399^HNAM_ORDERID|||||^Q12H", f"RXA|0|1|20260302101500|20260302104500|{ceftriaxone}|1|g", "RXR|IV^Intravenous^HL70162"], "Administration in 2.3")
    c.add("rds-o13-generic", GENERIC, "RDS^O13", [pid(INA, GENERIC), "ORC|RE|M5100^EHR|RX77100^PHARM", "RXD|1|313782^acetaminophen 325 MG Oral Tablet^RXNORM|202603051530|20|{tbl}||RX77100|1", "RXR|PO^Oral^HL70162"], "Dispensed at discharge")
    c.add("rds-o01-v23", MEDITECH, "RDS^O01", [pid(GUS, MEDITECH), "ORC|RE|000123456|R9981||||^BID", "RXD|1|METF500^METFORMIN 500 MG TAB^L|202603061100|60|TAB||R9981", "RXR|PO", "OBX|1|NM|29463-7^Body weight^LN||68|kg|||||F"], "Dispensed, 2.3")
    tablet = "313782^acetaminophen 325 MG Oral Tablet^RXNORM"
    c.add("omp-o09-generic", GENERIC, "OMP^O09", [pid(INA, GENERIC), "ORC|NW|M5200^EHR", f"RXO|{tablet}|2||{{tbl}}", "RXR|PO^Oral^HL70162"], "A medication ordered", ids=("X02",))
    c.add("orp-o10-generic", GENERIC, "ORP^O10", ["MSA|AA|001801", pid(INA, GENERIC), "ORC|OK|M5200^EHR|RX77200^PHARM"], "Order for a medication accepted")
    c.add("rde-o25-refill", GENERIC, "RDE^O25", [pid(INA, GENERIC), "ORC|RF|M5200^EHR|RX77200^PHARM", f"RXE|^^^20260320|{tablet}|2||{{tbl}}", "TQ1|1", "RXR|PO^Oral^HL70162"], "A refill is asked for", why="hl7apy files TQ1 under the wrong group")
    c.add("rgv-o15-generic", GENERIC, "RGV^O15", [pid(ANA, GENERIC), "ORC|RE|M5001^EHR", f"RXG|1|1||{lisinopril}|10||mg", "TQ1|1", "RXR|PO^Oral^HL70162"], "A dose is to be given", why="hl7apy files TQ1 under the wrong group")
    c.add("rgv-o01-v23", CERNER, "RGV^O01", [pid(FAY, CERNER), "ORC|RE|78812399^HNAM_ORDERID|||||^Q12H", f"RXG|1|1|^Q12H|{ceftriaxone}|1||g", "RXR|IV^Intravenous^HL70162", "OBX|1|NM|29463-7^Body weight^LN||68|kg|||||F"], "A dose is to be given, 2.3")
    c.add("rra-o18-generic", GENERIC, "RRA^O18", ["MSA|AA|001802", pid(ANA, GENERIC), "ORC|OK|M5001^EHR|RX77001^PHARM"], "Administration taken over")
    c.add("rrd-o14-generic", GENERIC, "RRD^O14", ["MSA|AA|001803", pid(INA, GENERIC), "ORC|OK|M5100^EHR|RX77100^PHARM"], "Dispense taken over")
    c.add("rre-o02-v23", CERNER, "RRE^O02", ["MSA|AA|Q1240T26062", "ORC|OK|78812399^HNAM_ORDERID|||||^Q12H"], "Pharmacy order accepted, 2.3", why="there is no such grammar in 2.3")
    c.add("rra-o02-v23", CERNER, "RRA^O02", ["MSA|AA|Q1241T26062", "ORC|OK|78812399^HNAM_ORDERID|||||^Q12H"], "Administration taken over, 2.3")
    c.add("rrd-o02-v23", MEDITECH, "RRD^O02", ["MSA|AA|MT00001242", "ORC|OK|000123456|R9981||||^BID"], "Dispense taken over, 2.3")
    c.add("rre-o12-generic", GENERIC, "RRE^O12", ["MSA|AA|001800", pid(ANA, GENERIC), "ORC|OK|M5001^EHR|RX77001^PHARM"], "The pharmacy accepts")


def master_files(c: Collector) -> None:
    mfi = "MFI|PRA^Practitioner master file^HL70175||UPD|||AL"
    one = "MFE|MAD|MF0001|202603020000|SATOE^^L|CE"
    c.add("mfn-m02-add", GENERIC, "MFN^M02", [mfi, one, "STF|SATOE^^L|1710050487^^^NPI|Sato^Emi^^^^^L|MD|F||A|||(253)555-0189^WPN^PH||20260301^HOSPITAL", "PRA|SATOE^^L|HARBOR^Harbor Clinic^L|I|||1710050487^NPI"], "A clinician is added", ids=("K01",))
    c.add("mfn-m02-deactivate", GENERIC, "MFN^M02", [mfi, "MFE|MDC|MF0002|202603020000|PRICES^^L|CE", "STF|PRICES^^L||Price^Samuel^W^^^^L|MD|M||I"], "A clinician is deactivated", ids=("K01",))
    c.add("mfn-m02-several-v23", CERNER, "MFN^M02", ["MFI|PRA||UPD|||NE", *[part for n, who in enumerate((NG, BRANDT, OYELARAN), 1) for part in (f"MFE|MUP|{n}|20260302|{who[0][-6:]}|", f"STF|{who[0][-6:]}||{who[1]}^{who[2]}^{who[3]}|DOC|||A")]], "Three clinicians, 2.3", ids=("K01",))
    c.add("mfn-m02-v22", LEGACY_LAB, "MFN^M02", ["MFI|PRA||REP|||NE", "MFE|MAC|1|20260302|00081", "STF|00081||NG^LEONORA^T|DOC|||A"], "The full file is replaced, 2.2", ids=("K01",))
    c.add("mfn-m05-location", GENERIC, "MFN^M05", ["MFI|LOC^Location master file^HL70175||UPD|||AL", "MFE|MAD|MF0100|202603020000|4W^418^A|PL", "LOC|4W^418^A|Room 418|B", "LDP|4W^418^A|MED^Medicine^L||||A"], "A bed is added", ids=("K01",))
    c.add("mfn-m01-generic", GENERIC, "MFN^M01", ["MFI|SVC^Services^L||UPD|||NE", "MFE|MAD|MF0200||CARDREHAB^Cardiac rehabilitation^L|CE"], "An entry of a file of the site's own", ids=("K01",))
    om1 = "OM1|1|2823-3^Potassium^LN||Y|LAB^Laboratory^L|||Potassium||||||||||A"
    tests = "MFI|OM^Observation master file^HL70175||UPD|||NE"
    change = "MFE|MUP|MF0210||K^Potassium^L|CE"
    c.add("mfn-m03-v23", CERNER, "MFN^M03", ["MFI|OMA||UPD|||NE", "MFE|MUP|MF0210||K", "OM1|1|K^Potassium^L||Y|LAB|||Potassium||||||||||A", "OM2|1|mmol/L|1"], "A test in the general form, 2.3", ids=("K01",), why="hl7apy wants every alternative of the test's segments")
    c.add("mfn-m04-generic", GENERIC, "MFN^M04", ["MFI|CDM^Charge description master file^HL70175||UPD|||NE", "MFE|MAD|MF0220|20260401|450010^Emergency visit, level 3^L|CE", "CDM|450010^Emergency visit, level 3^L|EDV3|Emergency visit, level 3", "PRC|450010^Emergency visit, level 3^L||ED||412.00&USD^UP"], "A charge and its price", ids=("K01", "C01"))
    study = "CM0|1|ONC-2026-07^TRIALS||Adjuvant infusion study"
    trial = ["MFI|CMA^Clinical study with phases and scheduled master file^HL70175||UPD|||NE", "MFE|MAD|MF0230||ONC-2026-07|ST"]
    c.add("mfn-m06-generic", GENERIC, "MFN^M06", [*trial, study, "CM1|1|P1^Induction^L|Weeks 1 to 8", "CM2|1|D1^Day 1^L||CBC^Blood count^L"], "A clinical study with a phase", ids=("K01",))
    c.add("mfn-m07-generic", GENERIC, "MFN^M07", [*[line.replace("CMA^Clinical study with phases and scheduled", "CMB^Clinical study without phases but with scheduled") for line in trial], study, "CM2|1|D1^Day 1^L||CBC^Blood count^L"], "A clinical study without phases", ids=("K01",))
    c.add("mfn-m08-generic", GENERIC, "MFN^M08", [tests, change, om1, "OM2|1|mmol/L^millimole per liter^UCUM|1|||3.5&5.1"], "A numeric test with its unit", ids=("K01",))
    c.add("mfn-m09-generic", GENERIC, "MFN^M09", [tests, "MFE|MAD|MF0211||UNIT^Nitrite, urine^L|CE", om1.replace("2823-3^Potassium", "5802-4^Nitrite in Urine").replace("|Potassium|", "|Nitrite|"), "OM3|1||260385009^Negative^SCT|260385009^Negative^SCT"], "A categorical test", ids=("K01",))
    c.add("mfn-m10-generic", GENERIC, "MFN^M10", [tests, "MFE|MAD|MF0212||BMP^Basic metabolic panel^L|CE", om1.replace("2823-3^Potassium", "51990-0^Basic metabolic panel").replace("|Potassium|", "|BMP|"), "OM5|1|2951-2^Sodium^LN~2823-3^Potassium^LN~2345-7^Glucose^LN"], "A battery and its tests", ids=("K01",))
    c.add("mfn-m11-generic", GENERIC, "MFN^M11", [tests, "MFE|MAD|MF0213||AGAP^Anion gap^L|CE", om1.replace("2823-3^Potassium", "33037-3^Anion gap").replace("|Potassium|", "|Anion gap|"), "OM6|1|Sodium minus chloride minus carbon dioxide", "OM2|1|mmol/L^millimole per liter^UCUM"], "A calculated test", ids=("K01",))
    c.add("mfn-m12-generic", GENERIC, "MFN^M12", [tests, change, om1, "OM7|1|2823-3^Potassium^LN"], "What is to be known about ordering a test", ids=("K01",))
    c.add("mfn-m13-generic", GENERIC, "MFN^M13", ["MFI|ROOMS^Rooms^L||UPD|||NE", "MFE|MDL|MF0240||4W-419^Room 419^L|CE", "MFE|MAD|MF0241||4W-420^Room 420^L|CE"], "Entries without any content", ids=("K01",))
    c.add("mfk-m02-generic", GENERIC, "MFK^M02", ["MSA|AA|001900", mfi, "MFA|MAD|MF0001|202603020001|S^Successful^HL70181|SATOE^^L|CE"], "Taken over")


def collect(c: Collector) -> None:
    """All of this module."""
    for part in (orders, further_orders, results, appointments, documents, charges, immunisations, medication, master_files):
        part(c)
