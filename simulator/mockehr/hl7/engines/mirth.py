"""Mirth Connect in front of the hospital's system (vendor reference 9.5)."""

from __future__ import annotations

from typing import Final

from mockehr.hl7.habits import AckHabit, Engine, SendHabit

MIRTH: Final = Engine(
    "mirth",
    AckHabit(
        first_components=True,
        milliseconds=True,
        stamp_as_id=True,
        echo_charset=False,
        errors="none",
        error_text="An Error Occurred Processing Message.",
        reject_text="Message Rejected.",
    ),
    SendHabit(timeout=5.0, on_error="park", on_reject="park", waits=(10.0,), keep_open=False),
)
"""Mirth Connect 4.5: MSH-10 of an acknowledgement is its time stamp; negative answers are errors that are not sent
again, silence and strangers are queued and sent again after 10 s, in front of all others."""

PRESETS: Final = {MIRTH.name: MIRTH}
"""By name."""
