"""Names that are told in another way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mockehr.core.exchange import Exchange
from mockehr.hl7.message import Message
from mockehr.quirks.base import Act, one_of, quirk

FORMS: Final = ("legal-second", "family-only", "suffix-swapped", "subcomponents", "full-sex", "shouted")


@quirk("name-forms", family="message", ledger=("G6", "G8"), channels=("mllp-out",))
@dataclass(frozen=True, slots=True)
class NameForms:
    """PID-5 has the legal name as its second repetition (`legal-second`, after an empty one), the family name only
    (`family-only`), prefix and suffix in one another's place (`suffix-swapped`), the family name in
    `subcomponents` (`van Berg&van&Berg`), or is `shouted` in capitals; `full-sex` writes PID-8 as a word.

    Coping: choose the name by its type, split at `&`, keep what is partial (FHIR-Converter#160, arc#2952, lfh#92,
    prime-reportstream#11999).
    """

    form: str = "legal-second"

    def __post_init__(self) -> None:
        one_of("form", self.form, FORMS)

    def on_message(self, exchange: Exchange, act: Act) -> None:
        """Rewrite PID-5 or PID-8."""
        message = Message(exchange.body)
        pid = message.segment("PID")
        name = pid.field(5) if pid is not None else b""
        if pid is None or not name:
            act.leave("no name in it")
            return
        marks = message.delimiters
        if self.form == "full-sex":
            sexes = {b"F": b"Female", b"M": b"Male"}
            pid.set_bytes(sexes.get(pid.field(8) or b"", pid.field(8) or b""), 8)
        elif self.form == "legal-second":
            pid.set_bytes(marks.component * 6 + b"L" + marks.repetition + name, 5)
        else:
            pid.set_bytes(self._named(name, marks.component, marks.subcomponent), 5)
        if bytes(message) == exchange.body:
            act.leave("it is so already")
            return
        exchange.body = bytes(message)
        act.why = self.form

    def _named(self, name: bytes, mark: bytes, deeper: bytes) -> bytes:
        parts = name.split(mark)
        if self.form == "family-only":
            return parts[0]
        if self.form == "shouted":
            return name.upper()
        if self.form == "subcomponents":
            return mark.join((deeper.join((b"van " + parts[0], b"van", parts[0])), *parts[1:]))
        parts += [b""] * (5 - len(parts))
        parts[3], parts[4] = parts[4], parts[3] or b"III"
        return mark.join(parts)
