"""One call of a ppmdmsg action: what was said, and what it may look at. Sources: notes.md."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mockehr.core.exchange import JSON
from mockehr.personalities.advancedmd.desk import Desk
from mockehr.personalities.advancedmd.words import number_of
from mockehr.personalities.markup import Element

ORDINARY: Final = "-2147467259"
"""The code of a fault of which no other is known: COM's of what is not told more closely."""
TIMED_OUT: Final = "-2147220479"
REDIRECT: Final = "-2147220476"


class Fault(Exception):
    """What stands in `Error` of the answer, as Fault with code and description, or as a plain text."""

    def __init__(self, text: str, code: str = ORDINARY, *, plain: bool = False) -> None:
        super().__init__(text)
        self.code = code
        self.plain = plain

    def element(self) -> Element:
        """`Error`."""
        if self.plain:
            return Element("Error", text=str(self))
        detail = Element("detail", children=[Element("code", text=self.code), Element("description", text=str(self))])
        return Element("Error", children=[Element("Fault", children=[detail])])


@dataclass(frozen=True, slots=True)
class Call:
    """A message, and the practice."""

    message: Element
    desk: Desk

    def told(self, name: str) -> str:
        """An attribute of the message, without blanks around it."""
        return self.message.get(name).strip()

    def patient(self, number: str = "") -> JSON:
        """The patient of `@patientid`, or of another number, with or without `pat`."""
        return self.desk.patient(number_of(number or self.told("patientid"), "pat"))


def result(attributes: dict[str, str] | None = None, *children: Element) -> Element:
    """`Results` of an action that did what it should."""
    return Element("Results", {"success": "1", **(attributes or {})}, "", list(children))


def listing(name: str, rows: list[Element], **attributes: str) -> Element:
    """A list with the number of its items; of none there are no rows."""
    return Element(name, {"itemcount": str(len(rows)), **attributes}, "", rows)
