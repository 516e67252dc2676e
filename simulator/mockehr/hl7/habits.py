"""How a receiver acknowledges and how a sender goes on: what interface engines do differently, as data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Reaction = Literal["retry", "skip", "park", "stop"]
"""What a sender does about a message: send it again (with the bounds of its habit), go on without it, go on and keep
it in its error queue, or stop the link with the message still first in line."""


@dataclass(frozen=True, slots=True)
class AckHabit:
    """How acknowledgements look. The default is the standard's (chapter 2.9)."""

    kind: Literal["by-version", "plain", "trigger", "full"] = "by-version"
    """MSH-9: `ACK` before 2.4 and `ACK^A01^ACK` from then on; or always `ACK`, `ACK^A01`, `ACK^A01^ACK`."""
    swap: bool = True
    """Sender and receiver change places in MSH-3 to 6."""
    first_components: bool = False
    """Only the first component of MSH-3 to 6 is kept."""
    milliseconds: bool = False
    """MSH-7 has them."""
    stamp_as_id: bool = False
    """MSH-10 is MSH-7, so two within one tick share it."""
    echo_charset: bool = True
    """MSH-18 is that of the message."""
    errors: Literal["err", "text", "none"] = "err"
    """Where faults go: ERR segments of the message's version, MSA-3 alone, or nowhere."""
    error_text: str = ""
    """MSA-3 of every AE and CE, in place of what was wrong."""
    reject_text: str = ""
    """The same for AR and CR."""
    refuses_with: Literal["", "E", "R"] = ""
    """Every refusal as AE or as AR, whatever is wrong; empty tells them apart."""


@dataclass(frozen=True, slots=True)
class SendHabit:
    """What a sender does with the answers to what it sent. Seconds are site seconds."""

    timeout: float = 10.0
    """How long it waits for an acknowledgement."""
    on_error: Reaction = "park"
    """To AE and CE."""
    on_reject: Reaction = "park"
    """To AR and CR."""
    on_silence: Reaction = "retry"
    """To nothing within `timeout`, or a connection that ended before."""
    on_stranger: Reaction = "retry"
    """To an answer that names another message, or is none."""
    compares_id: bool = True
    """False: any acknowledgement is taken for that of the last message."""
    attempts: int = 0
    """How often one message is sent at most; 0 for ever."""
    then: Reaction = "stop"
    """What follows the last attempt."""
    waits: tuple[float, ...] = (1.0, 5.0, 30.0)
    """Between attempts; the last one repeats."""
    keep_open: bool = True
    """One connection for all messages, or one for each."""


STANDARD: Final = AckHabit()
PATIENT: Final = SendHabit()


@dataclass(frozen=True, slots=True)
class Engine:
    """An interface engine between the hospital's system and the world: it acknowledges and sends in its place."""

    name: str
    ack: AckHabit = STANDARD
    sending: SendHabit = PATIENT
