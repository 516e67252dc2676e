"""Provider numbers that nobody can have: ten digits that fail the check digit (Luhn over 80840 and the number).

Source: CMS, "Requirements for National Provider Identifier (NPI) and NPI Check Digit".
"""

from __future__ import annotations

from mockehr.core.chance import Stream


def check_digit(nine: str) -> int:
    """The digit that would make `nine` digits a valid NPI."""
    total = 0
    for position, digit in enumerate(reversed("80840" + nine)):
        value = int(digit) * (1 if position % 2 else 2)
        total += value - 9 if value > 9 else value
    return -total % 10


def false_npi(stream: Stream) -> str:
    """Ten digits, beginning with 1 or 2 as NPIs do, with a wrong check digit."""
    nine = f"{stream.between(1, 2)}{stream.below(10**8):08d}"
    return f"{nine}{(check_digit(nine) + stream.between(1, 9)) % 10}"
