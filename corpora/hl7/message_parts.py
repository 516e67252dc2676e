"""The people, senders and recurring segments of the message corpus. Everything here is invented."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

MARKS: Final = "^~\\&"


@dataclass(frozen=True)
class Person:
    """A patient. Telephones are 555-01xx, social security numbers in areas 000 and 9xx."""

    number: str
    family: str
    given: str
    middle: str
    born: str
    sex: str
    race: tuple[str, str]
    street: str
    city: str
    state: str
    zip: str
    county: str
    phone: str
    ssn: str
    account: str
    visit: str
    language: tuple[str, str] = ("en", "English")
    marital: tuple[str, str] = ("M", "Married")
    prefix: str = ""
    suffix: str = ""


WHITE: Final = ("2106-3", "White")
BLACK: Final = ("2054-5", "Black or African American")
ASIAN: Final = ("2028-9", "Asian")
OTHER: Final = ("2131-1", "Other Race")

# fmt: off
ANA = Person(
    "100234", "Okafor-Lind", "Ana", "Ruth", "19580412", "F", BLACK, "418 Larch Street", "Peoria", "IL", "61602",
    "Peoria", "(309)555-0142", "000-41-2231", "7003214", "88012231",
)
BEN = Person(
    "100877", "Tarrant", "Benjamin", "O", "19710930", "M", WHITE, "77 Quarry Lane Apt 4B", "Duluth", "MN",
    "55802", "Saint Louis", "(218)555-0117", "000-52-7810", "7003377", "88012399", suffix="Jr",
)
CHI = Person(
    "101420", "Nguyen", "Chi", "", "19891205", "F", ASIAN, "1502 Harbor View Rd", "Tacoma", "WA", "98402",
    "Pierce", "(253)555-0188", "900-12-4471", "7003561", "88012544", ("vi", "Vietnamese"),
    ("S", "Never Married"),
)
DEE = Person(
    "101933", "Castellanos", "Delia", "M", "20240227", "F", OTHER, "9 Mesquite Court", "Las Cruces", "NM",
    "88001", "Dona Ana", "(575)555-0163", "", "7003702", "88012690", ("es", "Spanish"), ("S", "Never Married"),
)
ELI = Person(
    "102205", "Whitcomb", "Elias", "J", "19440821", "M", WHITE, "RR 2 Box 88", "Montpelier", "VT", "05602",
    "Washington", "(802)555-0109", "000-77-0912", "7003844", "88012735", marital=("W", "Widowed"), prefix="Rev",
)
FAY = Person(
    "102761", "Abernathy", "Fay", "Lorraine", "19660603", "F", WHITE, "2230 Cotton Mill Dr", "Macon", "GA",
    "31201", "Bibb", "(478)555-0151", "000-63-5528", "7003991", "88012816", marital=("D", "Divorced"),
)
GUS = Person(
    "103118", "Petrakis", "Constantine", "G", "19530117", "M", WHITE, "611 Wharf Street", "Baltimore", "MD",
    "21231", "Baltimore City", "(410)555-0126", "900-30-1187", "7004120", "88012950", ("el", "Greek"),
)
HAL = Person(
    "103590", "Whitehorse", "Hal", "", "19820709", "M", ("1002-5", "American Indian or Alaska Native"),
    "45 Sage Road", "Rapid City", "SD", "57701", "Pennington", "(605)555-0134", "000-18-4406", "7004288",
    "88013077",
)
INA = Person(
    "104002", "Lindqvist", "Ina", "K", "19970516", "F", WHITE, "830 Prospect Ave Unit 12", "Madison", "WI",
    "53703", "Dane", "(608)555-0172", "000-29-6614", "7004395", "88013140", marital=("S", "Never Married"),
)
JOE = Person(
    "104477", "Delacroix", "Joseph", "Amos", "19360228", "M", BLACK, "1219 Dauphine St", "New Orleans", "LA",
    "70116", "Orleans", "(504)555-0194", "900-55-2093", "7004512", "88013266", prefix="Dr",
)
# fmt: on

NG: Final = ("1710050081", "Ng", "Leonora", "T")
BRANDT: Final = ("1710050156", "Brandt", "Marcus", "E")
OYELARAN: Final = ("1710050222", "Oyelaran", "Folake", "")
PRICE: Final = ("1710050305", "Price", "Samuel", "W")
SATO: Final = ("1710050487", "Sato", "Emi", "")


@dataclass(frozen=True)
class Sender:
    """One feed: what its MSH says, and how it lays out identifiers, names and telephones."""

    name: str
    application: str
    facility: str
    receiver: str = "CLIENT"
    receiving_facility: str = "CLIENT"
    version: str = "2.5.1"
    charset: str = "UNICODE UTF-8"
    security: str = ""
    processing: str = "P"
    accept: tuple[str, str] = ("", "")
    structure: bool = True
    control: str = "{0:06d}"
    seconds: bool = True
    zone: str = ""
    style: str = "generic"
    profile: str = ""

    def at(self, version: str, **changes: object) -> Sender:
        """The same feed in another version."""
        return replace(self, version=version, **changes)  # type: ignore[arg-type]


GENERIC: Final = Sender("generic", "MOCKEHR", "HOSPITAL")
EPIC: Final = Sender(
    "epic", "EPIC", "NMH", "BRIDGE", "PARTNER", "2.3", "", "ADTPA", "P", ("AL", "NE"), False, "{0}", style="epic"
)
CERNER: Final = Sender(
    "cerner",
    "HNAM",
    "NORTHPATH",
    "RCV",
    "PARTNER",
    "2.3",
    "8859/1",
    structure=False,
    control="Q{0}T{1}",
    style="cerner",
)
MEDITECH: Final = Sender(
    "meditech",
    "ADM",
    "GENHOSP",
    "",
    "",
    "2.3",
    "",
    structure=False,
    control="MT{0:08d}",
    seconds=False,
    style="meditech",
)
LAB: Final = Sender(
    "lab",
    "LABSYS^2.16.840.1.113883.19.4^ISO",
    "NORTHLAB^99D0000000^CLIA",
    "EHR",
    "CLINIC",
    charset="",
    accept=("NE", "AL"),
    control="NL2026{0:05d}",
    zone="-0500",
)
LEGACY_LAB: Final = Sender(
    "oldlab", "LAB", "NLAB", "HIS", "HOSP", "2.2", "", structure=False, control="L{0:05d}", style="old"
)
ENGINE: Final = Sender(
    "engine", "IE_ADT_OUT", "REGIONAL", "DOWNSTREAM", "ALL", "2.3.1", "8859/1", control="{1}{0:04d}", style="engine"
)
MODERN: Final = Sender(
    "modern", "EHR2^1.2.3.4.5.1^ISO", "LAKESIDE^1.2.3.4.5^ISO", "HIE", "STATE", "2.8.2", zone="-0600"
)


def xcn(who: tuple[str, str, str, str], style: str = "generic") -> str:
    """A clinician, as the feed writes one."""
    number, family, given, middle = who
    if style in ("old", "meditech"):
        return f"{number[-5:]}^{family}^{given}^{middle}".rstrip("^")
    if style == "cerner":
        return f"{number[-6:]}^{family}^{given}^{middle}^^^^^^^^^ORGANIZATION DOCTOR"
    if style == "epic":
        return f"{number[-6:]}^{family.upper()}^{given.upper()}^{middle}^^^^^EPIC^^^^PROVID"
    return f"{number}^{family}^{given}^{middle}^^^^^NPI^L^^^NPI"


def identifiers(who: Person, sender: Sender) -> str:
    """PID-3."""
    return {
        "epic": f"E{who.number}^^^EPI^EPI~{who.number}^^^NMH^MRN",
        "cerner": f"{who.number}^^^NORTHPATH_MRN^MRN~C{who.number}^^^HOSP_EMPI^CMRN",
        "meditech": f"M{who.number:0>9}",
        "old": who.number,
        "engine": f"{who.number}^^^REGIONAL^MR~{who.ssn.replace('-', '')}^^^SSA^SS".removesuffix("~^^^SSA^SS"),
    }.get(sender.style, f"{who.number}^^^HOSPITAL&1.2.3.4.5.9&ISO^MR")


def telephone(who: Person, sender: Sender) -> str:
    """PID-13."""
    if sender.version >= "2.6":
        return f"^PRN^PH^^1^{who.phone[1:4]}^{who.phone[5:].replace('-', '')}"
    return {
        "old": who.phone,
        "meditech": who.phone,
        "cerner": f"{who.phone}^HOM",
        "epic": f"{who.phone}^P^PH~^NET^Internet^{who.given.lower()}@example.org",
    }.get(sender.style, f"{who.phone}^PRN^PH^^1^{who.phone[1:4]}^{who.phone[5:].replace('-', '')}")


def pid(who: Person, sender: Sender, number: str = "1") -> str:
    """PID as the feed writes it in its version."""
    old, coded = sender.version in ("2.1", "2.2"), sender.version >= "2.3.1"
    name = f"{who.family}^{who.given}^{who.middle}^{who.suffix}^{who.prefix}"
    kind = {"cerner": "CURRENT", "meditech": "", "engine": ""}.get(sender.style, "L")
    name = name.rstrip("^") if old or not kind else f"{name}^^{kind}"
    if sender.style == "meditech":
        name = name.upper()
    race = "^".join((*who.race, "CDCREC")) if coded else who.race[0]
    where = f"{who.street}^^{who.city}^{who.state}^{who.zip}^USA"
    where += "" if old else f"^{'HOME' if sender.style == 'cerner' else 'H'}^^{who.county}"
    language = "^".join((*who.language, "ISO6391")) if coded else who.language[1][:3].upper()
    if sender.version == "2.3":
        language = "^".join(who.language)
    marital = "^".join((*who.marital, "HL70002")) if coded else who.marital[0]
    account = {"cerner": f"{who.account}^^^CERNER^FIN NBR", "generic": f"{who.account}^^^HOSPITAL^AN"}.get(
        sender.style, who.account
    )
    fields = ["PID", number, "", identifiers(who, sender), "", name, "", who.born, who.sex, "", race, where, ""]
    fields += [telephone(who, sender), "", language, marital, "", account, who.ssn]
    if sender.version >= "2.7":
        fields[19] = ""
    return "|".join(fields).rstrip("|")


def pv1(who: Person, sender: Sender, kind: str = "I", place: str = "4W^412^A", **more: str) -> str:
    """PV1; `more` by field number, such as f44="202603150800"."""
    doctor = xcn(NG, sender.style)
    visit = {"generic": f"{who.visit}^^^HOSPITAL^VN", "cerner": f"{who.account}^^^CERNER^FIN NBR"}.get(
        sender.style, who.visit
    )
    if sender.style == "meditech":
        visit = f"V{who.visit}"
    fields = [""] * 53
    fields[:4] = ["PV1", "1", kind, place if sender.version != "2.1" else place.partition("^")[0]]
    fields[7], fields[10], fields[19] = doctor, "MED", visit
    for key, value in more.items():
        fields[int(key[1:])] = value
    return "|".join(fields).rstrip("|")
