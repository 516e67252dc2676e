"""What can be wrong with a message, in the words of HL7 table 0357, and where."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from mockehr.core.errors import MockehrError

TABLE_0357: Final[dict[int, str]] = {
    0: "Message accepted",
    100: "Segment sequence error",
    101: "Required field missing",
    102: "Data type error",
    103: "Table value not found",
    104: "Value too long",
    200: "Unsupported message type",
    201: "Unsupported event code",
    202: "Unsupported processing id",
    203: "Unsupported version id",
    204: "Unknown key identifier",
    205: "Duplicate key identifier",
    206: "Application record locked",
    207: "Application internal error",
}
Severity = Literal["E", "F", "I", "W"]
"""Table 0516: error, fatal, information, warning."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong. `code` is of table 0357; places count from 1, 0 says no more than that level."""

    code: int
    segment: str = ""
    sequence: int = 0
    field: int = 0
    component: int = 0
    text: str = ""
    """For people: what was found and what was expected."""
    severity: Severity = "E"
    application_code: str = ""
    """ERR-5, the receiver's own code, if it has one."""

    @property
    def meaning(self) -> str:
        """The text of table 0357 for `code`."""
        return TABLE_0357.get(self.code, TABLE_0357[207])

    @property
    def place(self) -> str:
        """Where, as a terse path such as `PID-7`; empty if no place is known."""
        occurrence = f"[{self.sequence}]" if self.sequence > 1 else ""
        return f"{self.segment}{occurrence}" + (f"-{self.field}" if self.field else "")


class Rejection(MockehrError):
    """A message that cannot be applied. `code` is AE (its content is wrong) or AR (it is not for this system)."""

    def __init__(self, code: Literal["AE", "AR"], *faults: Fault) -> None:
        self.code = code
        self.faults = faults
        super().__init__("; ".join(fault.text or fault.meaning for fault in faults))
