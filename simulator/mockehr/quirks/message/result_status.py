"""Results whose status does not tell how they stand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mockehr.core.exchange import Exchange
from mockehr.hl7.message import Message
from mockehr.quirks.base import Act, one_of, quirk

STATUSES: Final[dict[str, tuple[bytes | None, bytes]]] = {
    "unlike": (b"P", b"F"),
    "blank": (None, b""),
    "always-final": (b"F", b"F"),
    "preliminary": (b"P", b"P"),
    "withdrawn": (b"X", b"D"),
}
"""What OBR-25 (None: as it is) and OBX-11 say."""
FORMS: Final = (*STATUSES, "cumulative")


@quirk("result-status", family="message", ledger=("G4", "G7"), channels=("mllp-out",))
@dataclass(frozen=True, slots=True)
class ResultStatus:
    """OBR-25 and OBX-11 are `unlike` (P with F), OBX-11 is `blank`, corrections come as F (`always-final`),
    everything comes as P (`preliminary`), results come `withdrawn` (D, with OBR-25 X), or each message repeats
    the OBX of the one before for the same patient (`cumulative`).

    Coping: file by filler number and code, replace rather than append, let a final result stand against a
    preliminary one, and take back what is withdrawn (prime-reportstream#15726, #4551, prime-simplereport#9080).
    """

    form: str = "unlike"

    def __post_init__(self) -> None:
        one_of("form", self.form, FORMS)

    def on_message(self, exchange: Exchange, act: Act) -> None:
        """Rewrite the statuses."""
        message = Message(exchange.body)
        results = message.all("OBX")
        if message.segment("OBR") is None or not results:
            act.leave("no results in it")
            return
        if self.form == "cumulative":
            self._repeat(message, act)
        else:
            report, result = STATUSES[self.form]
            for obx in results:
                obx.set_bytes(result, 11)
            for obr in message.all("OBR") if report is not None else ():
                obr.set_bytes(report or b"", 25)
        if bytes(message) == exchange.body:
            act.leave("it is so already")
            return
        exchange.body = bytes(message)
        act.why = self.form

    def _repeat(self, message: Message, act: Act) -> None:
        patient = message.get("PID-3.1")
        own = [bytes(obx) for obx in message.all("OBX")]
        before = act.memory.get(patient, [])
        for line in before:
            message.append(line)
        act.memory[patient] = [*before, *own][-50:]
