"""Cloverleaf in front of the hospital's system (vendor reference 9.7)."""

from __future__ import annotations

from typing import Final

from mockehr.hl7.habits import AckHabit, Engine, SendHabit

CLOVERLEAF: Final = Engine(
    "cloverleaf",
    AckHabit(kind="plain", errors="text"),
    SendHabit(on_error="park", on_reject="retry", on_stranger="park", attempts=4, then="park", waits=(0.0,)),
)
"""Cloverleaf with the customary `cl_check_ack`: AR is sent again at once, after three times it goes to the error
database; AE and what cannot be read go there directly. How its inbound threads acknowledge is not published: a plain
ACK with a text is a guess, to be set otherwise where known."""

PRESETS: Final = {CLOVERLEAF.name: CLOVERLEAF}
"""By name."""
