"""Rhapsody in front of the hospital's system (vendor reference 9.6)."""

from __future__ import annotations

from typing import Final

from mockehr.hl7.habits import AckHabit, Engine, SendHabit

RHAPSODY: Final = Engine(
    "rhapsody",
    AckHabit(kind="plain", refuses_with="R"),
    SendHabit(
        on_error="park", on_reject="retry", on_stranger="park", attempts=3, waits=(5.0, 10.0, 20.0, 40.0, 80.0, 100.0)
    ),
)
"""Rhapsody 6.5: MSH-9 is a plain ACK, refusals are AR; AR is sent again and then stops the communication point, AE
and what is unknown go to the error queue. The waits are the product's example; no default for attempts is named."""

PRESETS: Final = {RHAPSODY.name: RHAPSODY}
"""By name."""
