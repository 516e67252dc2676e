# ruff: noqa: E501 (a message is read best with each of its segments on one line)
# fmt: off
"""What is odd and real: every file is named by its number in the catalogue of production quirks."""

from __future__ import annotations

from collections.abc import Sequence

from message_clinical import metabolic, pdf
from message_collector import Collector
from message_parts import (
    ANA,
    BEN,
    CHI,
    ELI,
    ENGINE,
    GENERIC,
    GUS,
    INA,
    JOE,
    MODERN,
    NG,
    Person,
    Sender,
    pid,
    pv1,
    xcn,
)

OBR = "OBR|1|P70001^EHR|F70001^LAB|24323-8^Comprehensive metabolic panel^LN|||@t|||||||||||||||@t||LAB|F"
MODEL = "values break their data types"


def adt(c: Collector, file: str, shows: str, kind: str = "ADT^A08", who: Person = BEN, sender: Sender = GENERIC, old: str = "", new: str = "", more: Sequence[str] = (), **rest: object) -> None:
    """An update of a patient in which one text is replaced; the file's name begins with the catalogue's number."""
    first = pid(who, sender)
    assert not old or old in first, (file, old, first)
    visit = pv1(who, sender, f44="202603021000")
    c.add(file, sender, kind, ["EVN", first.replace(old, new) if old else first, visit, *more], shows, ids=(file.split("-")[0],), **rest)  # type: ignore[arg-type]


def oru(c: Collector, file: str, shows: str, lines: Sequence[str], obr: str = OBR, sender: Sender = GENERIC, **rest: object) -> None:
    """A result of one order."""
    c.add(file, sender, "ORU^R01", [pid(ELI, sender), obr, *lines], shows, ids=(file.split("-")[0],), **rest)  # type: ignore[arg-type]


def value(kind: str, text: str, code: str = "2823-3^Potassium^LN", tail: str = "mmol/L|3.5-5.1||||F") -> str:
    """One OBX from its fifth field on."""
    return f"OBX|1|{kind}|{code}|1|{text}|{tail}"


def delimiters(raw: bytes, marks: bytes) -> bytes:
    """The same message in other delimiters."""
    return raw[:3] + marks + raw[8:].translate(bytes.maketrans(b"|^~\\&", marks))


def encoding(c: Collector) -> None:
    adt(c, "E01-lf", "Segments end in LF", change=lambda raw: raw.replace(b"\r", b"\n"), why="hl7apy splits at CR only")
    adt(c, "E02-crlf", "Segments end in CRLF", change=lambda raw: raw.replace(b"\r", b"\r\n"), why="hl7apy leaves the LF before the next segment")
    adt(c, "E03-blank-segments", "Blank lines between segments and at the end", change=lambda raw: raw.replace(b"\rPV1", b"\r\rPV1") + b"\r\r")
    adt(c, "E04-no-final-cr", "The last segment has no end", change=lambda raw: raw[:-1])
    adt(c, "E05-segment-id-only", "A PD1 of its name alone", change=lambda raw: raw.replace(b"\rPV1", b"\rPD1\rPV1"))
    oru(c, "E06-literal-newline", "A line feed inside text", [value("TX", "Slightly hemolysed.\nRepeat if needed.")])
    adt(c, "E07-trailing-delims", "Delimiters after the last value, on every level", change=lambda raw: raw.replace(b"\rPV1", b"^^^^~||||||\rPV1").replace(b"|A^^", b"|A^^^^&&"), why="hl7apy counts the empty repetition")
    adt(c, "E09-alt-delims", "Delimiters $*~\\\\&", change=lambda raw: delimiters(raw, b"$*~\\&"))
    adt(c, "E09-alt-delims-colon", "Delimiters :;~\\\\&", who=CHI, change=lambda raw: delimiters(raw, b":;~\\&"))
    adt(c, "E10-truncation", "The truncation character of 2.7 in MSH-2", sender=MODERN.at("2.7"), change=lambda raw: raw.replace(b"^~\\&", b"^~\\&#", 1))
    adt(c, "E11-charset-lies", "Declared UTF-8, sent in Windows-1252", old="Benjamin", new="Benjam\u00edn", codec="cp1252")
    adt(c, "E11-declared-latin-sent-utf8", "Declared 8859/1, sent in UTF-8", sender=ENGINE, old="Benjamin", new="Benjam\u00edn", codec="utf-8")
    adt(c, "E12-charset-absent", "Nothing in MSH-18, Latin-1 in the name", old="Tarrant", new="T\u00e4rrant", codec="latin-1", f18="")
    adt(c, "E13-charset-utf-8", "MSH-18 says UTF-8, which is no code of table 0211", old="Tarrant", new="T\u00e4rrant", f18="UTF-8")
    adt(c, "E13-charset-windows-1252", "MSH-18 says Windows-1252", old="Tarrant", new="O\u2019Tarrant", codec="cp1252", f18="Windows-1252")
    adt(c, "E13-charset-8859-1", "MSH-18 says 8859/1, and it is", old="Tarrant", new="Gar\u00e7on", codec="latin-1", f18="8859/1")
    adt(c, "E14-bom", "A byte order mark before MSH", change=lambda raw: b"\xef\xbb\xbf" + raw, why="hl7apy does not see MSH")
    oru(c, "E15-short-hex", "Hexadecimal escapes of one and a half and of two bytes", [value("TX", "Line one\\X00d\\Line two\\X000d\\\\X0A\\Line three")])
    oru(c, "E15-twice-escaped", "An escape that was escaped again on the way", [value("TX", "Dose\\E\\X09\\E\\5 mg")])
    oru(c, "E15-lone-backslash", "A backslash that starts no sequence", [value("TX", "BSV 4\\5 re.")])
    oru(c, "E16-raw-delimiters", "Ampersand and caret as text", [value("TX", "Salt & water, x^2, see https://results.example.org/v?id=4&page=2")])
    oru(c, "E17-xml-entities", "XML entities in a value", [value("ST", "&lt;OBX.5.1&gt;>=32")])
    oru(c, "E18-smart-quotes", "Typographic quotes of Windows-1252 in a feed that says ASCII", [value("TX", "Patient\u2019s mother reports \u201cno change\u201d")], codec="cp1252", f18="ASCII")
    adt(c, "E19-lowercase-segment", "PID in small letters", change=lambda raw: raw.replace(b"\rPID|", b"\rpid|"), why="PID is required")
    adt(c, "E20-null-in-component", "Explicit null as a component of the name", old="Tarrant^Benjamin^O", new='Tarrant^Benjamin^""')
    adt(c, "E20-null-everything", "Explicit null in sex, race and address", old="|M||2106-3^White^CDCREC|77 Quarry Lane Apt 4B^^Duluth^MN^55802^USA^H^^Saint Louis|", new='|""||""|""|')
    adt(c, "E21-whitespace", "Blanks around codes and a field of one blank", old="|M||2106-3^", new="| M || 2106-3 ^")
    adt(c, "E22-field-shift", "The empty PID-4 was left out, everything after it has moved", old="^MR||Tarrant", new="^MR|Tarrant", why=MODEL)
    adt(c, "E23-overlong", "A name of 120 characters and a control id of 36", old="Tarrant^", new="Tarrant" + "-Longname" * 13 + "^", f10="6b3f0e0a-0d1c-4c55-9e8f-000000000001")


def header(c: Collector) -> None:
    adt(c, "H01-dup-control-id", "First of two with one control id", f10="DUP0001")
    adt(c, "H01-dup-control-id-again", "The same again", f10="DUP0001")
    adt(c, "H02-reused-control-id", "Another patient under that control id", who=CHI, f10="DUP0001")
    adt(c, "H02-constant-control-id", "The laboratory's CLIA number as control id of every message", who=INA, f10="99D0000000")
    adt(c, "H03-empty-control-id", "No control id", f10="", why="MSH-10 is missing")
    adt(c, "H03-zero-control-id", "Control id 0", f10="0")
    adt(c, "H04-version-29", "Version 2.9", f12="2.9", why="hl7apy ends at 2.8.2")
    adt(c, "H04-version-empty", "No version", f12="", why="hl7apy needs a version")
    adt(c, "H04-version-22b", "Version 2.2b", f12="2.2b", why="hl7apy knows no 2.2b")
    adt(c, "H04-version-usa", "Version with country", f12="2.5.1^USA^")
    adt(c, "H04-version-lies", "Says 2.3 and carries fields of 2.5.1", f12="2.3", why=MODEL)
    adt(c, "H05-no-structure", "MSH-9 of two components in 2.5.1", f9="ADT^A08")
    adt(c, "H06-own-structure", "ADT_A08 as structure, which does not exist", f9="ADT^A08^ADT_A08", why="there is no such structure")
    c.add("H06-a40-structure", GENERIC, "ADT^A40", ["EVN", pid(ANA, GENERIC), "MRG|100235^^^HOSPITAL&1.2.3.4.5.9&ISO^MR"], "ADT_A40 instead of ADT_A39", ids=("H06",), f9="ADT^A40^ADT_A40", why="there is no such structure")
    adt(c, "H07-custom-event", "A trigger of the site's own", "ADT^Z99", why="there is no such structure")
    c.add("H07-oru-z07", GENERIC, "ORU^Z07", [pid(ELI, GENERIC), OBR, value("NM", "4.2")], "Results under a trigger of the site's own", ids=("H07",), why="there is no such structure")
    c.add("H08-evn1-mismatch", GENERIC, "ADT^A08", ["EVN|A01|@t", pid(BEN, GENERIC), pv1(BEN, GENERIC)], "A08 in MSH, A01 in EVN", ids=("H08",))
    adt(c, "H09-processing-t", "Processing id T", f11="T")
    adt(c, "H09-processing-p-t", "Processing id with mode", f11="P^T")
    adt(c, "H10-application-case", "Names of sender and receiver in other letters", f3="MockEhr", f4="Hospital")
    adt(c, "H10-empty-names", "No names of sender and receiver", f3="", f4="", f5="", f6="")
    adt(c, "H11-old-msh7", "MSH-7 in 1970", f7="19700101000000")
    adt(c, "H11-future-msh7", "MSH-7 a day ahead", f7="20270101000000+0100")
    for number, slug in (("101", "first"), ("110", "gap"), ("102", "back")):
        adt(c, f"H12-sequence-{slug}", f"Sequence number {number}", f13=number)
    adt(c, "H12-sequence-zero", "Sequence number 0: the link starts again", f13="0")
    oru(c, "H13-profile", "A conformance profile in MSH-21", [value("NM", "4.4")], f21="PHLabReport-Ack^^2.16.840.1.113883.9.11^ISO")


def times(c: Collector) -> None:
    oru(c, "D01-no-zone", "Zone in MSH-7, none in OBX-14", [value("NM", "4.4") + "|||20260304081500"], f7="20260304101500-0500")
    oru(c, "D02-mixed-zones", "Three zones in one message", [value("NM", "4.4") + "|||20260304081500-0800"], f7="20260304101500-0500", obr=OBR.replace("@t", "20260304151500+0000", 1))
    adt(c, "D03-date-with-offset", "Midnight with an offset as date of birth", old="19710930", new="19710930000000+0800")
    adt(c, "D04-year-only", "A year as date of birth", old="19710930", new="1971")
    adt(c, "D04-month-only", "A month as date of birth", old="19710930", new="197109")
    oru(c, "D04-hour-only", "An hour as time of observation", [value("NM", "4.4") + "|||2026030408"])
    adt(c, "D05-second-component", "The degree of precision as second component", old="19710930", new="19710930^D")
    adt(c, "D06-fraction", "Six digits of a second", kind="ADT^A03", f7="20260304101500.920350", why="hl7apy takes four digits")
    adt(c, "D06-fraction-no-point", "Six digits without the point", kind="ADT^A03", f7="20260304101500920350", why=MODEL)
    oru(c, "D07-split", "Day and time as two components", [value("NM", "4.4") + "|||20260315^142233"])
    adt(c, "D08-zeros", "Zeros as date of birth", old="19710930", new="00000000", why=MODEL)
    adt(c, "D08-nines", "The end of time as date of birth", old="19710930", new="99991231")
    adt(c, "D08-ancient", "Born in 1800", old="19710930", new="18000101")
    adt(c, "D09-iso", "An ISO date", old="19710930", new="1971-09-30", why=MODEL)
    adt(c, "D09-slashes", "An American date", old="19710930", new="09/30/1971", why=MODEL)
    oru(c, "D10-dst-gap", "02:30 on the night when there is none", [value("NM", "4.4") + "|||20260308023000"])
    adt(c, "D12-shifted", "The evening before, after somebody converted zones", old="19710930", new="19710929190000-0500")


def patients(c: Collector) -> None:
    whole = "100877^^^HOSPITAL&1.2.3.4.5.9&ISO^MR"
    adt(c, "P01-order-varies", "The national number first, the MRN third", old=whole, new=f"000527810^^^SSA^SS~E9912^^^MPI^PI~{whole}")
    adt(c, "P02-no-authority", "A number and nothing else", old=whole, new="100877")
    adt(c, "P03-no-type", "Authority without type", old=whole, new="100877^^^HOSPITAL")
    adt(c, "P04-null-repetition", "A repetition of an explicit null", old=whole, new=f'{whole}~""^^^NLMIN^PPN')
    adt(c, "P05-legacy", "The number in PID-2 only", old=f"||{whole}|", new="|100877||", why="PID-3 is missing")
    adt(c, "P06-authority-oid", "The authority as OID only", old=whole, new="100877^^^&1.2.3.4.5.9&ISO^MR")
    adt(c, "P07-format", "Leading zeros, a dash and a check digit", old=whole, new="00-100877^4^M10^HOSPITAL^MR")
    adt(c, "P08-account-only", "PID-18 is there, PV1-19 is not", change=lambda raw: raw.replace(b"|88012399^^^HOSPITAL^VN", b"|"))
    adt(c, "P09-alias-first", "Nickname before the legal name", old="Tarrant^Benjamin^O^Jr^^^L", new="Tarrant^Ben^^^^^N~Tarrant^Benjamin^O^Jr^^^L")
    adt(c, "P10-family-only", "A family name alone", old="Tarrant^Benjamin^O^Jr^^^L", new="BLINKA")
    adt(c, "P10-unknown", "Nobody knows", old="Tarrant^Benjamin^O^Jr^^^L", new="UNKNOWN^UNKNOWN")
    adt(c, "P11-suffix-prefix", "Suffix and prefix", old="Tarrant^Benjamin^O^Jr^^^L", new="Tarrant^Benjamin^O^III^Mr^MD^L")
    adt(c, "P12-subcomponents", "A family name of parts", old="Tarrant^", new="van Berg&van&Berg^")
    for code in ("U", "A", "X", "Female"):
        adt(c, f"P13-sex-{code.lower()}", f"Sex is {code}", old="|M||2106", new=f"|{code}||2106")
    adt(c, "P14-race-text", "Race as text, twice", old="2106-3^White^CDCREC", new="^Caucasian~W^^L")
    adt(c, "P15-phone-text", "Telephone as free text with a remark", old="(218)555-0117^PRN^PH^^1^218^5550117", new="218.555.0117 x4 ask for Ben~^NET^Internet^ben@example.org")
    adt(c, "P16-addresses", "Three addresses of several types", old="77 Quarry Lane Apt 4B^^Duluth^MN^55802^USA^H^^Saint Louis", new="PO Box 12^^Duluth^MN^55802^^M~77 Quarry Lane^Apt 4B^Duluth^MN^55802^USA^H^^137~General Delivery^^Superior^WI^54880^^B")
    adt(c, "P17-deceased-word", "DECEASED in the indicator of death", change=lambda raw: raw.replace(b"\rPV1", b"|||||||||||DECEASED\rPV1"))


def merges(c: Collector) -> None:
    def merge(file: str, keep: str, gone: str, shows: str, **rest: str) -> None:
        number = "{0}^^^HOSPITAL&1.2.3.4.5.9&ISO^MR"
        first = pid(ANA, GENERIC).replace(number.format("100234"), number.format(keep))
        c.add(file, GENERIC, "ADT^A40", ["EVN", first, "MRG|" + "~".join(number.format(one) for one in gone.split())], shows, ids=(file.split("-")[0],), **rest)

    merge("M11-self-merge", "100234", "100234", "A record is merged into itself")
    merge("M12-inverse-first", "100234", "100235", "One into the other")
    merge("M12-inverse-second", "100235", "100234", "and back")
    merge("M13-chain-first", "200002", "200001", "First link of a chain")
    merge("M13-chain-second", "200003", "200002", "Second link of the chain")
    merge("M14-unknown", "999001", "999002", "Both numbers unknown")
    oru(c, "M15-traffic-for-merged", "A result names the number that was merged away", [value("NM", "4.4")], change=lambda raw: raw.replace(b"102205^^^HOSPITAL", b"102204^^^HOSPITAL"))
    merge("M16-two-gone", "100234", "100235 100236", "Two numbers go away at once")


def visits(c: Collector) -> None:
    adt(c, "W01-a08-before-a01", "An update of somebody nobody knows", who=JOE, old="104477^^^", new="777001^^^")
    adt(c, "W03-storm", "An update in which nothing has changed", who=ANA)
    c.add("W07-a03-without-a01", GENERIC, "ADT^A03", ["EVN", pid(JOE, GENERIC).replace("104477^^^", "777002^^^"), pv1(JOE, GENERIC, f45="@t")], "Discharge of a visit that never began", ids=("W07",))
    for code, slug in (("INPATIENT", "word"), ('""', "null"), ("SDC", "local")):
        c.add(f"W10-class-{slug}", GENERIC, "ADT^A08", ["EVN", pid(BEN, GENERIC), pv1(BEN, GENERIC, code)], "Patient class in a code of the site's own", ids=("W10",))
    c.add("W11-pv1-missing", GENERIC, "ADT^A08", ["EVN", pid(BEN, GENERIC)], "A08 without PV1", ids=("W11",), why="PV1 is required")
    c.add("W15-provider-name-only", GENERIC, "ADT^A08", ["EVN", pid(BEN, GENERIC), pv1(BEN, GENERIC).replace(xcn(NG), "^Ng^Leonora~050081^Ng^Leonora^^^^^^LOCAL~1710050081^^^^^^^^NPI^^^^NPI")], "A clinician three times, the first without a number", ids=("W15",))
    adt(c, "W16-z-anywhere", "Z segments between and after all others", more=["ZZZ|1|@t|a^b&c~d"], change=lambda raw: raw.replace(b"\rPID", b"\rZHD|FIRST\rPID"))
    adt(c, "W17-unknown-segments", "ARV and CON, which this version does not have here", more=["ARV|1||A^Add^HL70206|DEM^Demographics^L", "CON|1|001"])
    c.add("W18-order", GENERIC, "ADT^A01", ["EVN", pid(BEN, GENERIC), "AL1|1|DA|^Latex", "DG1|1||I10^Essential (primary) hypertension^I10|||A", pv1(BEN, GENERIC), "NK1|1|Tarrant^Louise", "PD1||||1710050156^Brandt"], "AL1 and DG1 before PV1, NK1 and PD1 after it", ids=("W18",))


def observations(c: Collector) -> None:
    oru(c, "R01-no-type", "OBX-2 is empty", [value("", "5.1")])
    oru(c, "R02-less-than", "NM with a sign", [value("NM", "<5")])
    oru(c, "R02-word", "NM with a word", [value("NM", "POSITIVE")])
    oru(c, "R02-flag-inside", "NM with the flag behind the number", [value("NM", "5.1 H")])
    oru(c, "R02-thousands", "NM with a comma", [value("NM", "1,234")])
    oru(c, "R02-bad-type", "A type that does not exist", [value("String", "5.1")])
    oru(c, "R03-leading-zero", "065.88 and .5 and +3", [value("NM", "065.88"), value("NM", ".5").replace("OBX|1", "OBX|2"), value("NM", "+3").replace("OBX|1", "OBX|3")])
    oru(c, "R04-sn-as-text", "SN written as one text", [value("SN", "<5"), value("SN", "2.4-2.8").replace("OBX|1", "OBX|2")])
    oru(c, "R05-code-only", "A code without text or system", [value("CE", "M415")])
    oru(c, "R06-repeated", "Three values in one field", [value("ST", "a~b~c")])
    oru(c, "R07-empty-final", "Final, and empty", [value("NM", "")])
    oru(c, "R08-lines", "One line for each OBX, OBX-3 only in the first", [f"OBX|{n}|TX|{'11506-3^Progress note^LN' if n == 1 else '^'}|1|{line}||||||F" for n, line in enumerate(("PROGRESS NOTE", "", "Patient resting.", "   Plan: home."), 1)])
    oru(c, "R09-same-set-id", "Every OBX is number 1", ["OBX|1" + line[5:] for line in metabolic()[:4]])
    oru(c, "R09-gaps", "Set ids with gaps", ["OBX|" + str(int(line[4]) * 5) + line[5:] for line in metabolic()[:4]])
    oru(c, "R10-sub-ids", "Sub-ids of several styles", [value("ST", "one").replace("|1|one", "|1.1|one"), value("ST", "two").replace("|1|two", "|1a|two")])
    oru(c, "R11-nte-everywhere", "Notes after PID, OBR and OBX", ["NTE|1|L|Fasting state unknown", value("NM", "6.9"), "NTE|1|L|CRITICAL: called to Dr Ng 08:14"], change=lambda raw: raw.replace(b"\rOBR", b"\rNTE|1|L|Interpreter needed\rOBR"))
    oru(c, "R12-status-pair", "Preliminary order with final values", [value("NM", "4.4")], obr=OBR.removesuffix("F") + "P")
    oru(c, "R13-correction-without-final", "A correction of something that was never sent", [value("NM", "4.1", tail="mmol/L|||||C")], obr=OBR.replace("70001", "70099").removesuffix("F") + "C")
    oru(c, "R13-blank-status", "A correction whose OBX-11 is blank", [value("NM", "4.1", tail="mmol/L")], obr=OBR.removesuffix("F") + "C", why="OBX-11 is required")
    oru(c, "R16-cumulative", "All earlier values again, and one new", metabolic()[:7])
    oru(c, "R17-no-placer", "No placer's number", [value("NM", "4.4")], obr=OBR.replace("P70001^EHR", ""))
    oru(c, "R18-no-filler", "No filler's number", [value("NM", "4.4")], obr=OBR.replace("F70001^LAB", ""))
    c.add("R19-orc-obr-differ", GENERIC, "ORU^R01", [pid(ELI, GENERIC), "ORC|RE|P70002^EHR|F70009^LAB", OBR, value("NM", "4.4")], "ORC and OBR name different orders", ids=("R19",))
    c.add("R20-placer-group-swapped", GENERIC, "ORU^R01", [pid(ELI, GENERIC), "ORC|RE|G70000^EHR||P70001^EHR", OBR, value("NM", "4.4")], "Placer and group number are swapped", ids=("R20",))
    oru(c, "R23-local-only", "Local code without LOINC", [value("NM", "4.4", "K^Potassium^L")])
    oru(c, "R23-loinc-second", "LOINC in the alternate components", [value("NM", "4.4", "K^POTASSIUM^L^2823-3^Potassium^LN")])
    oru(c, "R24-same-code", "The order's code as the result's", [value("NM", "4.4", "24323-8^Comprehensive metabolic panel^LN")])
    oru(c, "R25-no-code", "OBX-3.1 is empty", [value("NM", "4.4", "^Potassium")])
    oru(c, "R26-units", "Units as people write them", [value("NM", "88", "2160-0^Creatinine^LN", "\u00b5mol/L|62-106||||F"), value("NM", "6.1", "6690-2^Leukocytes^LN", "x10E3||||| F".replace(" ", "")).replace("OBX|1", "OBX|2"), value("ST", "12 mcg/dl", "5671-3^Lead in Blood^LN", "|||||F").replace("OBX|1", "OBX|3")])
    oru(c, "R27-ranges", "Ranges of six forms", [value("NM", "4.4", tail=f"mmol/L|{text}||||F").replace("OBX|1", f"OBX|{n}") for n, text in enumerate(("3.5-5.1", "<85", "49 - 92", "[ ]", "-5--1", "see note"), 1)])
    oru(c, "R28-flags", "Flags repeated, local, normal", [value("NM", "7.9", tail=f"mmol/L|3.5-5.1|{flag}|||F").replace("OBX|1", f"OBX|{n}") for n, flag in enumerate(("H~A", "HH", "*", "N"), 1)])
    oru(c, "R31-no-section", "OBR-24 is empty", [value("NM", "4.4")], obr=OBR.replace("|LAB|F", "||F"))
    oru(c, "R33-performer-in-25", "The performing laboratory in 2.5, which has no such fields", [value("NM", "4.4") + "||||||||||||Northlab^D|5 Assay Way^^Seattle^WA^98101"], sender=GENERIC.at("2.5"), why="OBX-23 came with 2.5.1")


def contents(c: Collector) -> None:
    report = "11502-2^Laboratory report^LN"
    data = pdf("Report")
    long = "hl7apy holds the data of ED to 199 characters"
    oru(c, "F02-ed-bare", "ED with its data only", [value("ED", f"^^^^{data}", report, "|||||F")], why=long)
    oru(c, "F02-ed-subtype-second", "PDF in the first component", [value("ED", f"PDF^^^Base64^{data}", report, "|||||F")], why=long)
    oru(c, "F04-ed-wrapped", "Base64 broken by escape sequences every 76 characters", [value("ED", "^application^pdf^Base64^" + "\\.br\\".join(data[n : n + 76] for n in range(0, len(data), 76)), report, "|||||F")], why=long)
    third = len(data) // 3
    oru(c, "F05-ed-split", "Base64 over three OBX", [value("ED", f"^application^pdf^Base64^{data[n * third : (n + 1) * third if n < 2 else None]}", report, "|||||F").replace("OBX|1", f"OBX|{n + 1}") for n in range(3)], why=long)
    oru(c, "F06-rtf-raw", "RTF with its backslashes as they are", [value("FT", "{\\rtf1\\ansi\\deff0 {\\b Impression}\\par No fracture.\\par}", "18748-4^Diagnostic imaging study^LN", "|||||F")])
    oru(c, "F07-html", "HTML with a raw ampersand", [value("FT", '<A HREF="https://results.example.org/v?a=1&b=2">report</A>', report, "|||||F")])
    c.add("F03-ed-last-field", GENERIC, "MDM^T02", ["EVN", pid(GUS, GENERIC), pv1(GUS, GENERIC), "TXA|1|DS|TX|||||||||D9300^HIM|||||AU", f"OBX|1|ED|{report}|1|^application^pdf^Base64^{data}"], "ED ends the last segment", ids=("F03",), why="OBX-11 is required")


def others(c: Collector) -> None:
    sch = "SCH|A8801^EHR|S88001^SCHED||||CHECKUP^Check-up^HL70276|||{duration}|{unit}|{timing}|||||10021^Reyes^Carla||||10021^Reyes^Carla|||||{status}"
    rgs = ["RGS|1|A", "AIS|1|A|OV15^Office visit^L|{start}|||{length}"]

    def siu(file: str, trigger: str, shows: str, rest: Sequence[str], *, duration: str = "15", unit: str = "min", timing: str = "^^15^20260318090000^20260318091500", status: str = "Booked", why: str = "") -> None:
        c.add(file, GENERIC, f"SIU^{trigger}", [sch.format(duration=duration, unit=unit, timing=timing, status=status), pid(INA, GENERIC), *rest], shows, ids=(file.split("-")[0],), why=why)

    full = [rgs[0], rgs[1].format(start="20260318090000", length="15|min")]
    siu("S01-update-first", "S14", "A change of an appointment that nobody booked", full)
    siu("S02-cancel-and-new", "S15", "Half of a rescheduling: the old one is cancelled", full, status="Cancelled")
    siu("S03-times-in-ais-only", "S12", "SCH-11 is empty, the time stands in AIS-4", full, timing="")
    siu("S03-duration-m", "S12", "Duration 20 with unit M, no end", full, duration="20", unit="M", timing="^^20^20260318090000")
    siu("S04-no-rgs", "S12", "Without RGS, which is required", [], why="RGS is required")
    siu("S06-noshow-as-s14", "S14", "A no-show told as a change", full, status="NOSHOW")
    dg = [f"DG1|{n}|{method}|{code}|{text}||A" for n, (method, code, text) in enumerate((("I9", "410.71^Subendocardial infarction^I9", ""), ("I9C", "4019^HTN", ""), ("I10", "I214^NSTEMI^I10", ""), ("", "", "Chest wall pain")), 1)]
    adt(c, "N01-diagnoses", "Four ways to write a diagnosis, one without its point, one of text only", more=dg)
    adt(c, "N02-diagnosis-deleted", "A diagnosis with action code D", more=["DG1|1||R07.9^Chest pain, unspecified^I10||@t|A" + "|" * 14 + "DX77^EHR|D"])
    adt(c, "N03-allergies", "Text only, NKDA and an explicit null as allergies", more=["AL1|1|DA|^Penicillin", "AL1|2||NKDA^No known drug allergies^L", 'AL1|3|MA|""'])
    adt(c, "N04-payers", "Three payers, the order in IN1-22 contradicts IN1-1", more=["IN1|1|SEC01^Secondary^L|900|Fallback Mutual" + "|" * 18 + "2", "IN1|2|PRI01^Primary^L|901|Larkfield Health Plan" + "|" * 18 + "1", "IN1|3|SELF^Self pay^L|0|Self pay"])


def batches(c: Collector) -> None:
    a, b, d = c.bytes_of("adt-a01-generic", "oru-r01-generic", "siu-s12-generic")
    files, lab = c.bytes_of("adt-a08-generic", "oru-r01-lab-elr")
    fhs = b"FHS|^~\\&|MOCKEHR|HOSPITAL|CLIENT|CLIENT|20260309020000||NIGHTLY.HL7||F20260309\r"
    bhs = b"BHS|^~\\&|MOCKEHR|HOSPITAL|CLIENT|CLIENT|20260309020000||ADT||B20260309\r"
    c.batch("batch-file", fhs + bhs + a + b + b"BTS|2\r" + b"FTS|1\r", "A file with one batch of two messages")
    c.batch("batch-two-batches", fhs + bhs + a + b"BTS|1\r" + bhs + b + d + b"BTS|2\r" + b"FTS|2\r", "A file with two batches")
    c.batch("batch-no-file-header", bhs + a + files + b"BTS|2|done\r", "A batch without a file around it")
    c.batch("Z01-count-wrong", fhs + bhs + a + b + b"BTS|96\r" + b"FTS|1\r", "BTS-1 says 96, there are two", ("Z01",))
    c.batch("Z02-no-headers", a + b + d, "Three messages one after the other", ("Z02",))
    c.batch("Z02-blank-lines", a.replace(b"\r", b"\r\n") + b"\r\n" + b.replace(b"\r", b"\r\n"), "CRLF, and blank lines between messages", ("Z02", "E02"))
    c.batch("Z03-headers-only", fhs + bhs + b"BTS|0\r" + b"FTS|1\r", "Headers and trailers without a message", ("Z03",))
    c.batch("Z04-empty-batch", bhs + b"BTS|0\r", "An empty batch: nothing to send", ("Z04",))
    c.batch("Z05-dup-in-file", fhs + bhs + a + a + b"BTS|2\r" + b"FTS|1\r", "One message twice", ("Z05",))
    c.batch("Z07-truncated", (fhs + bhs + a + b)[:-120], "Cut off in a segment, no trailers", ("Z07",))
    c.batch("Z08-mixed-types", fhs + bhs + a + b + d + lab + b"BTS|4\r" + b"FTS|1\r", "Four kinds in one batch", ("Z08",))
    c.batch("Z09-mixed-delims", b"FHS$*~\\&$MOCKEHR$HOSPITAL\rBHS$*~\\&$MOCKEHR$HOSPITAL\r" + a + b"BTS|1\rFTS|1\r", "Headers in other delimiters than the messages and trailers", ("Z09",))


def collect(c: Collector) -> None:
    """All of this module."""
    for part in (encoding, header, times, patients, merges, visits, observations, contents, others, batches):
        part(c)
