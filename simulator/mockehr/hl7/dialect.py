"""How one hospital's interface engine writes HL7: versions, names in MSH, identifier layouts, Z segments.

HL7 v2 is configured per site, so a preset is a plausible default and nothing more; `dataclasses.replace` changes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from mockehr.hl7.charset import codec_of
from mockehr.hl7.delimiters import DEFAULT, Delimiters
from mockehr.hl7.habits import PATIENT, STANDARD, AckHabit, Engine, SendHabit
from mockehr.hl7.stamps import Precision

OWN_ARC: Final = "1.2.840.114350.1.13.0.1.7"
"""The arc that Epic's sandbox has, in place of a customer's own."""


@dataclass(frozen=True, slots=True)
class IdentifierRule:
    """One kind of identifier, in FHIR and in a CX.

    A FHIR identifier is of this kind if its `system` is `system`, or its type's text or code is `label`. In a CX it
    has `authority` in CX.4 and `type` in CX.5, either of which may be empty.
    """

    system: str
    authority: str
    type: str
    label: str = ""
    facility: str = ""
    """CX.6, the assigning facility."""
    bare: bool = False
    """Write only the number at the end of the value: `60178` for `a-195900.E-60178` (athenahealth)."""


@dataclass(frozen=True, slots=True)
class ZSegment:
    """A segment of the site's own, written as it stands (usual delimiters) after the first segment named `after`."""

    after: str
    text: str


@dataclass(frozen=True, slots=True)
class Dialect:
    """Everything in which two sites' correct messages differ. Frozen: one per link."""

    name: str
    sending_application: str
    """MSH-3; components are separated by `^`."""
    sending_facility: str
    receiving_application: str = ""
    receiving_facility: str = ""
    security: str = ""
    """MSH-8, where some products put the interface user."""
    version: str = "2.5.1"
    charset: str = "UNICODE UTF-8"
    """MSH-18; empty says nothing and writes UTF-8."""
    identifiers: tuple[IdentifierRule, ...] = ()
    """PID-3 in this order; empty writes every identifier, its system as a universal id in CX.4."""
    visit: IdentifierRule = IdentifierRule("", "", "VN")
    """The visit number."""
    patient_classes: Mapping[str, str] = field(default_factory=dict, hash=False)
    """PV1-2 by the code of the site's own that Encounter.class shows in place of v3-ActCode."""
    visit_field: str = "PV1-19"
    """Where a visit number is read from: `PV1-19` or `PID-18`."""
    account_is_visit: bool = False
    """Write the visit number into PID-18 too."""
    processing_id: str = "P"
    structure: bool = True
    """Write MSH-9.3 (from version 2.4 on; before, there is none)."""
    accept_condition: str = ""
    application_condition: str = ""
    z_segments: tuple[ZSegment, ...] = ()
    precision: Precision = "second"
    sent_precision: Precision | Literal[""] = ""
    """That of MSH-7, where it is another one: `packed` for milliseconds without a dot (NextGen)."""
    offset: str = ""
    """Zone of all times, such as `-0500`, written after them; empty: UTC, written without a zone."""
    control_id: str = "{number}"
    """Pattern of MSH-10: `{number}` counts messages of the link, `{seconds}` is the site's time since 1970, `{stamp}`
    is MSH-7."""
    name_type: str = "L"
    address_type: str = "H"
    phone_types: tuple[str, ...] = ("PRN", "PH")
    """XTN.2 and following components of a home telephone."""
    renamed: Mapping[str, str] = field(default_factory=dict, hash=False)
    """Messages that this interface sends in place of others: `{"ADT^A40": "ADT^A34"}`."""
    profiles: Mapping[str, str] = field(default_factory=dict, hash=False)
    """MSH-21 by message: `{"VXU^V04": "Z22^CDCPHINVS"}`. It came with 2.5."""
    delimiters: Delimiters = DEFAULT
    person_update: Literal["A08", "A31"] = "A08"
    """What tells that a person's data changed, no visit being concerned."""
    lists: Literal["snapshot", "incremental"] = "snapshot"
    """Whether AL1, IN1, NK1 and so on say all that there is (chapter 2.10.4), or only what is new."""
    order_reply: Literal["ack", "orr"] = "ack"
    """What answers an order: a mere ACK, or the application reply of its family (ORR, ORL, ORG, ORI)."""
    default_result_status: str = ""
    """What is read where OBX-11 is empty, such as `F`; empty refuses such a result."""
    preliminary_overwrites: bool = False
    """Whether a preliminary result that comes late replaces the final one."""
    operator: str = ""
    """EVN-5 unless an event says who entered it; components are separated by `^`."""
    patient_number: Literal["list", "external", "all", "beside", "prefixed"] = "list"
    """Where a patient's numbers stand: in PID-3, or one alone, bare, in PID-2 and PID-4, PID-3 being empty
    (eClinicalWorks), or in all three (athenahealth), or in PID-2 beside the list in PID-3 (NextGen Enterprise), or in
    all three, without its letters in PID-2 (NextGen Office)."""
    words: bool = False
    """Write race and marital status as words, and telephones as bare digits (eClinicalWorks)."""
    sex_words: bool = False
    """Write PID-8 as a word: `Male` (eClinicalWorks, at some sites)."""
    pid: Mapping[int, str] = field(default_factory=dict, hash=False)
    """Fields of PID that say the same of everybody: `{22: "Standard"}` for a fee schedule, empty to leave one out."""
    mnemonics: str = ""
    """Authority under which people, and places with them, are told by mnemonics of the house's dictionary in place of
    their numbers (MEDITECH: `XX`); empty: by their numbers."""
    ack: AckHabit = STANDARD
    """How this interface acknowledges what it takes."""
    sending: SendHabit = PATIENT
    """What it does about the answers to what it sends."""

    def behind(self, engine: Engine) -> Dialect:
        """The same with an interface engine in front, which acknowledges and sends in its way."""
        return replace(self, ack=engine.ack, sending=engine.sending)

    def at_site(self, oid_root: str) -> Dialect:
        """The same with the identifier systems of a site whose own OIDs lie below `oid_root` (empty: as it is).

        Presets of vendors that give every customer an arc of its own are written for the arc `OWN_ARC`.
        """
        if not oid_root:
            return self
        ours, theirs = f"urn:oid:{OWN_ARC}.", f"urn:oid:{oid_root}."

        def moved(rule: IdentifierRule) -> IdentifierRule:
            if not rule.system.startswith(ours):
                return rule
            return replace(rule, system=theirs + rule.system.removeprefix(ours))

        return replace(self, identifiers=tuple(map(moved, self.identifiers)), visit=moved(self.visit))

    @property
    def codec(self) -> str:
        """The Python codec that messages are written in."""
        return codec_of(self.charset) or "utf-8"

    @property
    def modern(self) -> bool:
        """True from version 2.4 on: three components in MSH-9."""
        return self.version >= "2.4"


GENERIC: Final = Dialect("generic", "MOCKEHR", "HOSPITAL", "CLIENT", "CLIENT", order_reply="orr")
"""A clean 2.5.1 interface: structures in MSH-9.3, UTF-8 declared, every identifier with its universal id."""
